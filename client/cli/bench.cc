#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/bench_load.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/subscribe_flags.h"
#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium bench [--mode throughput|latency|open] [--rate R]
                      [--payload_bytes B] [--publishers P] [--subscribers S]
                      [--seconds T] [--delivery direct|queued]
                      [--format text|json] [--policy P] [--queue_bytes B]
                      [--stall_ms MS] [--overflow O]

Measures a broker through the client library, with P publishing and S
subscribing clients in this process, after half a second of warm-up.

  --mode throughput  each publisher publishes in a plain loop, on a thread of
                     its own (the default)
  --mode latency     one frame in the air: publisher, broker, subscriber, and
                     back the same way; the latency is half of the round trip.
                     One publisher; the first subscriber replies
  --mode open        R frames per second of all publishers; the latency counts
                     from the time at which a frame should have been published,
                     so that a delay shows in all frames that it concerns.
                     published/s below R: the rate could not be held
  --payload_bytes B  16 or more (64)
  --seconds T        how long it measures (3)
  --delivery D       direct: callbacks run where frames arrive (on the
                     publisher's thread in process); queued: on a thread of
                     each subscription's own (direct)
  --policy, --queue_bytes, --stall_ms, --overflow  how subscribers may lag
                     behind, see mycelium help sub
  --format json      one object: mode, url, payload_bytes, publishers,
                     subscribers, seconds, published_per_second,
                     delivered_per_second (all subscribers), bytes_per_second
                     (payload delivered), lost, in_gaps, latency_us {p50, p90,
                     p99, p99_9, max}, null if not measured

Lost is what was published in the whole run and had not arrived 5 s after the
end, without the frames that were told missing, which are in_gaps.

--url inproc: measures the bus within this process, without a broker.
It uses the type ids 65534 and 65535; subscribers to all types get its frames.
)help";

std::string LatencyJson(const Histogram& latency_ns) {
  if (latency_ns.count() == 0) return "null";
  auto us = [&](double fraction) {
    return static_cast<double>(latency_ns.Percentile(fraction)) / 1e3;
  };
  return absl::StrFormat(
      R"({"p50":%.3f,"p90":%.3f,"p99":%.3f,"p99_9":%.3f,"max":%.3f})", us(0.5),
      us(0.9), us(0.99), us(0.999),
      static_cast<double>(latency_ns.max()) / 1e3);
}

std::string ReportJson(const BenchOptions& options, const BenchReport& report) {
  double delivered = static_cast<double>(report.delivered) / report.seconds;
  return absl::StrFormat(
      R"({"mode":"%s","url":%s,"payload_bytes":%d,"publishers":%d,)"
      R"("subscribers":%d,"seconds":%.3f,"published_per_second":%.0f,)"
      R"("delivered_per_second":%.0f,"bytes_per_second":%.0f,"lost":%d,)"
      R"("in_gaps":%d,"latency_us":%s})"
      "\n",
      FLAGS_mode, ValidUtf8(options.url) ? JsonString(options.url) : "\"\"",
      options.payload_bytes, options.publishers, options.subscribers,
      report.seconds, static_cast<double>(report.published) / report.seconds,
      delivered, delivered * static_cast<double>(options.payload_bytes),
      report.lost, report.in_gaps, LatencyJson(report.latency_ns));
}

std::string Plural(int number, const char* noun) {
  return absl::StrCat(number, " ", noun, number == 1 ? "" : "s");
}

// "6,012,345".
std::string Grouped(double number) {
  std::string digits = absl::StrFormat("%.0f", number);
  for (size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string LatencyText(const Histogram& latency_ns) {
  if (latency_ns.count() == 0) return "";
  auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  return absl::StrFormat(
      "latency    p50 %.2f, p90 %.2f, p99 %.2f, p99.9 %.2f, max %.2f us\n",
      us(latency_ns.Percentile(0.5)), us(latency_ns.Percentile(0.9)),
      us(latency_ns.Percentile(0.99)), us(latency_ns.Percentile(0.999)),
      us(latency_ns.max()));
}

std::string ReportText(const BenchOptions& options, const BenchReport& report) {
  double published = static_cast<double>(report.published) / report.seconds;
  double delivered = static_cast<double>(report.delivered) / report.seconds;
  std::string asked;
  if (options.mode == BenchMode::kOpen) {
    asked = absl::StrCat(" of ", Grouped(options.rate), "/s asked for");
  }
  return absl::StrFormat(
      "%s, %s, %s, %s, %d B, %.2f s\n"
      "published  %s/s%s\n"
      "delivered  %s/s, %.1f MB/s\n"
      "lost       %d, %d in gaps\n%s",
      FLAGS_mode,
      options.url.empty() ? "default socket" : Readable(options.url),
      Plural(options.publishers, "publisher"),
      Plural(options.subscribers, "subscriber"), options.payload_bytes,
      report.seconds, Grouped(published), asked, Grouped(delivered),
      delivered * static_cast<double>(options.payload_bytes) / 1e6, report.lost,
      report.in_gaps, LatencyText(report.latency_ns));
}

BenchMode ModeFlag() {
  if (FLAGS_mode == "latency") return BenchMode::kLatency;
  return FLAGS_mode == "open" ? BenchMode::kOpen : BenchMode::kThroughput;
}

int Run(const Arguments& arguments) {
  BenchOptions options;
  options.url = UrlInForce();
  options.mode = ModeFlag();
  options.payload_bytes = static_cast<size_t>(FLAGS_payload_bytes);
  options.publishers = static_cast<int>(FLAGS_publishers);
  options.subscribers = static_cast<int>(FLAGS_subscribers);
  options.seconds = FLAGS_seconds;
  options.rate = FLAGS_rate;
  options.delivery =
      FLAGS_delivery == "queued" ? Delivery::kQueued : Delivery::kDirect;
  options.policy = PolicyOfFlags(arguments);
  if ((options.mode == BenchMode::kOpen) != arguments.Given("rate")) {
    return FailUsage("bench", "--mode open and --rate R go together");
  }
  if (options.mode == BenchMode::kLatency && options.publishers != 1) {
    return FailUsage("bench", absl::StrCat("--publishers ", options.publishers,
                                           ": allowed 1 with --mode latency"));
  }
  absl::StatusOr<BenchReport> report = RunBench(options);
  if (!report.ok()) return Fail("bench", report.status());
  std::string text = FLAGS_format == "json" ? ReportJson(options, *report)
                                            : ReportText(options, *report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return FinishOutput("bench");
}

}  // namespace

Command BenchCommand() {
  Command command = {
      .name = "bench",
      .summary = "measure throughput and latency",
      .help = kHelp,
      .flags = {{.name = "mode", .choices = {"throughput", "latency", "open"}},
                {.name = "rate", .min = 0.01, .max = 1e9},
                {.name = "payload_bytes",
                 .min = kBenchPayloadBytesMin,
                 .max = kFrameBytesMaxCeiling},
                {.name = "publishers", .min = 1, .max = 256},
                {.name = "subscribers", .min = 1, .max = 1024},
                {.name = "seconds", .min = 0.05, .max = 86400},
                {.name = "delivery", .choices = {"direct", "queued"}},
                {.name = "format", .choices = {"text", "json"}},
                {.name = "url"}},
      .run = Run};
  for (FlagRule& rule : PolicyFlags()) command.flags.push_back(rule);
  return command;
}

}  // namespace mycelium::cli
