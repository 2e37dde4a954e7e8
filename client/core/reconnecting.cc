// What a Connection's reading thread does when its connection is lost, and
// while there is none.
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "client/core/await_ready.h"
#include "client/core/connection.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// When the system had no thread to give.
constexpr int kThreadRetryMs = 100;

uint64_t OutboxBytesMax(const ClientOptions& options,
                        const WelcomeBody& welcome) {
  if (welcome.publish_bytes_max == 0) return options.publish_bytes_max;
  return std::min(options.publish_bytes_max, welcome.publish_bytes_max);
}

std::chrono::milliseconds BeatInterval(const WelcomeBody& welcome) {
  const auto idle_ms = static_cast<int64_t>(welcome.idle_timeout_ms);
  return std::chrono::milliseconds(std::max<int64_t>(
      1, (idle_ms == 0 ? kIdleTimeoutMsDefault : idle_ms) / kHeartbeatDivisor));
}

}  // namespace

// --- Losing it --------------------------------------------------------------

// Nobody reads or writes it any more.
void Connection::GiveUpSocket() {
  std::shared_ptr<const OwnedSocket> socket;
  {
    const Lock lock(mutex_);
    socket = std::exchange(socket_, nullptr);
  }
  if (socket != nullptr) socket->ShutDown();
  outbox_.Disconnected();
}

void Connection::Lost(const Status& why, bool is_final,
                      int64_t retry_after_ms) {
  const Status lost = {
      why.code, "connection to " + address_.url + " lost: " + why.message};
  if (is_final || !options_.reconnect) return Disconnect(lost);
  connected_ = false;
  GiveUpSocket();
  {
    const Lock lock(mutex_);
    if (ended_.ok()) {
      lost_ = lost;
      for (auto it = answers_.begin(); it != answers_.end();) {
        Answer* const answer = it->second;
        if (answer->survives) {
          ++it;
          continue;
        }
        answer->done = true;
        answer->status = lost;
        it = answers_.erase(it);
      }
      answered_.notify_all();
      redial_ = std::make_unique<Redial>(
          &address_, &options_,
          LastWelcome{welcome_.broker.epoch, welcome_.broker.session_id},
          &backoff_, backoff_.NextMs(retry_after_ms), &waker_);
    }
  }
  if (redial_ == nullptr) return Disconnect(lost);  // it is being closed
  lost_reason_ = lost;
  hold_reason_ = {};
  addressee_ = 0;
  due_acks_.clear();
  resubscribing_.clear();
  window_end_ =
      Clock::now() + std::chrono::milliseconds(welcome_.resume_window_ms);
  responses_->ForgetAll();
  for (Requests::Ended& each : requests_.FailAll(lost, /*final=*/false)) {
    failed_.push_back(std::move(each));
  }
  UpdateState();
}

// For good.
void Connection::Disconnect(const Status& why) {
  over_ = true;
  connected_ = false;
  const Status ended = SetEnded(why);
  outbox_.End(ended);
  GiveUpSocket();
  CallBackLater(Unaccepted(outbox_.GiveBackAll(), ended));
  FailAnswers();
  responses_->ForgetAll();
  for (Requests::Ended& each : requests_.FailAll(ended, /*final=*/true)) {
    failed_.push_back(std::move(each));
  }
}

// --- Making it again --------------------------------------------------------

// Until there is one, or `timeout_ms` (-1: without end) are over, or this
// thread has been woken.
void Connection::AwaitConnection(int timeout_ms) {
  if (!redial_->started() && !redial_->Start()) {
    timeout_ms = ShorterMs(timeout_ms, kThreadRetryMs);
  }
  AwaitInput(ShorterMs(timeout_ms, LeftMs(window_end_)));
  std::optional<Redial::Result> result = redial_->Take();
  Status ended;
  {
    const Lock lock(mutex_);
    ended = ended_;
  }
  if (!ended.ok() || (result.has_value() && !result->status.ok())) {
    std::unique_ptr<Redial> redial;
    {
      const Lock lock(mutex_);
      redial = std::move(redial_);
    }
    return Disconnect(ended.ok() ? result->status : ended);
  }
  if (result.has_value()) return Reconnected(std::move(result->opened));
  if (window_end_ == kNoDeadline || Clock::now() < window_end_) return;
  window_end_ = kNoDeadline;
  CallBackLater(Unaccepted(outbox_.GiveBackWritten(), lost_reason_));
}

// Also the first one.
void Connection::Reconnected(Opened opened) {
  const WelcomeBody welcome = opened.welcome;
  if (welcome.resumed && !outbox_.CanResumeAfter(welcome.last_publish_id)) {
    return Disconnect(
        {StatusCode::kUnavailable,
         "connection to " + address_.url + " lost: welcome: last_publish_id " +
             std::to_string(welcome.last_publish_id) + ", allowed up to " +
             std::to_string(outbox_.last_publish_id())});
  }
  std::unique_ptr<Redial> redial;
  Status ended;
  {
    const Lock lock(mutex_);
    redial = std::move(redial_);
    ended = ended_;
    if (ended.ok()) {
      socket_ = opened.socket;
      welcome_ = welcome;
    }
  }
  if (!ended.ok()) return Disconnect(ended);
  frame_bytes_max_ = welcome.broker.frame_bytes_max;
  session_ = std::move(opened.session);
  input_ = std::move(opened.input);
  needed_bytes_ = 0;
  window_end_ = kNoDeadline;
  backoff_.Reset();
  // What came of the old connection during a callback comes first, and counts.
  resubscribes_later_ = in_callback_ || !deferred_.empty();
  const Bytes first = resubscribes_later_ ? Bytes{} : SubscribeAgain();
  std::function<void()> unaccepted = Unaccepted(
      outbox_.Connected(opened.socket, OutboxBytesMax(options_, welcome),
                        welcome, first),
      lost_reason_);
  connected_ = true;
  for (const Bytes& frame : TakeUpAnswers()) outbox_.Append(frame);
  if (resubscribes_later_) {
    deferred_.emplace_back(std::in_place_type<std::function<void()>>, [this] {
      if (!resubscribes_later_ || !connected_) return;
      resubscribes_later_ = false;
      const Bytes frames = SubscribeAgain();
      outbox_.Append(frames);
      UpdateState();
    });
  }
  HeardBroker();
  UpdateState();
  CallBackLater(std::move(unaccepted));
}

// From here on, who asks does so on the new connection; what those asked for
// who wait already, in the order of asking.
std::vector<Bytes> Connection::TakeUpAnswers() {
  std::vector<std::pair<uint64_t, Bytes>> asked;
  {
    const Lock lock(mutex_);
    connection_number_ = outbox_.connection_number();
    if (!std::exchange(lost_, {}).ok()) ++reconnects_;
    for (const auto& [id, answer] : answers_) {
      if (answer->survives) asked.emplace_back(id, answer->again);
    }
  }
  std::sort(asked.begin(), asked.end());
  std::vector<Bytes> frames;
  for (auto& [id, frame] : asked) frames.push_back(std::move(frame));
  return frames;
}

// SUBSCRIBE for each that the broker knew.
Bytes Connection::SubscribeAgain() {
  resubscribing_.clear();
  Bytes frames;
  for (const auto& subscriber : subscribers_.All()) {
    uint64_t request_id;
    {
      const Lock lock(mutex_);
      const auto it = subscribed_on_.find(subscriber->id());
      // Otherwise it has ended, or waits for its first answer.
      if (it == subscribed_on_.end() || it->second == 0) continue;
      request_id = ++last_request_id_;
    }
    subscriber->Suspend();
    const std::optional<ResumeBody> resume = subscriber->Resume();
    const Bytes frame = EncodeSubscribe(
        request_id, subscriber->id(), subscriber->options(),
        subscriber->responder(), resume.has_value() ? &*resume : nullptr);
    frames.insert(frames.end(), frame.begin(), frame.end());
    resubscribing_[request_id] = subscriber->id();
  }
  return frames;
}

void Connection::AddedSubscription(uint64_t request_id,
                                   const SubscribedBody& body) {
  bool known = false;
  uint64_t unsubscribe_id = 0;
  {
    const Lock lock(mutex_);
    const auto it = subscribed_on_.find(body.subscription_id);
    known = it != subscribed_on_.end();
    if (known) {
      it->second = connection_number_;
    } else if (resubscribing_.contains(request_id)) {
      unsubscribe_id = ++last_request_id_;
    }
  }
  if (unsubscribe_id != 0) {
    outbox_.Append(EncodeUnsubscribe(unsubscribe_id, body.subscription_id));
  }
}

// A subscription that was there before the connection was lost.
void Connection::RefusedSubscription(uint32_t id, const Status& why) {
  std::shared_ptr<Subscriber> removed;
  {
    const Lock lock(mutex_);
    removed = subscribers_.Remove(id);
    subscribed_on_.erase(id);
  }
  if (removed != nullptr) removed->End(/*keep_queued=*/true, why);
}

// --- States -----------------------------------------------------------------

void Connection::UpdateState() {
  if (!connected_ || resubscribes_later_ || !resubscribing_.empty()) {
    state_ = State::kReconnecting;
    state_reason_ = lost_reason_;
  } else if (!hold_reason_.ok()) {
    state_ = State::kStalled;
    state_reason_ = hold_reason_;
  } else {
    state_ = State::kConnected;
    state_reason_ = {};
  }
}

// --- Silence ----------------------------------------------------------------

void Connection::HeardBroker() {
  pinged_ = false;
  next_beat_ = Clock::now() + BeatInterval(welcome_);
}

// Nothing has come.
void Connection::Beat() {
  if (Clock::now() < next_beat_) return;
  const std::chrono::milliseconds interval = BeatInterval(welcome_);
  if (pinged_) {
    return Lost({StatusCode::kUnavailable,
                 "silent for " + std::to_string(2 * interval.count()) + " ms"},
                /*is_final=*/false, 0);
  }
  pinged_ = true;
  next_beat_ = Clock::now() + interval;
  outbox_.Append(EncodeEmpty(ControlKind::kPing, 0));
}

}  // namespace mycelium::core
