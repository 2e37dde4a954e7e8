// The load that `mycelium bench` puts on a broker or on an in-process bus: its
// publishers and subscribers are clients of this process.
#ifndef MYCELIUM_CLIENT_CLI_BENCH_LOAD_H_
#define MYCELIUM_CLIENT_CLI_BENCH_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/histogram.h"
#include "client/cpp/mycelium.h"

namespace mycelium::cli {

// The time of sending and the number of the run stand in each payload.
inline constexpr size_t kBenchPayloadBytesMin = 16;
// Round trips use both, the other modes the first.
inline constexpr uint16_t kBenchType = 65534;
inline constexpr uint16_t kBenchReplyType = 65535;

enum class BenchMode {
  kThroughput,  // each publisher publishes in a plain loop
  kLatency,     // one frame in the air, there and back
  kOpen,        // a fixed rate; latency counts from the intended time
};

struct BenchOptions {
  std::string url;
  BenchMode mode = BenchMode::kThroughput;
  size_t payload_bytes = 64;
  int publishers = 1;  // 1 in kLatency
  int subscribers = 1;
  double seconds = 3;
  double rate = 0;  // frames per second of all publishers, in kOpen
  Delivery delivery = Delivery::kDirect;
  Policy policy;
};

struct BenchReport {
  // Within the time that is measured:
  double seconds = 0;
  uint64_t published = 0;
  uint64_t delivered = 0;  // sum of all subscribers
  Histogram latency_ns;    // empty in kThroughput
  // Of the whole run, after all was flushed and at most 5 s to arrive:
  int64_t lost = 0;  // published, but neither delivered nor told in a gap
  uint64_t in_gaps = 0;
};

// Blocks for options.seconds and a little more.  The error is the first that a
// client met.
absl::StatusOr<BenchReport> RunBench(const BenchOptions& options);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_BENCH_LOAD_H_
