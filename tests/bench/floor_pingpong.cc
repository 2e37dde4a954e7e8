// The floor under every round trip: two processes, one connection between them,
// blocking reads and writes, nothing in the middle.
#include <sys/socket.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "gflags/gflags.h"
#include "tests/bench/child_process.h"
#include "tests/bench/endpoint.h"
#include "tests/bench/latency_summary.h"
#include "tests/bench/monotonic_clock.h"

DEFINE_string(transport, "unix", "unix (socket pair) or tcp (loopback)");
DEFINE_int32(payload_bytes, 64, "what goes each way, after 16 bytes of header");
DEFINE_double(seconds, 2, "how long to measure");
DEFINE_double(warm_up_seconds, 0.5, "how long to run before that");
DEFINE_int32(pin, -1, "run both processes on this CPU; -1: on any");

namespace mycelium::bench {
namespace {

constexpr size_t kHeaderBytes = 16;

void Echo(int descriptor, std::vector<uint8_t> message) {
  for (;;) {
    size_t at = 0;
    while (at < message.size()) {
      ptrdiff_t got = ReadSome(descriptor, std::span(message).subspan(at));
      if (got < 0) return;
      at += static_cast<size_t>(got);
    }
    WriteAll(descriptor, message);
  }
}

void Run() {
  if (FLAGS_transport != "unix" && FLAGS_transport != "tcp")
    Fail("--transport: " + FLAGS_transport + ", unix or tcp is allowed");
  if (FLAGS_payload_bytes < 0) Fail("--payload_bytes: below 0");
  PinToCpu(FLAGS_pin);
  const std::pair<int, int> ends = ConnectedPair(FLAGS_transport == "tcp");
  const int near_end = ends.first;
  std::vector<uint8_t> message(kHeaderBytes +
                               static_cast<size_t>(FLAGS_payload_bytes));
  ChildProcess echo([&](const ChildProcess::Ready&) {
    close(near_end);
    Echo(ends.second, message);
  });
  LatencySummary round_trips;
  round_trips.Reserve(1 << 20);
  int64_t begin_ns =
      MonotonicNs() + static_cast<int64_t>(FLAGS_warm_up_seconds * 1e9);
  int64_t end_ns = begin_ns + static_cast<int64_t>(FLAGS_seconds * 1e9);
  for (int64_t sent_ns = MonotonicNs(); sent_ns < end_ns;) {
    WriteAll(near_end, message);
    ReadAll(near_end, message);
    int64_t now_ns = MonotonicNs();
    if (sent_ns >= begin_ns) round_trips.Add(now_ns - sent_ns);
    sent_ns = now_ns;
  }
  shutdown(near_end, SHUT_WR);
  echo.Wait();
  absl::PrintF(
      "{\"mode\":\"pingpong\",\"transport\":\"%s\",\"payload_bytes\":%d,"
      "\"round_trips\":%d,\"round_trip_us\":%s}\n",
      FLAGS_transport, FLAGS_payload_bytes, round_trips.samples(),
      round_trips.JsonUs(1));
}

}  // namespace
}  // namespace mycelium::bench

int main(int argc, char** argv) {
  gflags::SetUsageMessage("raw round trips between two processes");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  mycelium::bench::Run();
}
