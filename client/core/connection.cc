#include "client/core/connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
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

uint64_t OutboxBytesMax(const ClientOptions& options,
                        const WelcomeBody& welcome) {
  if (welcome.publish_bytes_max == 0) return options.publish_bytes_max;
  return std::min(options.publish_bytes_max, welcome.publish_bytes_max);
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

Connection::Socket::~Socket() { close(descriptor); }

Connection::Connection(Opened opened, const ClientOptions& options)
    : socket_{opened.socket},
      url_(std::move(opened.url)),
      welcome_(std::move(opened.welcome)),
      on_state_(options.on_state),
      outbox_(opened.socket, OutboxBytesMax(options, welcome_)),
      session_(std::move(opened.session)),
      input_(std::move(opened.input)) {}

Connection::~Connection() { shutdown(socket_.descriptor, SHUT_RDWR); }

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
  return Publish(type_id, topic, payload, kNoWait);
}

Status Connection::Publish(uint16_t type_id, std::string_view topic,
                           std::span<const uint8_t> payload,
                           Deadline deadline) {
  Status status = CheckPublish(type_id, topic, payload.size(),
                               welcome_.broker.frame_bytes_max);
  if (OnReadingThread()) published_in_callback_ = true;
  while (status.ok()) {
    bool would_block = false;
    status = outbox_.TryPublish(type_id, topic, payload, &would_block);
    if (!would_block || deadline == kNoWait) break;
    status = AwaitRoom(type_id, kHeaderBytes + topic.size() + payload.size(),
                       deadline);
  }
  return status;
}

Status Connection::AwaitRoom(uint16_t type_id, uint64_t frame_bytes,
                             Deadline deadline) {
  if (OnReadingThread()) {
    // The outbox's thread may make room, or what is read may say RELEASE.
    return ReadOn("publish", deadline, /*poll_ms_max=*/1, [&] {
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

Status Connection::Request(std::string_view subject, Deadline deadline,
                           Answer* answer,
                           const std::function<Bytes(uint64_t)>& encode) {
  uint64_t id;
  {
    const Lock lock(mutex_);
    if (!ended_.ok()) return ended_;
    id = ++last_request_id_;
    answers_[id] = answer;
  }
  outbox_.Append(encode(id));
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
  return Request("flush", deadline, &answer, [](uint64_t id) {
    return EncodeEmpty(ControlKind::kFlush, id);
  });
}

Status Connection::Ping(Deadline deadline) {
  Answer answer;
  return Request("ping", deadline, &answer, [](uint64_t id) {
    return EncodeEmpty(ControlKind::kPing, id);
  });
}

Status Connection::Admin(std::span<const uint8_t> request, Deadline deadline,
                         std::string* reply) {
  Answer answer;
  const Status status =
      Request("admin", deadline, &answer,
              [request](uint64_t id) { return EncodeAdmin(id, request); });
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
  Status status = CheckSubscribe(options);
  if (!status.ok()) return status;
  JoinEndedThreads(/*all=*/false);
  uint32_t id;
  {
    const Lock lock(mutex_);
    id = ++last_subscription_id_;
  }
  auto fresh = std::make_shared<Subscriber>(id, options, std::move(handler));
  try {
    fresh->StartThread(fresh, this);
  } catch (const std::system_error& error) {
    return {StatusCode::kResourceExhausted,
            std::string("subscribe: no thread, ") + error.what()};
  }
  // Before the broker knows it: the first frames may come with SUBSCRIBED.
  subscribers_.Add(fresh);
  Answer answer;
  status = Request("subscribe", kNoDeadline, &answer, [&](uint64_t request) {
    return EncodeSubscribe(request, id, options);
  });
  if (!status.ok()) {
    fresh->End(/*keep_queued=*/false, status);
    subscribers_.Remove(id);
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
  if (const auto removed = subscribers_.Remove(subscriber->id())) {
    uint64_t id = 0;
    {
      const Lock lock(mutex_);
      if (ended_.ok()) id = ++last_request_id_;
      if (subscriber->OnOwnThread()) {
        ended_threads_.emplace_back(removed, subscriber->TakeThread());
      }
    }
    if (id != 0) outbox_.Append(EncodeUnsubscribe(id, subscriber->id()));
  }
  if (subscriber->OnOwnThread()) return;
  AwaitQuiet(subscriber);
  JoinQueueThread(subscriber);
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
  bool first;
  {
    const Lock lock(mutex_);
    first = !std::exchange(closing_, true);
  }
  if (first) SayGoodbye();
  const bool on_reading_thread = OnReadingThread();
  for (const auto& each : subscribers) each->AwaitQuiet(on_reading_thread);
  if (OnAnyOwnThread()) return;
  JoinReader();
  for (const auto& each : subscribers) JoinQueueThread(each.get());
  JoinEndedThreads(/*all=*/true);
}

// On a lost connection it does nothing.
void Connection::SayGoodbye() {
  outbox_.Append(EncodeClose(CloseCode::kGoingAway, {}));
  outbox_.Drain(Clock::now() + kGoodbyeMax);
  // Reading goes on until the broker has closed: whoever closes a TCP socket
  // with unread bytes takes back what was sent.
  shutdown(socket_.descriptor, SHUT_WR);
}

void Connection::JoinReader() {
  const std::lock_guard join(join_mutex_);
  {
    Lock lock(mutex_);
    answered_.wait_for(lock, kGoodbyeMax, [this] { return reader_over_; });
  }
  shutdown(socket_.descriptor, SHUT_RDWR);
  if (reader_.joinable()) reader_.join();
}

}  // namespace mycelium::core
