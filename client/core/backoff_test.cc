#include "client/core/backoff.h"

#include <cstdint>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace mycelium::core {
namespace {

// The most that the next wait may be: what a random source says that is a
// multiple of nothing but 1 below it.
int64_t BoundOf(Backoff* backoff, uint64_t* random, int64_t guess) {
  *random = static_cast<uint64_t>(guess);
  return backoff->NextMs(0);
}

TEST(Backoff, BoundDoublesUpToTheMost) {
  uint64_t random = 0;
  Backoff backoff(50, 1'000, [&] { return random; });
  for (const int64_t bound : {50, 100, 200, 400, 800, 1'000, 1'000}) {
    EXPECT_EQ(BoundOf(&backoff, &random, bound), bound);
  }
}

TEST(Backoff, BeginsAnewAfterAConnection) {
  uint64_t random = 0;
  Backoff backoff(50, 1'000, [&] { return random; });
  for (int i = 0; i < 10; ++i) backoff.NextMs(0);
  backoff.Reset();
  EXPECT_EQ(BoundOf(&backoff, &random, 50), 50);
}

TEST(Backoff, WaitsAtLeastAsLongAsTheBrokerAskedFor) {
  Backoff backoff(50, 1'000, [] { return 0; });
  EXPECT_EQ(backoff.NextMs(0), 0);
  EXPECT_EQ(backoff.NextMs(7'000), 7'000);
}

TEST(Backoff, StaysWithinItsBoundsWhateverTheyAre) {
  const uint32_t seed = 7;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max() / 2;
  for (const auto& [min_ms, max_ms] :
       {std::pair<int64_t, int64_t>{1, 1}, {1, 3}, {3, kMost}}) {
    Backoff backoff(min_ms, max_ms, [&] { return random(); });
    for (int i = 0; i < 200; ++i) {
      const int64_t wait_ms = backoff.NextMs(0);
      ASSERT_GE(wait_ms, 0);
      ASSERT_LE(wait_ms, max_ms);
    }
  }
}

}  // namespace
}  // namespace mycelium::core
