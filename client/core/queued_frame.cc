#include "client/core/queued_frame.h"

namespace mycelium::core {
namespace {

// Of a gap's body: the reason, whether more is missing; then the ranges.
constexpr uint64_t kGapFieldsBytes = 2;

}  // namespace

uint64_t Gap::frames() const {
  uint64_t sum = 0;
  for (const Range& range : ranges) sum += range.frames;
  return sum;
}

std::string_view QueuedTopic(const FrameView& frame) {
  if (!HasObject(frame.header)) return frame.topic();
  const char* const topic = reinterpret_cast<const char*>(frame.bytes) +
                            kHeaderBytes + sizeof(Object);
  return {topic, frame.header.topic_bytes};
}

Message ToMessage(const FrameView& frame) {
  const uint8_t kind = frame.header.kind;
  const bool has_object = HasObject(frame.header);
  return {
      .type_id = frame.header.type_id,
      .kind = static_cast<DataKind>(kind & ~(kObjectFlag | kRedeliveredFlag)),
      .topic = QueuedTopic(frame),
      .payload = has_object ? std::span<const uint8_t>() : frame.payload(),
      .sequence = frame.header.id,
      .redelivered = (kind & kRedeliveredFlag) != 0,
      .object = has_object ? ObjectOf(frame.bytes) : nullptr};
}

std::vector<uint8_t> QueuedGapBody(const Gap& gap) {
  std::vector<uint8_t> body(kGapFieldsBytes +
                            gap.ranges.size() * sizeof(Gap::Range));
  body[0] = static_cast<uint8_t>(gap.reason);
  body[1] = gap.unknown ? 1 : 0;
  if (!gap.ranges.empty()) {
    std::memcpy(body.data() + kGapFieldsBytes, gap.ranges.data(),
                body.size() - kGapFieldsBytes);
  }
  return body;
}

FrameHeader QueuedGapHeader(uint64_t body_bytes) {
  return {.body_bytes = static_cast<uint32_t>(body_bytes),
          .type_id = 0,
          .kind = static_cast<uint8_t>(ControlKind::kGap),
          .topic_bytes = 0,
          .id = 0};
}

void LoadQueuedGap(const FrameView& frame, Gap* gap) {
  const std::span<const uint8_t> body = frame.payload();
  gap->reason = static_cast<GapReason>(body[0]);
  gap->unknown = body[1] != 0;
  const std::span<const uint8_t> ranges = body.subspan(kGapFieldsBytes);
  gap->ranges.resize(ranges.size() / sizeof(Gap::Range));
  if (!ranges.empty()) {
    std::memcpy(gap->ranges.data(), ranges.data(), ranges.size());
  }
}

void Losses::Add(const Gap::Range& lost) {
  const auto [it, first] = by_type_.try_emplace(lost.type_id, lost);
  if (first) return;
  Gap::Range& range = it->second;
  range.frames += lost.frames;
  range.first_sequence = std::min(range.first_sequence, lost.first_sequence);
  range.last_sequence = std::max(range.last_sequence, lost.last_sequence);
}

void Losses::AddFrame(const FrameView& frame) {
  const FrameHeader& header = frame.header;
  if (header.type_id != 0) {
    return Add({header.type_id, 1, header.id, header.id});
  }
  Gap gap;
  LoadQueuedGap(frame, &gap);
  for (const Gap::Range& lost : gap.ranges) Add(lost);
  unknown_ |= gap.unknown;
}

Gap Losses::Take(GapReason reason) {
  Gap gap;
  gap.reason = reason;
  gap.unknown = unknown_;
  for (const auto& [type_id, range] : by_type_) gap.ranges.push_back(range);
  by_type_.clear();
  unknown_ = false;
  return gap;
}

}  // namespace mycelium::core
