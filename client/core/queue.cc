#include "client/core/queue.h"

#include <algorithm>
#include <map>
#include <new>
#include <utility>
#include <vector>

namespace mycelium::core {
namespace {

// Segments grow to this, so that an idle lane costs little.
constexpr uint64_t kSegmentBytesMin = 512;
constexpr uint64_t kSegmentBytesFirst = 4 << 10;
constexpr uint64_t kSegmentBytesMax = 64 << 10;
// Room that lanes take ahead, kInprocPublishersMax of them: a quarter.
constexpr uint64_t kCreditDivisor = 4 * uint64_t{kInprocPublishersMax};

// About what it costs to sleep and to be woken.
constexpr Clock::duration kSpin = std::chrono::microseconds(10);
constexpr Clock::duration kShortSleep = std::chrono::microseconds(50);
constexpr uint32_t kSpinAfterMax = 1 << 10;

constexpr uint64_t StrideBytes(uint64_t body_bytes) {
  return (kHeaderBytes + body_bytes + 7) & ~uint64_t{7};
}

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

uint64_t Gap::frames() const {
  uint64_t sum = 0;
  for (const Range& range : ranges) sum += range.frames;
  return sum;
}

// A frame of this kind has an Object behind its header, and then the topic.
constexpr uint8_t kObjectFlag = 0x80;
static_assert(alignof(Object) <= 8, "frames are 8-aligned");

bool HasObject(const FrameHeader& header) {
  return (header.kind & kObjectFlag) != 0;
}

Object* ObjectOf(const uint8_t* frame) {
  return std::launder(
      reinterpret_cast<Object*>(const_cast<uint8_t*>(frame + kHeaderBytes)));
}

Message ObjectMessage(const FrameView& frame) {
  const char* const topic = reinterpret_cast<const char*>(frame.bytes) +
                            kHeaderBytes + sizeof(Object);
  return {.type_id = frame.header.type_id,
          .kind = static_cast<DataKind>(frame.header.kind & ~kObjectFlag),
          .topic = {topic, frame.header.topic_bytes},
          .payload = {},
          .sequence = frame.header.id,
          .object = ObjectOf(frame.bytes)};
}

Message ToMessage(const FrameView& frame) {
  if (HasObject(frame.header)) [[unlikely]]
    return ObjectMessage(frame);
  return {.type_id = frame.header.type_id,
          .kind = static_cast<DataKind>(frame.header.kind),
          .topic = frame.topic(),
          .payload = frame.payload(),
          .sequence = frame.header.id,
          .object = nullptr};
}

// A gap among the frames stands as a control frame: its reason, its ranges.
constexpr FrameHeader GapHeader(uint64_t body_bytes) {
  return {.body_bytes = static_cast<uint32_t>(body_bytes),
          .type_id = 0,
          .kind = static_cast<uint8_t>(ControlKind::kGap),
          .topic_bytes = 0,
          .id = 0};
}

std::vector<Gap::Range> LoadRanges(const FrameView& frame) {
  const std::span<const uint8_t> body = frame.payload().subspan(1);
  std::vector<Gap::Range> ranges(body.size() / sizeof(Gap::Range));
  if (!ranges.empty()) std::memcpy(ranges.data(), body.data(), body.size());
  return ranges;
}

// A run of frames.  Positions count the bytes of a lane from its beginning.
struct FrameQueue::Segment {
  explicit Segment(uint64_t bytes_max)
      : capacity(bytes_max),
        bytes(std::make_unique_for_overwrite<uint8_t[]>(bytes_max)) {}

  bool reusable() const {
    return passed.load(std::memory_order_acquire) &&
           !held.load(std::memory_order_acquire);
  }

  const uint64_t capacity;
  const std::unique_ptr<uint8_t[]> bytes;
  uint64_t base = 0;  // position of bytes[0]
  // Position after its last frame, once the producer has gone on to `next`.
  std::atomic<uint64_t> end{UINT64_MAX};
  std::atomic<Segment*> next{nullptr};
  std::atomic<bool> held{false};    // the consumer's batch is in it
  std::atomic<bool> passed{false};  // all its frames are taken or dropped
};

class FrameQueue::Lane {
 public:
  Lane() {
    segments_.push_back(std::make_unique<Segment>(kSegmentBytesMin));
    tail_ = front_ = segments_[0].get();
    write_ = tail_->bytes.get();
    room_end_ = tail_->capacity;
  }
  ~Lane() {
    std::vector<Object> objects;
    Drop(UINT64_MAX, UINT64_MAX, &objects);
  }

  // --- Its producer ---
  uint64_t credit = 0;

  uint8_t* Place(uint64_t stride, uint64_t segment_bytes) {
    if (written_ + stride > room_end_) [[unlikely]] {
      NextSegment(stride, segment_bytes);
    }
    return write_;
  }
  void Publish(uint64_t stride) {
    written_ += stride;
    write_ += stride;
    committed_.store(written_, std::memory_order_release);
  }

  // --- The consumer, and producers that drop ---
  bool waiting() const {
    return committed_.load(std::memory_order_acquire) !=
               taken_.load(std::memory_order_relaxed) ||
           has_losses_.load(std::memory_order_relaxed);
  }
  // Takes what the front segment has, or the losses before it (then *batch is
  // null).  False: neither is there.
  bool Take(Segment** batch, std::span<const uint8_t>* bytes, Gap* gap);
  // Drops frames, the oldest first, until `bytes` of room are won, each frame
  // counted with at most `charge_max`.  Returns what was won; their objects are
  // for the caller to release, without any lock.
  uint64_t Drop(uint64_t bytes, uint64_t charge_max,
                std::vector<Object>* objects);
  uint64_t waiting_bytes() const {
    return committed_.load(std::memory_order_acquire) -
           taken_.load(std::memory_order_relaxed);
  }

 private:
  void AddLoss(const Gap::Range& lost);
  void NextSegment(uint64_t stride, uint64_t segment_bytes);
  std::unique_ptr<Segment> ReuseOrMake(uint64_t stride, uint64_t segment_bytes);
  Segment* FrontWithFrames();

  // The producer's.  Putting a frame does not look at *tail_, which the
  // consumer writes to.
  Segment* tail_;
  uint8_t* write_;
  uint64_t written_ = 0;
  uint64_t room_end_;  // position behind the tail's last usable byte
  std::vector<std::unique_ptr<Segment>> segments_;  // oldest first

  alignas(64) std::atomic<uint64_t> committed_{0};

  alignas(64) std::mutex mutex_;
  // Guarded by mutex_; the atomics are also looked at without it.
  Segment* front_;
  std::atomic<uint64_t> taken_{0};
  std::atomic<bool> has_losses_{false};
  std::map<uint16_t, Gap::Range> losses_;
};

void FrameQueue::Lane::NextSegment(uint64_t stride, uint64_t segment_bytes) {
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

std::unique_ptr<FrameQueue::Segment> FrameQueue::Lane::ReuseOrMake(
    uint64_t stride, uint64_t segment_bytes) {
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
FrameQueue::Segment* FrameQueue::Lane::FrontWithFrames() {
  const uint64_t taken = taken_.load(std::memory_order_relaxed);
  if (committed_.load(std::memory_order_acquire) == taken) return nullptr;
  while (front_->end.load(std::memory_order_relaxed) == taken) {
    Segment* const next = front_->next.load(std::memory_order_relaxed);
    front_->passed.store(true, std::memory_order_release);
    front_ = next;
  }
  return front_;
}

bool FrameQueue::Lane::Take(Segment** batch, std::span<const uint8_t>* bytes,
                            Gap* gap) {
  const std::lock_guard lock(mutex_);
  *batch = nullptr;
  if (!losses_.empty()) {
    gap->reason = GapReason::kOverflow;
    gap->ranges.clear();
    for (const auto& [type_id, range] : losses_) gap->ranges.push_back(range);
    losses_.clear();
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

void FrameQueue::Lane::AddLoss(const Gap::Range& lost) {
  const auto [it, first] = losses_.try_emplace(lost.type_id, lost);
  if (first) return;
  Gap::Range& range = it->second;
  range.frames += lost.frames;
  range.first_sequence = std::min(range.first_sequence, lost.first_sequence);
  range.last_sequence = std::max(range.last_sequence, lost.last_sequence);
}

uint64_t FrameQueue::Lane::Drop(uint64_t bytes, uint64_t charge_max,
                                std::vector<Object>* objects) {
  const std::lock_guard lock(mutex_);
  uint64_t dropped = 0;
  while (dropped < bytes) {
    const Segment* const segment = FrontWithFrames();
    if (segment == nullptr) break;
    const uint64_t at = taken_.load(std::memory_order_relaxed);
    const uint8_t* const bytes = segment->bytes.get() + (at - segment->base);
    const FrameHeader header = LoadHeader(bytes);
    if (HasObject(header)) {
      objects->push_back(std::move(*ObjectOf(bytes)));
      std::destroy_at(ObjectOf(bytes));
    }
    if (header.type_id != 0) {
      AddLoss({header.type_id, 1, header.id, header.id});
    } else {
      for (const Gap::Range& lost : LoadRanges({header, bytes})) AddLoss(lost);
    }
    const uint64_t stride = StrideBytes(header.body_bytes);
    taken_.store(at + stride, std::memory_order_relaxed);
    dropped += std::min(stride, charge_max);
  }
  if (dropped != 0) has_losses_.store(true, std::memory_order_relaxed);
  return dropped;
}

FrameQueue::FrameQueue(const Policy& policy)
    : queue_bytes_max_(policy.queue_bytes_max),
      stall_ms_max_(policy.stall_ms_max),
      credit_bytes_(policy.queue_bytes_max / kCreditDivisor),
      segment_bytes_(static_cast<uint32_t>(std::clamp(
          policy.queue_bytes_max / 8, kSegmentBytesMin, kSegmentBytesMax))),
      lanes_(std::make_unique<std::unique_ptr<Lane>[]>(kInprocPublishersMax)) {}

FrameQueue::~FrameQueue() {
  ReleaseObject();
  FrameView frame;
  Gap gap;
  while (cursor_ != end_) NextItem(&frame, &gap);
  ReleaseObject();
}

FrameQueue::Lane* FrameQueue::AddLane() {
  const std::lock_guard lock(state_mutex_);
  const uint32_t index = lane_count_.load(std::memory_order_relaxed);
  if (index == kInprocPublishersMax) return nullptr;
  lanes_[index] = std::make_unique<Lane>();
  lane_count_.store(index + 1, std::memory_order_release);
  return lanes_[index].get();
}

// A frame alone may be larger than the bound.  It then counts as what fits
// beside the lanes' credit, so that there is room for it at some time.
uint64_t FrameQueue::ChargeBytes(uint64_t stride_bytes) const {
  return std::min(stride_bytes, queue_bytes_max_ / 4 * 3);
}

PushResult FrameQueue::Push(Lane* lane, const FrameHeader& header,
                            std::string_view topic,
                            std::span<const uint8_t> payload, Deadline deadline,
                            const std::atomic<bool>* cancelled) {
  PushResult result;
  while ((result = Reserve(lane, header.body_bytes)) ==
         PushResult::kWouldBlock) {
    result = WaitForRoom(deadline, cancelled);
    if (result != PushResult::kQueued) return result;
  }
  if (result == PushResult::kQueued) Commit(lane, header, topic, payload);
  return result;
}

PushResult FrameQueue::Reserve(Lane* lane, uint64_t body_bytes) {
  if (open_.load(std::memory_order_relaxed) != Open::kOpen) [[unlikely]] {
    return PushResult::kClosed;
  }
  const uint64_t bytes = ChargeBytes(StrideBytes(body_bytes));
  if (lane->credit >= bytes) [[likely]]
    return PushResult::kQueued;
  if (state_.load(std::memory_order_relaxed) == State::kFlowing &&
      TakeCredit(lane, bytes)) {
    return PushResult::kQueued;
  }
  return ReserveFull(lane, bytes);
}

// Raises the lane's credit to `bytes`, and beyond if there is room.
bool FrameQueue::TakeCredit(Lane* lane, uint64_t bytes) {
  const uint64_t lacking = bytes - lane->credit;
  uint64_t reserved = reserved_bytes_.load(std::memory_order_relaxed);
  uint64_t more;
  do {
    more = std::max(lacking, credit_bytes_);
    if (reserved + more > queue_bytes_max_) more = lacking;
    if (reserved + more > queue_bytes_max_) return false;
  } while (!reserved_bytes_.compare_exchange_weak(reserved, reserved + more));
  lane->credit += more;
  return true;
}

bool FrameQueue::FallenToHalf() const {
  return reserved_bytes_.load() <= queue_bytes_max_ / 2;
}

PushResult FrameQueue::ReserveFull(Lane* lane, uint64_t bytes) {
  std::vector<Object> dropped;  // released after the lock
  const std::lock_guard lock(state_mutex_);
  State state = state_.load(std::memory_order_relaxed);
  if (state != State::kFlowing && FallenToHalf()) state = State::kFlowing;
  if (state == State::kFlowing) {
    if (!TakeCredit(lane, bytes)) {
      state = stall_ms_max_ == 0 ? State::kOverflowing : State::kHolding;
      hold_end_ = stall_ms_max_ < 0
                      ? kNoDeadline
                      : Clock::now() + std::chrono::milliseconds(stall_ms_max_);
    }
  } else if (state == State::kHolding && hold_end_ != kNoDeadline &&
             Clock::now() >= hold_end_) {
    state = State::kOverflowing;
  }
  const State before = state_.exchange(state);
  // The consumer may have come down to half before it could see kHolding.
  if (state == State::kHolding && FallenToHalf() && TakeCredit(lane, bytes)) {
    state = State::kFlowing;
    state_.store(state);
  }
  if (before == State::kHolding && state != before) state_changed_.notify_all();
  if (state == State::kFlowing) return PushResult::kQueued;
  if (state == State::kHolding) return PushResult::kWouldBlock;

  while (!TakeCredit(lane, bytes)) {
    if (DropOldest(std::max(bytes - lane->credit, credit_bytes_), &dropped)) {
      continue;
    }
    // What remains is about to be committed by other producers.
    reserved_bytes_.fetch_add(bytes - lane->credit);
    lane->credit = bytes;
  }
  return PushResult::kQueued;
}

// Of the fullest lane.  REQUIRES: state_mutex_.
bool FrameQueue::DropOldest(uint64_t bytes, std::vector<Object>* objects) {
  Lane* fullest = nullptr;
  uint64_t most = 0;
  for (const std::unique_ptr<Lane>& lane : lanes()) {
    const uint64_t waiting = lane->waiting_bytes();
    if (waiting > most) {
      most = waiting;
      fullest = lane.get();
    }
  }
  if (fullest == nullptr) return false;
  const uint64_t dropped =
      fullest->Drop(bytes, ChargeBytes(UINT64_MAX), objects);
  reserved_bytes_.fetch_sub(dropped);
  return dropped != 0;
}

void FrameQueue::Unreserve(Lane* lane) {
  if (lane->credit <= credit_bytes_) return;
  const uint64_t surplus = lane->credit - credit_bytes_;
  lane->credit = credit_bytes_;
  ReturnRoom(surplus);
}

PushResult FrameQueue::WaitForRoom(Deadline deadline,
                                   const std::atomic<bool>* cancelled) {
  if (deadline == kNoWait) return PushResult::kWouldBlock;
  std::unique_lock lock(state_mutex_);
  while (true) {
    if (open_.load(std::memory_order_relaxed) != Open::kOpen) {
      return PushResult::kClosed;
    }
    if (cancelled != nullptr && cancelled->load()) {
      return PushResult::kCancelled;
    }
    if (state_.load(std::memory_order_relaxed) != State::kHolding) {
      return PushResult::kQueued;
    }
    const Deadline until = std::min(deadline, hold_end_);
    if (until == kNoDeadline) {
      state_changed_.wait(lock);
    } else if (Clock::now() < until) {
      state_changed_.wait_until(lock, until);
    } else {
      return hold_end_ == until ? PushResult::kQueued : PushResult::kWouldBlock;
    }
  }
}

void FrameQueue::PushGap(Lane* lane, const Gap& gap) {
  std::vector<uint8_t> body(1 + gap.ranges.size() * sizeof(Gap::Range));
  body[0] = static_cast<uint8_t>(gap.reason);
  if (!gap.ranges.empty()) {
    std::memcpy(body.data() + 1, gap.ranges.data(), body.size() - 1);
  }
  const uint64_t bytes = ChargeBytes(StrideBytes(body.size()));
  reserved_bytes_.fetch_add(bytes);
  lane->credit += bytes;
  Commit(lane, GapHeader(body.size()), {}, body);
}

void FrameQueue::WakeProducers() {
  const std::lock_guard lock(state_mutex_);
  state_changed_.notify_all();
}

// Where the body goes; null: the queue was closed, and there is no credit.
inline uint8_t* FrameQueue::Place(Lane* lane, const FrameHeader& header) {
  const uint64_t stride = StrideBytes(header.body_bytes);
  const uint64_t charge = ChargeBytes(stride);
  if (lane->credit < charge) return nullptr;
  lane->credit -= charge;
  uint8_t* const to = lane->Place(stride, segment_bytes_);
  StoreHeader(header, to);
  return to + kHeaderBytes;
}

inline void FrameQueue::Publish(Lane* lane, const FrameHeader& header) {
  lane->Publish(StrideBytes(header.body_bytes));
  LightBarrier();
  if (sleeping_.load(std::memory_order_relaxed)) Wake();
}

void FrameQueue::Commit(Lane* lane, const FrameHeader& header,
                        std::string_view topic,
                        std::span<const uint8_t> payload) {
  uint8_t* to = Place(lane, header);
  if (to == nullptr) return;
  if (!topic.empty()) {
    std::memcpy(to, topic.data(), topic.size());
    to += topic.size();
  }
  if (!payload.empty()) std::memcpy(to, payload.data(), payload.size());
  Publish(lane, header);
}

void FrameQueue::CommitObject(Lane* lane, FrameHeader header,
                              std::string_view topic, const Object& object) {
  header.kind |= kObjectFlag;
  uint8_t* const to = Place(lane, header);
  if (to == nullptr) return;
  new (to) Object(object);
  if (!topic.empty()) {
    std::memcpy(to + sizeof(Object), topic.data(), topic.size());
  }
  Publish(lane, header);
}

void FrameQueue::Wake() {
  if (!sleeping_.exchange(false)) return;
  // Whoever set it is waiting by the time that the mutex is free, or sees it.
  { const std::lock_guard lock(sleep_mutex_); }
  sleep_over_.notify_one();
}

void FrameQueue::ReturnRoom(uint64_t bytes) {
  reserved_bytes_.fetch_sub(bytes);
  if (state_.load() == State::kFlowing || !FallenToHalf()) return;
  const std::lock_guard lock(state_mutex_);
  if (!FallenToHalf()) return;
  state_.store(State::kFlowing);
  state_changed_.notify_all();
}

PopResult FrameQueue::NextItem(FrameView* frame, Gap* gap) {
  if (object_frame_ != nullptr) [[unlikely]]
    ReleaseObject();
  frame->header = LoadHeader(cursor_);
  frame->bytes = cursor_;
  if (HasObject(frame->header)) [[unlikely]]
    object_frame_ = cursor_;
  cursor_ += StrideBytes(frame->header.body_bytes);
  if (frame->header.type_id != 0) [[likely]]
    return PopResult::kFrame;
  gap->reason = static_cast<GapReason>(frame->payload()[0]);
  gap->ranges = LoadRanges(*frame);
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
}

PopResult FrameQueue::PopNext(Deadline deadline, FrameView* frame, Gap* gap) {
  ReleaseBatch();
  while (true) {
    const Open open = open_.load(std::memory_order_acquire);
    if (open == Open::kClosed) return PopResult::kClosed;
    if (TakeBatch(gap)) {
      return batch_ == nullptr ? PopResult::kGap : NextItem(frame, gap);
    }
    if (open == Open::kDraining) return PopResult::kClosed;
    if (!Wait(deadline)) return PopResult::kDeadline;
  }
}

// The frames or the losses of one lane; the lanes take turns.
bool FrameQueue::TakeBatch(Gap* gap) {
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
  if (AnythingQueued() || open_.load() != Open::kOpen) {
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

void FrameQueue::Close(bool keep_queued, Status status) {
  {
    const std::lock_guard lock(state_mutex_);
    const Open open = open_.load();
    if (open == Open::kClosed || (open == Open::kDraining && keep_queued)) {
      return;
    }
    close_status_ = std::move(status);
    open_.store(keep_queued ? Open::kDraining : Open::kClosed);
    state_changed_.notify_all();
  }
  Wake();
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

Status FrameQueue::close_status() const {
  const std::lock_guard lock(state_mutex_);
  return close_status_;
}

}  // namespace mycelium::core
