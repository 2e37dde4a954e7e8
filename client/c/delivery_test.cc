// What arrives, what is told in its place, and a broker that is killed.
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "client/c/interface_fixture.h"

namespace mycelium::c {
namespace {

class DeliveryTest : public CarrierTest {};

TEST_P(DeliveryTest, PayloadsOfEverySizeArriveAndOneOverIsRefused) {
  const Runtime publisher = Connected(), subscriber = Connected();
  Calls calls;
  const Subscription subscription =
      Subscribed(subscriber.get(), kType, Calls::OnMessage, &calls);
  const std::string largest(1 << 20, 'x');
  Put(publisher.get(), kType, "");
  Put(publisher.get(), kType, largest);
  Put(publisher.get(), kType, largest.substr(3), "a.b");
  const auto all = calls.Await(3);
  EXPECT_EQ(all[0].what, "");
  EXPECT_EQ(all[0].topic, "");
  EXPECT_TRUE(all[1].what == largest);
  EXPECT_EQ(all[2].what.size(), largest.size() - 3);
  EXPECT_EQ(all[2].topic, "a.b");
  EXPECT_EQ(all[2].sequence, 3u);
  const std::string over = largest + "x";
  EXPECT_EQ(mycelium_publish(publisher.get(), kType, over.data(), over.size()),
            MYCELIUM_INVALID_ARGUMENT);
  EXPECT_TRUE(
      LastErrorHas("publish: body_bytes 1048577, frame_bytes_max 1048576"));
  const std::string topic(256, 'a');
  EXPECT_EQ(mycelium_publish_topic(publisher.get(), kType, topic.c_str(), "", 0,
                                   kSoonMs),
            MYCELIUM_INVALID_ARGUMENT);
  Put(publisher.get(), kType, "", topic.substr(1).c_str());
  EXPECT_EQ(calls.Await(4)[3].topic, topic.substr(1));
}

TEST_P(DeliveryTest, NextGivesMessagesAndSaysThatThereIsNone) {
  const Runtime runtime = Connected();
  mycelium_subscribe_options options = DefaultOptions(0);
  options.topic_filter = "a.>";
  const Subscription pulled = Subscribed(runtime.get(), options);
  mycelium_item item;
  EXPECT_EQ(mycelium_next(pulled.get(), 0, &item), MYCELIUM_DEADLINE_EXCEEDED);
  EXPECT_EQ(mycelium_next(pulled.get(), 1, &item), MYCELIUM_DEADLINE_EXCEEDED);
  Put(runtime.get(), kType, "no", "b");
  Put(runtime.get(), kType, "yes", "a.b");
  ASSERT_EQ(mycelium_next(pulled.get(), MYCELIUM_NO_TIMEOUT, &item),
            MYCELIUM_OK);
  ASSERT_NE(item.message, nullptr);
  EXPECT_EQ(item.gap, nullptr);
  EXPECT_STREQ(item.message->topic, "a.b");
  EXPECT_EQ(item.message->payload_bytes, 3u);
  EXPECT_EQ(item.message->redelivered, 0);
  Calls calls;
  const Subscription pushed =
      Subscribed(runtime.get(), kType, Calls::OnMessage, &calls);
  EXPECT_EQ(mycelium_next(pushed.get(), 0, &item),
            MYCELIUM_FAILED_PRECONDITION);
}

TEST_P(DeliveryTest, GapsCountWhatIsMissing) {
  const Runtime publisher = Connected(), subscriber = Connected();
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.policy = mycelium_policy_of(MYCELIUM_LIVE);
  options.policy.queue_bytes_max = 4096;
  const Subscription live = Subscribed(subscriber.get(), options);
  constexpr uint64_t kFrames = 5000;
  const std::string payload(200, 'x');
  for (uint64_t i = 0; i < kFrames; ++i) Put(publisher.get(), kType, payload);
  EXPECT_EQ(mycelium_flush(publisher.get(), kSoonMs), MYCELIUM_OK);
  uint64_t last = 0, missed = 0;
  while (last < kFrames) {
    mycelium_item item;
    ASSERT_EQ(mycelium_next(live.get(), kSoonMs, &item), MYCELIUM_OK);
    if (item.message != nullptr) {
      EXPECT_EQ(item.message->sequence, last + 1);
      last = item.message->sequence;
      continue;
    }
    EXPECT_EQ(item.gap->reason, MYCELIUM_GAP_OVERFLOW);
    EXPECT_EQ(item.gap->unknown, 0);
    ASSERT_EQ(item.gap->ranges_count, 1u);
    const mycelium_gap_range& range = item.gap->ranges[0];
    EXPECT_EQ(range.type_id, kType);
    EXPECT_EQ(range.first_sequence, last + 1);
    EXPECT_EQ(range.frames, range.last_sequence - last);
    missed += range.frames;
    last = range.last_sequence;
  }
  EXPECT_GT(missed, 0u);
}

TEST_P(DeliveryTest, GapsAreCalledBackInTheirPlace) {
  const Runtime publisher = Connected(), subscriber = Connected();
  Task slow{[] {}};
  std::mutex held;
  slow.work = [&held] { const std::lock_guard lock(held); };
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.policy = mycelium_policy_of(MYCELIUM_LIVE);
  options.policy.queue_bytes_max = 4096;
  options.delivery = MYCELIUM_DELIVERY_QUEUED;
  options.on_message = Task::OnMessage;
  options.on_gap = [](const mycelium_gap* gap, void* task) {
    Calls::OnGap(gap, &static_cast<Task*>(task)->calls);
  };
  options.user_data = &slow;
  const Subscription subscription = Subscribed(subscriber.get(), options);
  {
    const std::lock_guard lock(held);
    const std::string payload(200, 'x');
    for (int i = 0; i < 5000; ++i) Put(publisher.get(), kType, payload);
    EXPECT_EQ(mycelium_flush(publisher.get(), kSoonMs), MYCELIUM_OK);
  }
  slow.calls.AwaitOne("gap");
}

TEST_P(DeliveryTest, PublishWithoutWaitingSaysThatItWouldBlock) {
  const Runtime publisher = Connected(), subscriber = Connected();
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.policy = mycelium_policy_of(MYCELIUM_LOSSLESS);
  options.policy.queue_bytes_max = 4096;
  const Subscription pulled = Subscribed(subscriber.get(), options);
  const std::string payload(60'000, 'x');
  Calls accepted;
  mycelium_status status = MYCELIUM_OK;
  size_t taken = 0;
  while (status == MYCELIUM_OK) {
    status =
        mycelium_publish_acked(publisher.get(), kType, nullptr, payload.data(),
                               payload.size(), 0, Calls::OnAccepted, &accepted);
    if (status == MYCELIUM_OK) ++taken;
  }
  EXPECT_EQ(status, MYCELIUM_UNAVAILABLE);
  EXPECT_TRUE(LastErrorHas("publish: would block"));
  // The broker may yet take some that are on their way.
  size_t more = 0;
  do {
    status = mycelium_publish_topic(publisher.get(), kType, nullptr,
                                    payload.data(), payload.size(), 50);
    if (status == MYCELIUM_OK) ++more;
  } while (status == MYCELIUM_OK);
  EXPECT_EQ(status, MYCELIUM_DEADLINE_EXCEEDED);
  for (size_t i = 0; i < taken + more; ++i) {
    mycelium_item item;
    ASSERT_EQ(mycelium_next(pulled.get(), kSoonMs, &item), MYCELIUM_OK);
    ASSERT_NE(item.message, nullptr);
  }
  for (const auto& each : accepted.Await(taken)) {
    EXPECT_EQ(each.status, MYCELIUM_OK) << each.what;
  }
  EXPECT_EQ(accepted.count(), taken);
}

INSTANTIATE_TEST_SUITE_P(Carriers, DeliveryTest, kCarriers, CarrierName);

// --- A broker that is killed ------------------------------------------------

class BrokerTest : public CarrierTest {
 protected:
  static mycelium_connect_options Options(Calls* states) {
    mycelium_connect_options options;
    mycelium_connect_options_init(&options);
    options.on_state = Calls::OnState;
    options.user_data = states;
    options.reconnect_ms_min = 1;
    options.reconnect_ms_max = 50;
    return options;
  }
};

TEST_P(BrokerTest, KilledAndStartedAgainItIsFoundAndWhatMayBeMissingIsTold) {
  Calls states, calls;
  const mycelium_connect_options connect_options = Options(&states);
  const Runtime runtime = Connected(&connect_options);
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.on_message = Calls::OnMessage;
  options.on_gap = Calls::OnGap;
  options.user_data = &calls;
  const Subscription subscription = Subscribed(runtime.get(), options);
  Put(runtime.get(), kType, "before");
  calls.Await(1);
  EXPECT_EQ(mycelium_flush(runtime.get(), kSoonMs), MYCELIUM_OK);
  broker_->Kill();
  states.AwaitOne("reconnecting");
  EXPECT_NE(states.all()[0].status, MYCELIUM_OK);
  EXPECT_EQ(mycelium_ping(runtime.get(), 0), MYCELIUM_UNAVAILABLE);
  broker_->StartAgain();
  states.AwaitOne("connected");
  Put(runtime.get(), kType, "after");
  calls.AwaitOne("after");
  const auto all = calls.all();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[1].what, "gap");
  EXPECT_EQ(all[2].sequence, 1u);
  auto counters = Sized<mycelium_counters>();
  ASSERT_EQ(mycelium_runtime_counters(runtime.get(), &counters), MYCELIUM_OK);
  EXPECT_EQ(counters.reconnects, 1u);
}

struct GivenBack {
  std::mutex mutex;
  std::vector<std::string> frames;  // guarded by mutex: "topic payload"

  static void OnUnaccepted(const mycelium_unaccepted* frames, size_t count,
                           void* given_back) {
    auto* const to = static_cast<GivenBack*>(given_back);
    const std::lock_guard lock(to->mutex);
    for (size_t i = 0; i < count; ++i) {
      EXPECT_EQ(frames[i].type_id, kType);
      to->frames.push_back(
          std::string(frames[i].topic, frames[i].topic_bytes) + " " +
          std::string(reinterpret_cast<const char*>(frames[i].payload),
                      frames[i].payload_bytes));
    }
  }
};

TEST_P(BrokerTest, CloseGivesBackWhatNobodyHasAccepted) {
  GivenBack given_back;
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.on_unaccepted = GivenBack::OnUnaccepted;
  options.user_data = &given_back;
  const Runtime runtime = Connected(&options);
  broker_->Kill();
  while (mycelium_ping(runtime.get(), 1) != MYCELIUM_UNAVAILABLE) {
  }
  Put(runtime.get(), kType, "one", "a.b");
  Put(runtime.get(), kType, "two");
  Calls accepted;
  EXPECT_EQ(mycelium_publish_acked(runtime.get(), kType, nullptr, "three", 5,
                                   kSoonMs, Calls::OnAccepted, &accepted),
            MYCELIUM_OK);
  EXPECT_EQ(mycelium_runtime_close(runtime.get()), MYCELIUM_OK);
  EXPECT_EQ(given_back.frames,
            (std::vector<std::string>{"a.b one", " two", " three"}));
  ASSERT_EQ(accepted.count(), 1u);
  EXPECT_EQ(accepted.all()[0].status, MYCELIUM_CANCELLED);
}

TEST_P(BrokerTest, WithoutReconnectItIsClosed) {
  Calls states;
  mycelium_connect_options options = Options(&states);
  options.reconnect = 0;
  const Runtime runtime = Connected(&options);
  const Subscription pulled = Subscribed(runtime.get(), DefaultOptions(kType));
  broker_->Kill();
  states.AwaitOne("closed");
  mycelium_item item;
  EXPECT_EQ(mycelium_next(pulled.get(), kSoonMs, &item), MYCELIUM_UNAVAILABLE);
  EXPECT_EQ(mycelium_publish(runtime.get(), kType, "x", 1),
            MYCELIUM_UNAVAILABLE);
}

TEST_P(BrokerTest, StalledIsTold) {
  Calls states;
  const mycelium_connect_options connect_options = Options(&states);
  const Runtime publisher = Connected(&connect_options);
  const Runtime subscriber = Connected();
  mycelium_subscribe_options options = DefaultOptions(kType);
  options.policy = mycelium_policy_of(MYCELIUM_LOSSLESS);
  options.policy.queue_bytes_max = 4096;
  Subscription pulled = Subscribed(subscriber.get(), options);
  const std::string payload(60'000, 'x');
  while (mycelium_publish_topic(publisher.get(), kType, nullptr, payload.data(),
                                payload.size(), 0) == MYCELIUM_OK) {
  }
  states.AwaitOne("stalled");
  pulled.reset();
  states.AwaitOne("connected");
}

INSTANTIATE_TEST_SUITE_P(Carriers, BrokerTest, testing::Values("unix", "tcp"),
                         CarrierName);

}  // namespace
}  // namespace mycelium::c
