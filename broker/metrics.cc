#include "broker/metrics.h"

#include <prometheus/text_serializer.h>

#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mycelium::broker {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

class Families {
 public:
  // What Value adds to from here on.
  void Begin(MetricType type, const char* name, const char* help) {
    families_.push_back({name, help, type, {}});
  }
  void Value(uint64_t value, Labels labels = {}) {
    Value(static_cast<double>(value), std::move(labels));
  }
  void Value(double value, Labels labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    (families_.back().type == MetricType::Counter ? metric.counter.value
                                                  : metric.gauge.value) = value;
    families_.back().metric.push_back(std::move(metric));
  }
  void Counter(const char* name, const char* help, uint64_t value) {
    Begin(MetricType::Counter, name, help);
    Value(value);
  }
  void Gauge(const char* name, const char* help, uint64_t value) {
    Begin(MetricType::Gauge, name, help);
    Value(value);
  }
  void Histogram(const char* name, const char* help,
                 const DurationHistogram& durations) {
    Begin(MetricType::Histogram, name, help);
    ClientMetric metric;
    uint64_t count = 0;
    for (size_t i = 0; i < DurationHistogram::kBoundsNs.size(); ++i) {
      count += durations.counts()[i];
      const double bound_ns =
          static_cast<double>(DurationHistogram::kBoundsNs[i]);
      metric.histogram.bucket.push_back({count, bound_ns / 1e9});
    }
    metric.histogram.sample_count = count + durations.counts().back();
    metric.histogram.sample_sum = static_cast<double>(durations.sum_ns()) / 1e9;
    families_.back().metric.push_back(std::move(metric));
  }
  std::vector<MetricFamily> Take() { return std::move(families_); }

 private:
  std::vector<MetricFamily> families_;
};

// "CODE_HELLO_TIMEOUT" without "CODE_", in small letters.
std::string Word(std::string_view name, std::string_view prefix) {
  return absl::AsciiStrToLower(
      absl::StripPrefix(absl::string_view(name.data(), name.size()),
                        absl::string_view(prefix.data(), prefix.size())));
}

std::string ReasonWord(int reason) {
  if (reason == wire::GAP_REASON_UNSPECIFIED) return "no_group_member";
  return Word(wire::GapReason_Name(static_cast<wire::GapReason>(reason)),
              "GAP_REASON_");
}

void AddBroker(const AdminView& view, Families* out) {
  const SessionContext& context = view.context;
  out->Begin(MetricType::Gauge, "mycelium_build_info",
             "Always 1; its label is the version of the broker.");
  out->Value(uint64_t{1}, {{"version", context.broker_version}});
  out->Begin(MetricType::Gauge, "mycelium_start_time_seconds",
             "When the broker was started, in seconds since 1970.");
  out->Value(
      static_cast<double>(view.started_ms + context.unix_offset_ms) / 1e3, {});
  out->Gauge("mycelium_memory_bytes",
             "Memory of frames, queued, kept or half read.",
             context.pool.used_bytes());
  out->Gauge("mycelium_memory_limit_bytes",
             "What mycelium_memory_bytes may be: limits.total_bytes_max.",
             context.limits.total_bytes_max);
  out->Gauge("mycelium_schemas", "Schemas that are known.",
             context.schemas.all().size());
}

void AddSessions(const AdminView& view, Families* out) {
  const SessionContext& context = view.context;
  uint64_t open = 0, subscriptions = 0, queued_bytes = 0;
  for (const auto& [id, session] : view.sessions) {
    open += session->state() == SessionState::kOpen ? 1 : 0;
    subscriptions += session->subscriptions();
    queued_bytes += session->outbox.queued_bytes();
  }
  out->Gauge("mycelium_sessions", "Sessions that are open.", open);
  out->Gauge("mycelium_sessions_limit", "What mycelium_sessions may be.",
             context.limits.sessions_max);
  out->Counter("mycelium_sessions_opened_total",
               "Sessions that got as far as WELCOME.",
               context.metrics.sessions_opened);
  out->Counter("mycelium_reconnects_total",
               "Sessions of clients that were known from a lost connection.",
               context.counters.resumed);
  out->Begin(MetricType::Counter, "mycelium_handshake_failures_total",
             "Connections that ended before WELCOME, by reason.");
  for (int code = 1; code < wire::Code_ARRAYSIZE; ++code) {
    out->Value(context.metrics.handshake_failures[static_cast<size_t>(code)],
               {{"reason", Word(wire::Code_Name(static_cast<wire::Code>(code)),
                                "CODE_")}});
  }
  out->Value(context.metrics.handshakes_abandoned, {{"reason", "abandoned"}});
  out->Gauge("mycelium_instances_away",
             "Clients that are known and have no connection.",
             context.instances.away());
  out->Gauge("mycelium_subscriptions", "Subscriptions of all sessions.",
             subscriptions);
  out->Gauge("mycelium_queued_bytes",
             "Bytes that wait to be written, of all sessions.", queued_bytes);
}

void AddTraffic(const SessionContext& context, Families* out) {
  const TypeTraffic& traffic = context.metrics.by_type;
  out->Begin(MetricType::Counter, "mycelium_received_frames_total",
             "Published frames that were accepted, by message type.");
  uint64_t others = context.counters.frames_in;
  for (const uint16_t type_id : traffic.types()) {
    const uint64_t frames = context.router.Count(type_id);
    others -= frames;
    out->Value(frames, {{"type_id", absl::StrCat(type_id)}});
  }
  out->Value(others, {{"type_id", "other"}});
  const auto by_type = [&](const char* name, const char* help,
                           uint64_t TypeTraffic::Counts::*value) {
    out->Begin(MetricType::Counter, name, help);
    for (size_t i = 0; i < traffic.types().size(); ++i) {
      out->Value(traffic.at(i).*value,
                 {{"type_id", absl::StrCat(traffic.types()[i])}});
    }
    out->Value(traffic.at(traffic.types().size()).*value,
               {{"type_id", "other"}});
  };
  by_type("mycelium_received_bytes_total",
          "Bytes of those frames, headers and topics included.",
          &TypeTraffic::Counts::bytes_in);
  by_type("mycelium_sent_frames_total",
          "Frames written to clients, requests and replies included, by "
          "message type.",
          &TypeTraffic::Counts::frames_out);
  by_type("mycelium_sent_bytes_total",
          "Bytes of those frames, headers and topics included.",
          &TypeTraffic::Counts::bytes_out);
}

void AddLosses(const SessionContext& context, Families* out) {
  const TrafficCounters& counters = context.counters;
  const auto by_reason = [&](const char* name, const char* help,
                             const auto& values, int first) {
    out->Begin(MetricType::Counter, name, help);
    for (int reason = first; reason < wire::GapReason_ARRAYSIZE; ++reason) {
      out->Value(values[static_cast<size_t>(reason)],
                 {{"reason", ReasonWord(reason)}});
    }
  };
  by_reason("mycelium_gaps_total",
            "Times that frames were taken from a subscription, by reason.",
            context.metrics.gaps, wire::GAP_REASON_OVERFLOW);
  by_reason("mycelium_dropped_frames_total",
            "Frames that a subscription did not get, by reason.",
            context.metrics.frames_dropped, wire::GAP_REASON_UNSPECIFIED);
  out->Counter("mycelium_duplicate_frames_total",
               "Frames sent again after a reconnect and not accepted twice.",
               counters.frames_duplicate);
  out->Counter("mycelium_redelivered_frames_total",
               "Frames of a group that were handed to another member.",
               counters.frames_redelivered);
  out->Counter("mycelium_replayed_frames_total", "Frames sent out of history.",
               counters.frames_replayed);
  out->Counter("mycelium_holds_total",
               "Times that a full subscription held its publishers back.",
               counters.holds);
  out->Gauge("mycelium_holding_subscriptions",
             "Subscriptions that hold their publishers back.",
             context.router.holding());
  out->Counter("mycelium_deadlocks_total",
               "Circles of lossless subscribers that were broken.",
               counters.deadlocks);
  out->Counter("mycelium_requests_total", "Requests that came in.",
               counters.requests);
  out->Counter("mycelium_unanswered_requests_total",
               "Requests that the broker answered itself, with an error.",
               counters.requests_unanswered);
  out->Counter("mycelium_late_replies_total",
               "Replies that nobody waited for any more.",
               counters.replies_late);
}

}  // namespace

std::vector<MetricFamily> MetricFamilies(const AdminView& view) {
  Families out;
  AddBroker(view, &out);
  AddSessions(view, &out);
  AddTraffic(view.context, &out);
  AddLosses(view.context, &out);
  out.Histogram("mycelium_loop_turn_duration_seconds",
                "How long the loop's turns took in which something was read, "
                "of one turn in sixteen.",
                view.context.metrics.turn_duration);
  out.Histogram("mycelium_publish_to_write_seconds",
                "From the read of a published frame until it was handed to a "
                "subscriber's socket, of one turn in sixteen; frames of queues "
                "that lose some meanwhile are left out.",
                view.context.metrics.publish_to_write);
  return out.Take();
}

std::string MetricsText(const AdminView& view) {
  return prometheus::TextSerializer().Serialize(MetricFamilies(view));
}

}  // namespace mycelium::broker
