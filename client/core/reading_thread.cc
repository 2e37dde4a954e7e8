// What a Connection's reading thread does.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>
#include <variant>

#include "client/core/connection.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// Kept while a callback waits: as much as one subscription may keep by default.
constexpr uint64_t kDeferredBytesMax = kQueueBytesMaxDefault;

int LeftMs(Deadline deadline) {
  if (deadline == kNoDeadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
}

// Of two waits, where -1 is without end.
int ShorterMs(int a, int b) {
  if (a < 0 || b < 0) return std::max(a, b);
  return std::min(a, b);
}

}  // namespace

void Connection::RunReader() {
  reading_thread_ = std::this_thread::get_id();
  HandleInput();
  while (!over_) {
    Receive(-1);
    HandleInput();
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

// Waits up to `timeout_ms` (-1: without end) for more input.
void Connection::Receive(int timeout_ms) {
  if (timeout_ms >= 0) {
    pollfd readable{.fd = socket_.descriptor, .events = POLLIN, .revents = 0};
    if (poll(&readable, 1, timeout_ms) <= 0) return;
  }
  const std::span<uint8_t> room = input_.Room(needed_bytes_);
  const ssize_t got = recv(socket_.descriptor, room.data(), room.size(), 0);
  if (got > 0) {
    input_.Received(static_cast<size_t>(got));
  } else if (got == 0) {
    Lost("end of the stream without CLOSE");
  } else if (errno != EINTR) {
    char text[128];
    Lost(strerror_r(errno, text, sizeof text));
  }
}

// Everything that is whole.  Within a callback only what can't wait.
void Connection::HandleInput() {
  const auto pinned = in_callback_ ? nullptr : input_.Pin();
  Session::Event event;
  while (!over_) {
    const size_t consumed = session_.Next(input_.unread(), &event);
    if (consumed == 0) {
      needed_bytes_ = std::get<Session::NeedMore>(event).frame_bytes;
      return;
    }
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
      deferred_bytes_ -= next.frames.size();
      if (next.gap.has_value()) {
        DispatchGap(*next.gap);
      } else {
        Dispatch({next.frames});
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
  if (on_state_ == nullptr) return;
  in_callback_ = true;
  on_state_(state_, state_reason_);
  in_callback_ = false;
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
  if (!in_callback_) return Dispatch(run);
  deferred_.push_back({Bytes(run.bytes.begin(), run.bytes.end()), {}});
  deferred_bytes_ += run.bytes.size();
}

void Connection::On(const GapBody& gap) {
  if (!in_callback_) return DispatchGap(gap);
  deferred_.push_back({{}, gap});
}

void Connection::Dispatch(const FrameRun& run) {
  const FrameHeader first = run.first();
  // Nobody can have asked for another kind yet.
  if (first.kind != static_cast<uint8_t>(DataKind::kPublish)) return;
  in_callback_ = true;
  for (Subscriber* const subscriber :
       subscribers_.Find(first.type_id, run.topic())) {
    std::span<const uint8_t> rest = run.bytes;
    while (true) {
      rest = rest.subspan(subscriber->Deliver({rest}));
      if (rest.empty()) break;
      AwaitQueue(subscriber->queue());
    }
  }
  in_callback_ = false;
}

void Connection::DispatchGap(const GapBody& gap) {
  Subscriber* const subscriber = subscribers_.FindById(gap.subscription_id);
  if (subscriber == nullptr) return;  // has ended meanwhile
  in_callback_ = true;
  subscriber->DeliverGap(gap.gap);
  in_callback_ = false;
}

// The queue is full and holds this thread, and so the broker.  Whoever waits
// for an answer, perhaps the queue's own callback, must get it all the same;
// and the broker must hear that this client is alive.
void Connection::AwaitQueue(FrameQueue* queue) {
  bool read;
  {
    const Lock lock(mutex_);
    read = waiting_ != 0 && !over_ && deferred_bytes_ < kDeferredBytesMax;
    reader_wanted_.store(false);
    stuck_queue_ = queue;
  }
  if (read) {
    Receive(1);
    HandleInput();
  } else {
    const auto idle = std::chrono::milliseconds(welcome_.idle_timeout_ms == 0
                                                    ? kIdleTimeoutMsDefault
                                                    : welcome_.idle_timeout_ms);
    const PushResult result =
        queue->WaitForRoom(Clock::now() + idle / 3, &reader_wanted_);
    if (result == PushResult::kWouldBlock && !over_) {
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
  }
  Complete(subscribed.request_id, std::move(status), {});
}

void Connection::On(const Session::Flushed& flushed) {
  Complete(flushed.request_id, {}, {});
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
  state_ = State::kStalled;
  const std::string what = hold.type_id == 0
                               ? "all types are"
                               : "type " + std::to_string(hold.type_id) + " is";
  state_reason_ = {StatusCode::kUnavailable,
                   "publish: " + what + " held back by session " +
                       std::to_string(hold.by_session_id) + " (" +
                       hold.by_name + ")"};
}

void Connection::On(const ReleaseBody& release) {
  if (!outbox_.Release(release.type_id)) return;
  state_ = State::kConnected;
  state_reason_ = {};
}

void Connection::On(const CloseBody& close) {
  Lost("closed by the broker: " + close.reason + " (" + CodeName(close.code) +
       ")");
}

void Connection::On(const Session::ProtocolError& error) {
  outbox_.Append(EncodeClose(CloseCode::kProtocol, error.reason));
  Lost(error.reason);
}

void Connection::Lost(const std::string& why) {
  over_ = true;
  const Status ended = SetEnded(
      {StatusCode::kUnavailable, "connection to " + url_ + " lost: " + why});
  outbox_.End(ended);
  FailAnswers();
  shutdown(socket_.descriptor, SHUT_RDWR);
}

}  // namespace mycelium::core
