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

constexpr char kSchemaRequired[] =
    "HELLO named no schema, and schema.required is true";

bool IsHello(const FrameHeader& header) {
  return header.type_id == 0 &&
         header.kind == static_cast<uint8_t>(ControlKind::kHello) &&
         header.id == kHelloMagic;
}

// type_id, kind and topic_bytes at once: what frames of one run share.
uint32_t RunKey(const FrameHeader& header) {
  return header.type_id | uint32_t{header.kind} << 16 |
         uint32_t{header.topic_bytes} << 24;
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
  for (const auto& [id, subscription] : subscriptions_) {
    context_->router.Unsubscribe(subscription);
  }
  subscriptions_.clear();
}

void Session::ReleaseSchema() {
  if (schema_ == nullptr) return;
  const Digest digest = schema_->schema->digest();
  if (context_->schemas.Release(std::exchange(schema_, nullptr))) {
    VLOG(1) << "schema " << DigestText(digest) << " forgotten";
  }
}

void Session::StopTaking(int64_t close_ms) {
  state_ = SessionState::kClosed;
  closed = true;
  read_paused = false;
  close_ms_ = close_ms;
  context_->rescheduled.push_back(session_id);
  EndSubscriptions();
  ReleaseSchema();
  context_->router.Touch(this);
}

void Session::EndOfInput(int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  if (inbox_.holds_partial_frame()) {
    return Fail(wire::CODE_PROTOCOL, "frame: the connection ended within it",
                now_ms);
  }
  // It may only have finished sending: what is queued for it is still written.
  StopTaking(now_ms + kCloseTimeoutMs);
}

void Session::Fail(wire::Code code, const std::string& reason, int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  LOG(WARNING) << Describe()
               << " closed: " << absl::StrReplaceAll(reason, {{"\n", "; "}})
               << " (" << wire::Code_Name(code) << ")";
  StopTaking(now_ms + kCloseTimeoutMs);
  outbox.DropAll();
  wire::Close close;
  close.set_code(code);
  close.set_reason(reason);
  Send(ControlKind::kClose, 0, close.SerializeAsString());
}

void Session::GoAway(const std::string& reason, int64_t now_ms) {
  if (state_ == SessionState::kClosed) return;
  StopTaking(now_ms + context_->limits.idle_timeout_ms);
  wire::Close close;
  close.set_code(wire::CODE_GOING_AWAY);
  close.set_reason(reason);
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
    input->begin += PublishRun(*input, frame, now_ms);
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
  Fail(wire::CODE_PROTOCOL,
       well_formed && !hello_kind
           ? DescribeForbidden(Role::kBroker, state_, header.type_id,
                               header.kind)
           : "protocol: the first bytes are not a HELLO frame",
       now_ms);
  return false;
}

uint32_t Session::PublishRun(const Inbox::Bytes& input, const FrameView& first,
                             int64_t now_ms) {
  if (first.header.kind != static_cast<uint8_t>(DataKind::kPublish)) {
    Fail(wire::CODE_UNSUPPORTED,
         "protocol: " +
             std::string(KindName(first.header.type_id, first.header.kind)) +
             ", not supported by this broker",
         now_ms);
    return 0;
  }
  if (LacksSchema()) {
    Fail(wire::CODE_SCHEMA, absl::StrCat("publish: ", kSchemaRequired), now_ms);
    return 0;
  }
  Router& router = context_->router;
  Router::Type* const type = router.FindType(first.header.type_id);
  router.NotePublisher(type, this);
  const std::string_view topic = first.topic();
  const uint32_t key = RunKey(first.header);
  const uint32_t body_bytes_max = frame_bytes_max_;
  uint8_t* const bytes = input.block->bytes();
  uint64_t sequence = *router.Sequence(type);
  uint64_t last_id = last_publish_id_;
  uint64_t refused_id = 0;

  uint32_t at = input.begin, frames = 0;
  // While frames look alike, where the next one begins does not have to wait
  // for a load: the processor guesses the branch and reads on.
  uint64_t shape = LoadShape(bytes + at);
  uint32_t frame_bytes = kHeaderBytes + first.header.body_bytes;
  while (true) {
    const uint64_t id = LoadId(bytes + at);
    if (id != 0) {
      if (id <= last_id) {
        refused_id = id;
        break;
      }
      last_id = id;
    }
    StoreId(++sequence, bytes + at);
    at += frame_bytes;
    ++frames;
    // The next one too, if it needs no other route; what it may lack is judged
    // by the next call of FrameReader.
    if (input.end - at < kHeaderBytes) break;
    if (const uint64_t next = LoadShape(bytes + at); next != shape) {
      const FrameHeader header = LoadHeader(bytes + at);
      if (RunKey(header) != key || header.body_bytes > body_bytes_max ||
          header.body_bytes < header.topic_bytes) {
        break;
      }
      shape = next;
      frame_bytes = kHeaderBytes + header.body_bytes;
    }
    if (input.end - at < frame_bytes) break;
    if (!topic.empty() && std::memcmp(bytes + at + kHeaderBytes, topic.data(),
                                      topic.size()) != 0) {
      break;
    }
  }

  last_publish_id_ = last_id;
  *router.Sequence(type) = sequence;
  if (frames > 0) {
    const uint32_t run_bytes = at - input.begin;
    for (TrafficCounters* c : {&context_->counters, &counters}) {
      c->frames_in += frames;
      c->bytes_in += run_bytes;
    }
    router.Deliver(type, topic, this, input.block, input.begin, at, frames,
                   now_ms);
  }
  if (refused_id != 0) {
    Fail(wire::CODE_PROTOCOL,
         absl::StrCat("publish: id ", refused_id, " after ", last_id,
                      ", allowed 0 or a greater one"),
         now_ms);
  }
  return at - input.begin;
}

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
      return Send(ControlKind::kFlushed, id, {});
    case ControlKind::kPing:
      return Send(ControlKind::kPong, id, {});
    case ControlKind::kPong:
      return;
    case ControlKind::kAdmin:
      return OnAdmin(frame, now_ms);
    case ControlKind::kClose:
      StopTaking(now_ms + kCloseTimeoutMs);
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

void Session::Open(int64_t now_ms) {
  state_ = SessionState::kOpen;
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
  Send(ControlKind::kWelcome, 0, welcome.SerializeAsString());
}

void Session::OnSubscribe(const FrameView& frame, int64_t now_ms) {
  wire::Subscribe request;
  if (!Parse(frame, &request, now_ms)) return;
  const uint32_t id = request.subscription_id();
  if (id == 0 || subscriptions_.contains(id)) {
    return Fail(wire::CODE_PROTOCOL,
                absl::StrCat("subscribe: subscription_id ", id,
                             ", allowed one that is not 0 and not in use"),
                now_ms);
  }
  wire::Subscribed reply;
  reply.set_subscription_id(id);
  wire::Code code = wire::CODE_SCHEMA;
  reply.set_reason(LacksSchema()
                       ? absl::StrCat("subscribe: ", kSchemaRequired)
                       : SubscribeFault(request, context_->limits,
                                        subscriptions_.size(), &code));
  reply.set_code(code);
  if (code == wire::CODE_OK) {
    Ref<Subscription> subscription(new Subscription);
    subscription->id = id;
    subscription->port = this;
    subscription->type_id = static_cast<uint16_t>(request.type_id());
    subscription->topic_filter = request.topic_filter();
    const wire::Policy& policy = request.policy();
    subscription->queue_bytes_max = policy.queue_bytes_max() != 0
                                        ? policy.queue_bytes_max()
                                        : context_->limits.queue_bytes_max;
    subscription->stall_ms_max = policy.has_stall_ms_max()
                                     ? policy.stall_ms_max()
                                     : context_->limits.stall_ms_max;
    subscriptions_.emplace(id, subscription);
    context_->router.Subscribe(subscription);
  }
  Send(ControlKind::kSubscribed, frame.header.id, reply.SerializeAsString());
}

void Session::OnUnsubscribe(const FrameView& frame, int64_t now_ms) {
  wire::Unsubscribe request;
  if (!Parse(frame, &request, now_ms)) return;
  const auto it = subscriptions_.find(request.subscription_id());
  if (it == subscriptions_.end()) {
    return Fail(
        wire::CODE_PROTOCOL,
        absl::StrCat("unsubscribe: subscription_id ", request.subscription_id(),
                     ", allowed one that is in use"),
        now_ms);
  }
  context_->router.Unsubscribe(it->second);
  subscriptions_.erase(it);
  wire::Unsubscribed reply;
  reply.set_subscription_id(request.subscription_id());
  outbox.PushControl(ControlKind::kUnsubscribed, frame.header.id,
                     reply.SerializeAsString());
  context_->router.Touch(this);
}

void Session::OnAdmin(const FrameView& frame, int64_t now_ms) {
  wire::AdminRequest request;
  if (!Parse(frame, &request, now_ms)) return;
  wire::AdminReply reply;
  context_->answer_admin(request, &reply);
  Send(ControlKind::kAdmin, frame.header.id, reply.SerializeAsString());
}

void Session::Written(uint64_t bytes) {
  std::vector<Subscription*> relieved;
  const Outbox::Traffic data = outbox.Consume(bytes, &relieved);
  for (TrafficCounters* c : {&context_->counters, &counters}) {
    c->frames_out += data.frames;
    c->bytes_out += data.bytes;
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
  }
}

}  // namespace mycelium::broker
