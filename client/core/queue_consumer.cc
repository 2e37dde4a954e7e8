// What the consumer of a FrameQueue does.
#include <algorithm>
#include <utility>

#include "client/core/queue.h"

namespace mycelium::core {
namespace {

// About what it costs to sleep and to be woken.
constexpr Clock::duration kSpin = std::chrono::microseconds(10);
constexpr Clock::duration kShortSleep = std::chrono::microseconds(50);
constexpr uint32_t kSpinAfterMax = 1 << 10;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Only the consumer writes.
void Count(std::atomic<uint64_t>* counter, uint64_t more) {
  counter->store(counter->load(std::memory_order_relaxed) + more,
                 std::memory_order_relaxed);
}

}  // namespace

PopResult FrameQueue::NextItem(FrameView* frame, Gap* gap) {
  if (object_frame_ != nullptr) [[unlikely]]
    ReleaseObject();
  frame->header = LoadHeader(cursor_);
  frame->bytes = cursor_;
  // A stored frame releases its own.
  if (HasObject(frame->header) && stored_.empty()) [[unlikely]]
    object_frame_ = cursor_;
  cursor_ += StrideBytes(frame->header.body_bytes);
  if (frame->header.type_id != 0) [[likely]] {
    Count(&frames_popped_, 1);
    return PopResult::kFrame;
  }
  LoadQueuedGap(*frame, gap);
  return CountGap(*gap);
}

PopResult FrameQueue::CountGap(const Gap& gap) {
  Count(&frames_missed_, gap.frames());
  Count(&gaps_, 1);
  return PopResult::kGap;
}

void FrameQueue::ReleaseObject() {
  if (object_frame_ != nullptr) std::destroy_at(ObjectOf(object_frame_));
  object_frame_ = nullptr;
}

void FrameQueue::ReleaseBatch() {
  ReleaseObject();
  if (batch_ != nullptr) batch_->held.store(false, std::memory_order_release);
  batch_ = nullptr;
  cursor_ = end_ = nullptr;
  stored_.Clear();
  if (in_hand_bytes_ != 0) ReturnRoom(std::exchange(in_hand_bytes_, 0));
}

PopResult FrameQueue::PopNext(Deadline deadline, FrameView* frame, Gap* gap) {
  ReleaseBatch();
  while (true) {
    const Open open = open_.load(std::memory_order_acquire);
    if (open == Open::kClosed) return PopResult::kClosed;
    if (TakeBatch(gap)) {
      return cursor_ == end_ ? CountGap(*gap) : NextItem(frame, gap);
    }
    if (open == Open::kDraining) return PopResult::kClosed;
    if (!Wait(deadline)) return PopResult::kDeadline;
  }
}

// What was stored first: it is what began in the past.
bool FrameQueue::TakeBatch(Gap* gap) {
  return (store_ != nullptr && TakeFromStore(gap)) || TakeFromLanes(gap);
}

bool FrameQueue::TakeFromStore(Gap* gap) {
  if (!store_->waiting() || !store_->Take(&stored_, gap)) return false;
  if (stored_.empty()) return true;
  const FrameView frame = stored_.view();
  cursor_ = frame.bytes;
  end_ = cursor_ + stored_.stride();
  if (one_by_one_) in_hand_bytes_ = ChargeBytes(stored_.stride());
  return true;
}

// The frames or the losses of one lane; the lanes take turns.
bool FrameQueue::TakeFromLanes(Gap* gap) {
  const std::span<const std::unique_ptr<Lane>> all = lanes();
  for (size_t i = 0; i < all.size(); ++i) {
    if (next_lane_ >= all.size()) next_lane_ = 0;
    Lane& lane = *all[next_lane_];
    std::span<const uint8_t> bytes;
    const bool taken = lane.waiting() && lane.Take(&batch_, &bytes, gap);
    // After a gap comes the frame behind it.
    if (!taken || batch_ != nullptr) ++next_lane_;
    if (!taken) continue;
    if (batch_ != nullptr) {
      cursor_ = bytes.data();
      end_ = cursor_ + bytes.size();
      ReturnRoom(ChargeBytes(bytes.size()));
    }
    return true;
  }
  return false;
}

bool FrameQueue::AnythingQueued() const {
  if (store_ != nullptr && store_->waiting()) return true;
  for (const std::unique_ptr<Lane>& lane : lanes()) {
    if (lane->waiting()) return true;
  }
  return false;
}

// True: look again.  False: the deadline has come.
bool FrameQueue::Wait(Deadline deadline) {
  if (deadline == kNoWait) return false;
  if (short_sleeps_ >= spin_after_) {
    if (Spin()) {
      spin_after_ = 1;
      return true;
    }
    short_sleeps_ = 0;
    spin_after_ = std::min(2 * spin_after_, kSpinAfterMax);
  }
  const Clock::time_point begin = Clock::now();
  if (begin >= deadline) return false;
  const bool woken = Sleep(deadline);
  const bool was_short = Clock::now() - begin < kShortSleep;
  short_sleeps_ = was_short ? short_sleeps_ + 1 : 0;
  return woken || AnythingQueued();
}

bool FrameQueue::Spin() {
  const Clock::time_point end = Clock::now() + kSpin;
  do {
    for (int i = 0; i < 16; ++i) {
      if (AnythingQueued()) return true;
      Pause();
    }
  } while (Clock::now() < end);
  return false;
}

bool FrameQueue::Sleep(Deadline deadline) {
  sleeping_.store(true);
  HeavyBarrier();
  if (AnythingQueued() || !IsOpen()) {
    sleeping_.store(false);
    return true;
  }
  std::unique_lock lock(sleep_mutex_);
  while (sleeping_.load()) {
    if (deadline == kNoDeadline) {
      sleep_over_.wait(lock);
    } else if (sleep_over_.wait_until(lock, deadline) ==
               std::cv_status::timeout) {
      return !sleeping_.exchange(false);
    }
  }
  return true;
}

Status FrameQueue::Next(Deadline deadline, Item* item) {
  FrameView frame;
  Gap gap;
  switch (Pop(deadline, &frame, &gap)) {
    case PopResult::kFrame:
      *item = ToMessage(frame);
      return {};
    case PopResult::kGap:
      *item = std::move(gap);
      return {};
    case PopResult::kDeadline:
      return {StatusCode::kDeadlineExceeded,
              "next: nothing came before the deadline"};
    case PopResult::kClosed:
      break;
  }
  return close_status();
}

}  // namespace mycelium::core
