#include "client/core/progress.h"

#include "gtest/gtest.h"

namespace mycelium::core {
namespace {

using Kind = Progress::Kind;

FrameHeader First(uint16_t type_id, uint64_t sequence) {
  return {0, type_id, static_cast<uint8_t>(DataKind::kPublish), 0, sequence};
}

Gap GapOf(GapReason reason, uint16_t type_id, uint64_t frames, uint64_t first,
          uint64_t last) {
  return {reason, {{type_id, frames, first, last}}, false};
}

Progress Active(Kind kind = Kind::kShared) {
  Progress progress(kind);
  progress.Activate(/*epoch=*/5, /*session_id=*/1, /*resumed=*/false, {});
  return progress;
}

TEST(ProgressTest, NothingIsForItBeforeSubscribed) {
  Progress progress(Kind::kShared);
  EXPECT_FALSE(progress.is_for(false));
  EXPECT_FALSE(progress.is_for(true));
  EXPECT_FALSE(progress.Resume().has_value());
  progress.Activate(5, 1, false, {});
  EXPECT_TRUE(progress.is_for(false));
  EXPECT_TRUE(progress.is_for(true));
}

TEST(ProgressTest, OneThatIsAddressedTakesNothingElse) {
  for (const Kind kind : {Kind::kAddressed, Kind::kGroup}) {
    const Progress progress = Active(kind);
    EXPECT_FALSE(progress.is_for(false));
    EXPECT_TRUE(progress.is_for(true));
  }
}

TEST(ProgressTest, WhatStartsSayIsForOthers) {
  Progress progress(Kind::kShared);
  const TypeSequence starts[] = {{7, 10}, {8, 3}};
  progress.Activate(5, 1, false, starts);
  EXPECT_EQ(progress.SkippedUntil(First(7, 9), false), 10);
  EXPECT_EQ(progress.SkippedUntil(First(9, 1), false), 0);
  EXPECT_EQ(progress.SkippedUntil(First(8, 4), false), 3);
  EXPECT_EQ(progress.SkippedUntil(First(8, 5), false), 0);
  EXPECT_EQ(progress.SkippedUntil(First(7, 10), false), 10);
}

TEST(ProgressTest, WhatIsAddressedToItIsForItAlsoBelowStarts) {
  Progress progress(Kind::kShared);
  const TypeSequence starts[] = {{7, 10}};
  progress.Activate(5, 1, false, starts);
  EXPECT_EQ(progress.SkippedUntil(First(7, 8), true), 0);
  EXPECT_EQ(progress.SkippedUntil(First(7, 8), false), 10);
}

TEST(ProgressTest, FramesAndGapsAreCountedAndSeen) {
  Progress progress = Active();
  progress.Gave(9, 2, 4);
  progress.Gave(7, 3, 3);
  progress.OnGap(GapOf(GapReason::kOverflow, 7, 5, 4, 12));
  progress.Gave(9, 1, 5);
  const ResumeBody resume = *progress.Resume();
  EXPECT_EQ(resume.epoch, 5);
  EXPECT_EQ(resume.frames, 11);
  EXPECT_EQ(resume.seen, (std::vector<TypeSequence>{{7, 12}, {9, 5}}));
}

TEST(ProgressTest, SeenNeverFalls) {
  Progress progress = Active();
  progress.Gave(7, 1, 12);
  progress.Gave(7, 1, 8);
  EXPECT_EQ(progress.Resume()->seen, (std::vector<TypeSequence>{{7, 12}}));
}

TEST(ProgressTest, AGapOfWhatWasDroppedCoversAndOthersDoNot) {
  for (const auto& [reason, covers] : {std::pair{GapReason::kOverflow, true},
                                       {GapReason::kMemory, true},
                                       {GapReason::kDeadlock, true},
                                       {GapReason::kConflated, false},
                                       {GapReason::kReconnect, false}}) {
    Progress progress = Active();
    progress.OnGap(GapOf(reason, 7, 2, 1, 4));
    EXPECT_EQ(progress.SkippedUntil(First(7, 3), false), covers ? 4 : 0)
        << static_cast<int>(reason);
  }
}

TEST(ProgressTest, TheFurthestGapOfATypeCovers) {
  Progress progress = Active();
  progress.OnGap(GapOf(GapReason::kOverflow, 7, 1, 9, 9));
  progress.OnGap(GapOf(GapReason::kMemory, 7, 1, 4, 4));
  EXPECT_EQ(progress.SkippedUntil(First(7, 5), false), 9);
}

TEST(ProgressTest, AGapOfUnknownTypesCountsAndCoversNothing) {
  Progress progress = Active();
  progress.OnGap(GapOf(GapReason::kMemory, 0, 6, 0, 0));
  EXPECT_EQ(progress.frames(), 6);
  EXPECT_TRUE(progress.Resume()->seen.empty());
}

TEST(ProgressTest, ARangeWithoutFramesSaysNothingOfWhatWasSeen) {
  Progress progress = Active();
  Gap gap = GapOf(GapReason::kReconnect, 7, 0, 51, 51);
  gap.unknown = true;
  progress.OnGap(gap);
  EXPECT_EQ(progress.frames(), 0);
  EXPECT_TRUE(progress.Resume()->seen.empty());
}

TEST(ProgressTest, SuspendedItTakesNothingAndKeepsItsCount) {
  Progress progress = Active();
  progress.Gave(7, 3, 3);
  progress.Suspend();
  EXPECT_FALSE(progress.is_for(true));
  EXPECT_EQ(progress.Resume()->frames, 3);
}

TEST(ProgressTest, ResumedItCountsOn) {
  Progress progress = Active();
  progress.Gave(7, 3, 3);
  progress.Suspend();
  progress.Activate(5, 1, true, {});
  progress.Gave(7, 1, 4);
  EXPECT_EQ(progress.frames(), 4);
}

TEST(ProgressTest, AForgottenInstanceCountsAnewAndKnowsWhatItSaw) {
  Progress progress = Active();
  progress.Gave(7, 3, 3);
  progress.Suspend();
  progress.Activate(5, 1, false, {});
  EXPECT_EQ(progress.frames(), 0);
  EXPECT_EQ(progress.Resume()->seen, (std::vector<TypeSequence>{{7, 3}}));
}

TEST(ProgressTest, AnotherEpochBeginsAnew) {
  Progress progress = Active();
  progress.Gave(7, 3, 30);
  progress.Suspend();
  progress.Activate(6, 1, true, {});
  EXPECT_EQ(progress.frames(), 0);
  EXPECT_TRUE(progress.Resume()->seen.empty());
  progress.Gave(7, 1, 1);
  EXPECT_EQ(progress.Resume()->seen, (std::vector<TypeSequence>{{7, 1}}));
  EXPECT_EQ(progress.Resume()->epoch, 6);
}

TEST(ProgressTest, WhatCoveredOnTheOldConnectionDoesNotOnTheNewOne) {
  Progress progress = Active();
  progress.OnGap(GapOf(GapReason::kOverflow, 7, 1, 9, 9));
  progress.Suspend();
  progress.Activate(5, 1, true, {});
  EXPECT_EQ(progress.SkippedUntil(First(7, 5), false), 0);
}

TEST(ProgressTest, AGroupsMemberIsNeverResumed) {
  Progress progress = Active(Kind::kGroup);
  progress.Gave(7, 3, 3);
  progress.Suspend();
  EXPECT_FALSE(progress.Resume().has_value());
  progress.Activate(5, 1, true, {});
  EXPECT_EQ(progress.frames(), 0);
}

}  // namespace
}  // namespace mycelium::core
