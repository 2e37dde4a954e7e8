#include "broker/counters.h"

#include <gtest/gtest.h>

namespace mycelium::broker {
namespace {

TEST(TypeTraffic, CountsTheFirstTypesEachForItself) {
  TypeTraffic traffic;
  traffic.Of(700).frames_out += 3;
  traffic.Of(1).bytes_out += 5;
  traffic.Of(700).frames_out += 4;
  ASSERT_EQ(traffic.types().size(), 2u);
  EXPECT_EQ(traffic.types()[0], 700);
  EXPECT_EQ(traffic.at(0).frames_out, 7u);
  EXPECT_EQ(traffic.at(1).bytes_out, 5u);
  EXPECT_EQ(traffic.at(2).frames_out, 0u);
}

TEST(TypeTraffic, CountsAllLaterTypesTogether) {
  TypeTraffic traffic;
  for (uint32_t type = 1; type <= 65535; ++type) {
    ++traffic.Of(static_cast<uint16_t>(type)).frames_out;
  }
  ++traffic.Of(1).frames_out;
  ASSERT_EQ(traffic.types().size(), TypeTraffic::kTypesMax);
  EXPECT_EQ(traffic.at(0).frames_out, 2u);
  EXPECT_EQ(traffic.at(TypeTraffic::kTypesMax - 1).frames_out, 1u);
  EXPECT_EQ(traffic.at(TypeTraffic::kTypesMax).frames_out,
            65535u - TypeTraffic::kTypesMax);
}

TEST(DurationHistogram, ABoundBelongsToItsOwnBucket) {
  DurationHistogram histogram;
  histogram.Add(0);
  histogram.Add(5'000);
  histogram.Add(5'001);
  histogram.Add(10'000'000'001);
  EXPECT_EQ(histogram.counts()[0], 2u);
  EXPECT_EQ(histogram.counts()[1], 1u);
  EXPECT_EQ(histogram.counts().back(), 1u);
  EXPECT_EQ(histogram.sum_ns(), 10'000'010'002u);
}

TEST(TurnSampler, TakesAboutOneTurnInSixteenAtIrregularDistances) {
  TurnSampler sampler;
  int taken = 0;
  bool odd = false, even = false;
  for (int turn = 0; turn < 16'000; ++turn) {
    if (!sampler.NextTurn()) continue;
    ++taken;
    (turn % 2 == 0 ? even : odd) = true;
  }
  EXPECT_GT(taken, 900);
  EXPECT_LT(taken, 1'100);
  EXPECT_TRUE(odd && even);
}

}  // namespace
}  // namespace mycelium::broker
