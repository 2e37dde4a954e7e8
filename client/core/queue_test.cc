#include "client/core/queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;

constexpr uint64_t kSmallQueue = 64 << 10;
// Only a fault makes anything wait for so long.
Deadline Soon() { return Clock::now() + std::chrono::seconds(30); }

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

PushResult PushFrame(FrameQueue* queue, FrameQueue::Lane* lane, uint64_t number,
                     const std::string& payload, Deadline deadline,
                     uint16_t type_id = 7, const std::string& topic = "") {
  const FrameHeader header{static_cast<uint32_t>(topic.size() + payload.size()),
                           type_id, static_cast<uint8_t>(DataKind::kPublish),
                           static_cast<uint8_t>(topic.size()), number};
  return queue->Push(lane, header, topic, Bytes(payload), deadline);
}

// What a consumer saw of one type: delivered and missing together must be
// 1, 2, 3, ... without a hole and without an overlap.
struct Account {
  uint64_t next = 1;
  uint64_t delivered = 0;
  uint64_t lost = 0;

  void Deliver(uint64_t sequence) {
    ASSERT_EQ(sequence, next);
    ++next;
    ++delivered;
  }
  void Lose(const Gap::Range& range) {
    ASSERT_EQ(range.first_sequence, next);
    ASSERT_EQ(range.frames, range.last_sequence - range.first_sequence + 1);
    next = range.last_sequence + 1;
    lost += range.frames;
  }
};

// Pops until the queue says kClosed, or with kNoWait that it is empty.
std::map<uint16_t, Account> PopAll(FrameQueue* queue, Deadline deadline) {
  std::map<uint16_t, Account> accounts;
  FrameView frame;
  Gap gap;
  while (true) {
    switch (queue->Pop(deadline, &frame, &gap)) {
      case PopResult::kFrame:
        accounts[frame.header.type_id].Deliver(frame.header.id);
        break;
      case PopResult::kGap:
        EXPECT_EQ(gap.reason, GapReason::kOverflow);
        for (const Gap::Range& range : gap.ranges) {
          accounts[range.type_id].Lose(range);
        }
        break;
      case PopResult::kDeadline:
      case PopResult::kClosed:
        return accounts;
    }
  }
}

// Fills the queue until it would block; how many frames it took.
uint64_t Fill(FrameQueue* queue, FrameQueue::Lane* lane) {
  uint64_t number = 0;
  while (PushFrame(queue, lane, number + 1, std::string(100, 'x'), kNoWait) ==
         PushResult::kQueued) {
    ++number;
  }
  return number;
}

TEST(FrameQueue, PopsWhatWasPushedByteForByte) {
  FrameQueue queue({.queue_bytes_max = 16 << 20, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  const std::vector<size_t> sizes = {0,      1,       7,      8,      64,
                                     255,    4'096,   65'519, 65'520, 65'521,
                                     70'000, 1 << 20, 0,      1};
  for (const std::string topic : {"", "a.b.c"}) {
    uint64_t number = 0;
    for (const size_t size : sizes) {
      ++number;
      const std::string payload(size, static_cast<char>('a' + number));
      ASSERT_EQ(PushFrame(&queue, lane, number, payload, kNoWait, 7, topic),
                PushResult::kQueued);
    }
    FrameView frame;
    Gap gap;
    for (uint64_t i = 1; i <= sizes.size(); ++i) {
      ASSERT_EQ(queue.Pop(Soon(), &frame, &gap), PopResult::kFrame);
      const Message message = ToMessage(frame);
      EXPECT_EQ(message.sequence, i);
      EXPECT_EQ(message.type_id, 7);
      EXPECT_EQ(message.topic, topic);
      const std::string payload(sizes[i - 1], static_cast<char>('a' + i));
      EXPECT_EQ(std::string(message.payload.begin(), message.payload.end()),
                payload);
    }
  }
}

TEST(FrameQueue, EmptyQueueSaysDeadline) {
  FrameQueue queue(Policy{});
  queue.AddLane();
  FrameView frame;
  Gap gap;
  EXPECT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kDeadline);
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(queue.Pop(begin + milliseconds(20), &frame, &gap),
            PopResult::kDeadline);
  EXPECT_GE(Clock::now() - begin, milliseconds(20));
}

TEST(FrameQueue, LosslessBetweenThreadsKeepsOrderAndContent) {
  constexpr uint64_t kFrames = 100'000;
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  std::thread producer([&] {
    std::mt19937 random(1);
    for (uint64_t i = 1; i <= kFrames; ++i) {
      const size_t size = random() % (i % 1'000 == 0 ? 100'000 : 200);
      ASSERT_EQ(PushFrame(&queue, lane, i,
                          std::string(size, static_cast<char>(i)), Soon()),
                PushResult::kQueued);
    }
    queue.Close(/*keep_queued=*/true, {});
  });
  std::mt19937 random(1);
  uint64_t number = 0;
  FrameView frame;
  Gap gap;
  PopResult result;
  while ((result = queue.Pop(Soon(), &frame, &gap)) == PopResult::kFrame) {
    ++number;
    ASSERT_EQ(frame.header.id, number);
    ASSERT_EQ(frame.payload().size(),
              random() % (number % 1'000 == 0 ? 100'000 : 200));
    for (const uint8_t byte : frame.payload()) {
      ASSERT_EQ(byte, static_cast<uint8_t>(number));
    }
  }
  producer.join();
  EXPECT_EQ(result, PopResult::kClosed);
  EXPECT_EQ(number, kFrames);
}

TEST(FrameQueue, StoppedConsumerIsToldExactlyWhatItMissed) {
  constexpr uint64_t kFrames = 10'000;
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = 0});
  FrameQueue::Lane* const lane = queue.AddLane();
  for (uint64_t i = 1; i <= kFrames; ++i) {
    ASSERT_EQ(PushFrame(&queue, lane, i, std::string(i % 300, 'x'), kNoWait),
              PushResult::kQueued);
    ASSERT_LE(queue.queued_bytes(), kSmallQueue);
  }
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kGap);
  ASSERT_EQ(gap.ranges.size(), 1u);
  EXPECT_EQ(gap.ranges[0].first_sequence, 1u);
  EXPECT_EQ(gap.ranges[0].type_id, 7);
  uint64_t next = gap.frames() + 1;
  EXPECT_EQ(gap.ranges[0].last_sequence, gap.frames());
  while (queue.Pop(kNoWait, &frame, &gap) == PopResult::kFrame) {
    ASSERT_EQ(frame.header.id, next++);
  }
  EXPECT_EQ(next, kFrames + 1);
}

TEST(FrameQueue, GapStandsBehindTheBatchThatTheConsumerHolds) {
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = 0});
  FrameQueue::Lane* const lane = queue.AddLane();
  for (uint64_t i = 1; i <= 3; ++i) PushFrame(&queue, lane, i, "x", kNoWait);
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  const FrameView first = frame;
  for (uint64_t i = 4; i <= 10'000; ++i) {
    PushFrame(&queue, lane, i, std::string(100, 'y'), kNoWait);
  }
  EXPECT_EQ(ToMessage(first).payload[0], 'x') << "the view must still live";
  Account account;
  account.Deliver(first.header.id);
  bool gap_seen = false;
  PopResult result;
  while ((result = queue.Pop(kNoWait, &frame, &gap)) != PopResult::kDeadline) {
    if (result == PopResult::kFrame) account.Deliver(frame.header.id);
    if (result != PopResult::kGap) continue;
    EXPECT_EQ(account.delivered, 3u);
    account.Lose(gap.ranges.at(0));
    gap_seen = true;
  }
  EXPECT_TRUE(gap_seen);
  EXPECT_EQ(account.next, 10'001u);
}

TEST(FrameQueue, DroppingAgainstARunningConsumerLosesNoCount) {
  constexpr uint64_t kFrames = 300'000;
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = 0});
  FrameQueue::Lane* const lane = queue.AddLane();
  std::thread producer([&] {
    for (uint64_t i = 1; i <= kFrames; ++i) {
      ASSERT_EQ(PushFrame(&queue, lane, i, std::string(i % 200, 'x'), kNoWait),
                PushResult::kQueued);
    }
    queue.Close(/*keep_queued=*/true, {});
  });
  const Account account = PopAll(&queue, Soon())[7];
  producer.join();
  EXPECT_EQ(account.delivered + account.lost, kFrames);
  EXPECT_GT(account.delivered, 0u);
}

TEST(FrameQueue, SeveralProducersShareTheBoundAndKeepTheirOrder) {
  constexpr uint64_t kFrames = 50'000;
  constexpr uint16_t kProducers = 4;
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = 0});
  std::vector<std::thread> producers;
  for (uint16_t type_id = 1; type_id <= kProducers; ++type_id) {
    producers.emplace_back([&queue, type_id, lane = queue.AddLane()] {
      for (uint64_t i = 1; i <= kFrames; ++i) {
        ASSERT_EQ(
            PushFrame(&queue, lane, i, std::string(50, 'x'), kNoWait, type_id),
            PushResult::kQueued);
        // What the others are about to commit comes on top.
        ASSERT_LE(queue.queued_bytes(), kSmallQueue + kProducers * 100);
      }
    });
  }
  std::thread closer([&] {
    for (std::thread& producer : producers) producer.join();
    queue.Close(/*keep_queued=*/true, {});
  });
  const std::map<uint16_t, Account> accounts = PopAll(&queue, Soon());
  closer.join();
  ASSERT_EQ(accounts.size(), kProducers);
  for (const auto& [type_id, account] : accounts) {
    EXPECT_EQ(account.delivered + account.lost, kFrames) << type_id;
  }
}

TEST(FrameQueue, LosslessProducersLoseNothing) {
  constexpr uint64_t kFrames = 50'000;
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = -1});
  std::vector<std::thread> producers;
  for (uint16_t type_id = 1; type_id <= 3; ++type_id) {
    producers.emplace_back([&queue, type_id, lane = queue.AddLane()] {
      for (uint64_t i = 1; i <= kFrames; ++i) {
        ASSERT_EQ(
            PushFrame(&queue, lane, i, std::string(50, 'x'), Soon(), type_id),
            PushResult::kQueued);
      }
    });
  }
  std::thread closer([&] {
    for (std::thread& producer : producers) producer.join();
    queue.Close(/*keep_queued=*/true, {});
  });
  for (const auto& [type_id, account] : PopAll(&queue, Soon())) {
    EXPECT_EQ(account.delivered, kFrames) << type_id;
  }
  closer.join();
}

TEST(FrameQueue, FullQueueHoldsUntilItHasFallenToHalf) {
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  const uint64_t frames = Fill(&queue, lane);
  EXPECT_GT(frames * 120, kSmallQueue - 2 * 120);
  FrameView frame;
  Gap gap;
  uint64_t popped = 0;
  while (PushFrame(&queue, lane, frames + 1, std::string(100, 'x'), kNoWait) ==
         PushResult::kWouldBlock) {
    ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
    ++popped;
  }
  // What the consumer has taken counts no more, and it takes up to an eighth.
  EXPECT_GE(popped, frames * 3 / 8 - 1);
  EXPECT_LE(popped, frames / 2 + 1);
}

TEST(FrameQueue, ProducerWaitsOnceForTheStallAndThenDrops) {
  constexpr milliseconds kStall(50);
  FrameQueue queue(
      {.queue_bytes_max = kSmallQueue, .stall_ms_max = kStall.count()});
  FrameQueue::Lane* const lane = queue.AddLane();
  const Clock::time_point begin = Clock::now();
  const uint64_t held = Fill(&queue, lane) + 1;
  ASSERT_EQ(PushFrame(&queue, lane, held, std::string(100, 'x'), Soon()),
            PushResult::kQueued);
  EXPECT_GE(Clock::now() - begin, kStall);
  for (uint64_t i = held + 1; i <= held + 1'000; ++i) {
    ASSERT_EQ(PushFrame(&queue, lane, i, std::string(100, 'x'), kNoWait),
              PushResult::kQueued);
  }
  const Account account = PopAll(&queue, kNoWait)[7];
  EXPECT_EQ(account.next, held + 1'001);
  EXPECT_GE(account.lost, 1'000u);
  // It flows again, so that a full queue holds its producers anew.
  EXPECT_EQ(queue.Reserve(lane, 100), PushResult::kQueued);
  EXPECT_GT(Fill(&queue, lane), 100u);
  EXPECT_EQ(PopAll(&queue, kNoWait)[7].lost, 0u);
}

TEST(FrameQueue, DeadlineBeforeTheStallLeavesTheFrameOut) {
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  const uint64_t frames = Fill(&queue, lane);
  const Clock::time_point begin = Clock::now();
  EXPECT_EQ(PushFrame(&queue, lane, frames + 1, std::string(100, 'x'),
                      begin + milliseconds(20)),
            PushResult::kWouldBlock);
  EXPECT_GE(Clock::now() - begin, milliseconds(20));
  const Account account = PopAll(&queue, kNoWait)[7];
  EXPECT_EQ(account.delivered, frames);
  EXPECT_EQ(account.lost, 0u);
}

TEST(FrameQueue, ReservationsThatAreGivenBackLeaveTheRoom) {
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(queue.Reserve(lane, kSmallQueue / 2), PushResult::kQueued);
    queue.Unreserve(lane);
    ASSERT_LE(queue.queued_bytes(), kSmallQueue / 1'000);
  }
}

TEST(FrameQueue, FrameLargerThanTheBoundPassesAlone) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  const std::string large(1 << 20, 'x');
  ASSERT_EQ(PushFrame(&queue, lane, 1, large, kNoWait), PushResult::kQueued);
  EXPECT_EQ(PushFrame(&queue, lane, 2, large, kNoWait),
            PushResult::kWouldBlock);
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  EXPECT_EQ(frame.payload().size(), large.size());
  EXPECT_EQ(PushFrame(&queue, lane, 2, large, kNoWait), PushResult::kQueued);
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  EXPECT_EQ(frame.header.id, 2u);
}

TEST(FrameQueue, LargeFramesAreDroppedWithExactCount) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = 0});
  FrameQueue::Lane* const lane = queue.AddLane();
  for (uint64_t i = 1; i <= 200; ++i) {
    const size_t size = i % 3 == 0 ? 100'000 : i % 3 * 50;
    ASSERT_EQ(PushFrame(&queue, lane, i, std::string(size, 'x'), kNoWait),
              PushResult::kQueued);
    ASSERT_LE(queue.queued_bytes(), kQueueBytesMin);
  }
  EXPECT_EQ(PopAll(&queue, kNoWait)[7].next, 201u);
  EXPECT_LE(queue.queued_bytes(), kQueueBytesMin / 1'000 + 1);
}

TEST(FrameQueue, ToldGapKeepsItsPlaceAmongFrames) {
  FrameQueue queue(Policy{});
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, "x", kNoWait);
  queue.PushGap(lane, {GapReason::kReconnect, {{7, 3, 2, 4}, {9, 1, 5, 5}}});
  PushFrame(&queue, lane, 5, "x", kNoWait);
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kGap);
  EXPECT_EQ(gap.reason, GapReason::kReconnect);
  ASSERT_EQ(gap.ranges.size(), 2u);
  EXPECT_EQ(gap.frames(), 4u);
  EXPECT_EQ(gap.ranges[1].type_id, 9);
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  EXPECT_EQ(frame.header.id, 5u);
}

TEST(FrameQueue, DroppedToldGapIsPartOfTheNextOne) {
  FrameQueue queue({.queue_bytes_max = kSmallQueue, .stall_ms_max = 0});
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, "x", kNoWait);
  queue.PushGap(lane, {GapReason::kOverflow, {{7, 3, 2, 4}}});
  for (uint64_t i = 5; i <= 5'000; ++i) {
    PushFrame(&queue, lane, i, std::string(100, 'x'), kNoWait);
  }
  EXPECT_EQ(PopAll(&queue, kNoWait)[7].next, 5'001u);
}

TEST(FrameQueue, CloseWithoutKeepingEndsPopAtOnce) {
  FrameQueue queue(Policy{});
  FrameQueue::Lane* const lane = queue.AddLane();
  PushFrame(&queue, lane, 1, "x", kNoWait);
  PushFrame(&queue, lane, 2, "x", kNoWait);
  FrameView frame;
  Gap gap;
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  queue.Close(/*keep_queued=*/true, {StatusCode::kUnavailable, "lost"});
  EXPECT_EQ(PushFrame(&queue, lane, 3, "x", kNoWait), PushResult::kClosed);
  ASSERT_EQ(queue.Pop(kNoWait, &frame, &gap), PopResult::kFrame);
  EXPECT_EQ(queue.Pop(kNoDeadline, &frame, &gap), PopResult::kClosed);
  EXPECT_EQ(queue.close_status().code, StatusCode::kUnavailable);
  queue.Close(/*keep_queued=*/false, {StatusCode::kCancelled, "unsubscribed"});
  EXPECT_EQ(queue.Pop(kNoDeadline, &frame, &gap), PopResult::kClosed);
  EXPECT_EQ(queue.close_status().code, StatusCode::kCancelled);
}

TEST(FrameQueue, CloseWakesTheConsumerAndHeldProducers) {
  for (int i = 0; i < 200; ++i) {
    FrameQueue empty(Policy{});
    FrameQueue full({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = -1});
    FrameQueue::Lane* const lane = full.AddLane();
    const uint64_t frames = Fill(&full, lane);
    std::thread consumer([&empty] {
      FrameView frame;
      Gap gap;
      EXPECT_EQ(empty.Pop(Soon(), &frame, &gap), PopResult::kClosed);
    });
    std::thread producer([&] {
      EXPECT_EQ(
          PushFrame(&full, lane, frames + 1, std::string(100, 'x'), Soon()),
          PushResult::kClosed);
    });
    empty.Close(/*keep_queued=*/false, {});
    full.Close(/*keep_queued=*/false, {});
    consumer.join();
    producer.join();
  }
}

TEST(FrameQueue, CancelledProducerStopsWaiting) {
  FrameQueue queue({.queue_bytes_max = kQueueBytesMin, .stall_ms_max = -1});
  FrameQueue::Lane* const lane = queue.AddLane();
  Fill(&queue, lane);
  std::atomic<bool> cancelled{false};
  std::thread producer([&] {
    EXPECT_EQ(queue.WaitForRoom(Soon(), &cancelled), PushResult::kCancelled);
  });
  cancelled.store(true);
  queue.WakeProducers();
  producer.join();
}

// Each frame waits for the one before it to be taken: every wake is needed, and
// one that is missed stops the test.
TEST(FrameQueue, NoWakeIsMissedInPingPong) {
  constexpr uint64_t kTurns = 20'000;
  FrameQueue there(Policy{}), back(Policy{});
  FrameQueue::Lane* const there_lane = there.AddLane();
  FrameQueue::Lane* const back_lane = back.AddLane();
  std::thread echo([&] {
    FrameView frame;
    Gap gap;
    for (uint64_t i = 1; i <= kTurns; ++i) {
      ASSERT_EQ(there.Pop(Soon(), &frame, &gap), PopResult::kFrame);
      PushFrame(&back, back_lane, frame.header.id, "x", kNoWait);
    }
  });
  FrameView frame;
  Gap gap;
  for (uint64_t i = 1; i <= kTurns; ++i) {
    PushFrame(&there, there_lane, i, "x", kNoWait);
    ASSERT_EQ(back.Pop(Soon(), &frame, &gap), PopResult::kFrame);
    ASSERT_EQ(frame.header.id, i);
  }
  echo.join();
}

}  // namespace
}  // namespace mycelium::core
