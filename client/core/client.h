// What every client of Mycelium shares, whatever its language and its carrier:
// one interface, met by the in-process bus (bus.h) and by sockets (socket.h).
// C++20 standard library only, so that it can live inside any other program.
// C++ programs use client/cpp/mycelium.h instead.
//
// Threads: every function of Client and Subscription may be called from any
// thread, and from within callbacks.  Callbacks of one subscription never
// overlap, except direct in-process ones, which run on the threads that
// publish.
#ifndef MYCELIUM_CLIENT_CORE_CLIENT_H_
#define MYCELIUM_CLIENT_CORE_CLIENT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/history_rules.h"
#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::core {

// The numbers are absl's.
enum class StatusCode : int {
  kOk = 0,
  kCancelled = 1,  // the subscription or the client was closed meanwhile
  kUnknown = 2,
  kInvalidArgument = 3,     // an argument that can't be: url, type id, filter
  kDeadlineExceeded = 4,    // the deadline came first; nothing was done
  kNotFound = 5,            // a request that nobody answers
  kPermissionDenied = 7,    // the broker or the file system refuses this user
  kResourceExhausted = 8,   // a limit; the message names it
  kFailedPrecondition = 9,  // the broker refuses: version, schema
  kAborted = 10,  // whether it was done is not known: the broker has forgotten
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,  // no broker there, connection lost, or "would block"
};

// A code and, unless it is kOk, words in the form
// "subject: what was seen, what is allowed".
struct [[nodiscard]] Status {
  StatusCode code = StatusCode::kOk;
  std::string message;

  bool ok() const { return code == StatusCode::kOk; }
};

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
inline constexpr Deadline kNoDeadline = Deadline::max();

// A message as an object of the publisher's, which stands for its bytes.
struct Object {
  const void* type = nullptr;  // which C++ type: equal addresses, equal types
  const void* value = nullptr;
  // Owns `value`; empty: the publisher does, until its Publish returns.
  std::shared_ptr<const void> shared;
};

// What PublishObject takes: the object, and how it becomes bytes.
struct EncodableObject {
  Object object;
  size_t encoded_bytes = 0;
  // Writes exactly encoded_bytes.
  void (*encode)(const void* value, uint8_t* bytes) = nullptr;
};

// One received frame.  The views live until the callback returns or, when
// pulled, until the next call of Next.
struct Message {
  uint16_t type_id = 0;
  DataKind kind = DataKind::kPublish;
  std::string_view topic;
  std::span<const uint8_t> payload;
  uint64_t sequence = 0;  // the broker's count of this type: 1, 2, ...
  // Of a group: another member may have had it.
  bool redelivered = false;
  // In process, if the subscription's object_type is that of the published
  // object: in place of the payload, which is empty then.
  const Object* object = nullptr;
};

enum class GapReason : uint8_t {
  kUnspecified,
  kOverflow,         // the queue was full for longer than the policy allows
  kConflated,        // newer frames of the same type and topic took their place
  kReconnect,        // the connection was lost, and history does not have them
  kMemory,           // the broker's own bound was reached
  kDeadlock,         // lossless subscribers held each other back in a circle
  kMalformed = 100,  // the payload is not a message of the type; said by the
                     // client
};

// Frames that a subscription did not get, told before the next one that it
// does.
struct Gap {
  struct Range {
    uint16_t type_id = 0;  // 0: of which types is not known; no sequences then
    uint64_t frames = 0;   // how many of the range were for this subscription
    uint64_t first_sequence = 0;
    uint64_t last_sequence = 0;
  };
  GapReason reason = GapReason::kUnspecified;
  std::vector<Range> ranges;  // one for each type
  // Beyond what `ranges` count, more may be missing: the broker has forgotten
  // or was restarted, and nobody can say.
  bool unknown = false;

  uint64_t frames() const;
};

// What happens when a queue has been full for long enough.
enum class Overflow : uint8_t {
  kGap,         // the oldest frames are dropped and reported
  kConflate,    // of each type and topic the newest is kept; what it has folded
                // is reported.  No need to be full: whatever has to wait folds
  kDisconnect,  // the client is closed, kResourceExhausted
};

// What happens when a subscription's queue is full: its publishers are held for
// up to stall_ms_max (0: not at all, -1: without end), then `overflow`.  The
// default is BALANCED.
struct Policy {
  uint64_t queue_bytes_max = kQueueBytesMaxDefault;
  int64_t stall_ms_max = kStallMsMaxDefault;
  Overflow overflow = Overflow::kGap;

  // Holds its publishers for a second, then loses the oldest and says so.
  static constexpr Policy Balanced() { return {}; }
  // Loses nothing: whoever publishes what it takes waits for it.
  static constexpr Policy Lossless() { return {kQueueBytesMaxDefault, -1}; }
  // Never slows a publisher.
  static constexpr Policy Live() { return {kQueueBytesMaxDefault, 0}; }
  // The newest of each type and topic.
  static constexpr Policy Latest() {
    return {kQueueBytesMaxDefault, 0, Overflow::kConflate};
  }
  // Everything, or the end.
  static constexpr Policy Strict() {
    return {kQueueBytesMaxDefault, kStallMsMaxDefault, Overflow::kDisconnect};
  }

  bool operator==(const Policy&) const = default;
};

// Where a subscription begins, as far as the broker's configuration keeps a
// history of what it takes.
struct Start {
  enum class From : uint8_t {
    kNow,
    kLast,      // the newest `value` frames of each type and topic
    kSequence,  // with one type_id only: from this count on
    kTime,      // accepted at this time or later, ms since 1970 (UTC)
  };
  From from = From::kNow;
  uint64_t value = 0;

  static constexpr Start Now() { return {}; }
  static constexpr Start Last(uint32_t frames) { return {From::kLast, frames}; }
  static constexpr Start AtSequence(uint64_t sequence) {
    return {From::kSequence, sequence};
  }
  static constexpr Start AtTime(std::chrono::system_clock::time_point time) {
    return {From::kTime,
            static_cast<uint64_t>(
                std::chrono::duration_cast<std::chrono::milliseconds>(
                    time.time_since_epoch())
                    .count())};
  }
};

// kDirect: the callback runs where the frame arrives: on the publisher's thread
// in process, on the client's reading thread over a socket.  kQueued: on a
// thread of the subscription's own, behind a queue with the policy's bounds. In
// process a subscription with a start is always kQueued.
enum class Delivery : uint8_t { kDirect, kQueued };

struct SubscribeOptions {
  uint16_t type_id = 0;           // 0: all types
  std::string topic_filter = {};  // empty: every topic and none
  Policy policy = {};
  Delivery delivery = Delivery::kDirect;
  const void* object_type = nullptr;  // see Message::object; null: bytes only
  // Of the subscriptions with this name each frame goes to one; empty: none.
  // What a member has not done with when it leaves goes to another.
  std::string group = {};
  // Not with a group.  kInvalidArgument if no history keeps what it takes.
  Start start = {};
};

// Without on_message the subscription is pulled with Next.  Exceptions must not
// leave a callback.
struct Handler {
  std::function<void(const Message&)> on_message = {};
  std::function<void(const Gap&)> on_gap = {};  // may be empty
  // kQueued only, may be empty: called on the subscription's thread behind the
  // last of the callbacks that ran in a row, before it waits.  Not behind one
  // that has itself ended the subscription or its client.
  std::function<void()> on_batch_end = {};
};

using Item = std::variant<Message, Gap>;

// Held by the user; its client may end first.  Destruction unsubscribes.
class Subscription {
 public:
  virtual ~Subscription() = default;

  // The next frame or gap.  kDeadlineExceeded; kCancelled after Unsubscribe or
  // Close; kUnavailable once the connection is lost and the queue empty;
  // kFailedPrecondition if the subscription has a callback.  One thread at a
  // time.
  virtual Status Next(Deadline deadline, Item* item) = 0;

  // When it returns, no callback of this subscription runs and none will;
  // called from within that callback, none will after it.  Idempotent.
  virtual void Unsubscribe() = 0;
};

// A request as its responder has it.  Answered once, from any thread, now or
// later; destroyed without an answer it fails the request with kInternal.
class Respondent {
 public:
  virtual ~Respondent() = default;

  // kUnavailable: the connection is lost, and the requester has been told.
  virtual Status Reply(uint16_t type_id, std::span<const uint8_t> payload) = 0;
  // `error` is not kOk.
  virtual Status Fail(const Status& error) = 0;
  // Nobody waits for the answer any more.
  virtual bool cancelled() const = 0;
};

// The Message (of kind kRequest) lives until the callback returns.
using RequestHandler =
    std::function<void(const Message& request, std::unique_ptr<Respondent>)>;

// `reply` is null unless the status is kOk, and lives until the callback
// returns.  kNotFound: nobody answers this type and topic.  kUnavailable: the
// responder or the connection was lost; it may have been carried out.
// kResourceExhausted: all responders are busy.  kDeadlineExceeded, kCancelled.
// Any other: what the responder said.
using ReplyHandler = std::function<void(const Status&, const Message* reply)>;

struct RequestOptions {
  std::string_view topic = {};
  Deadline deadline = kNoDeadline;
  // The call returns only after on_reply, which it calls itself.  Within
  // callbacks, too; but a responder of the same client whose turn it is then
  // does not answer before the callback has returned.
  bool wait = false;
};

enum class State : uint8_t {
  kConnecting,  // while Connect runs
  kConnected,
  kStalled,       // the broker holds back a type that this client publishes
  kReconnecting,  // the connection is lost; the Status says why
  kClosed,        // final; the Status says why
};

// A frame that Publish took and no broker is known to have accepted.
struct UnacceptedFrame {
  uint16_t type_id = 0;
  std::string_view topic;
  std::span<const uint8_t> payload;
  // It was written to a broker that has forgotten this client or was restarted:
  // it may have been accepted, and is not sent again.
  bool maybe_accepted = false;
};

// What a client has seen so far.
struct ClientCounters {
  uint64_t frames_published = 0;  // taken by Publish
  uint64_t frames_accepted = 0;
  uint64_t frames_resent = 0;
  uint64_t frames_unaccepted = 0;  // given back
  uint64_t frames_received = 0;    // given to subscriptions
  uint64_t frames_missed = 0;      // told in gaps
  uint64_t gaps = 0;
  uint64_t reconnects = 0;
  uint64_t replies_late = 0;  // after the deadline or Cancel
};

// What a client tells about its message types when it connects; generated code
// has it.
struct EncodedSchema {
  std::string digest;          // 32 bytes; empty: raw bytes, no schema
  std::string descriptor_set;  // google.protobuf.FileDescriptorSet
};

struct ClientOptions {
  // A broker that does not know it yet asks for the descriptor set; one that
  // others could not talk to is refused with kFailedPrecondition and a line for
  // each field that does not fit (proto/SCHEMA.md).
  EncodedSchema schema = {};
  // For status and logs; empty: the program's name.
  std::string name = {};
  std::chrono::milliseconds connect_timeout{kConnectTimeoutMsDefault};
  // Frames taken by Publish and not yet accepted by the broker, which are kept
  // to be sent again; beyond it Publish waits.
  uint64_t publish_bytes_max = kPublishBytesMaxDefault;
  // Called on the client's reading thread at each change.
  std::function<void(State, const Status&)> on_state = {};
  // Whether a lost connection is made again: after a random time of up to
  // reconnect_min, which doubles with each attempt up to reconnect_max
  // (full jitter).  0: what the broker said.
  bool reconnect = true;
  std::chrono::milliseconds reconnect_min{0};
  std::chrono::milliseconds reconnect_max{0};
  // Gets back what was not accepted: when a new broker or one that has
  // forgotten this client is reached, when the resume window passes without a
  // connection, and when the client closes.  On the reading thread, or the one
  // that closes.  Without it the next Flush says how many they were (kAborted).
  std::function<void(std::span<const UnacceptedFrame>)> on_unaccepted = {};
  // 16 random bytes that name this client across its connections; empty: the
  // client makes them up.
  std::string instance_id = {};
  // In process: what the bus that this client makes keeps for later
  // subscriptions.
  std::vector<HistoryRule> history = {};
};

// What the broker said in WELCOME; of a bus, its own.
struct BrokerInfo {
  std::string name;
  std::string version;
  uint64_t epoch = 0;
  uint32_t session_id = 0;
  uint32_t frame_bytes_max = kFrameBytesMaxDefault;
};

class Client {
 public:
  // `url`: unix:/path, tcp://host:port, inproc: (a private bus), inproc:NAME
  // (shared by all clients of this process that name it); empty: $MYCELIUM_URL,
  // or the default socket (config/default_socket.h).  On failure the message
  // says what was tried and, for an absent broker, how to start one.
  static Status Connect(std::string_view url, const ClientOptions& options,
                        std::unique_ptr<Client>* client);

  // Closes.  Must not run within one of its own callbacks.
  virtual ~Client() = default;

  // kOk: queued, in the order of the calls of each thread.  Waits while the
  // type is held or the outbox full, until `deadline`.  type_id 1..65535; a
  // topic, if any, as ValidTopic has it; topic + payload at most
  // frame_bytes_max.
  virtual Status Publish(uint16_t type_id, std::string_view topic,
                         std::span<const uint8_t> payload,
                         Deadline deadline) = 0;

  // As Publish, but kUnavailable "publish: would block, ..." instead of
  // waiting.
  virtual Status TryPublish(uint16_t type_id, std::string_view topic,
                            std::span<const uint8_t> payload) = 0;

  // As Publish.  In process the object itself goes to those that take its type:
  // to direct subscriptions as it is, to queued and pulled ones if it is
  // shared.  It becomes bytes for all others, once, and only if there are any.
  virtual Status PublishObject(uint16_t type_id, std::string_view topic,
                               const EncodableObject& object,
                               Deadline deadline) = 0;

  // As Publish, and on_accepted is called once with kOk when the broker has
  // accepted the frame; kAborted: it may have (see on_unaccepted); kCancelled,
  // kUnavailable: it has not.  On the reading thread, or within the call; not
  // called if the call fails.
  virtual Status PublishAcked(
      uint16_t type_id, std::string_view topic,
      std::span<const uint8_t> payload, Deadline deadline,
      std::function<void(const Status&)> on_accepted) = 0;

  // kOk: everything published before this call has been accepted by the broker.
  // In process: every queue has it.  Waits for a connection if there is none.
  virtual Status Flush(Deadline deadline) = 0;

  // When it returns kOk the route is live: what anyone publishes afterwards
  // arrives.
  virtual Status Subscribe(const SubscribeOptions& options, Handler handler,
                           std::shared_ptr<Subscription>* subscription) = 0;

  // Asks one of those that respond to this type and topic, the least busy
  // first.  on_reply is called once, from the reading thread or within the
  // call; not if the call fails.  *call is for Cancel; may be null.
  virtual Status Request(uint16_t type_id, std::span<const uint8_t> payload,
                         const RequestOptions& options, ReplyHandler on_reply,
                         uint64_t* call) = 0;
  // on_reply gets kCancelled, unless it has been called already.
  virtual void Cancel(uint64_t call) = 0;
  // Answers requests.  options.start is not for this; of its policy,
  // queue_bytes_max is.  Several responders share the requests.
  virtual Status Respond(const SubscribeOptions& options,
                         RequestHandler handler,
                         std::shared_ptr<Subscription>* subscription) = 0;

  // A round trip through the broker.
  virtual Status Ping(Deadline deadline) = 0;

  // mycelium.AdminRequest in, mycelium.AdminReply out, both encoded.
  virtual Status Admin(std::span<const uint8_t> request, Deadline deadline,
                       std::string* reply) = 0;

  // Writes what was published, says goodbye, ends all subscriptions.  When it
  // returns no callback runs and none will, except the one it was called from.
  // Idempotent.
  virtual void Close() = 0;

  // Of the present or the last connection.
  virtual BrokerInfo broker() const = 0;
  virtual ClientCounters counters() const = 0;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_CLIENT_H_
