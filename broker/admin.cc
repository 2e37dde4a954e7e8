#include "broker/admin.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "broker/metrics.h"
#include "config/limits.h"

namespace mycelium::broker {
namespace {

void FillCounters(const TrafficCounters& from, wire::Counters* to) {
  to->set_frames_in(from.frames_in);
  to->set_bytes_in(from.bytes_in);
  to->set_frames_out(from.frames_out);
  to->set_bytes_out(from.bytes_out);
  to->set_frames_dropped(from.frames_dropped);
  to->set_gaps(from.gaps);
  to->set_holds(from.holds);
  to->set_frames_conflated(from.frames_conflated);
  to->set_frames_duplicate(from.frames_duplicate);
  to->set_frames_redelivered(from.frames_redelivered);
  to->set_frames_replayed(from.frames_replayed);
  to->set_requests(from.requests);
  to->set_requests_unanswered(from.requests_unanswered);
  to->set_replies_late(from.replies_late);
  to->set_resumed(from.resumed);
  to->set_deadlocks(from.deadlocks);
}

void FillTypes(const Router& router, wire::Status* status) {
  for (const uint16_t type_id : router.CountedTypes()) {
    if (status->types_size() == kStatusTypesMax) break;
    wire::TypeStatus* const type = status->add_types();
    type->set_type_id(type_id);
    type->set_frames_in(router.Count(type_id));
  }
}

void AnswerStatus(const wire::StatusRequest& request, const AdminView& view,
                  wire::Status* status) {
  const SessionContext& context = view.context;
  status->set_broker_name(context.broker_name);
  status->set_broker_version(context.broker_version);
  status->set_epoch(context.epoch);
  status->set_uptime_ms(static_cast<uint64_t>(view.now_ms - view.started_ms));
  for (const std::string& url : view.listeners) status->add_listeners(url);
  std::vector<uint32_t> ids;
  for (const auto& [id, session] : view.sessions) {
    if (id > request.after_session_id()) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());
  size_t bytes = 0;
  for (const uint32_t id : ids) {
    if (bytes > kAdminPageBytesMax) {
      status->set_more(true);
      break;
    }
    const Session& session = *view.sessions.at(id);
    wire::SessionStatus* const s = status->add_sessions();
    session.FillStatus(s, view.now_ms);
    FillCounters(session.counters, s->mutable_counters());
    bytes += s->ByteSizeLong();
  }
  status->set_sessions_total(static_cast<uint32_t>(view.sessions.size()));
  status->set_sessions_max(context.limits.sessions_max);
  status->set_descriptors_left(context.descriptors_left);
  status->set_unix_ms(
      static_cast<uint64_t>(view.now_ms + context.unix_offset_ms));
  if (request.after_session_id() == 0) FillTypes(context.router, status);
  FillCounters(context.counters, status->mutable_counters());
  status->set_memory_bytes(context.pool.used_bytes());
  status->set_memory_bytes_max(context.limits.total_bytes_max);
  status->set_schemas(static_cast<uint32_t>(context.schemas.all().size()));
  status->set_schemas_bytes(context.schemas.bytes());
  status->set_instances_away(static_cast<uint32_t>(context.instances.away()));
  for (const History::Kept& kept : context.router.history().Status()) {
    wire::HistoryStatus* const history = status->add_history();
    for (const uint16_t type : kept.rule.types) history->add_types(type);
    history->set_topic_filter(kept.rule.topic_filter);
    history->set_frames(kept.frames);
    history->set_bytes(kept.bytes);
  }
}

// Of a schema with more types than a page holds, the first ones.
wire::KnownSchema Describe(const KnownSchema& known) {
  const Schema& schema = *known.schema;
  wire::KnownSchema described;
  described.set_number(known.number);
  described.set_schema_digest(schema.digest().data(), schema.digest().size());
  described.set_source(known.source);
  described.set_sessions(known.sessions - known.away);
  described.set_descriptor_set_bytes(
      static_cast<uint32_t>(schema.descriptor_set().size()));
  described.set_types_total(static_cast<uint32_t>(schema.types().size()));
  size_t bytes = 0;
  for (const Schema::MessageType& type : schema.types()) {
    if (bytes > kAdminPageBytesMax) break;
    wire::KnownMessageType* const t = described.add_types();
    t->set_type_id(type.type_id);
    t->set_name(type.name);
    t->set_fingerprint(type.fingerprint.data(), type.fingerprint.size());
    bytes += t->ByteSizeLong();
  }
  return described;
}

void AnswerSchemaList(const wire::SchemaListRequest& request,
                      const SchemaRegistry& schemas, wire::SchemaList* list) {
  std::map<uint64_t, const KnownSchema*> by_number;
  for (const auto* schemas_of : {&schemas.all(), &schemas.past()}) {
    for (auto it = schemas_of->upper_bound(request.after_number());
         it != schemas_of->end(); ++it) {
      by_number.emplace(it->first, &it->second);
    }
  }
  size_t bytes = 0;
  for (const auto& [number, known] : by_number) {
    wire::KnownSchema described = Describe(*known);
    bytes += described.ByteSizeLong();
    if (list->schemas_size() > 0 && bytes > kAdminPageBytesMax) {
      list->set_more(true);
      return;
    }
    *list->add_schemas() = std::move(described);
  }
}

const KnownSchema* FindKnownOrPast(const SchemaRegistry& schemas,
                                   const Digest& digest) {
  if (const KnownSchema* const known = schemas.Find(digest)) return known;
  for (const auto& [number, past] : schemas.past()) {
    if (past.schema->digest() == digest) return &past;
  }
  return nullptr;
}

void AnswerDescriptorSet(const wire::DescriptorSetRequest& request,
                         const SchemaRegistry& schemas,
                         wire::AdminReply* reply) {
  const std::optional<Digest> digest = ToDigest(request.schema_digest());
  if (!digest) {
    reply->set_error(absl::StrCat("admin: schema_digest of ",
                                  request.schema_digest().size(),
                                  " bytes, allowed ", sizeof(Digest)));
    return;
  }
  const KnownSchema* const known = FindKnownOrPast(schemas, *digest);
  if (known == nullptr) {
    reply->set_error(
        absl::StrCat("admin: schema ", DigestText(*digest), " is not known"));
    return;
  }
  const std::string_view bytes = known->schema->descriptor_set();
  if (request.offset() > bytes.size()) {
    reply->set_error(absl::StrCat("admin: offset ", request.offset(),
                                  ", the descriptor set has ", bytes.size(),
                                  " bytes"));
    return;
  }
  const std::string_view piece =
      bytes.substr(request.offset(), kAdminPageBytesMax);
  wire::DescriptorSet* const set = reply->mutable_descriptor_set();
  set->set_piece(piece.data(), piece.size());
  set->set_total_bytes(static_cast<uint32_t>(bytes.size()));
}

void AnswerReload(const Operations& operations, wire::AdminReply* reply) {
  const absl::Status status = operations.reload(reply->mutable_reload());
  if (!status.ok()) reply->set_error(std::string(status.message()));
}

}  // namespace

void AnswerAdmin(const Session& asker, const wire::AdminRequest& request,
                 const AdminView& view, wire::AdminReply* reply) {
  const SchemaRegistry& schemas = view.context.schemas;
  switch (request.request_case()) {
    case wire::AdminRequest::kStatus:
      return AnswerStatus(request.status(), view, reply->mutable_status());
    case wire::AdminRequest::kSchemaList:
      return AnswerSchemaList(request.schema_list(), schemas,
                              reply->mutable_schema_list());
    case wire::AdminRequest::kDescriptorSet:
      return AnswerDescriptorSet(request.descriptor_set(), schemas, reply);
    case wire::AdminRequest::kReload:
      return AnswerReload(view.operations, reply);
    case wire::AdminRequest::kTap:
      return reply->set_error(view.context.taps.Answer(
          asker.session_id, request.tap(), reply->mutable_tap()));
    case wire::AdminRequest::kMetrics:
      return reply->mutable_metrics()->set_text(MetricsText(view));
    case wire::AdminRequest::kDrain:
    case wire::AdminRequest::REQUEST_NOT_SET:
      reply->set_error("admin: a request that this broker does not know");
  }
}

}  // namespace mycelium::broker
