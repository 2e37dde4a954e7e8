// Starts in the past, whatever the carrier.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/core/carriers_fixture.h"
#include "client/core/client.h"

namespace mycelium::core {
namespace {

class HistoryTest : public CarrierTest {};

TEST_P(HistoryTest, LastOfEachTopicComesBeforeWhatFollows) {
  const auto publisher = Connected(), subscriber = Connected();
  for (int i = 1; i <= 6; ++i) {
    Put(publisher.get(), kKept, "x", "t" + std::to_string(i % 2));
  }
  Flush(publisher.get());
  for (const uint16_t type_id : {kKept, uint16_t{0}}) {
    const auto from = Subscribed(subscriber.get(),
                                 {.type_id = type_id, .start = Start::Last(2)});
    EXPECT_EQ(Taken(from.get(), 4).sequences,
              (std::vector<uint64_t>{3, 4, 5, 6}));
  }
  const auto filtered = Subscribed(
      subscriber.get(),
      {.type_id = kKept, .topic_filter = "t1", .start = Start::Last(1)});
  Put(publisher.get(), kKept, "x", "t1");
  EXPECT_EQ(Taken(filtered.get(), 2).sequences, (std::vector<uint64_t>{5, 7}));
}

TEST_P(HistoryTest, CallbackGetsItToo) {
  const auto publisher = Connected(), subscriber = Connected();
  for (int i = 1; i <= 3; ++i) Put(publisher.get(), kKept, "x");
  Flush(publisher.get());
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<uint64_t> got;
  const auto from = Subscribed(
      subscriber.get(), {.type_id = kKept, .start = Start::AtSequence(2)},
      {[&](const Message& message) {
         const std::lock_guard lock(mutex);
         got.push_back(message.sequence);
         changed.notify_all();
       },
       nullptr});
  Put(publisher.get(), kKept, "x");
  std::unique_lock lock(mutex);
  EXPECT_TRUE(
      changed.wait_until(lock, Soon(), [&] { return got.size() == 3; }));
  EXPECT_EQ(got, (std::vector<uint64_t>{2, 3, 4}));
}

TEST_P(HistoryTest, SequenceThatIsGoneIsAGap) {
  const auto publisher = Connected(), subscriber = Connected();
  for (int i = 1; i <= 10; ++i) Put(publisher.get(), kKeptFew, "x");
  Flush(publisher.get());
  const auto from = Subscribed(
      subscriber.get(), {.type_id = kKeptFew, .start = Start::AtSequence(3)});
  Item item;
  ASSERT_TRUE(from->Next(Soon(), &item).ok());
  ASSERT_TRUE(std::holds_alternative<Gap>(item));
  const Gap gap = std::get<Gap>(item);
  EXPECT_EQ(gap.reason, GapReason::kReconnect);
  EXPECT_FALSE(gap.unknown);
  ASSERT_EQ(gap.ranges.size(), 1u);
  EXPECT_EQ(gap.ranges[0].frames, 4u);
  EXPECT_EQ(gap.ranges[0].first_sequence, 3u);
  EXPECT_EQ(gap.ranges[0].last_sequence, 6u);
  EXPECT_EQ(Taken(from.get(), 4).sequences,
            (std::vector<uint64_t>{7, 8, 9, 10}));
}

TEST_P(HistoryTest, TimeSelectsWhatWasAcceptedSince) {
  const auto publisher = Connected(), subscriber = Connected();
  for (int i = 1; i <= 3; ++i) Put(publisher.get(), kKept, "x");
  Flush(publisher.get());
  const auto now = std::chrono::system_clock::now();
  const auto past = Subscribed(
      subscriber.get(),
      {.type_id = kKept, .start = Start::AtTime(now - std::chrono::hours(1))});
  const auto future = Subscribed(
      subscriber.get(),
      {.type_id = kKept, .start = Start::AtTime(now + std::chrono::hours(1))});
  Put(publisher.get(), kKept, "x");
  EXPECT_EQ(Taken(past.get(), 4).sequences, From1To(4));
  EXPECT_EQ(Taken(future.get(), 1).sequences, (std::vector<uint64_t>{4}));
}

TEST_P(HistoryTest, StartsThatCannotBeAreRefused) {
  const auto client = Connected();
  const auto refusal = [&](const SubscribeOptions& options) {
    std::shared_ptr<Subscription> subscription;
    const Status status = client->Subscribe(options, {}, &subscription);
    EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
    return status.message;
  };
  const auto expect = [](const std::string& words, const std::string& said) {
    EXPECT_NE(said.find(words), std::string::npos) << said;
  };
  expect("subscribe: start, but no history keeps type 7",
         refusal({.type_id = kType, .start = Start::Last(1)}));
  expect("subscribe: start.sequence with type_id 0, allowed one type",
         refusal({.start = Start::AtSequence(1)}));
  expect("subscribe: start with a group, allowed without one",
         refusal({.type_id = kKept, .group = "g", .start = Start::Last(1)}));
  expect("subscribe: start.sequence 100, allowed up to 1",
         refusal({.type_id = kKept, .start = Start::AtSequence(100)}));
}

TEST_P(HistoryTest, ReplayAmongPublishersLosesNothingAndRepeatsNothing) {
  constexpr uint64_t kFrames = 2000;
  constexpr uint64_t kPublishers = 2;
  const auto subscriber = Connected();
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<std::thread> publishers;
  for (uint64_t i = 0; i < kPublishers; ++i) {
    clients.push_back(Connected());
    publishers.emplace_back([client = clients.back().get()] {
      for (uint64_t frame = 0; frame < kFrames; ++frame) {
        Put(client, kKept, "x");
      }
      Flush(client);
    });
  }
  std::vector<std::shared_ptr<Subscription>> all;
  for (int i = 0; i < 10; ++i) {
    all.push_back(
        Subscribed(subscriber.get(), {.type_id = kKept,
                                      .policy = Policy::Lossless(),
                                      .start = Start::AtSequence(1)}));
  }
  for (std::thread& thread : publishers) thread.join();
  for (const auto& each : all) {
    Seen seen = Taken(each.get(), kPublishers * kFrames);
    EXPECT_EQ(seen.missed, 0u);
    std::sort(seen.sequences.begin(), seen.sequences.end());
    EXPECT_EQ(seen.sequences, From1To(kPublishers * kFrames));
  }
}

INSTANTIATE_TEST_SUITE_P(Carriers, HistoryTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::core
