// What a Connection's reading thread does.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "client/core/await_ready.h"
#include "client/core/connection.h"
#include "client/core/greeting.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// Kept while a callback waits: as much as one subscription may keep by default.
constexpr uint64_t kDeferredBytesMax = kQueueBytesMaxDefault;
// After a read that brought so much there mostly is more already, and asking
// for it costs less than waiting first; after a lone frame it would cost a
// call.
constexpr ssize_t kStreamBytes = 16 << 10;

}  // namespace

void Connection::RunReader() {
  read_by_this_thread_ = this;
  HandleInput();
  while (!over_) {
    SendDueAcks();
    Receive(-1);
    HandleInput();
    HandleLater();
    ExpireRequests();
    // What callbacks have published ends with the batch that they were given.
    if (std::exchange(published_in_callback_, false)) outbox_.WriteGathered();
  }
  Status why;
  {
    const Lock lock(mutex_);
    why = ended_;
  }
  for (const auto& each : subscribers_.All()) each->End(true, why);
  state_ = why.code == StatusCode::kCancelled ? told_state_ : State::kClosed;
  state_reason_ = why;
  HandleLater();
  const Lock lock(mutex_);
  reader_over_ = true;
  answered_.notify_all();
}

// False: `timeout_ms` are over (-1: they never are), a request's deadline has
// come, or this thread has been woken.
bool Connection::AwaitInput(int timeout_ms) {
  // Deadlines that nothing can be done about do not count.
  if (MayCallBack()) {
    timeout_ms = ShorterMs(timeout_ms, LeftMs(requests_.NextDeadline()));
  }
  std::array<pollfd, 2> waited{
      // poll passes over negative ones.
      pollfd{.fd = connected_ ? socket_->descriptor() : -1,
             .events = POLLIN,
             .revents = 0},
      pollfd{.fd = waker_.descriptor(), .events = POLLIN, .revents = 0}};
  if (poll(waited.data(), waited.size(), timeout_ms) <= 0) return false;
  if (waited[1].revents != 0) waker_.Clear();
  return waited[0].revents != 0;
}

// Waits up to `timeout_ms` (-1: without end) for more input, or for a
// connection.  May come back sooner, with nothing.
void Connection::Receive(int timeout_ms) {
  if (!connected_) return AwaitConnection(timeout_ms);
  if (!streaming_ && !AwaitInput(ShorterMs(timeout_ms, LeftMs(next_beat_)))) {
    return Beat();
  }
  const std::span<uint8_t> room = input_.Room(needed_bytes_);
  const ssize_t got =
      recv(socket_->descriptor(), room.data(), room.size(), MSG_DONTWAIT);
  streaming_ = got >= kStreamBytes;
  if (got > 0) {
    input_.Received(static_cast<size_t>(got));
    HeardBroker();
  } else if (got == 0) {
    Lost({StatusCode::kUnavailable, "end of the stream without CLOSE"},
         /*is_final=*/false, 0);
  } else if (errno != EINTR && errno != EAGAIN) {
    char text[128];
    Lost({StatusCode::kUnavailable, strerror_r(errno, text, sizeof text)},
         /*is_final=*/false, 0);
  }
}

// Everything that is whole.  Within a callback only what can't wait.
void Connection::HandleInput() {
  Session::Event event;
  while (!over_ && connected_) {
    const size_t consumed = session_.Next(input_.unread(), &event);
    if (consumed == 0) {
      needed_bytes_ = std::get<Session::NeedMore>(event).frame_bytes;
      return;
    }
    // While a callback has it, this thread may read on, or have another
    // connection.
    const auto pinned = MayCallBack() ? input_.Pin() : nullptr;
    input_.Consume(consumed);
    std::visit([this](const auto& what) { On(what); }, event);
    if (!in_callback_) HandleLater();
  }
}

// What had to wait for the end of a callback.
void Connection::HandleLater() {
  while (true) {
    if (!deferred_.empty()) {
      const Deferred next = std::move(deferred_.front());
      deferred_.pop_front();
      if (const auto* const run = std::get_if<DeferredRun>(&next)) {
        deferred_bytes_ -= run->frames.size();
        Dispatch({run->frames}, run->addressee);
      } else if (const auto* const gap = std::get_if<GapBody>(&next)) {
        DispatchGap(*gap);
      } else {
        std::get<std::function<void()>>(next)();
      }
    } else if (!failed_.empty()) {
      std::vector<Requests::Ended> failed;
      failed.swap(failed_);
      for (Requests::Ended& each : failed) {
        CallBack([&each] { Requests::Finish(std::move(each)); });
      }
    } else if (told_state_ != state_) {
      TellState();
    } else {
      return;
    }
  }
}

void Connection::TellState() {
  told_state_ = state_;
  if (options_.on_state == nullptr) return;
  CallBack([this] { options_.on_state(state_, state_reason_); });
}

void Connection::CallBack(const std::function<void()>& callback) {
  const bool was_in_callback = std::exchange(in_callback_, true);
  const bool was_stuck = std::exchange(stuck_, false);
  callback();
  stuck_ = was_stuck;
  in_callback_ = was_in_callback;
}

// At once if no callback runs.
void Connection::CallBackLater(std::function<void()> callback) {
  if (MayCallBack()) return CallBack(callback);
  deferred_.emplace_back(
      std::in_place_type<std::function<void()>>,
      [this, callback = std::move(callback)] { CallBack(callback); });
}

// Within a callback: until done(), which is asked again after each piece of
// input and at least every `poll_ms_max` (-1: only then).
Status Connection::ReadOn(std::string_view subject, Deadline deadline,
                          int poll_ms_max, const std::function<bool()>& done) {
  while (true) {
    HandleInput();
    if (done()) return {};
    if (over_) {
      const Lock lock(mutex_);
      return ended_;
    }
    if (deferred_bytes_ >= kDeferredBytesMax) {
      return {StatusCode::kResourceExhausted,
              std::string(subject) + ": " + std::to_string(deferred_bytes_) +
                  " bytes came while the callback waited, allowed " +
                  std::to_string(kDeferredBytesMax)};
    }
    const int left_ms = LeftMs(deadline);
    if (left_ms == 0) {
      return {StatusCode::kDeadlineExceeded,
              std::string(subject) + ": no answer before the deadline"};
    }
    Receive(ShorterMs(left_ms, poll_ms_max));
  }
}

// --- Frames and gaps --------------------------------------------------------

void Connection::On(const FrameRun& run) {
  const auto kind = static_cast<DataKind>(run.first().kind);
  if (kind == DataKind::kReply || kind == DataKind::kErrorReply) {
    return OnReplies(run);
  }
  // Now, so that what is asked on a connection is forgotten with it.
  if (kind == DataKind::kRequest) responses_->Asked(addressee_, run);
  if (!in_callback_) return Dispatch(run, addressee_);
  deferred_bytes_ += run.bytes.size();
  deferred_.push_back(
      DeferredRun{{run.bytes.begin(), run.bytes.end()}, addressee_});
}

void Connection::On(const GapBody& gap) {
  if (!in_callback_) return DispatchGap(gap);
  deferred_.push_back(gap);
}

void Connection::On(const AddresseeBody& addressee) {
  addressee_ = addressee.subscription_id;
}

void Connection::Dispatch(const FrameRun& run, uint32_t addressee) {
  const FrameHeader first = run.first();
  const auto kind = static_cast<DataKind>(first.kind & ~kRedeliveredFlag);
  if (kind == DataKind::kReply || kind == DataKind::kErrorReply) {
    return OnReplies(run);
  }
  if (kind == DataKind::kPublish && addressee == 0) {
    in_callback_ = true;
    for (Subscriber* const subscriber :
         subscribers_.Find(first.type_id, run.topic())) {
      Deliver(run, /*addressed=*/false, subscriber);
    }
    in_callback_ = false;
    return;
  }
  Subscriber* const subscriber = subscribers_.FindById(addressee);
  const bool is_request = kind == DataKind::kRequest;
  // Otherwise it has ended meanwhile, and the broker tells those who asked.
  if (subscriber == nullptr || subscriber->responder() != is_request) {
    if (is_request) responses_->Forget(run);
    return;
  }
  in_callback_ = true;
  Deliver(run, /*addressed=*/true, subscriber);
  in_callback_ = false;
}

void Connection::Deliver(const FrameRun& run, bool addressed,
                         Subscriber* subscriber) {
  std::span<const uint8_t> rest = run.bytes;
  while (true) {
    rest = rest.subspan(subscriber->Deliver({rest}, addressed));
    if (rest.empty()) break;
    AwaitQueue(subscriber->queue());
  }
  if (!subscriber->AcksAtEndOfBatch()) return;
  const uint32_t id = subscriber->id();
  if (std::find(due_acks_.begin(), due_acks_.end(), id) == due_acks_.end()) {
    due_acks_.push_back(id);
  }
}

void Connection::SendDueAcks() {
  for (const uint32_t id : due_acks_) {
    Subscriber* const subscriber = subscribers_.FindById(id);
    if (subscriber != nullptr) subscriber->Acknowledge();
  }
  due_acks_.clear();
}

void Connection::DispatchGap(const GapBody& gap) {
  Subscriber* const subscriber = subscribers_.FindById(gap.subscription_id);
  if (subscriber == nullptr) return;  // has ended meanwhile
  in_callback_ = true;
  subscriber->DeliverGap(gap.gap);
  in_callback_ = false;
  if (subscriber->AcksAtEndOfBatch()) due_acks_.push_back(subscriber->id());
}

void Connection::Activate(const SubscribedBody& body,
                          uint64_t connection_number, const BrokerInfo& broker,
                          bool resumed) {
  Subscriber* const subscriber = subscribers_.FindById(body.subscription_id);
  if (subscriber == nullptr) return;
  subscriber->Activate(connection_number, broker, resumed, body.starts);
}

// --- Requests ---------------------------------------------------------------

void Connection::OnReplies(const FrameRun& run) {
  const uint8_t* at = run.bytes.data();
  const uint8_t* const end = at + run.bytes.size();
  while (at != end) {
    const FrameView frame{LoadHeader(at), at};
    at += frame.frame_bytes();
    if (requests_.EndWaiting(frame)) continue;
    if (MayCallBack()) {
      CallBack([this, &frame] { requests_.OnReply(frame); });
    } else {
      deferred_bytes_ += frame.frame_bytes();
      deferred_.push_back(DeferredRun{{frame.bytes, at}, 0});
    }
  }
}

void Connection::ExpireRequests() {
  if (!MayCallBack() || !requests_.any()) return;
  for (Requests::Ended& each : requests_.Expire(Clock::now())) {
    CallBack([&each] { Requests::Finish(std::move(each)); });
  }
  if (!in_callback_) HandleLater();
}

void Connection::On(const Session::Cancel& cancel) {
  responses_->OnCancel(cancel.id);
}

// The queue is full and holds this thread, and so the broker.  Whoever waits
// for an answer, perhaps the queue's own callback, must get it all the same;
// and the broker must hear that this client is alive.
void Connection::AwaitQueue(FrameQueue* queue) {
  bool read;
  {
    const Lock lock(mutex_);
    read = (waiting_ != 0 || requests_.any() || !connected_) && !over_ &&
           deferred_bytes_ < kDeferredBytesMax;
    reader_wanted_.store(false);
    stuck_queue_ = queue;
  }
  if (read) {
    stuck_ = true;
    Receive(1);
    HandleInput();
    ExpireRequests();
    stuck_ = false;
  } else {
    const auto idle = std::chrono::milliseconds(welcome_.idle_timeout_ms == 0
                                                    ? kIdleTimeoutMsDefault
                                                    : welcome_.idle_timeout_ms);
    const PushResult result =
        queue->WaitForRoom(Clock::now() + idle / 3, &reader_wanted_);
    if (result == PushResult::kWouldBlock && connected_) {
      outbox_.Append(EncodeEmpty(ControlKind::kPing, 0));
    }
  }
  const Lock lock(mutex_);
  stuck_queue_ = nullptr;
}

// --- Control frames ---------------------------------------------------------

void Connection::Complete(uint64_t request_id, Status status,
                          std::string body) {
  const Lock lock(mutex_);
  const auto it = answers_.find(request_id);
  if (it == answers_.end()) return;  // came too late
  it->second->done = true;
  it->second->status = std::move(status);
  it->second->body = std::move(body);
  answers_.erase(it);
  answered_.notify_all();
}

void Connection::On(const Session::Subscribed& subscribed) {
  const SubscribedBody& body = subscribed.body;
  Status status;
  if (body.code != CloseCode::kOk) {
    status = {ToStatusCode(body.code),
              "subscribe: " + body.reason + " (" + CodeName(body.code) + ")"};
    const auto again = resubscribing_.find(subscribed.request_id);
    if (again != resubscribing_.end()) {
      RefusedSubscription(again->second, status);
    }
  } else {
    AddedSubscription(subscribed.request_id, body);
    if (in_callback_) {
      deferred_.emplace_back(
          std::in_place_type<std::function<void()>>,
          [this, body, number = connection_number_, broker = welcome_.broker,
           resumed = welcome_.resumed] {
            Activate(body, number, broker, resumed);
          });
    } else {
      Activate(body, connection_number_, welcome_.broker, welcome_.resumed);
    }
  }
  if (resubscribing_.erase(subscribed.request_id) != 0) UpdateState();
  Complete(subscribed.request_id, std::move(status), {});
}

void Connection::On(const Session::Flushed& flushed) {
  std::vector<Outbox::OnAccepted> settled;
  if (Outbox::IsOwnFlush(flushed.request_id)) {
    if (outbox_.Flushed(flushed.request_id, &settled)) {
      return Settled(std::move(settled));
    }
    return On(Session::ProtocolError{"flushed: id " +
                                     std::to_string(flushed.request_id) +
                                     ", allowed one that was sent"});
  }
  uint64_t publish_id = 0;
  {
    const Lock lock(mutex_);
    const auto it = answers_.find(flushed.request_id);
    if (it != answers_.end()) publish_id = it->second->publish_id;
  }
  // It has been written, or FLUSHED could not be the answer.
  if (!outbox_.Acked(publish_id, &settled)) {
    return On(Session::ProtocolError{"flushed: before FLUSH was sent"});
  }
  Settled(std::move(settled));
  Complete(flushed.request_id, {}, {});
}

void Connection::On(const AckBody& ack) {
  std::vector<Outbox::OnAccepted> settled;
  if (outbox_.Acked(ack.publish_id, &settled)) {
    return Settled(std::move(settled));
  }
  On(Session::ProtocolError{
      "ack: publish_id " + std::to_string(ack.publish_id) + ", allowed up to " +
      std::to_string(outbox_.last_publish_id())});
}

void Connection::Settled(std::vector<Outbox::OnAccepted> calls) {
  if (calls.empty()) return;
  CallBackLater([calls = std::move(calls)] {
    for (const Outbox::OnAccepted& on_accepted : calls) on_accepted({});
  });
}

void Connection::On(const Session::Ping& ping) {
  outbox_.Append(EncodeEmpty(ControlKind::kPong, ping.id));
}

void Connection::On(const Session::Pong& pong) {
  Complete(pong.request_id, {}, {});
}

void Connection::On(const Session::AdminReply& reply) {
  Complete(reply.request_id, {}, {reply.body.begin(), reply.body.end()});
}

void Connection::On(const HoldBody& hold) {
  if (!outbox_.Hold(hold)) return;
  const std::string what = hold.type_id == 0
                               ? "all types are"
                               : "type " + std::to_string(hold.type_id) + " is";
  hold_reason_ = {StatusCode::kUnavailable,
                  "publish: " + what + " held back by session " +
                      std::to_string(hold.by_session_id) + " (" + hold.by_name +
                      ")"};
  UpdateState();
}

void Connection::On(const ReleaseBody& release) {
  if (!outbox_.Release(release.type_id)) return;
  hold_reason_ = {};
  UpdateState();
}

void Connection::On(const CloseBody& close) {
  // A subscription of this client has had its way (Overflow::kDisconnect).
  const StatusCode code = close.code == CloseCode::kSlowConsumer
                              ? StatusCode::kResourceExhausted
                              : StatusCode::kUnavailable;
  Lost({code, "closed by the broker: " + close.reason + " (" +
                  CodeName(close.code) + ")"},
       IsFinal(close.code), close.retry_after_ms);
}

void Connection::On(const Session::ProtocolError& error) {
  outbox_.Append(EncodeClose(CloseCode::kProtocol, error.reason));
  Lost({StatusCode::kUnavailable, error.reason}, /*is_final=*/true, 0);
}

}  // namespace mycelium::core
