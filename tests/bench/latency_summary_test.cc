#include "tests/bench/latency_summary.h"

#include "gtest/gtest.h"

namespace mycelium::bench {
namespace {

TEST(LatencySummary, PercentilesAreSamplesInAnyOrder) {
  LatencySummary summary;
  for (int64_t sample_us = 1'000; sample_us >= 1; --sample_us)
    summary.Add(sample_us * 1'000);
  EXPECT_EQ(summary.PercentileNs(0.5), 500'000);
  EXPECT_EQ(summary.PercentileNs(0.9), 900'000);
  EXPECT_EQ(summary.PercentileNs(0.999), 999'000);
  EXPECT_EQ(summary.PercentileNs(1), 1'000'000);
  EXPECT_EQ(summary.JsonUs(2),
            "{\"p50\":250.00,\"p90\":450.00,\"p99\":495.00,"
            "\"p99_9\":499.50,\"max\":500.00}");
}

TEST(LatencySummary, OneSampleIsEveryPercentile) {
  LatencySummary summary;
  summary.Add(7'000);
  EXPECT_EQ(summary.PercentileNs(0.001), 7'000);
  EXPECT_EQ(summary.PercentileNs(1), 7'000);
}

TEST(LatencySummary, NoSampleIsZero) {
  LatencySummary summary;
  EXPECT_EQ(summary.PercentileNs(0.5), 0);
}

}  // namespace
}  // namespace mycelium::bench
