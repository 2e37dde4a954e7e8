#include "client/core/group_acks.h"

#include <vector>

#include "gtest/gtest.h"

namespace mycelium::core {
namespace {

class GroupAcksTest : public testing::Test {
 protected:
  // One frame that comes and is done with.
  void Use(uint64_t bytes) {
    acks_.Gave(1);
    acks_.Begin(1, bytes);
    acks_.Finish(/*idle=*/false);
  }

  std::vector<uint64_t> sent_;
  uint64_t sent_on_ = 0;
  GroupAcks acks_{100, [this](uint64_t frames, uint64_t connection_number) {
                    sent_.push_back(frames);
                    sent_on_ = connection_number;
                  }};
};

TEST_F(GroupAcksTest, NothingIsSaidWithoutFrames) {
  acks_.Activate(1);
  acks_.Finish(/*idle=*/true);
  EXPECT_TRUE(sent_.empty());
}

TEST_F(GroupAcksTest, ABatchIsAcknowledgedOnceAtItsEnd) {
  acks_.Activate(1);
  for (int i = 0; i < 3; ++i) Use(10);
  EXPECT_TRUE(sent_.empty());
  acks_.Finish(/*idle=*/true);
  acks_.Finish(/*idle=*/true);
  EXPECT_EQ(sent_, std::vector<uint64_t>{3});
}

TEST_F(GroupAcksTest, ManyBytesDoNotWaitForTheEndOfTheBatch) {
  acks_.Activate(1);
  for (int i = 0; i < 5; ++i) Use(50);
  EXPECT_EQ(sent_, (std::vector<uint64_t>{2, 4}));
}

TEST_F(GroupAcksTest, WhatIsInHandIsNotDoneWith) {
  acks_.Activate(1);
  acks_.Gave(2);
  acks_.Begin(1, 100);
  EXPECT_TRUE(sent_.empty());
  acks_.Begin(1, 100);
  acks_.Finish(/*idle=*/false);
  EXPECT_EQ(sent_, std::vector<uint64_t>{2});
}

TEST_F(GroupAcksTest, FramesOfAnEarlierConnectionAreNotCountedOnTheNextOne) {
  acks_.Activate(1);
  acks_.Gave(3);
  acks_.Begin(1, 1);
  acks_.Finish(/*idle=*/true);
  acks_.Activate(2);  // two of them still wait in the client's queue
  acks_.Gave(1);
  acks_.Begin(2, 2);
  acks_.Finish(/*idle=*/true);
  EXPECT_EQ(sent_, std::vector<uint64_t>{1});
  acks_.Begin(1, 1);
  acks_.Finish(/*idle=*/true);
  EXPECT_EQ(sent_, (std::vector<uint64_t>{1, 1}));
  EXPECT_EQ(sent_on_, 2u);
}

TEST_F(GroupAcksTest, StoppedItSaysWhatIsInHandAndNothingAfterwards) {
  acks_.Activate(1);
  acks_.Gave(2);
  acks_.Begin(1, 1);
  acks_.Stop();
  acks_.Begin(1, 1);
  acks_.Finish(/*idle=*/true);
  EXPECT_EQ(sent_, std::vector<uint64_t>{1});
}

}  // namespace
}  // namespace mycelium::core
