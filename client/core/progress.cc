#include "client/core/progress.h"

namespace mycelium::core {
namespace {

bool CoversWhatStillComes(GapReason reason) {
  return reason == GapReason::kOverflow || reason == GapReason::kMemory ||
         reason == GapReason::kDeadlock;
}

}  // namespace

void Progress::Activate(uint64_t epoch, uint32_t session_id, bool resumed,
                        std::span<const TypeSequence> starts) {
  const bool same_epoch = was_active_ && epoch == epoch_;
  if (!same_epoch || kind_ == Kind::kGroup) {
    seen_.clear();
    last_type_id_ = 0;
  }
  if (!same_epoch || !resumed || kind_ == Kind::kGroup) frames_ = 0;
  skips_.assign(starts.begin(), starts.end());
  epoch_ = epoch;
  session_id_ = session_id;
  active_ = was_active_ = true;
}

std::optional<ResumeBody> Progress::Resume() const {
  if (!was_active_ || kind_ == Kind::kGroup) return std::nullopt;
  return ResumeBody{epoch_, frames_, seen_, session_id_};
}

uint64_t Progress::FindSkip(const FrameHeader& first) {
  const auto it = std::find_if(
      skips_.begin(), skips_.end(),
      [&](const TypeSequence& each) { return each.type_id == first.type_id; });
  if (it == skips_.end()) return 0;
  const uint64_t last_sequence = it->sequence;
  if (first.id > last_sequence) skips_.erase(it);
  return last_sequence;
}

void Progress::FindSeen(uint16_t type_id) {
  const auto it = std::lower_bound(
      seen_.begin(), seen_.end(), type_id,
      [](const TypeSequence& each, uint16_t id) { return each.type_id < id; });
  last_seen_ = static_cast<size_t>(it - seen_.begin());
  last_type_id_ = type_id;
  if (it == seen_.end() || it->type_id != type_id) {
    seen_.insert(it, {type_id, 0});
  }
}

void Progress::Skip(uint16_t type_id, uint64_t last_sequence) {
  const auto it = std::find_if(
      skips_.begin(), skips_.end(),
      [&](const TypeSequence& each) { return each.type_id == type_id; });
  if (it == skips_.end()) {
    skips_.push_back({type_id, last_sequence});
  } else {
    it->sequence = std::max(it->sequence, last_sequence);
  }
}

void Progress::OnGap(const Gap& gap) {
  for (const Gap::Range& range : gap.ranges) {
    // Without frames it only says where what nobody knows of begins, perhaps in
    // the counts of another epoch.
    if (range.type_id == 0 || range.frames == 0) {
      frames_ += range.frames;
      continue;
    }
    Gave(range.type_id, range.frames, range.last_sequence);
    if (kind_ == Kind::kShared && CoversWhatStillComes(gap.reason)) {
      Skip(range.type_id, range.last_sequence);
    }
  }
}

}  // namespace mycelium::core
