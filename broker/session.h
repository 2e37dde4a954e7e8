// One peer's connection, from HELLO to close: splits what it sends into frames,
// answers its control frames, hands its data to the router.  Pure: bytes and
// the time come in, bytes go to the outbox.  Not thread-safe: belongs to one
// Broker, which makes and ends it.
#ifndef MYCELIUM_BROKER_SESSION_H_
#define MYCELIUM_BROKER_SESSION_H_

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "broker/counters.h"
#include "broker/inbox.h"
#include "broker/instances.h"
#include "broker/requests.h"
#include "broker/router.h"
#include "broker/schema_registry.h"
#include "broker/tap.h"
#include "config/broker_limits.h"
#include "config/schema_rules.h"
#include "proto/handshake.h"
#include "proto/mycelium/admin.pb.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

// Who is at the other end.
struct Peer {
  std::string text;  // "unix:uid=1000,pid=4711" or "tcp:127.0.0.1:40112"
  std::string
      principal;  // "uid 1000" or "address 127.0.0.1": what limits count by
  bool is_local = false;             // a Unix socket
  std::optional<uint32_t> uid = {};  // on a Unix socket, as the kernel says
  std::string address = {};          // on TCP, numeric
};

class Session;

// What all sessions of a broker share.
struct SessionContext {
  BrokerLimits limits;
  SchemaRules schema_rules;
  uint64_t descriptors_left = 0;  // at the last Accept
  SchemaRegistry schemas;
  std::string broker_name;
  std::string broker_version;
  uint64_t epoch = 0;
  int64_t now_ms = 0;          // of this turn
  int64_t unix_offset_ms = 0;  // what it is behind the time since 1970
  TrafficCounters counters;
  Counters metrics;
  // When frames were read whose writing is complete (Outbox::Probe); their
  // bridge knows the time.
  std::vector<uint64_t> probes_written;
  BlockPool pool;
  ReadArea read_area{&pool};
  Router router{&counters, &metrics, &pool};
  Requests requests{&counters, &pool, &router};
  Instances instances{&router, &schemas, &pool};
  // Sessions (by id) that are owed an ACK, and when; in order.
  std::deque<std::pair<int64_t, uint32_t>> acks_due;
  std::function<void(Session*, const wire::AdminRequest&, wire::AdminReply*)>
      answer_admin;
  Taps taps;
  int64_t SteadyMs(uint64_t unix_ms) const {
    return static_cast<int64_t>(std::min<uint64_t>(unix_ms, INT64_MAX / 2)) -
           unix_offset_ms;
  }

  // Sessions (by id) whose deadline came closer.
  std::vector<uint32_t> rescheduled;
};

// What is said of HELLO where schema.required is set.
inline constexpr char kSchemaRequired[] =
    "HELLO named no schema, and schema.required is true";

class Session final : public Port {
 public:
  Session(SessionContext* context, uint32_t session_id, Peer peer,
          int64_t now_ms);
  ~Session();

  // What a bridge does with a connection that is readable: read to
  // ReadBuffer(), then Received().
  std::span<uint8_t> ReadBuffer() { return inbox_.Prepare(); }
  void Received(size_t bytes, int64_t now_ms);
  // Whether the bridge shall read now.
  bool wants_read() const { return !read_paused && !memory_paused; }

  // `bytes` of what outbox.Gather gave have been written.
  void Written(uint64_t bytes);
  // Nothing more will be written: the bridge shuts its side down, then closes
  // when the peer has done the same, or at the deadline.
  bool finished() const {
    return state_ == SessionState::kClosed && outbox.empty();
  }

  // Ends the session with CLOSE; `reason` is also logged.
  void Fail(wire::Code code, const std::string& reason, int64_t now_ms);
  // Takes nothing more, writes what is queued, then CLOSE(GOING_AWAY).
  void GoAway(const std::string& reason, int64_t now_ms);

  // What is due at `now_ms`: timeouts, PING.  The time to call it again.
  int64_t OnTime(int64_t now_ms);
  // The time is over for a closing session: the bridge closes it as it is.
  bool expired(int64_t now_ms) const {
    return state_ == SessionState::kClosed && now_ms >= close_ms_;
  }

  const Peer& peer() const { return peer_; }
  SessionState state() const { return state_; }
  size_t subscriptions() const { return subscriptions_.size(); }
  bool holds_partial_frame() const { return inbox_.holds_partial_frame(); }
  void FillStatus(wire::SessionStatus* status, int64_t now_ms) const;
  std::string Describe() const;  // "session 12 (name, peer)"

  // The time of an entry in SessionContext::acks_due has come.
  void AckDue();
  // Its instance is now that of another session.
  void TakenOver(uint32_t by_session_id, int64_t now_ms);

  // Nothing more will come from the peer.
  void EndOfInput(int64_t now_ms);

  bool memory_paused = false;        // the broker's own bound is reached
  bool refused = false;              // lives only to be told to go
  int64_t scheduled_ms = INT64_MAX;  // when the broker calls OnTime next
  void* connection = nullptr;        // the bridge's

 private:
  uint32_t BodyBytesMax() const;
  bool NextFrame(Inbox::Bytes* bytes, uint64_t* frame_bytes, int64_t now_ms);
  bool CheckGreeting(const FrameHeader& header, FrameStatus status,
                     int64_t now_ms);
  uint32_t PublishRun(const Inbox::Bytes& bytes, const FrameView& first,
                      int64_t now_ms);
  uint32_t AskOrAnswer(const Inbox::Bytes& bytes, const FrameView& frame,
                       int64_t now_ms);
  void OnAck(const FrameView& frame, int64_t now_ms);
  void OnControl(const FrameView& frame, int64_t now_ms);
  void OnHello(const FrameView& frame, int64_t now_ms);
  void OnSchema(const FrameView& frame, int64_t now_ms);
  void Open(int64_t now_ms);
  void ClaimInstance(int64_t now_ms);
  void LeaveInstance();
  void OnSubscribe(const FrameView& frame, int64_t now_ms);
  Ref<Subscription> MakeSubscription(const wire::Subscribe& request);
  uint64_t FindHistory(const History::Query& query, Subscription* subscription,
                       std::vector<Slice>* found) const;
  void Replay(const Ref<Subscription>& subscription, wire::Gap* gap,
              const std::vector<Slice>& found);
  void StartFrom(const Ref<Subscription>& subscription,
                 const wire::Start& start);
  void Resume(const Ref<Subscription>& subscription, const wire::Resume& resume,
              const Ref<Subscription>& kept);
  void TellForgotten(const Subscription& subscription,
                     const std::function<uint64_t(uint16_t)>& seen_of,
                     uint64_t found_frames, wire::Gap* gap) const;
  void OnUnsubscribe(const FrameView& frame, int64_t now_ms);
  void OnAdmin(const FrameView& frame, int64_t now_ms);
  void ShowToTaps(const Slice& frames, int64_t now_ms);
  // Must neither publish nor subscribe.
  bool LacksSchema() const {
    return context_->schema_rules.required && schema_ == nullptr;
  }
  template <typename Body>
  bool Parse(const FrameView& frame, Body* body, int64_t now_ms);
  void Send(ControlKind kind, uint64_t id, std::string_view body);
  void EndSubscription(const Ref<Subscription>& subscription);
  void EndSubscriptions();
  void ReleaseSchema();
  void StopTaking(int64_t now_ms, int64_t timeout_ms);
  void OweAck(int64_t now_ms);
  void AckNow();

  SessionContext* const context_;
  const Peer peer_;
  Inbox inbox_;
  absl::btree_map<uint32_t, Ref<Subscription>> subscriptions_;
  SessionState state_ = SessionState::kGreeting;
  bool ping_sent_ = false;
  uint32_t frame_bytes_max_ = 0;  // as WELCOME told it
  uint64_t last_publish_id_ = 0;
  // Of a resumed instance: up to here a PUBLISH has been accepted before.
  uint64_t duplicates_through_ = 0;
  // What the client was told last, and what was accepted since.
  uint64_t acked_id_ = 0;
  uint64_t unacked_bytes_ = 0;
  bool owes_ack_ = false;  // an entry in acks_due is for it
  bool resumed_ = false;
  // As HELLO said, until it is open.
  std::string instance_id_;
  uint64_t last_epoch_ = 0;
  uint32_t last_session_id_ = 0;
  Instance* instance_ = nullptr;
  int64_t opened_ms_;
  int64_t last_received_ms_;
  int64_t close_ms_ = 0;
  const KnownSchema* schema_ = nullptr;  // held; null: raw bytes
  Digest asked_digest_{};                // in kSchemaAsked
};

template <typename Body>
bool Session::Parse(const FrameView& frame, Body* body, int64_t now_ms) {
  const auto payload = frame.payload();
  if (body->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return true;
  }
  Fail(wire::CODE_PROTOCOL,
       std::string(KindName(0, frame.header.kind)) + ": body of " +
           std::to_string(payload.size()) + " bytes is not a " +
           Body::descriptor()->name() + " message",
       now_ms);
  return false;
}

// By id.
using SessionMap = absl::flat_hash_map<uint32_t, std::unique_ptr<Session>>;

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_SESSION_H_
