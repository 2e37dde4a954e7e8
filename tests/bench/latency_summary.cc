#include "tests/bench/latency_summary.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"

namespace mycelium::bench {

int64_t LatencySummary::PercentileNs(double fraction) {
  if (samples_ns_.empty()) return 0;
  auto rank = static_cast<ptrdiff_t>(
      std::ceil(fraction * static_cast<double>(samples_ns_.size())));
  auto at = samples_ns_.begin() + std::max<ptrdiff_t>(rank, 1) - 1;
  std::nth_element(samples_ns_.begin(), at, samples_ns_.end());
  return *at;
}

std::string LatencySummary::JsonUs(int divisor) {
  auto us = [&](double fraction) {
    return static_cast<double>(PercentileNs(fraction)) / 1e3 / divisor;
  };
  return absl::StrFormat(
      "{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"p99_9\":%.2f,\"max\":%.2f}",
      us(0.5), us(0.9), us(0.99), us(0.999), us(1));
}

}  // namespace mycelium::bench
