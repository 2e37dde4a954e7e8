#include <cstdio>

#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/histogram.h"
#include "client/cli/payload_text.h"
#include "client/cli/stop_signal.h"
#include "client/cpp/mycelium.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium ping [--count N] [--interval_ms MS] [--timeout_ms MS]

Measures round trips to the broker and back, one line each.

  --count N         how many; 0: until Ctrl-C (4)
  --interval_ms MS  pause between two; 0: back to back (200)
  --timeout_ms MS   gives up when one takes longer (5000)
)help";

void PrintSummary(const Histogram& round_trips_ns) {
  auto us = [](uint64_t ns) { return static_cast<double>(ns) / 1e3; };
  std::printf("%llu round trip%s: min %.1f us, p50 %.1f us, max %.1f us\n",
              static_cast<unsigned long long>(round_trips_ns.count()),
              round_trips_ns.count() == 1 ? "" : "s", us(round_trips_ns.min()),
              us(round_trips_ns.Percentile(0.5)), us(round_trips_ns.max()));
}

int Run(const Arguments&) {
  absl::StatusOr<Client> client = ConnectAs("ping");
  if (!client.ok()) return Fail("ping", client.status());
  std::string broker = Readable(client->broker().name);
  std::string version = Readable(client->broker().version);
  Histogram round_trips_ns;
  StopSignal stop;
  for (int64_t i = 0; FLAGS_count == 0 || i < FLAGS_count; ++i) {
    if (i > 0 && stop.Wait(static_cast<int>(FLAGS_interval_ms))) break;
    absl::StatusOr<absl::Duration> round_trip = client->Ping(Timeout().Left());
    if (!round_trip.ok()) return Fail("ping", round_trip.status());
    round_trips_ns.Add(absl::ToInt64Nanoseconds(*round_trip));
    std::printf("reply from mycelium-brokerd %s %s: %.1f us\n", broker.c_str(),
                version.c_str(), absl::ToDoubleMicroseconds(*round_trip));
    if (!FlushOutput("ping")) break;
  }
  PrintSummary(round_trips_ns);
  return FinishOutput("ping");
}

}  // namespace

Command PingCommand() {
  Command command = {.name = "ping",
                     .summary = "measure round trips to the broker",
                     .help = kHelp,
                     .flags = BrokerFlags("5000"),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "count", .initial = "4", .min = 0, .max = 1e15},
       {.name = "interval_ms", .min = 0, .max = 1e9}});
  return command;
}

}  // namespace mycelium::cli
