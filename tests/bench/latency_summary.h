// Round trips as percentiles.  Not thread-safe: belongs to who measures.
#ifndef MYCELIUM_TESTS_BENCH_LATENCY_SUMMARY_H_
#define MYCELIUM_TESTS_BENCH_LATENCY_SUMMARY_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace mycelium::bench {

class LatencySummary {
 public:
  void Reserve(size_t samples) { samples_ns_.reserve(samples); }
  void Add(int64_t sample_ns) { samples_ns_.push_back(sample_ns); }
  size_t samples() const { return samples_ns_.size(); }

  // The smallest sample that at least `fraction` of all do not exceed; 0
  // without samples.  REQUIRES: 0 < fraction <= 1.
  int64_t PercentileNs(double fraction);

  // {"p50":8.20,"p90":...,"p99":...,"p99_9":...,"max":...} in microseconds,
  // each sample divided by `divisor`.
  std::string JsonUs(int divisor);

 private:
  std::vector<int64_t> samples_ns_;
};

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_LATENCY_SUMMARY_H_
