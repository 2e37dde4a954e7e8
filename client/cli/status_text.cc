#include "client/cli/status_text.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "client/cli/payload_text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "proto/schema.h"

namespace mycelium::cli {
namespace {

using google::protobuf::FieldDescriptor;

std::string Type(uint32_t type_id) {
  return type_id == 0 ? "all" : absl::StrCat(type_id);
}

std::string Uptime(uint64_t uptime_ms) {
  if (uptime_ms < 1000) return "0s";
  return absl::FormatDuration(absl::Seconds(uptime_ms / 1000));
}

// Such lines as have something to tell: "requests   12, 2 unanswered".
void AppendCounts(const char* label,
                  const std::vector<std::pair<uint64_t, const char*>>& counts,
                  std::string* out) {
  std::string text;
  for (const auto& [count, what] : counts) {
    if (count == 0) continue;
    absl::StrAppend(&text, text.empty() ? "" : ", ", HumanCount(count), " ",
                    what);
  }
  if (!text.empty()) absl::StrAppendFormat(out, "%-10s %s\n", label, text);
}

void AppendDelivery(const mycelium::wire::Status& status, std::string* out) {
  const wire::Counters& total = status.counters();
  AppendCounts("",
               {{total.frames_conflated(), "of them folded"},
                {total.deadlocks(), "circles of lossless ones broken"}},
               out);
  AppendCounts("frames",
               {{total.frames_redelivered(), "handed to others of a group"},
                {total.frames_replayed(), "of history"},
                {total.frames_duplicate(), "sent twice"}},
               out);
  AppendCounts("requests",
               {{total.requests(), "in all"},
                {total.requests_unanswered(), "unanswered"},
                {total.replies_late(), "answered late"}},
               out);
  AppendCounts(
      "instances",
      {{status.instances_away(), "away"}, {total.resumed(), "times back"}},
      out);
}

// "types 1,2 a.>: 12 frames, 3 KiB".
std::string HistoryText(const wire::HistoryStatus& rule) {
  std::string types;
  for (const uint32_t type_id : rule.types()) {
    absl::StrAppend(&types, types.empty() ? "" : ",", type_id);
  }
  return absl::StrCat(
      types.empty() ? "all types"
                    : absl::StrCat(rule.types_size() == 1 ? "type " : "types ",
                                   Shortened(types, 20)),
      rule.topic_filter().empty()
          ? ""
          : absl::StrCat(" ", Shortened(rule.topic_filter(), 20)),
      ": ", HumanCount(rule.frames()), " frames, ", HumanBytes(rule.bytes()));
}

void AppendBroker(const mycelium::wire::Status& status, std::string* out) {
  absl::StrAppendFormat(out, "mycelium-brokerd %s %s, up %s, epoch %d\n",
                        Readable(status.broker_name()),
                        Readable(status.broker_version()),
                        Uptime(status.uptime_ms()), status.epoch());
  const char* label = "listeners";
  for (const std::string& url : status.listeners()) {
    absl::StrAppendFormat(out, "%-10s %s\n", label, Readable(url));
    label = "";
  }
  const wire::Counters& total = status.counters();
  absl::StrAppendFormat(out, "%-10s %d frames, %s\n", "in", total.frames_in(),
                        HumanBytes(total.bytes_in()));
  absl::StrAppendFormat(out, "%-10s %d frames, %s\n", "out", total.frames_out(),
                        HumanBytes(total.bytes_out()));
  absl::StrAppendFormat(
      out, "%-10s %d frames in %d gaps; publishers held %d times\n", "dropped",
      total.frames_dropped(), total.gaps(), total.holds());
  AppendDelivery(status, out);
  absl::StrAppendFormat(out, "%-10s %s of %s\n", "memory",
                        HumanBytes(status.memory_bytes()),
                        HumanBytes(status.memory_bytes_max()));
  absl::StrAppendFormat(out, "%-10s %d of %s\n", "schemas", status.schemas(),
                        HumanBytes(status.schemas_bytes()));
  label = "history";
  for (const wire::HistoryStatus& rule : status.history()) {
    absl::StrAppendFormat(out, "%-10s %s\n", label, HistoryText(rule));
    label = "";
  }
}

// "m1:..."; empty: none.
std::string DigestTextOf(const std::string& bytes) {
  std::optional<Digest> digest = ToDigest(bytes);
  return digest ? DigestText(*digest) : "";
}

// "uid=1000,pid=4194304": with unix: in front it would not fit.
std::string PeerText(absl::string_view peer) {
  absl::ConsumePrefix(&peer, "unix:");
  return Shortened({peer.data(), peer.size()}, 20);
}

// Enough digits to tell the schemas of one broker apart.
std::string ShortDigest(const std::string& bytes) {
  std::string text = DigestTextOf(bytes);
  return text.empty() ? "raw" : text.substr(3, 6);
}

void AppendSubscription(const wire::SubscriptionStatus& subscription,
                        std::string* out) {
  absl::StrAppendFormat(out, "       type %-5s %-33s %8s of %s",
                        Type(subscription.type_id()),
                        subscription.topic_filter().empty()
                            ? "-"
                            : Shortened(subscription.topic_filter(), 33),
                        HumanBytes(subscription.queued_bytes()),
                        HumanBytes(subscription.queue_bytes_max()));
  if (subscription.holding()) out->append(" holding");
  if (!subscription.group().empty()) {
    absl::StrAppend(out, "\n             group ",
                    Shortened(subscription.group(), 60));
  }
  if (subscription.responder()) out->append("\n             responds");
  if (subscription.frames_dropped() > 0) {
    absl::StrAppend(out, "\n             ",
                    HumanCount(subscription.frames_dropped()),
                    " frames dropped");
  }
  out->push_back('\n');
}

void AppendSession(const wire::SessionStatus& session, std::string* out) {
  const wire::Counters& counters = session.counters();
  absl::StrAppendFormat(
      out, "%6d %-15s %-20s %-6s %8s %6s %6s %6s\n", session.session_id(),
      session.name().empty() ? "-" : Shortened(session.name(), 15),
      PeerText(session.peer()), ShortDigest(session.schema_digest()),
      HumanBytes(session.queued_bytes()), HumanCount(counters.frames_in()),
      HumanCount(counters.frames_out()), HumanCount(counters.frames_dropped()));
  if (session.read_paused()) {
    out->append("       not read: it sends on although it is held back\n");
  }
  for (const wire::HeldType& held : session.held()) {
    absl::StrAppendFormat(out, "       held: type %s, by session %d (%s)\n",
                          Type(held.type_id()), held.by_session_id(),
                          Shortened(held.by_name(), 30));
  }
  if (session.requests_open() > 0 || session.requests_asked() > 0) {
    absl::StrAppendFormat(out, "       requests: %d open, %d to answer\n",
                          session.requests_open(), session.requests_asked());
  }
  for (const wire::SubscriptionStatus& subscription : session.subscriptions()) {
    AppendSubscription(subscription, out);
  }
  auto listed = static_cast<uint32_t>(session.subscriptions_size());
  if (session.subscriptions_total() > listed) {
    absl::StrAppendFormat(out, "       and %d more subscriptions\n",
                          session.subscriptions_total() - listed);
  }
}

std::string JsonOf(const google::protobuf::Message& message);

// Random bits, not a quantity: a reader that takes JSON numbers for doubles
// would change them.
bool QuotedInJson(const FieldDescriptor* field) {
  return field->name() == "epoch";
}

// A field's value, or of a repeated one the one at `index`.  The kinds of field
// that admin.proto has; anything else is null.
std::string JsonOf(const google::protobuf::Message& message,
                   const FieldDescriptor* field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  bool repeated = field->is_repeated();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return JsonOf(repeated
                        ? reflection.GetRepeatedMessage(message, field, index)
                        : reflection.GetMessage(message, field));
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          repeated ? reflection.GetRepeatedString(message, field, index)
                   : reflection.GetString(message, field);
      // Bytes are digests.
      return JsonString(field->type() == FieldDescriptor::TYPE_BYTES
                            ? DigestTextOf(text)
                            : text);
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      std::string number = absl::StrCat(reflection.GetUInt64(message, field));
      return QuotedInJson(field) ? JsonString(number) : number;
    }
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection.GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(
          repeated ? reflection.GetRepeatedUInt32(message, field, index)
                   : reflection.GetUInt32(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field) ? "true" : "false";
    default:
      return "null";
  }
}

std::string JsonOf(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  std::string out = "{";
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    absl::StrAppend(&out, i == 0 ? "" : ",", "\"", field->name(), "\":");
    if (!field->is_repeated()) {
      out += JsonOf(message, field, 0);
      continue;
    }
    out += "[";
    for (int at = 0; at < reflection.FieldSize(message, field); ++at) {
      absl::StrAppend(&out, at == 0 ? "" : ",", JsonOf(message, field, at));
    }
    out += "]";
  }
  return out + "}";
}

}  // namespace

std::string StatusTables(const mycelium::wire::Status& status) {
  std::string out;
  AppendBroker(status, &out);
  absl::StrAppendFormat(&out, "%-10s %d\n\n", "sessions",
                        status.sessions_total());
  absl::StrAppendFormat(&out, "%6s %-15s %-20s %-6s %8s %6s %6s %6s\n", "ID",
                        "NAME", "PEER", "SCHEMA", "QUEUED", "IN", "OUT",
                        "DROP");
  for (const wire::SessionStatus& session : status.sessions()) {
    AppendSession(session, &out);
  }
  return out;
}

std::string StatusJson(const mycelium::wire::Status& status) {
  return JsonOf(status) + "\n";
}

}  // namespace mycelium::cli
