#include "broker/broker.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "broker/admin_permission.h"
#include "broker/metrics.h"
#include "config/limits.h"
#include "glog/logging.h"

namespace mycelium::broker {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
// Above this share of total_bytes_max nothing is read, below it reading goes
// on.
constexpr uint64_t kResumePercent = 90;

SchemaRegistry::Limits SchemaLimits(const BrokerLimits& limits) {
  return {limits.schema_bytes_max, limits.schemas_max,
          limits.schemas_bytes_max};
}

}  // namespace

Broker::Broker(Identity identity, const BrokerLimits& limits, int64_t now_ms)
    : context_(std::make_unique<SessionContext>()),
      started_ms_(now_ms),
      uid_(identity.uid) {
  context_->schemas.set_limits(SchemaLimits(limits));
  context_->broker_name = std::move(identity.name);
  context_->broker_version = std::move(identity.version);
  context_->epoch = identity.epoch;
  context_->now_ms = now_ms;
  context_->unix_offset_ms = identity.started_unix_ms - now_ms;
  SetLimits(limits);
  context_->answer_admin =
      [this](Session* asker, const wire::AdminRequest& request,
             wire::AdminReply* reply) { Answer(asker, request, reply); };
}

Broker::~Broker() { sessions_.clear(); }

absl::Status Broker::Configure(const BrokerLimits& limits,
                               const SchemaRules& rules,
                               const std::vector<DescriptorSetFile>& files,
                               const std::vector<HistoryRule>& history,
                               const AdminRules& admin) {
  SchemaRegistry& schemas = context_->schemas;
  const uint64_t last_number =
      schemas.all().empty() ? 0 : schemas.all().rbegin()->first;
  schemas.set_limits(SchemaLimits(limits));
  std::string why;
  if (!schemas.Configure(files, &why)) {
    schemas.set_limits(SchemaLimits(context_->limits));
    return absl::FailedPreconditionError(why);
  }
  for (auto it = schemas.all().upper_bound(last_number);
       it != schemas.all().end(); ++it) {
    const KnownSchema& known = it->second;
    LOG(INFO) << "schema " << DigestText(known.schema->digest()) << " of "
              << known.source << ", " << known.schema->types().size()
              << " message types";
  }
  SetLimits(limits);
  context_->schema_rules = rules;
  admin_ = admin;
  context_->router.ConfigureHistory(history, context_->now_ms);
  return absl::OkStatus();
}

void Broker::SetLimits(const BrokerLimits& limits) {
  context_->limits = limits;
  context_->router.set_deadlock_ms(limits.deadlock_ms);
  context_->instances.set_limits(limits.resume_window_ms,
                                 limits.resume_instances_max,
                                 limits.subscriptions_per_session_max);
}

std::string Broker::Refusal(const Peer& peer, int64_t descriptors_left) const {
  const BrokerLimits& limits = context_->limits;
  if (descriptors_left < kDescriptorsReserved) {
    return absl::StrCat("sessions: no file descriptors left for more than ",
                        sessions_.size() - refused_);
  }
  if (sessions_.size() - refused_ >= limits.sessions_max) {
    return absl::StrCat("sessions: ", sessions_.size() - refused_,
                        " are open, allowed ", limits.sessions_max);
  }
  const auto it = by_principal_.find(peer.principal);
  const uint32_t open = it == by_principal_.end() ? 0 : it->second;
  const uint32_t allowed = peer.is_local ? limits.sessions_per_uid_max
                                         : limits.sessions_per_address_max;
  if (open < allowed) return {};
  return absl::StrCat("sessions: ", open, " of ", peer.principal,
                      " are open, allowed ", allowed);
}

Session* Broker::Accept(Peer peer, int64_t descriptors_left, int64_t now_ms) {
  context_->descriptors_left =
      static_cast<uint64_t>(std::max<int64_t>(descriptors_left, 0));
  const std::string refusal = Refusal(peer, descriptors_left);
  if (!refusal.empty() && refused_ >= kDescriptorsReserved / 2) {
    LOG(WARNING) << "connection of " << peer.text << " closed: " << refusal;
    CountRefused();
    return nullptr;
  }
  const uint32_t id = ++last_session_id_;
  auto owned =
      std::make_unique<Session>(context_.get(), id, std::move(peer), now_ms);
  Session* const session = owned.get();
  sessions_.emplace(id, std::move(owned));
  session->memory_paused = memory_full_;
  if (refusal.empty()) {
    ++by_principal_[session->peer().principal];
  } else {
    ++refused_;
    session->refused = true;
    session->Fail(wire::CODE_TOO_MANY_SESSIONS, refusal, now_ms);
  }
  Schedule(session, now_ms);
  return session;
}

void Broker::Ended(Session* session, const std::string& error) {
  if (session->state() == SessionState::kGreeting ||
      session->state() == SessionState::kSchemaAsked) {
    ++context_->metrics.handshakes_abandoned;
  }
  if (session->state() != SessionState::kClosed && !error.empty()) {
    LOG(WARNING) << session->Describe() << " lost: " << error;
  }
  if (session->refused) {
    --refused_;
  } else {
    const auto it = by_principal_.find(session->peer().principal);
    if (--it->second == 0) by_principal_.erase(it);
  }
  drain_askers_.erase(session->session_id);
  sessions_.erase(session->session_id);
}

void Broker::ProbesWritten(uint64_t now_ns) {
  for (const uint64_t read_ns : context_->probes_written) {
    context_->metrics.publish_to_write.Add(now_ns - read_ns);
  }
  context_->probes_written.clear();
}

void Broker::SampledTurnEnded(uint64_t now_ns) {
  context_->router.set_probe_ns(0);
  if (turn_began_ns_ == 0) return;
  context_->metrics.turn_duration.Add(now_ns - turn_began_ns_);
  turn_began_ns_ = 0;
}

std::vector<Session*> Broker::FinishTurn(int64_t now_ms) {
  context_->now_ms = now_ms;
  ++turn_;
  if (now_ms >= context_->router.next_due_ms()) context_->router.Tick(now_ms);
  EndOverflowed(now_ms);
  if (now_ms >= context_->instances.next_due_ms()) {
    context_->instances.Tick(now_ms);
  }
  std::deque<std::pair<int64_t, uint32_t>>& acks = context_->acks_due;
  while (!acks.empty() && acks.front().first <= now_ms) {
    const auto it = sessions_.find(acks.front().second);
    if (it != sessions_.end()) it->second->AckDue();
    acks.pop_front();
  }
  for (const uint32_t id : std::exchange(context_->rescheduled, {})) {
    const auto it = sessions_.find(id);
    if (it != sessions_.end()) Schedule(it->second.get(), now_ms);
  }
  std::vector<Session*> expired;
  while (!due_.empty() && due_.top().first <= now_ms) {
    const auto [due_ms, id] = due_.top();
    due_.pop();
    const auto it = sessions_.find(id);
    if (it == sessions_.end() || it->second->scheduled_ms != due_ms) continue;
    it->second->scheduled_ms = kNever;
    if (it->second->expired(now_ms)) {
      expired.push_back(it->second.get());
    } else {
      Schedule(it->second.get(), now_ms);
    }
  }
  CheckMemory();
  for (Session* session : expired) context_->router.Touch(session);
  std::vector<Session*> sessions;
  for (Port* port : context_->router.TakeTouched()) {
    port->touched = false;
    sessions.push_back(static_cast<Session*>(port));
  }
  return sessions;
}

// What a session leaves to others of its groups may be too much for them, too.
void Broker::EndOverflowed(int64_t now_ms) {
  for (auto full = context_->router.TakeOverflowed(); !full.empty();
       full = context_->router.TakeOverflowed()) {
    for (const Ref<Subscription>& subscription : full) {
      if (subscription->port != nullptr) EndFull(*subscription, now_ms);
    }
  }
}

void Broker::EndFull(const Subscription& subscription, int64_t now_ms) {
  static_cast<Session*>(subscription.port)
      ->Fail(wire::CODE_SLOW_CONSUMER,
             absl::StrCat("subscription ", subscription.id, ": queue of ",
                          subscription.queue_bytes_max, " bytes full for ",
                          subscription.stall_ms_max,
                          " ms, overflow is DISCONNECT"),
             now_ms);
}

void Broker::Schedule(Session* session, int64_t now_ms) {
  const int64_t due_ms = std::max(session->OnTime(now_ms), now_ms + 1);
  if (due_ms >= session->scheduled_ms) return;
  session->scheduled_ms = due_ms;
  due_.push({due_ms, session->session_id});
}

std::vector<Session*> Broker::AllSessions() {
  std::vector<Session*> all;
  for (const auto& [id, session] : sessions_) all.push_back(session.get());
  return all;
}

int64_t Broker::next_deadline_ms() const {
  const int64_t session_ms = due_.empty() ? kNever : due_.top().first;
  const int64_t ack_ms =
      context_->acks_due.empty() ? kNever : context_->acks_due.front().first;
  return std::min({session_ms, ack_ms, context_->router.next_due_ms(),
                   context_->instances.next_due_ms()});
}

void Broker::CheckMemory() {
  const uint64_t allowed = context_->limits.total_bytes_max;
  if (context_->pool.used_bytes() > allowed) {
    context_->taps.DropAll();
    for (const auto& [id, session] : sessions_) {
      session->outbox.CompactIfSparse();
    }
    while (context_->pool.used_bytes() > allowed &&
           context_->router.DropHalfOfLargest()) {
    }
  }
  const bool full = context_->pool.used_bytes() >
                    (memory_full_ ? allowed / 100 * kResumePercent : allowed);
  if (full == memory_full_) return;
  memory_full_ = full;
  LOG(WARNING) << "memory: " << context_->pool.used_bytes()
               << " bytes of frames, total_bytes_max " << allowed
               << (full ? ": reading stops" : ": reading goes on");
  for (const auto& [id, session] : sessions_) {
    session->memory_paused = full;
    context_->router.Touch(session.get());
  }
}

uint64_t Broker::draining_bytes() const {
  uint64_t bytes = 0;
  for (const auto& [id, session] : sessions_) {
    if (!drain_askers_.contains(id)) bytes += session->outbox.queued_bytes();
  }
  return bytes;
}

size_t Broker::draining_sessions() const {
  return sessions_.size() - drain_askers_.size();
}

AdminView Broker::View() const {
  return {*context_,   listeners_,       sessions_,
          started_ms_, context_->now_ms, operations_};
}

std::string Broker::Metrics() const { return MetricsText(View()); }

std::string Broker::CloseFrame(wire::Code code, const std::string& reason) {
  wire::Close close;
  close.set_code(code);
  close.set_reason(reason);
  return ControlFrame(ControlKind::kClose, 0, close.SerializeAsString());
}

void Broker::StartDrain(const std::string& reason, int64_t now_ms) {
  for (const auto& [id, session] : sessions_) {
    if (!drain_askers_.contains(id)) session->GoAway(reason, now_ms);
  }
}

bool Broker::DrainTimedOut() {
  drain_timed_out_ = true;
  return !drain_askers_.empty();
}

void Broker::Answer(Session* asker, const wire::AdminRequest& request,
                    wire::AdminReply* reply) {
  std::string refusal =
      AdminRefusal(request.request_case(), asker->peer(), admin_, uid_);
  if (!refusal.empty()) return reply->set_error(std::move(refusal));
  if (request.has_drain()) return AnswerDrain(asker, reply->mutable_drain());
  AnswerAdmin(*asker, request, View(), reply);
}

void Broker::AnswerDrain(Session* asker, wire::Drain* drain) {
  drain_askers_.insert(asker->session_id);
  operations_.drain();
  drain->set_drain_timeout_ms(static_cast<uint64_t>(drain_timeout_ms_));
  drain->set_sessions(static_cast<uint32_t>(draining_sessions()));
  drain->set_queued_bytes(draining_bytes());
  drain->set_over(draining_sessions() == 0 || drain_timed_out_);
  if (drain->over()) asker->GoAway("broker: stopping", context_->now_ms);
}

}  // namespace mycelium::broker
