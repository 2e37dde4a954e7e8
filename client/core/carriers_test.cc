// Policies, acknowledged publishes and groups, whatever the carrier.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "client/core/carriers_fixture.h"
#include "client/core/client.h"

namespace mycelium::core {
namespace {

// --- Policies ---------------------------------------------------------------

TEST_P(CarrierTest, FramesArriveInOrder) {
  const auto publisher = Connected(), subscriber = Connected();
  const auto pulled = Subscribed(subscriber.get(), {.type_id = kType});
  for (int i = 0; i < 1000; ++i) Put(publisher.get(), kType, "x", "a.b");
  const Seen seen = Taken(pulled.get(), 1000);
  EXPECT_EQ(seen.sequences, From1To(1000));
}

TEST_P(CarrierTest, LatestIsTheNewestOfEachTopicAndSaysWhatItFolded) {
  const auto publisher = Connected(), subscriber = Connected();
  const auto latest = Subscribed(
      subscriber.get(), {.type_id = kType, .policy = Policy::Latest()});
  constexpr uint64_t kFrames = 3000;
  const std::string payload(500, 'x');
  for (uint64_t i = 0; i < kFrames; ++i) {
    Put(publisher.get(), kType, payload, "t" + std::to_string(i % 3));
  }
  Flush(publisher.get());
  const Seen seen = Taken(latest.get(), kFrames);
  EXPECT_EQ(seen.all(), kFrames);
  EXPECT_TRUE(std::is_sorted(seen.sequences.begin(), seen.sequences.end()));
  for (const uint64_t i : {0, 1, 2}) {
    EXPECT_EQ(seen.newest.at("t" + std::to_string(i)), kFrames - 2 + i);
  }
  for (const GapReason reason : seen.reasons) {
    EXPECT_EQ(reason, GapReason::kConflated);
  }
}

TEST_P(CarrierTest, LiveNeverHoldsAndCountsWhatItLost) {
  const auto publisher = Connected(), subscriber = Connected();
  Policy policy = Policy::Live();
  policy.queue_bytes_max = 4'096;
  const auto live =
      Subscribed(subscriber.get(), {.type_id = kType, .policy = policy});
  constexpr uint64_t kFrames = 5000;
  for (uint64_t i = 0; i < kFrames; ++i) {
    Put(publisher.get(), kType, std::string(200, 'x'));
  }
  Flush(publisher.get());
  const Seen seen = Taken(live.get(), kFrames);
  EXPECT_EQ(seen.all(), kFrames);
  EXPECT_EQ(seen.sequences.back(), kFrames);
  EXPECT_TRUE(std::is_sorted(seen.sequences.begin(), seen.sequences.end()));
}

TEST_P(CarrierTest, LosslessHoldsItsPublisherAndLosesNothing) {
  const auto publisher = Connected(), subscriber = Connected();
  Policy policy = Policy::Lossless();
  policy.queue_bytes_max = 4'096;
  const auto lossless =
      Subscribed(subscriber.get(), {.type_id = kType, .policy = policy});
  const std::string payload(2'000, 'x');
  uint64_t put = 0;
  Status status;
  while (put < 100'000 &&
         (status = publisher->TryPublish(kType, {}, Bytes(payload))).ok()) {
    ++put;
  }
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  const Seen seen = Taken(lossless.get(), put);
  EXPECT_EQ(seen.sequences, From1To(put));
}

TEST_P(CarrierTest, StrictEndsTheClientThatDoesNotKeepUp) {
  const auto publisher = Connected();
  const auto closed = std::make_shared<Told<Status>>();
  ClientOptions options;
  options.on_state = [closed](State state, const Status& why) {
    if (state == State::kClosed) closed->Set(why);
  };
  const auto subscriber = Connected(options);
  Policy policy = Policy::Strict();
  policy.queue_bytes_max = 4'096;
  policy.stall_ms_max = 0;
  const auto strict =
      Subscribed(subscriber.get(), {.type_id = kType, .policy = policy});
  const std::string payload(2'000, 'x');
  while (!closed->IsSet()) Put(publisher.get(), kType, payload);
  const Status why = closed->Wait();
  EXPECT_EQ(why.code, StatusCode::kResourceExhausted) << why.message;
  EXPECT_NE(why.message.find("queue of 4096 bytes full for 0 ms, overflow is "
                             "DISCONNECT"),
            std::string::npos)
      << why.message;
  Seen seen;
  const Status end = Take(strict.get(), UINT64_MAX, &seen);
  EXPECT_EQ(end.code, why.code);
  EXPECT_EQ(end.message, why.message);
  EXPECT_EQ(seen.sequences, From1To(seen.sequences.size()));
  EXPECT_EQ(seen.missed, 0u);
  EXPECT_EQ(subscriber->Publish(kType, {}, {}, Soon()).code, why.code);
}

TEST_P(CarrierTest, CountersAreWhatTheSubscriptionWasToldWhoeverDroppedIt) {
  const auto publisher = Connected(), subscriber = Connected();
  Policy policy = Policy::Live();
  policy.queue_bytes_max = 4'096;
  auto live =
      Subscribed(subscriber.get(), {.type_id = kType, .policy = policy});
  const std::string payload(1'000, 'x');
  constexpr uint64_t kFrames = 5'000;
  for (uint64_t i = 0; i < kFrames; ++i) Put(publisher.get(), kType, payload);
  Flush(publisher.get());
  const Seen seen = Taken(live.get(), kFrames);
  EXPECT_GT(seen.missed, 0u);
  for (const bool gone : {false, true}) {
    if (gone) live = nullptr;
    const ClientCounters counters = subscriber->counters();
    EXPECT_EQ(counters.frames_received, seen.sequences.size());
    EXPECT_EQ(counters.frames_missed, seen.missed);
    EXPECT_GT(counters.gaps, 0u);
  }
}

// --- Accepted ---------------------------------------------------------------

TEST_P(CarrierTest, AcknowledgedPublishIsToldOnceAndCounted) {
  const auto publisher = Connected(), subscriber = Connected();
  const auto pulled = Subscribed(subscriber.get(), {.type_id = kType});
  const auto told = std::make_shared<Told<Status>>();
  const Status status = publisher->PublishAcked(
      kType, {}, Bytes("x"), Soon(),
      [told](const Status& accepted) { told->Set(accepted); });
  ASSERT_TRUE(status.ok()) << status.message;
  EXPECT_TRUE(told->Wait().ok());
  Taken(pulled.get(), 1);
  EXPECT_EQ(publisher->counters().frames_published, 1u);
  EXPECT_EQ(publisher->counters().frames_accepted, 1u);
  EXPECT_EQ(publisher->counters().frames_received, 0u);
  EXPECT_EQ(subscriber->counters().frames_received, 1u);
}

// --- Groups -----------------------------------------------------------------

TEST_P(CarrierTest, MembersShareTheFramesAndOthersGetAll) {
  const auto publisher = Connected(), a = Connected(), b = Connected();
  const SubscribeOptions member{.type_id = kType, .group = "workers"};
  const auto alone = Subscribed(a.get(), {.type_id = kType});
  std::mutex mutex;
  std::condition_variable changed;
  std::map<uint64_t, int> got;
  std::array<uint64_t, 2> last{};
  std::array<int, 2> counts{};
  const auto take = [&](int who) {
    return Handler{[&, who](const Message& message) {
                     const std::lock_guard lock(mutex);
                     ++got[message.sequence];
                     EXPECT_GT(message.sequence, last[who]);
                     last[who] = message.sequence;
                     ++counts[who];
                     changed.notify_all();
                   },
                   nullptr};
  };
  const auto at_a = Subscribed(a.get(), member, take(0));
  const auto at_b = Subscribed(b.get(), member, take(1));
  constexpr uint64_t kFrames = 2000;
  for (uint64_t i = 0; i < kFrames; ++i) Put(publisher.get(), kType, "x");
  EXPECT_EQ(Taken(alone.get(), kFrames).sequences, From1To(kFrames));
  std::unique_lock lock(mutex);
  EXPECT_TRUE(
      changed.wait_until(lock, Soon(), [&] { return got.size() == kFrames; }));
  for (const auto& [sequence, times] : got) EXPECT_EQ(times, 1) << sequence;
  EXPECT_GT(counts[0], 0);
  EXPECT_GT(counts[1], 0);
}

TEST_P(CarrierTest, WhatAMemberHasNotBegunGoesToAnother) {
  const auto publisher = Connected(), a = Connected(), b = Connected();
  const SubscribeOptions member{.type_id = kType, .group = "workers"};
  auto at_a = Subscribed(a.get(), member);
  const auto at_b = Subscribed(b.get(), member);
  constexpr uint64_t kFrames = 100;
  for (uint64_t i = 0; i < kFrames; ++i) {
    Put(publisher.get(), kType, "x");
    Flush(publisher.get());
  }
  std::set<uint64_t> done;
  Item item;
  ASSERT_TRUE(at_a->Next(Soon(), &item).ok());
  done.insert(std::get<Message>(item).sequence);
  at_a->Unsubscribe();
  uint64_t redelivered = 0;
  while (done.size() < kFrames) {
    const Status status = at_b->Next(Soon(), &item);
    ASSERT_TRUE(status.ok()) << status.message;
    ASSERT_TRUE(std::holds_alternative<Message>(item));
    const Message& message = std::get<Message>(item);
    EXPECT_TRUE(done.insert(message.sequence).second) << message.sequence;
    redelivered += message.redelivered ? 1 : 0;
  }
  EXPECT_GT(redelivered, 0u);
}

TEST_P(CarrierTest, GroupNamesAreBounded) {
  const auto client = Connected();
  std::shared_ptr<Subscription> subscription;
  const Status status = client->Subscribe(
      {.type_id = kType, .group = std::string(129, 'g')}, {}, &subscription);
  EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
  EXPECT_NE(status.message.find("subscribe: group of 129 bytes, allowed 128"),
            std::string::npos)
      << status.message;
}

// --- Batches ----------------------------------------------------------------

// What a queued subscription was called with: m for a message, e for the end of
// a batch.
class Calls {
 public:
  Handler MakeHandler() {
    return {.on_message = [this](const Message&) { Add('m'); },
            .on_batch_end = [this] { Add('e'); }};
  }
  void Add(char call) {
    std::unique_lock lock(mutex_);
    calls_ += call;
    threads_.insert(std::this_thread::get_id());
    changed_.notify_all();
    const bool opened = changed_.wait_until(
        lock, Soon(), [&] { return is_open_ || call != 'm'; });
    EXPECT_TRUE(opened);
  }
  // Whether messages' callbacks return.
  void SetOpen(bool is_open) {
    const std::lock_guard lock(mutex_);
    is_open_ = is_open;
    changed_.notify_all();
  }
  // Once it ends like this.
  std::string AwaitEnd(const std::string& end) {
    std::unique_lock lock(mutex_);
    const bool ended = changed_.wait_until(
        lock, Soon(), [&] { return calls_.ends_with(end); });
    EXPECT_TRUE(ended) << calls_;
    return calls_;
  }
  std::string calls() {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  size_t threads() {
    const std::lock_guard lock(mutex_);
    return threads_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string calls_;
  std::set<std::thread::id> threads_;
  bool is_open_ = true;
};

TEST_P(CarrierTest, BatchEndsBehindTheLastOfTheCallbacksThatRanInARow) {
  const auto publisher = Connected(), subscriber = Connected();
  Calls calls;
  const auto queued = Subscribed(
      subscriber.get(), {.type_id = kType, .delivery = Delivery::kQueued},
      calls.MakeHandler());
  Put(publisher.get(), kType, "x");
  calls.AwaitEnd("me");
  calls.SetOpen(false);
  for (int i = 0; i < 100; ++i) Put(publisher.get(), kType, "x");
  Flush(publisher.get());
  calls.AwaitEnd("m");
  // A round trip behind which all of them are queued.
  EXPECT_TRUE(subscriber->Ping(Soon()).ok());
  calls.SetOpen(true);
  EXPECT_EQ(calls.AwaitEnd(std::string(100, 'm') + "e"),
            "me" + std::string(100, 'm') + "e");
  EXPECT_EQ(calls.threads(), 1u);
}

TEST_P(CarrierTest, UnsubscribeWaitsForTheBatchEnd) {
  const auto publisher = Connected(), subscriber = Connected();
  for (int i = 0; i < 50; ++i) {
    Calls calls;
    const auto queued = Subscribed(
        subscriber.get(), {.type_id = kType, .delivery = Delivery::kQueued},
        calls.MakeHandler());
    for (int j = 0; j < 20; ++j) Put(publisher.get(), kType, "x");
    Flush(publisher.get());
    if (i % 2 == 0) {
      queued->Unsubscribe();
    } else {
      std::thread([&queued] { queued->Unsubscribe(); }).join();
    }
    const std::string seen = calls.calls();
    EXPECT_TRUE(seen.empty() || seen.back() == 'e') << seen;
    EXPECT_EQ(seen.find("ee"), std::string::npos) << seen;
  }
}

TEST_P(CarrierTest, NothingIsCalledBehindACallbackThatHasEndedItself) {
  for (const bool closes : {false, true}) {
    const auto publisher = Connected(), subscriber = Connected();
    Told<std::shared_ptr<Subscription>> handle;
    std::atomic<int> ends{0};
    Told<bool> ended;
    handle.Set(Subscribed(subscriber.get(),
                          {.type_id = kType, .delivery = Delivery::kQueued},
                          {.on_message =
                               [&](const Message&) {
                                 const auto own = handle.Wait();
                                 if (closes) {
                                   subscriber->Close();
                                 } else {
                                   own->Unsubscribe();
                                 }
                                 ended.Set(true);
                               },
                           .on_batch_end = [&ends] { ++ends; }}));
    Put(publisher.get(), kType, "x");
    EXPECT_TRUE(ended.Wait());
    // Waits for the thread.
    handle.Wait()->Unsubscribe();
    subscriber->Close();
    EXPECT_EQ(ends.load(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Carriers, CarrierTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::core
