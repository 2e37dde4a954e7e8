#include "broker/session.h"

#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "broker/request_faults.h"
#include "config/limits.h"
#include "glog/logging.h"

namespace mycelium::broker {
namespace {

// What a stopping broker asks for: a restart takes about as long.
constexpr uint32_t kRetryAfterMs = 100;

bool IsHello(const FrameHeader& header) {
  return header.type_id == 0 &&
         header.kind == static_cast<uint8_t>(ControlKind::kHello) &&
         header.id == kHelloMagic;
}

}  // namespace

Session::Session(SessionContext* context, uint32_t id, Peer peer,
                 int64_t now_ms)
    : Port(&context->pool),
      context_(context),
      peer_(std::move(peer)),
      inbox_(&context->read_area),
      opened_ms_(now_ms),
      last_received_ms_(now_ms) {
  session_id = id;
}

Session::~Session() {
  EndSubscriptions();
  LeaveInstance();
  ReleaseSchema();
  context_->router.RemovePublisher(this);
}

std::string Session::Describe() const {
  return absl::StrCat("session ", session_id, " (", absl::Utf8SafeCEscape(name),
                      name.empty() ? "" : ", ", peer_.text, ")");
}

void Session::Send(ControlKind kind, uint64_t id, std::string_view body) {
  outbox.PushExpress(kind, id, body);
  context_->router.Touch(this);
}

void Session::EndSubscriptions() {
  closed = true;
  context_->taps.Remove(session_id);
  context_->requests.EndPort(this);
  if (instance_ != nullptr) {
    for (const auto& [id, subscription] : subscriptions_) {
      if (subscription->responder || !subscription->group.empty()) continue;
      context_->instances.Keep(instance_, *subscription);
    }
  }
  for (const auto& [id, subscription] : subscriptions_) {
    EndSubscription(subscription);
  }
  subscriptions_.clear();
}

void Session::EndSubscription(const Ref<Subscription>& subscription) {
  if (subscription->responder) {
    context_->requests.RemoveResponder(subscription);
  } else {
    context_->router.Unsubscribe(subscription);
  }
}

// What the client is known by beyond this session.
void Session::LeaveInstance() {
  if (instance_ == nullptr) return;
  instance_->last_publish_id = last_publish_id_;
  context_->instances.Left(std::exchange(instance_, nullptr),
                           std::exchange(schema_, nullptr), context_->now_ms);
}

void Session::ReleaseSchema() {
  if (schema_ == nullptr) return;
  const Digest digest = schema_->schema->digest();
  if (context_->schemas.Release(std::exchange(schema_, nullptr))) {
    VLOG(1) << "schema " << DigestText(digest) << " forgotten";
  }
}

void Session::StopTaking(int64_t now_ms, int64_t timeout_ms) {
  state_ = SessionState::kClosed;
  read_paused = false;
  close_ms_ = now_ms + timeout_ms;
  context_->rescheduled.push_back(session_id);
  EndSubscriptions();
  LeaveInstance();
  ReleaseSchema();
  context_->router.Touch(this);
}

void Session::EndOfInput(int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  if (inbox_.holds_partial_frame()) {
    return Fail(wire::CODE_PROTOCOL, "frame: the connection ended within it",
                now_ms);
  }
  if (state_ != SessionState::kOpen) ++context_->metrics.handshakes_abandoned;
  // It may only have finished sending: what is queued for it is still written.
  StopTaking(now_ms, kCloseTimeoutMs);
}

void Session::Fail(wire::Code code, const std::string& reason, int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  if (state_ != SessionState::kOpen) {
    ++context_->metrics.handshake_failures[static_cast<size_t>(code)];
  }
  LOG(WARNING) << Describe()
               << " closed: " << absl::StrReplaceAll(reason, {{"\n", "; "}})
               << " (" << wire::Code_Name(code) << ")";
  StopTaking(now_ms, kCloseTimeoutMs);
  outbox.DropAll();
  wire::Close close;
  close.set_code(code);
  close.set_reason(reason);
  Send(ControlKind::kClose, 0, close.SerializeAsString());
}

void Session::GoAway(const std::string& reason, int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  StopTaking(now_ms, context_->limits.idle_timeout_ms);
  wire::Close close;
  close.set_code(wire::CODE_GOING_AWAY);
  close.set_reason(reason);
  close.set_retry_after_ms(kRetryAfterMs);
  outbox.PushControl(ControlKind::kClose, 0, close.SerializeAsString());
}

void Session::Received(size_t bytes, int64_t now_ms) {
  last_received_ms_ = now_ms;
  ping_sent_ = false;
  Inbox::Bytes input = inbox_.Add(static_cast<uint32_t>(bytes));
  uint64_t frame_bytes = 0;
  while (NextFrame(&input, &frame_bytes, now_ms)) {
  }
  // Whatever a closed session still sends is read and forgotten.
  if (state_ == SessionState::kClosed) input.begin = input.end;
  inbox_.Keep(input, frame_bytes);
  if (instance_ != nullptr && last_publish_id_ != acked_id_) OweAck(now_ms);
  if (outbox.control_bytes() > kControlBytesMax) {
    Fail(wire::CODE_SLOW_CONSUMER,
         absl::StrCat("session: ", outbox.control_bytes(),
                      " bytes of replies not read, allowed ", kControlBytesMax),
         now_ms);
  }
}

uint32_t Session::BodyBytesMax() const {
  if (state_ == SessionState::kGreeting) {
    return context_->limits.hello_bytes_max;
  }
  if (state_ == SessionState::kSchemaAsked) {
    return context_->limits.schema_bytes_max + kSchemaBodyBytes;
  }
  return frame_bytes_max_;
}

bool Session::NextFrame(Inbox::Bytes* input, uint64_t* frame_bytes,
                        int64_t now_ms) {
  *frame_bytes = 0;
  if (state_ == SessionState::kClosed) return false;
  const bool greeting = state_ == SessionState::kGreeting;
  const uint32_t limit = BodyBytesMax();
  FrameView frame;
  const FrameStatus status = FrameReader(limit).Next(input->view(), &frame);
  if (input->end - input->begin < kHeaderBytes) return false;
  if (greeting && !CheckGreeting(frame.header, status, now_ms)) return false;
  if (status == FrameStatus::kNeedMore) {
    *frame_bytes = uint64_t{kHeaderBytes} + frame.header.body_bytes;
    return false;
  }
  if (status != FrameStatus::kFrame) {
    Fail(status == FrameStatus::kTooLarge ? wire::CODE_FRAME_TOO_LARGE
                                          : wire::CODE_PROTOCOL,
         DescribeFrameError(status, frame.header, limit), now_ms);
    return false;
  }
  const Transition transition =
      OnFrame(Role::kBroker, state_, frame.header.type_id, frame.header.kind);
  if (!transition.allowed) {
    Fail(wire::CODE_PROTOCOL,
         DescribeForbidden(Role::kBroker, state_, frame.header.type_id,
                           frame.header.kind),
         now_ms);
    return false;
  }
  if (frame.header.type_id != 0) {
    input->begin +=
        frame.header.kind == static_cast<uint8_t>(DataKind::kPublish)
            ? PublishRun(*input, frame, now_ms)
            : AskOrAnswer(*input, frame, now_ms);
  } else {
    input->begin += static_cast<uint32_t>(frame.frame_bytes());
    OnControl(frame, now_ms);
  }
  return true;
}

bool Session::CheckGreeting(const FrameHeader& header, FrameStatus status,
                            int64_t now_ms) {
  if (IsHello(header)) return true;
  const bool well_formed =
      status == FrameStatus::kFrame || status == FrameStatus::kNeedMore;
  const bool hello_kind =
      header.type_id == 0 &&
      header.kind == static_cast<uint8_t>(ControlKind::kHello);
  // A TLS record of kind handshake and version 3.
  if ((header.body_bytes & 0xffff) == 0x0316) {
    Fail(wire::CODE_PROTOCOL,
         "protocol: the first bytes are TLS, allowed a HELLO frame in plain",
         now_ms);
    return false;
  }
  Fail(wire::CODE_PROTOCOL,
       well_formed && !hello_kind
           ? DescribeForbidden(Role::kBroker, state_, header.type_id,
                               header.kind)
           : "protocol: the first bytes are not a HELLO frame",
       now_ms);
  return false;
}

void Session::OnControl(const FrameView& frame, int64_t now_ms) {
  const uint64_t id = frame.header.id;
  switch (static_cast<ControlKind>(frame.header.kind)) {
    case ControlKind::kHello:
      return OnHello(frame, now_ms);
    case ControlKind::kSchema:
      return OnSchema(frame, now_ms);
    case ControlKind::kSubscribe:
      return OnSubscribe(frame, now_ms);
    case ControlKind::kUnsubscribe:
      return OnUnsubscribe(frame, now_ms);
    case ControlKind::kFlush:
      acked_id_ = last_publish_id_;  // FLUSHED says so
      unacked_bytes_ = 0;
      return Send(ControlKind::kFlushed, id, {});
    case ControlKind::kPing:
      return Send(ControlKind::kPong, id, {});
    case ControlKind::kPong:
      return;
    case ControlKind::kAdmin:
      return OnAdmin(frame, now_ms);
    case ControlKind::kAck:
      return OnAck(frame, now_ms);
    case ControlKind::kCancel:
      return context_->requests.Cancel(this, id);
    case ControlKind::kClose:
      // It has finished: nobody will come back.
      if (instance_ != nullptr) {
        context_->instances.Forget(std::exchange(instance_, nullptr));
      }
      StopTaking(now_ms, kCloseTimeoutMs);
      outbox.DropAll();
      return;
    default:
      LOG(FATAL) << "OnFrame allows a broker no "
                 << KindName(0, frame.header.kind);
  }
}

void Session::OnHello(const FrameView& frame, int64_t now_ms) {
  wire::Hello hello;
  if (!Parse(frame, &hello, now_ms)) return;
  wire::Code code = wire::CODE_OK;
  const std::string fault = HelloFault(hello, &code);
  if (!fault.empty()) return Fail(code, fault, now_ms);
  name = hello.name();
  instance_id_ = hello.instance_id();
  last_epoch_ = hello.last_epoch();
  last_session_id_ = hello.last_session_id();
  const std::optional<Digest> digest = ToDigest(hello.schema_digest());
  if (!digest) return Open(now_ms);
  schema_ = context_->schemas.Hold(*digest);
  if (schema_ != nullptr) return Open(now_ms);
  state_ = SessionState::kSchemaAsked;
  asked_digest_ = *digest;
  wire::Schema question;
  question.set_schema_digest(hello.schema_digest());
  Send(ControlKind::kSchema, 0, question.SerializeAsString());
}

void Session::OnSchema(const FrameView& frame, int64_t now_ms) {
  wire::Schema told;
  if (!Parse(frame, &told, now_ms)) return;
  std::string why;
  schema_ = context_->schemas.Admit(
      asked_digest_, told.descriptor_set(),
      context_->schema_rules.OpenFor(peer_.is_local), &why);
  if (schema_ == nullptr) return Fail(wire::CODE_SCHEMA, why, now_ms);
  if (schema_->source.empty() && schema_->sessions == 1) {
    LOG(INFO) << Describe() << " told schema " << DigestText(asked_digest_)
              << ", " << schema_->schema->types().size() << " message types";
  }
  Open(now_ms);
}

void Session::ClaimInstance(int64_t now_ms) {
  if (instance_id_.empty()) return;
  const std::string id = std::exchange(instance_id_, {});
  Instances& instances = context_->instances;
  if (const Instance* known = instances.Find(id);
      known != nullptr && known->session != nullptr) {
    static_cast<Session*>(known->session)->TakenOver(session_id, now_ms);
  }
  instance_ = instances.Find(id);
  // One that was made since the client has heard of us last is not the one that
  // the client means.
  if (instance_ != nullptr && last_session_id_ != 0 &&
      (last_epoch_ != context_->epoch ||
       last_session_id_ < instance_->first_session_id)) {
    instances.Forget(std::exchange(instance_, nullptr));
  }
  if (instance_ == nullptr) {
    instance_ = instances.Make(id, peer_.principal, this);
    return;
  }
  instances.Returned(instance_, this, now_ms);
  resumed_ = true;
  last_publish_id_ = instance_->last_publish_id;
  duplicates_through_ = acked_id_ = last_publish_id_;
  ++context_->counters.resumed;
}

void Session::TakenOver(uint32_t by_session_id, int64_t now_ms) {
  Fail(wire::CODE_TAKEN_OVER,
       absl::StrCat("session: instance connected again as session ",
                    by_session_id),
       now_ms);
}

// Many frames are told by one ACK, but none waits for long.
void Session::OweAck(int64_t now_ms) {
  if (unacked_bytes_ >= kAckBytes) return AckNow();
  if (std::exchange(owes_ack_, true)) return;
  context_->acks_due.emplace_back(now_ms + kAckMsMax, session_id);
}

void Session::AckNow() {
  if (state_ != SessionState::kOpen || last_publish_id_ == acked_id_) return;
  acked_id_ = last_publish_id_;
  unacked_bytes_ = 0;
  wire::Ack ack;
  ack.set_publish_id(acked_id_);
  Send(ControlKind::kAck, 0, ack.SerializeAsString());
}

void Session::AckDue() {
  owes_ack_ = false;
  AckNow();
}

void Session::Open(int64_t now_ms) {
  // Only now: while its schema was asked for, another may have come first.
  if (const Instance* known = context_->instances.Find(instance_id_);
      known != nullptr && known->principal != peer_.principal) {
    return Fail(wire::CODE_DENIED,
                absl::StrCat("hello: instance_id belongs to ", known->principal,
                             ", not to ", peer_.principal),
                now_ms);
  }
  state_ = SessionState::kOpen;
  ++context_->metrics.sessions_opened;
  ClaimInstance(now_ms);
  opened_ms_ = now_ms;
  context_->rescheduled.push_back(session_id);
  wire::Welcome welcome;
  welcome.set_version_major(kVersionMajor);
  welcome.set_version_minor(kVersionMinor);
  welcome.set_session_id(session_id);
  welcome.set_epoch(context_->epoch);
  welcome.set_broker_version(context_->broker_version);
  welcome.set_broker_name(context_->broker_name);
  wire::Limits* const limits = welcome.mutable_limits();
  frame_bytes_max_ = context_->limits.frame_bytes_max;
  limits->set_frame_bytes_max(frame_bytes_max_);
  limits->set_subscriptions_max(context_->limits.subscriptions_per_session_max);
  limits->set_queue_bytes_max(context_->limits.queue_bytes_max_ceiling);
  limits->set_idle_timeout_ms(
      static_cast<uint32_t>(context_->limits.idle_timeout_ms));
  limits->set_publish_bytes_max(kPublishBytesMaxDefault);
  const BrokerLimits& all = context_->limits;
  limits->set_resume_window_ms(static_cast<uint32_t>(all.resume_window_ms));
  limits->set_reconnect_ms_min(static_cast<uint32_t>(all.reconnect_ms_min));
  limits->set_reconnect_ms_max(static_cast<uint32_t>(all.reconnect_ms_max));
  limits->set_requests_max(all.requests_per_session_max);
  welcome.set_resumed(resumed_);
  welcome.set_last_publish_id(last_publish_id_);
  Send(ControlKind::kWelcome, 0, welcome.SerializeAsString());
}

void Session::OnAdmin(const FrameView& frame, int64_t now_ms) {
  wire::AdminRequest request;
  if (!Parse(frame, &request, now_ms)) return;
  wire::AdminReply reply;
  // Before the turn of this round's reads it is still that of the last one.
  context_->now_ms = now_ms;
  context_->answer_admin(this, request, &reply);
  Send(ControlKind::kAdmin, frame.header.id, reply.SerializeAsString());
}

void Session::Written(uint64_t bytes) {
  std::vector<Subscription*> relieved;
  const Outbox::Traffic data =
      outbox.Consume(bytes, &relieved, &context_->metrics.by_type);
  if (data.probe_ns != 0) context_->probes_written.push_back(data.probe_ns);
  const uint64_t conflated = outbox.TakeConflated();
  for (TrafficCounters* c : {&context_->counters, &counters}) {
    c->frames_out += data.frames;
    c->bytes_out += data.bytes;
    if (conflated > 0) {
      c->frames_dropped += conflated;
      c->frames_conflated += conflated;
      ++c->gaps;
    }
  }
  if (conflated > 0) {
    context_->metrics.CountGap(wire::GAP_REASON_CONFLATED, conflated);
  }
  if (!relieved.empty()) context_->router.Relieve(relieved);
}

int64_t Session::OnTime(int64_t now_ms) {
  const BrokerLimits& limits = context_->limits;
  if (state_ == SessionState::kClosed) return close_ms_;
  if (state_ != SessionState::kOpen) {
    const int64_t due_ms = opened_ms_ + limits.hello_timeout_ms;
    if (now_ms < due_ms) return due_ms;
    Fail(wire::CODE_HELLO_TIMEOUT,
         absl::StrCat(state_ == SessionState::kGreeting ? "hello" : "schema",
                      ": none within ", limits.hello_timeout_ms, " ms"),
         now_ms);
    return close_ms_;
  }
  // Who is not read cannot be heard.
  if (read_paused || (memory_paused && !holds_partial_frame())) {
    last_received_ms_ = now_ms;
  }
  const int64_t silent_ms = now_ms - last_received_ms_;
  if (silent_ms >= limits.idle_timeout_ms) {
    Fail(wire::CODE_IDLE_TIMEOUT,
         absl::StrCat("session: silent for ", silent_ms, " ms, allowed ",
                      limits.idle_timeout_ms),
         now_ms);
    return close_ms_;
  }
  if (silent_ms >= limits.idle_timeout_ms / 2 && !ping_sent_) {
    ping_sent_ = true;
    Send(ControlKind::kPing, 0, {});
  }
  return last_received_ms_ +
         (ping_sent_ ? limits.idle_timeout_ms : limits.idle_timeout_ms / 2);
}

void Session::FillStatus(wire::SessionStatus* status, int64_t now_ms) const {
  status->set_session_id(session_id);
  status->set_name(name);
  status->set_peer(peer_.text);
  status->set_connected_ms(static_cast<uint64_t>(now_ms - opened_ms_));
  status->set_queued_bytes(outbox.queued_bytes());
  status->set_read_paused(read_paused);
  if (schema_ != nullptr) {
    const Digest& digest = schema_->schema->digest();
    status->set_schema_digest(digest.data(), digest.size());
  }
  status->set_requests_open(static_cast<uint32_t>(requests_open.size()));
  status->set_requests_asked(static_cast<uint32_t>(requests_asked.size()));
  for (const Subscription* holder : context_->router.HoldersOf(*this)) {
    if (status->held_size() == kStatusSubscriptionsMax) break;
    wire::HeldType* const held = status->add_held();
    held->set_type_id(holder->type_id);
    held->set_by_session_id(holder->port->session_id);
    held->set_by_name(holder->port->name);
  }
  status->set_subscriptions_total(static_cast<uint32_t>(subscriptions_.size()));
  for (const auto& [id, subscription] : subscriptions_) {
    if (status->subscriptions_size() == kStatusSubscriptionsMax) break;
    wire::SubscriptionStatus* const s = status->add_subscriptions();
    s->set_subscription_id(id);
    s->set_type_id(subscription->type_id);
    s->set_topic_filter(subscription->topic_filter);
    s->set_queued_bytes(subscription->queued_bytes);
    s->set_queue_bytes_max(subscription->queue_bytes_max);
    s->set_stall_ms_max(subscription->stall_ms_max);
    s->set_holding(subscription->state == Subscription::State::kHolding);
    s->set_frames_dropped(subscription->frames_dropped);
    s->set_frames(subscription->frames);
    s->set_group(subscription->group);
    s->set_responder(subscription->responder);
    s->set_overflow(static_cast<uint32_t>(subscription->overflow));
  }
}

}  // namespace mycelium::broker
