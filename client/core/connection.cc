#include "client/core/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <system_error>
#include <utility>
#include <variant>

#include "client/core/arguments.h"
#include "client/core/own_thread.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// What Close takes at most to write what was published and say goodbye, and
// then again to see that the broker has it.
constexpr auto kGoodbyeMax = std::chrono::seconds(1);

uint64_t RandomBits() {
  static thread_local std::random_device device;
  return uint64_t{device()} << 32 | device();
}

Backoff MakeBackoff(const ClientOptions& options, const WelcomeBody& welcome) {
  const auto first = [](int64_t own, int64_t said, int64_t otherwise) {
    return own > 0 ? own : said > 0 ? said : otherwise;
  };
  const int64_t max_ms =
      first(options.reconnect_max.count(), welcome.reconnect_ms_max,
            kReconnectMsMaxDefault);
  const int64_t min_ms =
      first(options.reconnect_min.count(), welcome.reconnect_ms_min,
            kReconnectMsMinDefault);
  return Backoff(std::min(min_ms, max_ms), max_ms, RandomBits);
}

Status TooLate(std::string_view subject) {
  return {StatusCode::kDeadlineExceeded,
          std::string(subject) + ": no answer before the deadline"};
}

}  // namespace

// While it lives, the reading thread reads even if a full queue holds it.
class Connection::WaitingForReader {
 public:
  // REQUIRES: connection->mutex_ is held, here and in the destructor.
  explicit WaitingForReader(Connection* connection) : connection_(connection) {
    ++connection_->waiting_;
    connection_->WakeStuckReader();
  }
  WaitingForReader(const WaitingForReader&) = delete;
  WaitingForReader& operator=(const WaitingForReader&) = delete;
  ~WaitingForReader() { --connection_->waiting_; }

 private:
  Connection* const connection_;
};

Connection::Connection(StreamAddress address, ClientOptions options,
                       Opened opened)
    : address_(std::move(address)),
      options_(std::move(options)),
      frame_bytes_max_(opened.welcome.broker.frame_bytes_max),
      responses_(std::make_shared<Responses>(
          &outbox_, opened.welcome.broker.frame_bytes_max)),
      backoff_(MakeBackoff(options_, opened.welcome)) {
  Reconnected(std::move(opened));
}

Connection::~Connection() {
  responses_->End();
  GiveUpSocket();
}

bool Connection::Start() {
  const std::lock_guard lock(join_mutex_);
  try {
    reader_ = StartOwnThread("mycelium-read", [this] { RunReader(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

// --- Publishing -------------------------------------------------------------

Status Connection::TryPublish(uint16_t type_id, std::string_view topic,
                              std::span<const uint8_t> payload) {
  return PublishAnyhow(type_id, topic, payload, nullptr, kNoWait);
}

Status Connection::Publish(uint16_t type_id, std::string_view topic,
                           std::span<const uint8_t> payload,
                           Deadline deadline) {
  return PublishAnyhow(type_id, topic, payload, nullptr, deadline);
}

Status Connection::PublishAcked(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload,
                                Deadline deadline,
                                Outbox::OnAccepted on_accepted) {
  if (on_accepted == nullptr) {
    return {StatusCode::kInvalidArgument,
            "publish: no on_accepted, allowed a function"};
  }
  return PublishAnyhow(type_id, topic, payload, &on_accepted, deadline);
}

Status Connection::PublishAnyhow(uint16_t type_id, std::string_view topic,
                                 std::span<const uint8_t> payload,
                                 Outbox::OnAccepted* on_accepted,
                                 Deadline deadline) {
  if (Status bad =
          CheckPublish(type_id, topic, payload.size(),
                       frame_bytes_max_.load(std::memory_order_relaxed));
      !bad.ok()) {
    return bad;
  }
  if (OnReadingThread()) published_in_callback_ = true;
  while (true) {
    bool would_block = false;
    Status status =
        outbox_.TryPublish(type_id, topic, payload, on_accepted, &would_block);
    if (!would_block || deadline == kNoWait) return status;
    status = AwaitRoom(type_id, kHeaderBytes + topic.size() + payload.size(),
                       deadline);
    if (!status.ok()) return status;
  }
}

Status Connection::AwaitRoom(uint16_t type_id, uint64_t frame_bytes,
                             Deadline deadline) {
  if (OnReadingThread()) {
    // The outbox's thread may make room, or what is read may say RELEASE.
    const char* const subject = type_id == 0 ? "request" : "publish";
    return ReadOn(subject, deadline, /*poll_ms_max=*/1, [&] {
      const Status why =
          outbox_.WaitForRoom(type_id, frame_bytes, Clock::now());
      return why.ok() || why.code != StatusCode::kDeadlineExceeded;
    });
  }
  {
    const Lock lock(mutex_);
    ++waiting_;
    WakeStuckReader();
  }
  Status status = outbox_.WaitForRoom(type_id, frame_bytes, deadline);
  const Lock lock(mutex_);
  --waiting_;
  return status;
}

// --- Requests ---------------------------------------------------------------

Status Connection::Ask(std::string_view subject, Deadline deadline,
                       Answer* answer,
                       const std::function<Bytes(uint64_t)>& encode) {
  uint64_t id, connection_number;
  Bytes frame;
  {
    const Lock lock(mutex_);
    if (!ended_.ok()) return ended_;
    if (!lost_.ok() && !answer->survives) return lost_;
    id = ++last_request_id_;
    frame = encode(id);
    if (answer->survives) answer->again = frame;
    answers_[id] = answer;
    connection_number = connection_number_;
  }
  // On another connection that is made meanwhile it is asked for there.
  outbox_.Append(frame, connection_number);
  return AwaitAnswer(subject, id, answer, deadline);
}

Status Connection::AwaitAnswer(std::string_view subject, uint64_t id,
                               Answer* answer, Deadline deadline) {
  if (OnReadingThread()) {
    const Status status =
        ReadOn(subject, deadline, /*poll_ms_max=*/-1, [this, answer] {
          const Lock lock(mutex_);
          return answer->done;
        });
    const Lock lock(mutex_);
    answers_.erase(id);
    return answer->done ? answer->status : status;
  }
  Lock lock(mutex_);
  const WaitingForReader waiting(this);
  const auto done = [answer] { return answer->done; };
  if (deadline == kNoDeadline) {
    answered_.wait(lock, done);
  } else {
    answered_.wait_until(lock, deadline, done);
  }
  answers_.erase(id);
  return answer->done ? answer->status : TooLate(subject);
}

Status Connection::Flush(Deadline deadline) {
  Answer answer;
  answer.survives = true;
  answer.publish_id = outbox_.last_publish_id();
  const Status status = Ask("flush", deadline, &answer, [](uint64_t id) {
    return EncodeEmpty(ControlKind::kFlush, id);
  });
  if (!status.ok()) return status;
  const Lock lock(mutex_);
  const uint64_t given_back = std::exchange(unreported_, 0);
  if (given_back == 0) return {};
  return {StatusCode::kAborted,
          "flush: " + std::to_string(given_back) +
              " frames were written to a broker that has forgotten this client "
              "or was restarted, and may not have been accepted"};
}

Status Connection::Ping(Deadline deadline) {
  Answer answer;
  return Ask("ping", deadline, &answer,
             [](uint64_t id) { return EncodeEmpty(ControlKind::kPing, id); });
}

Status Connection::Admin(std::span<const uint8_t> request, Deadline deadline,
                         std::string* reply) {
  Answer answer;
  const Status status = Ask("admin", deadline, &answer, [request](uint64_t id) {
    return EncodeAdmin(id, request);
  });
  if (status.ok()) *reply = std::move(answer.body);
  return status;
}

// Requests fail from now on; those that wait do with FailAnswers, which comes
// last, so that whoever is told finds everything ended.
Status Connection::SetEnded(const Status& why) {
  const Lock lock(mutex_);
  if (ended_.ok()) ended_ = why;
  return ended_;
}

void Connection::FailAnswers() {
  const Lock lock(mutex_);
  for (const auto& [id, answer] : answers_) {
    answer->done = true;
    answer->status = ended_;
  }
  answers_.clear();
  answered_.notify_all();
}

// REQUIRES: mutex_.
void Connection::WakeStuckReader() {
  if (stuck_queue_ == nullptr) return;
  reader_wanted_.store(true);
  stuck_queue_->WakeProducers();
}

// --- Subscriptions ----------------------------------------------------------

Status Connection::Subscribe(const SubscribeOptions& options, Handler handler,
                             std::shared_ptr<Subscriber>* subscriber) {
  const Status status = CheckSubscribe(options);
  if (!status.ok()) return status;
  return AddSubscriber(options, std::move(handler), /*responder=*/false,
                       subscriber);
}

Status Connection::AddSubscriber(const SubscribeOptions& options,
                                 Handler handler, bool responder,
                                 std::shared_ptr<Subscriber>* subscriber) {
  JoinEndedThreads(/*all=*/false);
  uint32_t id;
  {
    const Lock lock(mutex_);
    id = ++last_subscription_id_;
    subscribed_on_[id] = 0;
  }
  auto fresh = std::make_shared<Subscriber>(id, options, std::move(handler),
                                            responder, &received_);
  fresh->set_on_disconnect([this](const Status& why) { Disconnect(why); });
  if (!options.group.empty()) {
    fresh->set_send_ack([this, id](uint64_t frames, uint64_t on_connection) {
      outbox_.Append(EncodeAck(id, frames), on_connection);
    });
  }
  try {
    fresh->StartThread(fresh, this);
  } catch (const std::system_error& error) {
    const Lock lock(mutex_);
    subscribed_on_.erase(id);
    return {StatusCode::kResourceExhausted,
            std::string("subscribe: no thread, ") + error.what()};
  }
  // Before the broker knows it: the first frames may come with SUBSCRIBED.
  subscribers_.Add(fresh);
  Answer answer;
  answer.survives = true;
  answer.subscription_id = id;
  const Status status =
      Ask("subscribe", kNoDeadline, &answer, [&](uint64_t request) {
        return EncodeSubscribe(request, id, options, responder, nullptr);
      });
  if (!status.ok()) {
    fresh->End(/*keep_queued=*/false, status);
    {
      const Lock lock(mutex_);
      subscribers_.Remove(id);
      subscribed_on_.erase(id);
    }
    AwaitQuiet(fresh.get());
    JoinQueueThread(fresh.get());
    return status;
  }
  *subscriber = std::move(fresh);
  return {};
}

void Connection::Unsubscribe(Subscriber* subscriber) {
  subscriber->End(/*keep_queued=*/false,
                  {StatusCode::kCancelled, "subscription: unsubscribed"});
  std::shared_ptr<Subscriber> removed;
  uint64_t connection_number = 0;
  {
    const Lock lock(mutex_);
    removed = subscribers_.Remove(subscriber->id());
    const auto it = subscribed_on_.find(subscriber->id());
    if (it != subscribed_on_.end()) {
      connection_number = it->second;
      subscribed_on_.erase(it);
    }
  }
  if (removed != nullptr) {
    if (subscriber->OnOwnThread()) {
      const Lock lock(mutex_);
      ended_threads_.emplace_back(removed, subscriber->TakeThread());
    }
    TellUnsubscribed(subscriber, connection_number);
  }
  if (subscriber->OnOwnThread()) return;
  AwaitQuiet(subscriber);
  JoinQueueThread(subscriber);
}

// What a member of a group has acknowledged, or a responder has answered, is
// nobody else's any more; so its callback ends first.
// On another connection than the one where it was subscribed there is nobody to
// be told: AddedSubscription sees that it has ended.
void Connection::TellUnsubscribed(Subscriber* subscriber,
                                  uint64_t connection_number) {
  const bool is_shared =
      subscriber->responder() || !subscriber->options().group.empty();
  if (is_shared && !subscriber->OnOwnThread()) AwaitQuiet(subscriber);
  uint64_t id;
  {
    const Lock lock(mutex_);
    if (!ended_.ok()) return;
    id = ++last_request_id_;
  }
  subscriber->AcknowledgeLast();
  if (subscriber->responder()) responses_->Forget(subscriber->id());
  outbox_.Append(EncodeUnsubscribe(id, subscriber->id()), connection_number);
}

void Connection::AwaitQuiet(Subscriber* subscriber) {
  const bool on_reading_thread = OnReadingThread();
  if (on_reading_thread && subscriber->queue() != nullptr) {
    // Its callback may wait for what only this thread can read.
    const Status status =
        ReadOn("unsubscribe", kNoDeadline, /*poll_ms_max=*/1,
               [subscriber] { return subscriber->IsQuiet(); });
    // Otherwise that callback has been told, and ends without this thread.
    static_cast<void>(status);
  }
  subscriber->AwaitQuiet(on_reading_thread);
}

Status Connection::Next(Subscriber* subscriber, Deadline deadline, Item* item) {
  if (!OnReadingThread()) return subscriber->Next(deadline, item);
  Status status = subscriber->Next(kNoWait, item);
  if (status.code == StatusCode::kDeadlineExceeded) {
    status = {StatusCode::kFailedPrecondition,
              "next: waits within a direct callback, on whose thread frames "
              "arrive"};
  }
  return status;
}

void Connection::JoinQueueThread(Subscriber* subscriber) {
  std::thread thread = subscriber->TakeThread();
  if (thread.joinable()) thread.join();
}

void Connection::JoinEndedThreads(bool all) {
  std::vector<std::thread> threads;
  {
    const Lock lock(mutex_);
    std::erase_if(ended_threads_, [&](auto& each) {
      if (!all && !each.first->thread_over()) return false;
      threads.push_back(std::move(each.second));
      return true;
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// --- The end ----------------------------------------------------------------

void Connection::Close() {
  const Status closed = {StatusCode::kCancelled, "client: closed by its owner"};
  outbox_.End(SetEnded(closed));
  const auto subscribers = subscribers_.All();
  for (const auto& each : subscribers) each->End(/*keep_queued=*/false, closed);
  FailAnswers();
  for (Requests::Ended& each : requests_.FailAll(closed, /*final=*/true)) {
    Requests::Finish(std::move(each));
  }
  bool first;
  {
    const Lock lock(mutex_);
    first = !std::exchange(closing_, true);
    if (redial_ != nullptr) redial_->Interrupt();
  }
  waker_.Wake();
  const Deadline deadline = Clock::now() + kGoodbyeMax;
  const bool on_reading_thread = OnReadingThread();
  if (first) {
    for (const auto& each : subscribers) {
      if (each->options().group.empty()) continue;
      each->AwaitQuiet(on_reading_thread);
      each->AcknowledgeLast();
    }
    SayGoodbye(deadline);
  }
  responses_->ForgetAll();
  for (const auto& each : subscribers) each->AwaitQuiet(on_reading_thread);
  if (OnAnyOwnThread()) return;
  JoinReader(deadline);
  for (const auto& each : subscribers) JoinQueueThread(each.get());
  JoinEndedThreads(/*all=*/true);
}

BrokerInfo Connection::broker() const {
  const Lock lock(mutex_);
  return welcome_.broker;
}

// Without a connection only what was not accepted is given back.
void Connection::SayGoodbye(Deadline deadline) {
  std::shared_ptr<const OwnedSocket> socket;
  {
    const Lock lock(mutex_);
    socket = socket_;
  }
  if (socket != nullptr) {
    if (OnReadingThread()) {
      const Status status =
          ReadOn("close", deadline, /*poll_ms_max=*/1,
                 [this] { return outbox_.AwaitAccepted(Clock::now()); });
      // Otherwise the frames are given back.
      static_cast<void>(status);
    } else {
      outbox_.AwaitAccepted(deadline);
    }
    outbox_.Append(EncodeClose(CloseCode::kGoingAway, {}));
    if (outbox_.Drain(deadline)) {
      // Reading goes on until the broker has closed: whoever closes a TCP
      // socket with unread bytes takes back what was sent.
      shutdown(socket->descriptor(), SHUT_WR);
    } else {
      socket->ShutDown();
    }
  }
  outbox_.Disconnected();
  Unaccepted(outbox_.GiveBackAll(),
             {StatusCode::kCancelled, "client: closed by its owner"})();
}

void Connection::JoinReader(Deadline deadline) {
  const std::lock_guard join(join_mutex_);
  {
    Lock lock(mutex_);
    answered_.wait_until(lock, deadline, [this] { return reader_over_; });
    if (socket_ != nullptr) socket_->ShutDown();
  }
  if (reader_.joinable()) reader_.join();
}

// What is to be called, without a lock, for frames that are given back.
// `never_written`: what those are told that no broker can have accepted.
std::function<void()> Connection::Unaccepted(PublishLog::GivenBack given_back,
                                             Status never_written) {
  if (given_back.count == 0) return [] {};
  const uint64_t last_id = given_back.first_id + given_back.count - 1;
  auto maybe =
      outbox_.TakeCalls(given_back.first_id - 1 + given_back.maybe_accepted);
  auto never = outbox_.TakeCalls(last_id);
  if (options_.on_unaccepted == nullptr) {
    const Lock lock(mutex_);
    unreported_ += given_back.count;
  }
  return [this, given_back = std::move(given_back), maybe = std::move(maybe),
          never = std::move(never), never_written = std::move(never_written)] {
    const Status aborted = {
        StatusCode::kAborted,
        "publish: written to a broker that did not say that it accepted it"};
    for (const auto& on_accepted : maybe) on_accepted(aborted);
    for (const auto& on_accepted : never) on_accepted(never_written);
    if (options_.on_unaccepted == nullptr) return;
    std::vector<UnacceptedFrame> frames;
    const uint8_t* at = given_back.frames.data();
    while (frames.size() < given_back.count) {
      const FrameView frame{LoadHeader(at), at};
      frames.push_back({frame.header.type_id, frame.topic(), frame.payload(),
                        frames.size() < given_back.maybe_accepted});
      at += frame.frame_bytes();
    }
    options_.on_unaccepted(frames);
  };
}

}  // namespace mycelium::core
