#include "client/core/frame_lane.h"

#include <utility>

namespace mycelium::core {
namespace {

constexpr uint64_t kSegmentBytesFirst = 4 << 10;

}  // namespace

void FrameLane::NextSegment(uint64_t stride, uint64_t segment_bytes) {
  std::unique_ptr<Segment> fresh = ReuseOrMake(stride, segment_bytes);
  fresh->base = written_;
  write_ = fresh->bytes.get();
  room_end_ =
      written_ + std::max(stride, std::min(fresh->capacity, segment_bytes));
  tail_->end.store(written_, std::memory_order_relaxed);
  tail_->next.store(fresh.get(), std::memory_order_relaxed);
  tail_ = fresh.get();
  segments_.push_back(std::move(fresh));
}

std::unique_ptr<Segment> FrameLane::ReuseOrMake(uint64_t stride,
                                                uint64_t segment_bytes) {
  std::unique_ptr<Segment> spare;
  // All passed ones stand in front, and the consumer holds one at most.
  size_t kept = 0, seen = 0;
  for (; seen < segments_.size(); ++seen) {
    std::unique_ptr<Segment>& segment = segments_[seen];
    if (!segment->passed.load(std::memory_order_acquire)) break;
    if (!segment->reusable()) {
      if (kept != seen) segments_[kept] = std::move(segment);
      ++kept;
    } else if (spare == nullptr && segment->capacity >= stride) {
      spare = std::move(segment);
    }
  }
  segments_.erase(segments_.begin() + kept, segments_.begin() + seen);
  if (spare != nullptr) {
    spare->end.store(UINT64_MAX, std::memory_order_relaxed);
    spare->next.store(nullptr, std::memory_order_relaxed);
    spare->passed.store(false, std::memory_order_relaxed);
    return spare;
  }
  const uint64_t grown = std::max(kSegmentBytesFirst, 2 * tail_->capacity);
  return std::make_unique<Segment>(
      std::max(stride, std::min(grown, segment_bytes)));
}

// Null: none is there.  REQUIRES: mutex_.
Segment* FrameLane::FrontWithFrames() {
  const uint64_t taken = taken_.load(std::memory_order_relaxed);
  if (committed_.load(std::memory_order_acquire) == taken) return nullptr;
  while (front_->end.load(std::memory_order_relaxed) == taken) {
    Segment* const next = front_->next.load(std::memory_order_relaxed);
    front_->passed.store(true, std::memory_order_release);
    front_ = next;
  }
  return front_;
}

bool FrameLane::Take(Segment** batch, std::span<const uint8_t>* bytes,
                     Gap* gap) {
  const std::lock_guard lock(mutex_);
  *batch = nullptr;
  if (!losses_.empty()) {
    *gap = losses_.Take(GapReason::kOverflow);
    has_losses_.store(false, std::memory_order_relaxed);
    return true;
  }
  Segment* const segment = FrontWithFrames();
  if (segment == nullptr) return false;
  const uint64_t begin = taken_.load(std::memory_order_relaxed);
  // In this order: a later `committed` would reach beyond an earlier `end`.
  const uint64_t committed = committed_.load(std::memory_order_acquire);
  const uint64_t end =
      std::min(committed, segment->end.load(std::memory_order_relaxed));
  *batch = segment;
  *bytes = {segment->bytes.get() + (begin - segment->base), end - begin};
  segment->held.store(true, std::memory_order_relaxed);
  taken_.store(end, std::memory_order_relaxed);
  return true;
}

uint64_t FrameLane::Drop(uint64_t bytes, uint64_t charge_max,
                         std::vector<Object>* objects) {
  const std::lock_guard lock(mutex_);
  uint64_t dropped = 0;
  while (dropped < bytes) {
    const Segment* const segment = FrontWithFrames();
    if (segment == nullptr) break;
    const uint64_t at = taken_.load(std::memory_order_relaxed);
    const uint8_t* const bytes = segment->bytes.get() + (at - segment->base);
    const FrameHeader header = LoadHeader(bytes);
    losses_.AddFrame({header, bytes});
    if (HasObject(header)) {
      objects->push_back(std::move(*ObjectOf(bytes)));
      std::destroy_at(ObjectOf(bytes));
    }
    const uint64_t stride = StrideBytes(header.body_bytes);
    taken_.store(at + stride, std::memory_order_relaxed);
    dropped += std::min(stride, charge_max);
  }
  if (dropped != 0) has_losses_.store(true, std::memory_order_relaxed);
  return dropped;
}

}  // namespace mycelium::core
