#include "client/core/queue.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mycelium::core {
namespace {

constexpr uint64_t kSegmentBytesMax = 64 << 10;
// Room that lanes take ahead, kInprocPublishersMax of them: a quarter.
constexpr uint64_t kCreditDivisor = 4 * uint64_t{kInprocPublishersMax};

}  // namespace

FrameQueue::FrameQueue(const Policy& policy, bool one_by_one)
    : queue_bytes_max_(policy.queue_bytes_max),
      stall_ms_max_(policy.stall_ms_max),
      overflow_(policy.overflow),
      folds_(policy.overflow == Overflow::kConflate),
      one_by_one_(one_by_one && !folds_),
      credit_bytes_(one_by_one ? 0 : policy.queue_bytes_max / kCreditDivisor),
      segment_bytes_(static_cast<uint32_t>(std::clamp(
          policy.queue_bytes_max / 8, kSegmentBytesMin, kSegmentBytesMax))),
      lanes_(std::make_unique<std::unique_ptr<Lane>[]>(kInprocPublishersMax)) {
  if (!folds_ && !one_by_one) return;
  store_ = std::make_unique<FrameStore>(folds_, queue_bytes_max_);
  open_.store(Open::kOpenStored);
}

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
  const uint64_t bytes = ChargeBytes(StrideBytes(body_bytes));
  if (open_.load(std::memory_order_relaxed) != Open::kOpen) [[unlikely]] {
    return ReserveUnusual(lane, bytes);
  }
  if (lane->credit >= bytes) [[likely]]
    return PushResult::kQueued;
  if (state_.load(std::memory_order_relaxed) == State::kFlowing &&
      TakeCredit(&lane->credit, bytes)) {
    return PushResult::kQueued;
  }
  return ReserveFull(&lane->credit, bytes);
}

// Closed, or what is pushed is stored.
PushResult FrameQueue::ReserveUnusual(Lane* lane, uint64_t bytes) {
  if (!IsOpen()) {
    lane->credit = 0;  // a smaller frame must not slip in behind a lost one
    return PushResult::kClosed;
  }
  if (folds_) return PushResult::kQueued;
  if (state_.load(std::memory_order_relaxed) == State::kFlowing &&
      TakeCredit(&lane->stored_credit, bytes)) {
    return PushResult::kQueued;
  }
  return ReserveFull(&lane->stored_credit, bytes);
}

bool FrameQueue::ReserveNow(Lane* lane, uint64_t body_bytes) {
  if (!IsOpen()) return false;
  if (folds_) return true;
  return state_.load() == State::kFlowing &&
         TakeCredit(&lane->stored_credit, ChargeBytes(StrideBytes(body_bytes)));
}

// Raises a lane's credit to `bytes`, and beyond if there is room.
bool FrameQueue::TakeCredit(uint64_t* credit, uint64_t bytes) {
  if (*credit >= bytes) return true;
  const uint64_t lacking = bytes - *credit;
  uint64_t reserved = reserved_bytes_.load(std::memory_order_relaxed);
  uint64_t more;
  do {
    more = std::max(lacking, credit_bytes_);
    if (reserved + more > queue_bytes_max_) more = lacking;
    if (reserved + more > queue_bytes_max_) return false;
  } while (!reserved_bytes_.compare_exchange_weak(reserved, reserved + more));
  *credit += more;
  return true;
}

bool FrameQueue::FallenToHalf() const {
  return reserved_bytes_.load() <= queue_bytes_max_ / 2;
}

// REQUIRES: state_mutex_.
FrameQueue::State FrameQueue::NextState(uint64_t* credit, uint64_t bytes) {
  State state = state_.load(std::memory_order_relaxed);
  if (state != State::kFlowing && FallenToHalf()) state = State::kFlowing;
  if (state == State::kFlowing) {
    if (!TakeCredit(credit, bytes)) {
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
  if (state == State::kHolding && FallenToHalf() && TakeCredit(credit, bytes)) {
    state = State::kFlowing;
    state_.store(state);
  }
  if (before == State::kHolding && state != before) TellRoom();
  return state;
}

PushResult FrameQueue::ReserveFull(uint64_t* credit, uint64_t bytes) {
  Dropped dropped;  // released after the lock
  {
    const std::lock_guard lock(state_mutex_);
    const State state = NextState(credit, bytes);
    if (state == State::kFlowing) return PushResult::kQueued;
    if (state == State::kHolding) return PushResult::kWouldBlock;
    if (overflow_ != Overflow::kDisconnect) {
      MakeRoom(credit, bytes, &dropped);
      return PushResult::kQueued;
    }
    if (!IsOpen()) return PushResult::kClosed;
    close_status_ = Disconnected();
    open_.store(Open::kDraining);
    TellRoom();
  }
  Wake();
  return PushResult::kDisconnected;
}

Status FrameQueue::Disconnected() const {
  return {StatusCode::kResourceExhausted,
          "subscription: queue of " + std::to_string(queue_bytes_max_) +
              " bytes full for " + std::to_string(stall_ms_max_) +
              " ms, overflow is DISCONNECT"};
}

// REQUIRES: state_mutex_, here and in DropOldest.
void FrameQueue::MakeRoom(uint64_t* credit, uint64_t bytes, Dropped* dropped) {
  while (!TakeCredit(credit, bytes)) {
    if (DropOldest(std::max(bytes - *credit, credit_bytes_), dropped)) continue;
    // What remains is about to be committed by other producers.
    reserved_bytes_.fetch_add(bytes - *credit);
    *credit = bytes;
  }
}

// Of the fullest lane.
bool FrameQueue::DropOldest(uint64_t bytes, Dropped* dropped) {
  const uint64_t charge_max = ChargeBytes(UINT64_MAX);
  uint64_t won = 0;
  if (open_.load() == Open::kOpenStored) {
    won = store_->Drop(bytes, charge_max, &dropped->frames);
  } else {
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
    won = fullest->Drop(bytes, charge_max, &dropped->objects);
  }
  reserved_bytes_.fetch_sub(won);
  return won != 0;
}

void FrameQueue::Unreserve(Lane* lane) {
  if (lane->stored_credit != 0) {
    ReturnRoom(std::exchange(lane->stored_credit, 0));
  }
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
    if (!IsOpen()) return PushResult::kClosed;
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
  const std::vector<uint8_t> body = QueuedGapBody(gap);
  const FrameHeader header = QueuedGapHeader(body.size());
  if (open_.load() == Open::kOpenStored) {
    return PushStored(StoredFrame(header, {}, body));
  }
  const uint64_t bytes = ChargeBytes(StrideBytes(body.size()));
  reserved_bytes_.fetch_add(bytes);
  lane->credit += bytes;
  Commit(lane, header, {}, body);
}

void FrameQueue::WakeProducers() {
  const std::lock_guard lock(state_mutex_);
  TellRoom();
}

// REQUIRES: state_mutex_.
void FrameQueue::TellRoom() {
  state_changed_.notify_all();
  if (bell_ == nullptr) return;
  const std::lock_guard lock(bell_->mutex);
  ++bell_->times;
  bell_->rung.notify_all();
}

Deadline FrameQueue::hold_end() const {
  const std::lock_guard lock(state_mutex_);
  return state_.load() == State::kHolding ? hold_end_ : kNoDeadline;
}

// Where the body goes; null, as there is no credit: the queue was closed, or it
// stores its frames.
inline uint8_t* FrameQueue::Place(Lane* lane, const FrameHeader& header) {
  const uint64_t stride = StrideBytes(header.body_bytes);
  const uint64_t charge = ChargeBytes(stride);
  if (lane->credit < charge) return nullptr;
  lane->credit -= charge;
  uint8_t* const to = lane->Place(stride, segment_bytes_);
  StoreHeader(header, to);
  return to + kHeaderBytes;
}

inline void FrameQueue::WakeIfAsleep() {
  LightBarrier();
  if (sleeping_.load(std::memory_order_relaxed)) Wake();
}

inline void FrameQueue::Publish(Lane* lane, const FrameHeader& header) {
  lane->Publish(StrideBytes(header.body_bytes));
  WakeIfAsleep();
}

void FrameQueue::Commit(Lane* lane, const FrameHeader& header,
                        std::string_view topic,
                        std::span<const uint8_t> payload) {
  uint8_t* const to = Place(lane, header);
  if (to == nullptr) [[unlikely]] {
    return Store(lane, StoredFrame(header, topic, payload));
  }
  StoreBody(topic, payload, to);
  Publish(lane, header);
}

void FrameQueue::CommitObject(Lane* lane, FrameHeader header,
                              std::string_view topic, const Object& object) {
  header.kind |= kObjectFlag;
  uint8_t* const to = Place(lane, header);
  if (to == nullptr) [[unlikely]] {
    return Store(lane, StoredFrame(header, topic, object));
  }
  StoreObject(topic, object, to);
  Publish(lane, header);
}

void FrameQueue::Store(Lane* lane, StoredFrame frame) {
  // A member's frames are taken back after it was closed.
  if (!one_by_one_ && open_.load() != Open::kOpenStored) return;
  if (one_by_one_) {
    const uint64_t charge = ChargeBytes(frame.stride());
    lane->stored_credit -= std::min(lane->stored_credit, charge);
  }
  store_->Push(std::move(frame));
  WakeIfAsleep();
}

void FrameQueue::PushStored(StoredFrame frame) {
  if (one_by_one_) reserved_bytes_.fetch_add(ChargeBytes(frame.stride()));
  store_->Push(std::move(frame));
  WakeIfAsleep();
}

std::vector<StoredFrame> FrameQueue::TakeStored() { return store_->TakeAll(); }

void FrameQueue::Replay(std::vector<StoredFrame> frames) {
  if (store_ == nullptr) {
    store_ = std::make_unique<FrameStore>(/*folds=*/false, queue_bytes_max_);
  }
  for (StoredFrame& frame : frames) store_->Push(std::move(frame));
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
  TellRoom();
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
    TellRoom();
  }
  Wake();
}

Status FrameQueue::close_status() const {
  const std::lock_guard lock(state_mutex_);
  return close_status_;
}

}  // namespace mycelium::core
