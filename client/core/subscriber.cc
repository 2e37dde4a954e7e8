#include "client/core/subscriber.h"

#include <algorithm>
#include <utility>

#include "client/core/own_thread.h"

namespace mycelium::core {
namespace {

thread_local const void* this_thread_owner = nullptr;

}  // namespace

// While it lives, a callback may run.
class Subscriber::RunningMark {
 public:
  explicit RunningMark(Subscriber* subscriber) : subscriber_(subscriber) {
    subscriber_->running_.store(true);
  }
  RunningMark(const RunningMark&) = delete;
  RunningMark& operator=(const RunningMark&) = delete;
  ~RunningMark() {
    subscriber_->running_.store(false);
    // Only then may anybody wait.
    if (!subscriber_->ended_.load()) return;
    const std::lock_guard lock(subscriber_->quiet_mutex_);
    subscriber_->quiet_.notify_all();
  }

 private:
  Subscriber* const subscriber_;
};

Subscriber::Subscriber(uint32_t id, const SubscribeOptions& options,
                       Handler handler)
    : id_(id),
      options_(options),
      is_pulled_(handler.on_message == nullptr),
      handler_(std::move(handler)) {
  if (!is_pulled_ && options_.delivery == Delivery::kDirect) return;
  queue_ = std::make_unique<FrameQueue>(options_.policy);
  lane_ = queue_->AddLane();
}

Subscriber::~Subscriber() = default;

void Subscriber::StartThread(std::shared_ptr<Subscriber> self,
                             const void* owner) {
  if (queue_ == nullptr || is_pulled_) return;
  const std::lock_guard lock(thread_mutex_);
  thread_ = StartOwnThread("mycelium-queue", [self = std::move(self), owner] {
    self->RunThread(owner);
  });
}

// --- The reading thread -----------------------------------------------------

// Up to there the broker has told this subscription that frames are missing;
// those that come all the same are for another one of this client.
uint64_t Subscriber::CoveredUntil(const FrameHeader& first) {
  const auto it = std::find_if(
      covered_.begin(), covered_.end(),
      [&](const Covered& c) { return c.type_id == first.type_id; });
  if (it == covered_.end()) return 0;
  const uint64_t last_sequence = it->last_sequence;
  if (first.id > last_sequence) covered_.erase(it);
  return last_sequence;
}

size_t Subscriber::Deliver(const FrameRun& run) {
  const uint64_t covered_until =
      covered_.empty() ? 0 : CoveredUntil(run.first());
  if (queue_ != nullptr) return Queue(run, covered_until);
  DeliverDirect(run, covered_until);
  return run.bytes.size();
}

void Subscriber::DeliverDirect(const FrameRun& run, uint64_t covered_until) {
  const RunningMark mark(this);
  const uint8_t* at = run.bytes.data();
  const uint8_t* const end = at + run.bytes.size();
  while (at != end && !ended_.load()) {
    const FrameView frame{LoadHeader(at), at};
    at += frame.frame_bytes();
    if (frame.header.id <= covered_until) continue;
    handler_.on_message(ToMessage(frame));
  }
}

size_t Subscriber::Queue(const FrameRun& run, uint64_t covered_until) {
  size_t at = 0;
  while (at != run.bytes.size()) {
    const uint8_t* const bytes = run.bytes.data() + at;
    const FrameView frame{LoadHeader(bytes), bytes};
    if (frame.header.id > covered_until) {
      const PushResult room = queue_->Reserve(lane_, frame.header.body_bytes);
      if (room == PushResult::kWouldBlock) return at;
      if (room != PushResult::kQueued) return run.bytes.size();
      queue_->Commit(lane_, frame.header, {},
                     {bytes + kHeaderBytes, frame.header.body_bytes});
    }
    at += frame.frame_bytes();
  }
  return at;
}

void Subscriber::DeliverGap(const Gap& gap) {
  for (const Gap::Range& range : gap.ranges) {
    const auto it = std::find_if(
        covered_.begin(), covered_.end(),
        [&](const Covered& c) { return c.type_id == range.type_id; });
    if (it == covered_.end()) {
      covered_.push_back({range.type_id, range.last_sequence});
    } else {
      it->last_sequence = std::max(it->last_sequence, range.last_sequence);
    }
  }
  if (queue_ != nullptr) {
    if (!ended_.load()) queue_->PushGap(lane_, gap);
    return;
  }
  const RunningMark mark(this);
  if (!ended_.load() && handler_.on_gap != nullptr) handler_.on_gap(gap);
}

// --- The user ---------------------------------------------------------------

Status Subscriber::Next(Deadline deadline, Item* item) {
  if (!is_pulled_) {
    return {StatusCode::kFailedPrecondition,
            "next: the subscription has a callback, allowed without one"};
  }
  return queue_->Next(deadline, item);
}

const void* Subscriber::ThisThreadOwner() { return this_thread_owner; }

void Subscriber::RunThread(const void* owner) {
  this_thread_owner = owner;
  thread_id_ = std::this_thread::get_id();
  FrameView frame;
  Gap gap;
  while (true) {
    PopResult result = queue_->Pop(kNoDeadline, &frame, &gap);
    if (result == PopResult::kClosed) break;
    const RunningMark mark(this);
    while (!ended_.load()) {
      if (result == PopResult::kFrame) {
        handler_.on_message(ToMessage(frame));
      } else if (result == PopResult::kGap) {
        if (handler_.on_gap != nullptr) handler_.on_gap(gap);
      } else {
        break;
      }
      result = queue_->Pop(kNoWait, &frame, &gap);
    }
  }
  thread_over_ = true;
}

// --- The end ----------------------------------------------------------------

void Subscriber::End(bool keep_queued, const Status& why) {
  if (!keep_queued) ended_.store(true);
  if (queue_ != nullptr) queue_->Close(keep_queued, why);
}

bool Subscriber::OnOwnThread() const {
  return thread_id_.load() == std::this_thread::get_id();
}

void Subscriber::AwaitQuiet(bool on_reading_thread) {
  if (OnOwnThread() || (queue_ == nullptr && on_reading_thread)) return;
  Handler released;  // what it has captured goes now, and not under the lock
  std::unique_lock lock(quiet_mutex_);
  quiet_.wait(lock, [this] { return !running_.load(); });
  std::swap(released, handler_);
}

std::thread Subscriber::TakeThread() {
  const std::lock_guard lock(thread_mutex_);
  return std::move(thread_);
}

}  // namespace mycelium::core
