// Thousands of seeds, and that the model can fail.
#include <glog/logging.h>

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "tests/sim/world.h"

namespace mycelium::sim {
namespace {

// A sanitizer takes ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kSeedsPerTest = 10;
#else
constexpr uint64_t kSeedsPerTest = 100;
#endif

class Seeds : public testing::TestWithParam<uint64_t> {
 protected:
  Seeds() { FLAGS_minloglevel = 3; }
};

TEST_P(Seeds, EachSubscriptionGetsEverythingOrIsTold) {
  Report sum;
  for (uint64_t i = 0; i < kSeedsPerTest; ++i) {
    const uint64_t seed = GetParam() * kSeedsPerTest + i;
    const Report report = sim::Run(seed);
    ASSERT_EQ(report.violation, "")
        << "again: bazel run //tests/sim -- --seed " << seed << " --verbose\n"
        << report.log;
    sum.accepted += report.accepted;
    sum.delivered += report.delivered;
    sum.connections += report.connections;
  }
  // That something has happened at all.
  EXPECT_GT(sum.accepted, 10 * kSeedsPerTest);
  EXPECT_GT(sum.delivered, 10 * kSeedsPerTest);
  EXPECT_GT(sum.connections, 3 * kSeedsPerTest);
}

INSTANTIATE_TEST_SUITE_P(All, Seeds, testing::Range<uint64_t>(1, 21));

// How many of some seeds find out.
int Caught(Sabotage sabotage) {
  FLAGS_minloglevel = 3;
  int caught = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    caught += Run(seed, sabotage).violation.empty() ? 0 : 1;
  }
  return caught;
}

TEST(Model, NoticesAFrameThatIsDropped) {
  EXPECT_GE(Caught(Sabotage::kDropFrame), 10);
}
TEST(Model, NoticesAFrameThatComesTwice) {
  EXPECT_GE(Caught(Sabotage::kRepeatFrame), 10);
}
TEST(Model, NoticesAGapThatIsNotTold) {
  EXPECT_GE(Caught(Sabotage::kDropGap), 5);
}
TEST(Model, NoticesAnAckOfWhatIsNotAccepted) {
  // Mostly what is acknowledged too early is accepted soon after.
  EXPECT_GE(Caught(Sabotage::kFalseAck), 1);
}

}  // namespace
}  // namespace mycelium::sim
