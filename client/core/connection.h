// What a socket client is made of: the reading thread, the requests that wait
// for an answer, the subscriptions; in front of it the outbox.
//
// The reading thread runs direct callbacks, one batch after the other.  Within
// a callback it may itself have to wait for something that the broker will say
// (an answer, a RELEASE): then it reads on, does what control frames ask for,
// and keeps data frames and gaps in order until the callback has returned.
//
// Thread-safe but for what is marked as the reading thread's.  Owners: the
// client and the handles of its subscriptions.
#ifndef MYCELIUM_CLIENT_CORE_CONNECTION_H_
#define MYCELIUM_CLIENT_CORE_CONNECTION_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/input_buffer.h"
#include "client/core/outbox.h"
#include "client/core/session.h"
#include "client/core/subscriber.h"
#include "client/core/subscriber_table.h"

namespace mycelium::core {

class Connection {
 public:
  // What Dial and Greet have brought.
  struct Opened {
    int socket = -1;  // from now on the connection's
    std::string url;
    Session session;
    InputBuffer input;
    WelcomeBody welcome;
  };

  Connection(Opened opened, const ClientOptions& options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();  // REQUIRES: Close from a thread that is not its own

  // The reading thread.  False: the system has no thread to give.
  bool Start();

  // As in Client.
  Status TryPublish(uint16_t type_id, std::string_view topic,
                    std::span<const uint8_t> payload);
  Status Publish(uint16_t type_id, std::string_view topic,
                 std::span<const uint8_t> payload, Deadline deadline);
  Status Flush(Deadline deadline);
  Status Ping(Deadline deadline);
  Status Admin(std::span<const uint8_t> request, Deadline deadline,
               std::string* reply);
  Status Subscribe(const SubscribeOptions& options, Handler handler,
                   std::shared_ptr<Subscriber>* subscriber);
  void Unsubscribe(Subscriber* subscriber);
  Status Next(Subscriber* subscriber, Deadline deadline, Item* item);
  void Close();
  const BrokerInfo& broker() const { return welcome_.broker; }

 private:
  using Lock = std::unique_lock<std::mutex>;

  // Closes the descriptor last of all.
  struct Socket {
    const int descriptor;
    ~Socket();
  };
  struct Answer {
    bool done = false;
    Status status;
    std::string body;
  };
  // What came while a callback ran: a run of frames, or a gap.
  struct Deferred {
    Bytes frames;
    std::optional<GapBody> gap;
  };
  class WaitingForReader;

  // --- Any thread ---
  Status Request(std::string_view subject, Deadline deadline, Answer* answer,
                 const std::function<Bytes(uint64_t)>& encode);
  Status AwaitAnswer(std::string_view subject, uint64_t id, Answer* answer,
                     Deadline deadline);
  Status AwaitRoom(uint16_t type_id, uint64_t frame_bytes, Deadline deadline);
  Status SetEnded(const Status& why);
  void FailAnswers();
  void WakeStuckReader();
  bool OnReadingThread() const {
    return reading_thread_.load() == std::this_thread::get_id();
  }
  bool OnAnyOwnThread() const {
    return OnReadingThread() || Subscriber::ThisThreadOwner() == this;
  }
  void AwaitQuiet(Subscriber* subscriber);
  void JoinQueueThread(Subscriber* subscriber);
  void JoinEndedThreads(bool all);
  void SayGoodbye();
  void JoinReader();

  // --- The reading thread ---
  void RunReader();
  void Receive(int timeout_ms);
  void HandleInput();
  void HandleLater();
  void TellState();
  Status ReadOn(std::string_view subject, Deadline deadline, int poll_ms_max,
                const std::function<bool()>& done);
  void Dispatch(const FrameRun& run);
  void DispatchGap(const GapBody& gap);
  void AwaitQueue(FrameQueue* queue);
  void Complete(uint64_t request_id, Status status, std::string body);
  void Lost(const std::string& why);

  void On(const FrameRun& run);
  void On(const GapBody& gap);
  void On(const Session::Subscribed& subscribed);
  void On(const Session::Flushed& flushed);
  void On(const Session::Ping& ping);
  void On(const Session::Pong& pong);
  void On(const Session::AdminReply& reply);
  void On(const HoldBody& hold);
  void On(const ReleaseBody& release);
  void On(const CloseBody& close);
  void On(const Session::ProtocolError& error);
  // Nothing waits for these.
  void On(const Session::NeedMore&) {}
  void On(const WelcomeBody&) {}
  void On(const SchemaBody&) {}
  void On(const UnsubscribedBody&) {}
  void On(const AckBody&) {}

  const Socket socket_;
  const std::string url_;
  const WelcomeBody welcome_;
  const std::function<void(State, const Status&)> on_state_;
  Outbox outbox_;
  SubscriberTable subscribers_;

  // Guards what follows, up to join_mutex_.
  std::mutex mutex_;
  std::condition_variable answered_;  // also: the reading thread has ended
  std::unordered_map<uint64_t, Answer*> answers_;  // by request
  uint64_t last_request_id_ = 0;
  uint32_t last_subscription_id_ = 0;
  Status ended_;  // not kOk: lost or closed, and why
  bool closing_ = false;
  bool reader_over_ = false;
  uint32_t waiting_ = 0;  // threads that need the reading thread to read
  FrameQueue* stuck_queue_ = nullptr;       // that the reading thread waits for
  std::atomic<bool> reader_wanted_{false};  // it shall read meanwhile
  // That unsubscribed themselves.
  std::vector<std::pair<std::shared_ptr<Subscriber>, std::thread>>
      ended_threads_;
  std::mutex join_mutex_;
  std::thread reader_;  // guarded by join_mutex_
  std::atomic<std::thread::id> reading_thread_{};

  // The reading thread's.
  Session session_;
  InputBuffer input_;
  uint64_t needed_bytes_ = 0;  // of the frame that the input begins with
  bool over_ = false;          // nothing more is read
  bool in_callback_ = false;
  bool published_in_callback_ = false;
  std::deque<Deferred> deferred_;
  uint64_t deferred_bytes_ = 0;
  State state_ = State::kConnected;
  State told_state_ = State::kConnected;
  Status state_reason_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_CONNECTION_H_
