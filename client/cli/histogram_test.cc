#include "client/cli/histogram.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

TEST(Histogram, IsZeroWithoutValues) {
  Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.Percentile(0.5), 0u);
}

TEST(Histogram, IsExactForSmallValues) {
  Histogram histogram;
  for (int value = 1; value <= 100; ++value) histogram.Add(value);
  EXPECT_EQ(histogram.min(), 1u);
  EXPECT_EQ(histogram.Percentile(0.01), 1u);
  EXPECT_EQ(histogram.Percentile(0.5), 50u);
  EXPECT_EQ(histogram.Percentile(0.99), 99u);
  EXPECT_EQ(histogram.Percentile(1), 100u);
}

TEST(Histogram, StaysWithinHalfAPercentOfTheSortedValues) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(10, 3);
  Histogram histogram;
  std::vector<int64_t> sorted;
  for (int i = 0; i < 100'000; ++i) {
    auto value = static_cast<int64_t>(latency(random));
    sorted.push_back(value);
    histogram.Add(value);
  }
  std::sort(sorted.begin(), sorted.end());
  for (double fraction : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    auto rank = static_cast<size_t>(
        std::ceil(fraction * static_cast<double>(sorted.size())));
    auto truth = static_cast<double>(sorted[rank - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.Percentile(fraction)), truth,
                truth * 0.005)
        << fraction;
  }
}

TEST(Histogram, TakesTheSmallestAndTheLargestValue) {
  Histogram histogram;
  histogram.Add(-5);
  histogram.Add(INT64_MAX);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.Percentile(0.5), 0u);
  EXPECT_EQ(histogram.max(), static_cast<uint64_t>(INT64_MAX));
  constexpr auto kMost = static_cast<double>(INT64_MAX);
  EXPECT_NEAR(static_cast<double>(histogram.Percentile(1)), kMost,
              0.005 * kMost);
}

TEST(Histogram, MergedIsAsIfAllWereAddedToOne) {
  Histogram low, high, all;
  for (int value = 0; value < 5'000; ++value) {
    (value < 2'000 ? low : high).Add(value);
    all.Add(value);
  }
  low.Merge(high);
  EXPECT_EQ(low.count(), all.count());
  EXPECT_EQ(low.min(), all.min());
  EXPECT_EQ(low.max(), all.max());
  for (double fraction : {0.2, 0.5, 0.9}) {
    EXPECT_EQ(low.Percentile(fraction), all.Percentile(fraction)) << fraction;
  }
}

}  // namespace
}  // namespace mycelium::cli
