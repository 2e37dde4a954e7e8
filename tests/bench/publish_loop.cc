// Publishing through the C++ client to a running broker, in the two ways that
// differ most:
//
// loop:  one thread calls Publish without a pause; what counts is what the
//        broker has accepted, Flush included.
// lone:  one message at a time, with a pause before each: the time from Publish
//        until it is back at a subscription of the same client.
//
// Prints one line of JSON.
#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_format.h"
#include "client/cpp/mycelium.h"
#include "gflags/gflags.h"
#include "tests/bench/endpoint.h"
#include "tests/bench/latency_summary.h"
#include "tests/bench/monotonic_clock.h"

DEFINE_string(url, "", "unix:/path or tcp://host:port; empty: the default");
DEFINE_int32(payload_bytes, 64, "payload of each message, 8 and more");
DEFINE_double(seconds, 2, "how long each of the two parts lasts");
DEFINE_int32(pause_us, 1'000, "lone: the pause before each message");

namespace mycelium::bench {
namespace {

constexpr uint16_t kLoopType = 11;
constexpr uint16_t kLoneType = 12;
// Publishes between two looks at the clock.
constexpr int kBatch = 1'000;

void Check(const absl::Status& status) {
  if (!status.ok()) Fail(std::string(status.message()));
}

// Accepted messages in a second.
double RunLoop(Client* client, std::span<const uint8_t> payload) {
  const int64_t begin_ns = MonotonicNs();
  const int64_t end_ns = begin_ns + static_cast<int64_t>(FLAGS_seconds * 1e9);
  uint64_t published = 0;
  while (MonotonicNs() < end_ns) {
    for (int i = 0; i < kBatch; ++i)
      Check(client->Publish(kLoopType, "", payload));
    published += kBatch;
  }
  Check(client->Flush());
  return static_cast<double>(published) * 1e9 /
         static_cast<double>(MonotonicNs() - begin_ns);
}

LatencySummary RunLone(Client* client, std::vector<uint8_t> payload) {
  std::atomic<int64_t> arrived_ns{0};
  absl::StatusOr<Subscription> subscription =
      client->Subscribe({.type_id = kLoneType}, [&](const Message&) {
        arrived_ns.store(MonotonicNs());
        arrived_ns.notify_one();
      });
  Check(subscription.status());
  LatencySummary times;
  const int64_t end_ns =
      MonotonicNs() + static_cast<int64_t>(FLAGS_seconds * 1e9);
  while (MonotonicNs() < end_ns) {
    std::this_thread::sleep_for(std::chrono::microseconds(FLAGS_pause_us));
    arrived_ns.store(0);
    const int64_t sent_ns = MonotonicNs();
    Check(client->Publish(kLoneType, "", payload));
    arrived_ns.wait(0);
    times.Add(arrived_ns.load() - sent_ns);
  }
  return times;
}

void Run() {
  if (FLAGS_payload_bytes < 0 || FLAGS_seconds <= 0 || FLAGS_pause_us < 0)
    Fail("flags: a count or a time below its least value");
  absl::StatusOr<Client> client = Client::Connect(FLAGS_url);
  Check(client.status());
  const std::vector<uint8_t> payload(static_cast<size_t>(FLAGS_payload_bytes),
                                     0xa5);
  const double accepted_per_second = RunLoop(&*client, payload);
  LatencySummary lone = RunLone(&*client, payload);
  absl::PrintF(
      "{\"mode\":\"publish_loop\",\"url\":\"%s\",\"payload_bytes\":%d,"
      "\"accepted_per_second\":%.0f,\"lone_messages\":%d,\"lone_us\":%s}\n",
      FLAGS_url, FLAGS_payload_bytes, accepted_per_second, lone.samples(),
      lone.JsonUs(1));
}

}  // namespace
}  // namespace mycelium::bench

int main(int argc, char** argv) {
  gflags::SetUsageMessage("publishing through the C++ client");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  mycelium::bench::Run();
}
