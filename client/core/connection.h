// What a socket client is made of: the reading thread, the requests that wait
// for an answer, the subscriptions; in front of it the outbox.
//
// The reading thread runs direct callbacks, one batch after the other.  Within
// a callback it may itself have to wait for something that the broker will say
// (an answer, a RELEASE): then it reads on, does what control frames ask for,
// and keeps data frames and gaps in order until the callback has returned.
//
// A connection that is lost is made again (redial.h), by whatever the reading
// thread does just then; subscriptions follow once what had come of the old one
// has been given to them.
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
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "client/core/backoff.h"
#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/dial.h"
#include "client/core/input_buffer.h"
#include "client/core/outbox.h"
#include "client/core/owned_socket.h"
#include "client/core/redial.h"
#include "client/core/requests.h"
#include "client/core/responses.h"
#include "client/core/session.h"
#include "client/core/subscriber.h"
#include "client/core/subscriber_table.h"
#include "client/core/waker.h"

namespace mycelium::core {

class Connection {
 public:
  // `options` with an instance_id.
  Connection(StreamAddress address, ClientOptions options, Opened opened);
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
  Status PublishAcked(uint16_t type_id, std::string_view topic,
                      std::span<const uint8_t> payload, Deadline deadline,
                      Outbox::OnAccepted on_accepted);
  Status Flush(Deadline deadline);
  Status Ping(Deadline deadline);
  Status Admin(std::span<const uint8_t> request, Deadline deadline,
               std::string* reply);
  Status Subscribe(const SubscribeOptions& options, Handler handler,
                   std::shared_ptr<Subscriber>* subscriber);
  Status Request(uint16_t type_id, std::span<const uint8_t> payload,
                 const RequestOptions& options, ReplyHandler on_reply,
                 uint64_t* call);
  void Cancel(uint64_t call);
  Status Respond(const SubscribeOptions& options, RequestHandler on_request,
                 std::shared_ptr<Subscriber>* subscriber);
  void Unsubscribe(Subscriber* subscriber);
  Status Next(Subscriber* subscriber, Deadline deadline, Item* item);
  void Close();
  BrokerInfo broker() const;
  ClientCounters counters() const;

 private:
  using Lock = std::unique_lock<std::mutex>;

  struct Answer {
    bool done = false;
    Status status;
    std::string body;
    // Whether it is asked for again on another connection, and how.
    bool survives = false;
    Bytes again;
    uint32_t subscription_id = 0;  // of SUBSCRIBE
    uint64_t publish_id = 0;       // of FLUSH: of the last PUBLISH before it
  };
  // What came while a callback ran.
  struct DeferredRun {
    Bytes frames;
    uint32_t addressee;
  };
  using Deferred = std::variant<DeferredRun, GapBody, std::function<void()>>;
  class WaitingForReader;

  // --- Any thread ---
  Status Ask(std::string_view subject, Deadline deadline, Answer* answer,
             const std::function<Bytes(uint64_t)>& encode);
  Status AwaitAnswer(std::string_view subject, uint64_t id, Answer* answer,
                     Deadline deadline);
  Status PublishAnyhow(uint16_t type_id, std::string_view topic,
                       std::span<const uint8_t> payload,
                       Outbox::OnAccepted* on_accepted, Deadline deadline);
  Status AwaitRoom(uint16_t type_id, uint64_t frame_bytes, Deadline deadline);
  void AwaitReply(uint64_t call, const Requests::Waiting& waiting,
                  Deadline deadline);
  Status AddSubscriber(const SubscribeOptions& options, Handler handler,
                       bool responder, std::shared_ptr<Subscriber>* subscriber);
  void TellUnsubscribed(Subscriber* subscriber, uint64_t connection_number);
  Status SetEnded(const Status& why);
  void FailAnswers();
  void WakeStuckReader();
  bool OnReadingThread() const { return read_by_this_thread_ == this; }
  bool OnAnyOwnThread() const {
    return OnReadingThread() || Subscriber::ThisThreadOwner() == this;
  }
  void AwaitQuiet(Subscriber* subscriber);
  void JoinQueueThread(Subscriber* subscriber);
  void JoinEndedThreads(bool all);
  void SayGoodbye(Deadline deadline);
  void JoinReader(Deadline deadline);
  std::function<void()> Unaccepted(PublishLog::GivenBack given_back,
                                   Status never_written);

  // --- The reading thread ---
  void RunReader();
  void Receive(int timeout_ms);
  void HandleInput();
  void HandleLater();
  void TellState();
  Status ReadOn(std::string_view subject, Deadline deadline, int poll_ms_max,
                const std::function<bool()>& done);
  bool AwaitInput(int timeout_ms);
  void Dispatch(const FrameRun& run, uint32_t addressee);
  void Deliver(const FrameRun& run, bool addressed, Subscriber* subscriber);
  void DispatchGap(const GapBody& gap);
  void Activate(const SubscribedBody& body, uint64_t connection_number,
                const BrokerInfo& broker, bool resumed);
  void OnReplies(const FrameRun& run);
  void ExpireRequests();
  void SendDueAcks();
  void CallBack(const std::function<void()>& callback);
  // Whether a callback may run: none does.
  bool MayCallBack() const { return !in_callback_ || stuck_; }
  void AwaitQueue(FrameQueue* queue);
  void Complete(uint64_t request_id, Status status, std::string body);
  void CallBackLater(std::function<void()> callback);
  void Settled(std::vector<Outbox::OnAccepted> calls);

  // reconnecting.cc
  void Lost(const Status& why, bool is_final, int64_t retry_after_ms);
  void Disconnect(const Status& why);
  void GiveUpSocket();
  void AwaitConnection(int timeout_ms);
  void Reconnected(Opened opened);
  std::vector<Bytes> TakeUpAnswers();
  Bytes SubscribeAgain();
  void AddedSubscription(uint64_t request_id, const SubscribedBody& body);
  void RefusedSubscription(uint32_t id, const Status& why);
  void UpdateState();
  void HeardBroker();
  void Beat();

  void On(const FrameRun& run);
  void On(const GapBody& gap);
  void On(const Session::Subscribed& subscribed);
  void On(const Session::Flushed& flushed);
  void On(const Session::Ping& ping);
  void On(const Session::Pong& pong);
  void On(const Session::AdminReply& reply);
  void On(const HoldBody& hold);
  void On(const ReleaseBody& release);
  void On(const AckBody& ack);
  void On(const Session::Cancel& cancel);
  void On(const AddresseeBody& addressee);
  void On(const CloseBody& close);
  void On(const Session::ProtocolError& error);
  // Nothing waits for these.
  void On(const Session::NeedMore&) {}
  void On(const WelcomeBody&) {}
  void On(const SchemaBody&) {}
  void On(const UnsubscribedBody&) {}

  const StreamAddress address_;
  const ClientOptions options_;
  std::atomic<uint32_t> frame_bytes_max_;
  Outbox outbox_;
  Requests requests_{&outbox_};
  const std::shared_ptr<Responses> responses_;
  const Waker waker_;  // of the reading thread
  Received received_;
  SubscriberTable subscribers_;

  // Guards what follows, up to join_mutex_.
  mutable std::mutex mutex_;
  // Of the connection; the reading thread alone changes them.
  std::shared_ptr<const OwnedSocket> socket_;  // null: lost
  WelcomeBody welcome_;
  uint64_t connection_number_ = 0;
  Status lost_;                     // not kOk: there is none, and why
  std::unique_ptr<Redial> redial_;  // null: there is one, or none again
  // The connection on which the broker knows it, by subscription; 0: on none
  // yet.
  std::unordered_map<uint32_t, uint64_t> subscribed_on_;
  uint64_t reconnects_ = 0;
  uint64_t unreported_ = 0;  // frames given back that nobody has heard of
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
  // Not the thread's id, which another thread may have once it has ended.
  static inline constinit thread_local const Connection* read_by_this_thread_ =
      nullptr;

  // The reading thread's.
  Session session_;
  InputBuffer input_;
  uint64_t needed_bytes_ = 0;  // of the frame that the input begins with
  bool over_ = false;          // nothing more is read
  bool connected_ = false;
  Backoff backoff_;
  Deadline window_end_ = kNoDeadline;  // of resuming, while there is none
  // SUBSCRIBEs of this connection without an answer, and their subscriptions.
  std::map<uint64_t, uint32_t> resubscribing_;
  bool resubscribes_later_ = false;
  Status lost_reason_;
  Status hold_reason_;  // not kOk: stalled
  Deadline next_beat_{};
  bool pinged_ = false;                  // nothing has come since
  bool streaming_ = false;               // the last read brought much
  uint32_t addressee_ = 0;               // of the data frames that come
  std::vector<uint32_t> due_acks_;       // subscriptions, of this batch
  std::vector<Requests::Ended> failed_;  // to be finished
  bool in_callback_ = false;             // or a queue is full
  bool stuck_ = false;                   // only that
  bool published_in_callback_ = false;
  std::deque<Deferred> deferred_;
  uint64_t deferred_bytes_ = 0;
  State state_ = State::kConnected;
  State told_state_ = State::kConnected;
  Status state_reason_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_CONNECTION_H_
