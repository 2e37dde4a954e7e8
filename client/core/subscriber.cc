#include "client/core/subscriber.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "client/core/own_thread.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// Not the thread's id, which another thread may have once this one has ended.
thread_local const Subscriber* this_thread_subscriber = nullptr;
thread_local const void* this_thread_owner = nullptr;

// Enough for one that is never waited for: the broker counts what a member of
// a group or a responder has not done with against its queue_bytes_max, and a
// FrameQueue needs at most so many times the bytes that they have on the wire.
constexpr uint64_t kQueueShare = 2;
// An ACK for less than this waits for the end of a batch.
constexpr uint64_t kAckDivisor = 8;

Progress::Kind KindOf(const SubscribeOptions& options, bool responder) {
  if (responder || !options.group.empty()) return Progress::Kind::kGroup;
  return options.policy.overflow == Overflow::kConflate
             ? Progress::Kind::kAddressed
             : Progress::Kind::kShared;
}

// Only one thread writes it.
void Add(std::atomic<uint64_t>* count, uint64_t more) {
  count->store(count->load(std::memory_order_relaxed) + more,
               std::memory_order_relaxed);
}

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
                       Handler handler, bool responder, Received* received)
    : id_(id),
      options_(options),
      is_pulled_(handler.on_message == nullptr),
      responder_(responder),
      received_(received),
      progress_(KindOf(options, responder)),
      handler_(std::move(handler)) {
  if (!is_pulled_ && options_.delivery == Delivery::kDirect) return;
  queue_ = std::make_unique<FrameQueue>(QueuePolicy());
  lane_ = queue_->AddLane();
  received_->queues.Add(queue_.get());
}

Policy Subscriber::QueuePolicy() const {
  Policy policy = options_.policy;
  if (!responder_ && options_.group.empty()) return policy;
  // What it may drop is the broker's to know, which gives it to another.
  const uint64_t most = UINT64_MAX / kQueueShare;
  return {std::min(policy.queue_bytes_max, most) * kQueueShare, -1};
}

Subscriber::~Subscriber() {
  if (queue_ != nullptr) received_->queues.Remove(queue_.get());
}

void Subscriber::StartThread(std::shared_ptr<Subscriber> self,
                             const void* owner) {
  if (queue_ == nullptr || is_pulled_) return;
  const std::lock_guard lock(thread_mutex_);
  thread_ = StartOwnThread("mycelium-queue", [self = std::move(self), owner] {
    self->RunThread(owner);
  });
}

void Subscriber::set_send_ack(GroupAcks::Send send_ack) {
  acks_ = std::make_unique<GroupAcks>(
      std::min<uint64_t>(kAckBytes,
                         options_.policy.queue_bytes_max / kAckDivisor),
      std::move(send_ack));
}

// --- The reading thread -----------------------------------------------------

void Subscriber::Activate(uint64_t connection_number, const BrokerInfo& broker,
                          bool resumed, std::span<const TypeSequence> starts) {
  progress_.Activate(broker.epoch, broker.session_id, resumed, starts);
  if (acks_ != nullptr) acks_->Activate(connection_number);
}

size_t Subscriber::Deliver(const FrameRun& run, bool addressed) {
  if (!progress_.is_for(addressed)) return run.bytes.size();
  const FrameHeader first = run.first();
  const uint64_t skipped_until = progress_.SkippedUntil(first, addressed);
  Given given;
  size_t taken = run.bytes.size();
  if (queue_ != nullptr) {
    taken = Queue(run, skipped_until, &given);
  } else {
    DeliverDirect(run, skipped_until, &given);
  }
  if (given.frames == 0) return taken;
  progress_.Gave(first.type_id, given.frames, given.last_sequence);
  if (queue_ == nullptr) Add(&received_->frames, given.frames);
  return taken;
}

void Subscriber::DeliverDirect(const FrameRun& run, uint64_t skipped_until,
                               Given* given) {
  const RunningMark mark(this);
  const uint8_t* at = run.bytes.data();
  const uint8_t* const end = at + run.bytes.size();
  while (at != end && !ended_.load()) {
    const FrameView frame{LoadHeader(at), at};
    at += frame.frame_bytes();
    if (frame.header.id <= skipped_until) continue;
    ++given->frames;
    given->last_sequence = frame.header.id;
    if (acks_ != nullptr) [[unlikely]]
      acks_->Gave(1);
    Call(frame);
  }
}

size_t Subscriber::Queue(const FrameRun& run, uint64_t skipped_until,
                         Given* given) {
  size_t at = 0;
  while (at != run.bytes.size()) {
    const uint8_t* const bytes = run.bytes.data() + at;
    const FrameView frame{LoadHeader(bytes), bytes};
    if (frame.header.id > skipped_until) {
      const PushResult room = queue_->Reserve(lane_, frame.header.body_bytes);
      if (room == PushResult::kWouldBlock) return at;
      if (room == PushResult::kDisconnected && on_disconnect_ != nullptr) {
        on_disconnect_(queue_->close_status());
      }
      if (room != PushResult::kQueued) return run.bytes.size();
      ++given->frames;
      given->last_sequence = frame.header.id;
      if (acks_ != nullptr) acks_->Gave(1);
      queue_->Commit(lane_, frame.header, {},
                     {bytes + kHeaderBytes, frame.header.body_bytes});
    }
    at += frame.frame_bytes();
  }
  return at;
}

void Subscriber::DeliverGap(const Gap& gap) {
  if (!progress_.active()) return;
  progress_.OnGap(gap);
  if (acks_ != nullptr) acks_->Gave(gap.frames());
  if (queue_ != nullptr) {
    if (!ended_.load()) queue_->PushGap(lane_, gap);
    return;
  }
  Add(&received_->missed, gap.frames());
  Add(&received_->gaps, 1);
  const RunningMark mark(this);
  if (!ended_.load()) Call(gap);
}

// --- The user ---------------------------------------------------------------

// REQUIRES: a RunningMark, and not ended_.
void Subscriber::Call(const FrameView& frame) {
  if (acks_ == nullptr) [[likely]]
    return handler_.on_message(ToMessage(frame));
  acks_->Begin(1, frame.frame_bytes());
  handler_.on_message(ToMessage(frame));
  acks_->Finish(/*idle=*/false);
}

void Subscriber::Call(const Gap& gap) {
  if (acks_ != nullptr) acks_->Begin(gap.frames(), 0);
  if (handler_.on_gap != nullptr) handler_.on_gap(gap);
  if (acks_ != nullptr) acks_->Finish(/*idle=*/false);
}

void Subscriber::Acknowledge() {
  if (acks_ != nullptr) acks_->Finish(/*idle=*/true);
}

void Subscriber::AcknowledgeLast() {
  if (acks_ != nullptr) acks_->Stop();
}

Status Subscriber::Next(Deadline deadline, Item* item) {
  if (!is_pulled_) {
    return {StatusCode::kFailedPrecondition,
            "next: the subscription has a callback, allowed without one"};
  }
  if (acks_ == nullptr) return queue_->Next(deadline, item);
  acks_->Finish(/*idle=*/false);
  Status status = queue_->Next(kNoWait, item);
  if (status.code == StatusCode::kDeadlineExceeded) {
    acks_->Finish(/*idle=*/true);
    status = queue_->Next(deadline, item);
  }
  if (!status.ok()) return status;
  if (const auto* const message = std::get_if<Message>(item)) {
    acks_->Begin(
        1, kHeaderBytes + message->topic.size() + message->payload.size());
  } else {
    acks_->Begin(std::get<Gap>(*item).frames(), 0);
  }
  return status;
}

const void* Subscriber::ThisThreadOwner() { return this_thread_owner; }

void Subscriber::RunThread(const void* owner) {
  this_thread_owner = owner;
  this_thread_subscriber = this;
  FrameView frame;
  Gap gap;
  while (true) {
    PopResult result = queue_->Pop(kNoDeadline, &frame, &gap);
    if (result == PopResult::kClosed) break;
    const RunningMark mark(this);
    bool called = false;
    while (!ended_.load()) {
      called |= result == PopResult::kFrame || handler_.on_gap != nullptr;
      if (result == PopResult::kFrame) {
        Call(frame);
      } else if (result == PopResult::kGap) {
        Call(gap);
      } else {
        break;
      }
      result = queue_->Pop(kNoWait, &frame, &gap);
    }
    // Without a call it had ended before, and handler_ is not ours any more.
    if (called && !ended_within_ && handler_.on_batch_end != nullptr) {
      handler_.on_batch_end();
    }
    Acknowledge();
  }
  thread_over_ = true;
}

// --- The end ----------------------------------------------------------------

void Subscriber::End(bool keep_queued, const Status& why) {
  if (!keep_queued) {
    if (OnOwnThread()) ended_within_ = true;
    ended_.store(true);
  }
  if (queue_ != nullptr) queue_->Close(keep_queued, why);
}

bool Subscriber::OnOwnThread() const { return this_thread_subscriber == this; }

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
