// Queues that conflate, that disconnect, and whose frames can be taken back.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/core/queue.h"

namespace mycelium::core {
namespace {

// Only a fault makes anything wait for so long.
Deadline Soon() { return Clock::now() + std::chrono::seconds(30); }

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

PushResult PushFrame(FrameQueue* queue, FrameQueue::Lane* lane, uint64_t number,
                     std::string_view topic, std::string_view payload = "x",
                     Deadline deadline = kNoWait) {
  const FrameHeader header{static_cast<uint32_t>(topic.size() + payload.size()),
                           7, static_cast<uint8_t>(DataKind::kPublish),
                           static_cast<uint8_t>(topic.size()), number};
  return queue->Push(lane, header, topic, Bytes(payload), deadline);
}

// What is popped, in words: "3" a frame, "conflated 2 (1-2)" a gap.
std::vector<std::string> PopAll(FrameQueue* queue) {
  std::vector<std::string> all;
  FrameView frame;
  Gap gap;
  while (true) {
    switch (queue->Pop(kNoWait, &frame, &gap)) {
      case PopResult::kFrame:
        all.push_back(std::to_string(frame.header.id));
        break;
      case PopResult::kGap:
        all.push_back(
            std::string(gap.reason == GapReason::kConflated   ? "conflated "
                        : gap.reason == GapReason::kReconnect ? "reconnect "
                                                              : "overflow ") +
            std::to_string(gap.frames()) + " (" +
            std::to_string(gap.ranges[0].first_sequence) + "-" +
            std::to_string(gap.ranges[0].last_sequence) + ")" +
            (gap.unknown ? "?" : ""));
        break;
      default:
        return all;
    }
  }
}

using Popped = std::vector<std::string>;

// --- Conflation -------------------------------------------------------------

TEST(ConflatingQueue, NewestOfEachTopicWaitsAndTheRestIsToldFirst) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  uint64_t number = 0;
  for (const char* const topic : {"a", "b", "a", "c", "a", "b"}) {
    EXPECT_EQ(PushFrame(&queue, lane, ++number, topic), PushResult::kQueued);
  }
  EXPECT_EQ(PopAll(&queue), (Popped{"conflated 3 (1-3)", "4", "5", "6"}));
  EXPECT_EQ(queue.queued_bytes(), 0u);
}

TEST(ConflatingQueue, WhatIsTakenIsNotFolded) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, "a");
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  PushFrame(&queue, lane, 2, "a");
  EXPECT_EQ(frame.header.id, 1u);
  EXPECT_EQ(frame.topic(), "a");
  EXPECT_EQ(PopAll(&queue), (Popped{"2"}));
}

TEST(ConflatingQueue, TopicThatAlwaysChangesIsServedAllTheSame) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  uint64_t number = 0, from_busy = 0;
  FrameView frame;
  Gap gap;
  for (int i = 0; i < 1000; ++i) {
    PushFrame(&queue, lane, ++number, "a");
    PushFrame(&queue, lane, ++number, "b");
    for (int j = 0; j < 5; ++j) PushFrame(&queue, lane, ++number, "busy");
    while (queue.Pop(kNoWait, &frame, &gap) == PopResult::kGap) {
    }
    from_busy += frame.topic() == "busy" ? 1 : 0;
  }
  EXPECT_GT(from_busy, 100u);
}

TEST(ConflatingQueue, NeverHoldsAndDropsTheOldestOfTooManyTopics) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin,
                    .stall_ms_max = -1,
                    .overflow = Overflow::kConflate});
  FrameQueue::Lane* const lane = queue.AddLane();
  const std::string payload(1'000, 'x');
  for (uint64_t i = 1; i <= 10; ++i) {
    EXPECT_EQ(PushFrame(&queue, lane, i, "t" + std::to_string(i), payload),
              PushResult::kQueued);
    EXPECT_LE(queue.queued_bytes(), kQueueBytesMin);
  }
  EXPECT_EQ(PopAll(&queue), (Popped{"overflow 6 (1-6)", "7", "8", "9", "10"}));
}

TEST(ConflatingQueue, ToldGapKeepsItsPlace) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, "a");
  Gap gap;
  gap.reason = GapReason::kReconnect;
  gap.ranges.push_back({7, 2, 2, 3});
  gap.unknown = true;
  queue.PushGap(lane, gap);
  PushFrame(&queue, lane, 4, "b");
  EXPECT_EQ(PopAll(&queue), (Popped{"1", "reconnect 2 (2-3)?", "4"}));
}

TEST(ConflatingQueue, FoldedObjectsAreReleased) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  const auto value = std::make_shared<const int>(1);
  const Object object{nullptr, value.get(), value};
  FrameHeader header{static_cast<uint32_t>(ObjectBodyBytes(0, 0)), 7,
                     static_cast<uint8_t>(DataKind::kPublish), 0, 0};
  for (int i = 0; i < 3; ++i) {
    ++header.id;
    ASSERT_EQ(queue.Reserve(lane, header.body_bytes), PushResult::kQueued);
    queue.CommitObject(lane, header, {}, object);
  }
  EXPECT_EQ(value.use_count(), 3);  // here, in `object`, and the newest
  EXPECT_EQ(PopAll(&queue), (Popped{"conflated 2 (1-2)", "3"}));
  EXPECT_EQ(value.use_count(), 2);
}

TEST(ConflatingQueue, SlowConsumerGetsExactCounts) {
  FrameQueue queue(Policy::Latest());
  FrameQueue::Lane* const lane = queue.AddLane();
  constexpr uint64_t kFrames = 50'000;
  std::thread producer([&] {
    for (uint64_t i = 1; i <= kFrames; ++i) {
      PushFrame(&queue, lane, i, "t" + std::to_string(i % 7));
    }
  });
  uint64_t frames = 0, missed = 0, last = 0;
  FrameView frame;
  Gap gap;
  while (frames + missed < kFrames) {
    const PopResult popped = queue.Pop(Soon(), &frame, &gap);
    if (popped == PopResult::kGap) {
      missed += gap.frames();
      continue;
    }
    ASSERT_EQ(popped, PopResult::kFrame);
    ASSERT_GT(frame.header.id, last);
    last = frame.header.id;
    ++frames;
  }
  producer.join();
  EXPECT_EQ(last, kFrames);
  EXPECT_EQ(queue.frames_popped(), frames);
  EXPECT_EQ(queue.frames_missed(), missed);
}

// --- Disconnect -------------------------------------------------------------

TEST(DisconnectingQueue, EndsWithWhatItHasAndSaysWhy) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin,
                    .stall_ms_max = 5,
                    .overflow = Overflow::kDisconnect});
  FrameQueue::Lane* const lane = queue.AddLane();
  const std::string payload(1'000, 'x');
  uint64_t pushed = 0;
  PushResult result;
  while ((result = PushFrame(&queue, lane, pushed + 1, {}, payload, Soon())) ==
         PushResult::kQueued) {
    ++pushed;
  }
  EXPECT_EQ(result, PushResult::kDisconnected);
  // A smaller one does not slip in behind the one that was lost.
  EXPECT_EQ(PushFrame(&queue, lane, pushed + 2, {}), PushResult::kClosed);
  Popped expected;
  for (uint64_t i = 1; i <= pushed; ++i) expected.push_back(std::to_string(i));
  EXPECT_EQ(PopAll(&queue), expected);
  Item item;
  const Status end = queue.Next(Soon(), &item);
  EXPECT_EQ(end.code, StatusCode::kResourceExhausted);
  EXPECT_EQ(end.message,
            "subscription: queue of 4096 bytes full for 5 ms, overflow is "
            "DISCONNECT");
}

// --- One by one -------------------------------------------------------------

TEST(StoredQueue, WhatIsPoppedCountsUntilTheNextPop) {
  FrameQueue queue(Policy{}, /*one_by_one=*/true);
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, {});
  const uint64_t bytes = queue.queued_bytes();
  EXPECT_GT(bytes, 0u);
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  EXPECT_EQ(queue.queued_bytes(), bytes);
  EXPECT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kDeadline);
  EXPECT_EQ(queue.queued_bytes(), 0u);
}

TEST(StoredQueue, WhatNobodyHasPoppedIsTakenBack) {
  FrameQueue queue(Policy{}, /*one_by_one=*/true);
  FrameQueue other(Policy{}, /*one_by_one=*/true);
  FrameQueue::Lane* const lane = queue.AddLane();
  for (uint64_t i = 1; i <= 3; ++i) PushFrame(&queue, lane, i, "a.b");
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  for (StoredFrame& each : queue.TakeStored()) {
    each.MarkRedelivered();
    other.PushStored(std::move(each));
  }
  EXPECT_EQ(PopAll(&queue), Popped{});
  Item item;
  for (const uint64_t sequence : {2, 3}) {
    ASSERT_TRUE(other.Next(kNoWait, &item).ok());
    const Message& message = std::get<Message>(item);
    EXPECT_EQ(message.sequence, sequence);
    EXPECT_EQ(message.topic, "a.b");
    EXPECT_EQ(message.kind, DataKind::kPublish);
    EXPECT_TRUE(message.redelivered);
  }
}

TEST(StoredQueue, FullOneDropsTheOldestAsItsPolicySays) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = 0},
                   /*one_by_one=*/true);
  FrameQueue::Lane* const lane = queue.AddLane();
  const std::string payload(1'000, 'x');
  for (uint64_t i = 1; i <= 5; ++i) {
    if (i > 4) {
      EXPECT_FALSE(queue.ReserveNow(lane, payload.size()));
    }
    EXPECT_EQ(PushFrame(&queue, lane, i, {}, payload), PushResult::kQueued);
  }
  EXPECT_EQ(PopAll(&queue), (Popped{"overflow 1 (1-1)", "2", "3", "4", "5"}));
}

TEST(ReplayingQueue, ThePastComesFirst) {
  FrameQueue queue(Policy{});
  FrameQueue::Lane* const lane = queue.AddLane();
  std::vector<StoredFrame> past;
  for (uint64_t i = 1; i <= 2; ++i) {
    past.emplace_back(
        FrameHeader{1, 7, static_cast<uint8_t>(DataKind::kPublish), 0, i},
        std::string_view(), Bytes("x"));
  }
  queue.Replay(std::move(past));
  PushFrame(&queue, lane, 3, {});
  EXPECT_EQ(PopAll(&queue), (Popped{"1", "2", "3"}));
}

}  // namespace
}  // namespace mycelium::core
