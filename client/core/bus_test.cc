#include "client/core/bus.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;

// Only a fault makes anything wait for so long.
Deadline Soon() { return Clock::now() + std::chrono::seconds(30); }

std::unique_ptr<Client> Connected(const std::string& url = "inproc:") {
  std::unique_ptr<Client> client;
  const Status status = InprocClient::Connect(url, {}, &client);
  EXPECT_TRUE(status.ok()) << status.message;
  return client;
}

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Status Put(Client* client, uint16_t type_id, std::string_view topic = "",
           std::string_view payload = "x") {
  return client->Publish(type_id, topic, Bytes(payload), Soon());
}

using OnMessage = std::function<void(const Message&)>;

std::shared_ptr<Subscription> Subscribed(Client* client,
                                         const SubscribeOptions& options,
                                         OnMessage on_message = nullptr) {
  std::shared_ptr<Subscription> subscription;
  const Status status = client->Subscribe(
      options, {std::move(on_message), nullptr}, &subscription);
  EXPECT_TRUE(status.ok()) << status.message;
  return subscription;
}

Message NextMessage(Subscription* subscription) {
  Item item;
  const Status status = subscription->Next(Soon(), &item);
  EXPECT_TRUE(status.ok()) << status.message;
  EXPECT_TRUE(std::holds_alternative<Message>(item));
  return std::get<Message>(item);
}

// Counts, and lets one wait for a count.
class Counter {
 public:
  void Add() {
    const std::lock_guard lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  bool WaitFor(uint64_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, Soon(), [&] { return count_ >= count; });
  }
  uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t count_ = 0;
};

TEST(Bus, SharedByNameAndPrivateWithout) {
  const auto a = Connected("inproc:shared"), b = Connected("inproc:shared");
  const auto other = Connected("inproc:other");
  const auto alone = Connected(), alone_too = Connected();
  int got = 0;
  const auto at_b = Subscribed(b.get(), {}, [&](const Message&) { ++got; });
  const auto at_alone =
      Subscribed(alone.get(), {}, [&](const Message&) { ++got; });
  EXPECT_TRUE(Put(a.get(), 7).ok());
  EXPECT_EQ(got, 1);
  EXPECT_TRUE(Put(other.get(), 7).ok());
  EXPECT_TRUE(Put(alone_too.get(), 7).ok());
  EXPECT_EQ(got, 1);
  EXPECT_EQ(a->broker().epoch, b->broker().epoch);
  EXPECT_NE(a->broker().session_id, b->broker().session_id);
  EXPECT_EQ(a->broker().name, "inproc:shared");
}

TEST(Bus, EndsWithItsLastClientAndCountsAnew) {
  for (int i = 0; i < 2; ++i) {
    const auto client = Connected("inproc:ends");
    uint64_t sequence = 0;
    const auto subscription = Subscribed(
        client.get(), {.type_id = 7},
        [&](const Message& message) { sequence = message.sequence; });
    EXPECT_TRUE(Put(client.get(), 7).ok());
    EXPECT_EQ(sequence, 1u);
  }
}

TEST(Bus, RefusesOtherUrls) {
  std::unique_ptr<Client> client;
  EXPECT_EQ(InprocClient::Connect("unix:/x", {}, &client).code,
            StatusCode::kInvalidArgument);
}

TEST(Bus, DirectCallbackRunsInPublishWithTheWholeMessage) {
  const auto client = Connected();
  const std::thread::id here = std::this_thread::get_id();
  int got = 0;
  const auto subscription =
      Subscribed(client.get(), {.type_id = 7}, [&](const Message& message) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_EQ(message.type_id, 7);
        EXPECT_EQ(message.kind, DataKind::kPublish);
        EXPECT_EQ(message.topic, "a.b");
        EXPECT_EQ(std::string(message.payload.begin(), message.payload.end()),
                  "hello");
        ++got;
      });
  EXPECT_TRUE(Put(client.get(), 7, "a.b", "hello").ok());
  EXPECT_EQ(got, 1);
  Item item;
  const Status next = subscription->Next(Soon(), &item);
  EXPECT_EQ(next.code, StatusCode::kFailedPrecondition);
}

TEST(Bus, EachTypeCountsFromOneAlsoUnheard) {
  const auto client = Connected();
  EXPECT_TRUE(Put(client.get(), 7).ok());
  std::vector<std::pair<uint16_t, uint64_t>> got;
  const auto subscription =
      Subscribed(client.get(), {}, [&](const Message& message) {
        got.emplace_back(message.type_id, message.sequence);
      });
  for (const uint16_t type_id : {7, 65535, 7, 1}) {
    EXPECT_TRUE(Put(client.get(), type_id).ok());
  }
  const std::vector<std::pair<uint16_t, uint64_t>> expected = {
      {7, 2}, {65535, 1}, {7, 3}, {1, 1}};
  EXPECT_EQ(got, expected);
}

TEST(Bus, TypesAndFiltersSelectAndOverlappingOnesGetOneEach) {
  const auto client = Connected();
  std::map<std::string, std::vector<std::string>> got;
  std::vector<std::shared_ptr<Subscription>> subscriptions;
  const auto add = [&](const std::string& name, uint16_t type_id,
                       const std::string& filter) {
    subscriptions.push_back(
        Subscribed(client.get(), {.type_id = type_id, .topic_filter = filter},
                   [&got, name](const Message& message) {
                     got[name].emplace_back(message.topic);
                   }));
  };
  add("seven", 7, "");
  add("seven again", 7, "");
  add("exact", 7, "a.b");
  add("star", 7, "a.*");
  add("rest", 0, "a.>");
  add("all", 0, "");
  add("eight", 8, "");
  for (const char* topic : {"", "a.b", "a.c", "a.b.c"}) {
    EXPECT_TRUE(Put(client.get(), 7, topic).ok());
  }
  using Topics = std::vector<std::string>;
  EXPECT_EQ(got["seven"], (Topics{"", "a.b", "a.c", "a.b.c"}));
  EXPECT_EQ(got["seven again"], got["seven"]);
  EXPECT_EQ(got["all"], got["seven"]);
  EXPECT_EQ(got["exact"], (Topics{"a.b"}));
  EXPECT_EQ(got["star"], (Topics{"a.b", "a.c"}));
  EXPECT_EQ(got["rest"], (Topics{"a.b", "a.c", "a.b.c"}));
  EXPECT_EQ(got["eight"], Topics{});
}

TEST(Bus, TypeFallsBackToThoseOfAllTypesWhenItsOwnLeave) {
  const auto client = Connected();
  int all = 0;
  const auto of_all =
      Subscribed(client.get(), {}, [&](const Message&) { ++all; });
  auto of_seven = Subscribed(client.get(), {.type_id = 7}, [](auto&) {});
  EXPECT_TRUE(Put(client.get(), 7).ok());
  of_seven.reset();
  EXPECT_TRUE(Put(client.get(), 7).ok());
  of_all->Unsubscribe();
  EXPECT_TRUE(Put(client.get(), 7).ok());
  EXPECT_EQ(all, 2);
}

TEST(Bus, ZeroAndLargestPayloadArrive) {
  const auto client = Connected();
  const std::string largest(kFrameBytesMaxDefault - 1, 'z');
  std::vector<size_t> direct;
  const auto pushed =
      Subscribed(client.get(), {.type_id = 7}, [&](const Message& message) {
        direct.push_back(message.payload.size());
      });
  const auto pulled = Subscribed(client.get(), {.type_id = 7});
  EXPECT_TRUE(client->Publish(7, "", {}, Soon()).ok());
  EXPECT_TRUE(Put(client.get(), 7, "t", largest).ok());
  EXPECT_EQ(direct, (std::vector<size_t>{0, largest.size()}));
  EXPECT_EQ(NextMessage(pulled.get()).payload.size(), 0u);
  EXPECT_EQ(NextMessage(pulled.get()).payload.back(), 'z');
}

TEST(Bus, RefusesWhatCannotBePublished) {
  const auto client = Connected();
  Status status = Put(client.get(), 0);
  EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message, "publish: type_id 0, allowed 1 to 65535");
  status = Put(client.get(), 7, "", std::string(2'000'000, 'x'));
  EXPECT_EQ(status.message,
            "publish: body_bytes 2000000, frame_bytes_max 1048576");
  EXPECT_EQ(
      Put(client.get(), 7, "t", std::string(kFrameBytesMaxDefault, 'x')).code,
      StatusCode::kInvalidArgument);
  for (const std::string topic : {"a..b", "a.*", ">", "\xff"}) {
    EXPECT_EQ(Put(client.get(), 7, topic).code, StatusCode::kInvalidArgument);
  }
}

TEST(Bus, RefusesWhatCannotBeSubscribed) {
  const auto client = Connected();
  std::shared_ptr<Subscription> subscription;
  const auto refused = [&](const SubscribeOptions& options) {
    const Status status = client->Subscribe(options, {}, &subscription);
    EXPECT_EQ(status.code, StatusCode::kInvalidArgument);
    EXPECT_EQ(subscription, nullptr);
    return status.message;
  };
  EXPECT_NE(refused({.topic_filter = "a.>.b"}).find("topic filter: "),
            std::string::npos);
  EXPECT_EQ(refused({.policy = {.queue_bytes_max = 4'095}}),
            "subscribe: queue_bytes_max 4095, allowed at least 4096");
  EXPECT_EQ(refused({.policy = {.queue_bytes_max = uint64_t{1} << 40}}),
            "subscribe: queue_bytes_max 1099511627776, "
            "queue_bytes_max_ceiling 268435456");
  EXPECT_EQ(refused({.policy = {.stall_ms_max = -2}}),
            "subscribe: stall_ms_max -2, allowed -1 and more");
}

TEST(Bus, AdminSaysThatThereIsNoBroker) {
  const auto client = Connected();
  std::string reply;
  const Status status = client->Admin({}, Soon(), &reply);
  EXPECT_EQ(status.code, StatusCode::kUnimplemented);
  EXPECT_NE(status.message.find("in-process"), std::string::npos);
  EXPECT_TRUE(client->Flush(Soon()).ok());
  EXPECT_TRUE(client->Ping(Soon()).ok());
}

TEST(Bus, SubscriptionsOfOneClientAreBounded) {
  const auto client = Connected();
  std::vector<std::shared_ptr<Subscription>> held;
  for (uint32_t i = 0; i < kSubscriptionsPerSessionMaxDefault; ++i) {
    held.push_back(Subscribed(client.get(), {.type_id = 7}, [](auto&) {}));
  }
  std::shared_ptr<Subscription> over;
  EXPECT_EQ(client->Subscribe({}, {}, &over).code,
            StatusCode::kResourceExhausted);
}

TEST(Bus, TryPublishSaysWouldBlockAndNobodyGetsTheFrame) {
  const auto client = Connected();
  const SubscribeOptions lossless = {
      .type_id = 7, .policy = {.queue_bytes_max = 4'096, .stall_ms_max = -1}};
  const auto roomy = Subscribed(client.get(), {.type_id = 7});
  const auto full = Subscribed(client.get(), lossless);
  int direct = 0;
  const auto pushed = Subscribed(client.get(), {.type_id = 7},
                                 [&](const Message&) { ++direct; });
  int accepted = 0;
  Status status;
  while ((status = client->TryPublish(7, "", Bytes("0123456789"))).ok()) {
    ++accepted;
  }
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message.find("publish: would block, "), 0u);
  EXPECT_EQ(
      client->Publish(7, "", Bytes("x"), Clock::now() + milliseconds(5)).code,
      StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(client->TryPublish(8, "", Bytes("x")).ok());
  EXPECT_EQ(direct, accepted);
  for (int i = 1; i <= accepted; ++i) {
    EXPECT_EQ(NextMessage(roomy.get()).sequence, static_cast<uint64_t>(i));
    EXPECT_EQ(NextMessage(full.get()).sequence, static_cast<uint64_t>(i));
  }
  EXPECT_TRUE(Put(client.get(), 7).ok());
  EXPECT_EQ(NextMessage(roomy.get()).sequence,
            static_cast<uint64_t>(accepted + 1));
}

TEST(Bus, LiveSubscriptionGetsAGapForWhatItMissed) {
  const auto client = Connected();
  const auto live = Subscribed(
      client.get(),
      {.type_id = 7, .policy = {.queue_bytes_max = 4'096, .stall_ms_max = 0}});
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(Put(client.get(), 7).ok());
  Item item;
  ASSERT_TRUE(live->Next(Soon(), &item).ok());
  const Gap gap = std::get<Gap>(item);
  EXPECT_EQ(gap.ranges.at(0).first_sequence, 1u);
  EXPECT_EQ(NextMessage(live.get()).sequence, gap.frames() + 1);
}

TEST(Bus, QueuedSubscriptionsKeepEachPublishersOrder) {
  constexpr int kPublishers = 4;
  constexpr uint64_t kFrames = 20'000;
  const auto client = Connected();
  std::array<uint64_t, kPublishers> last{};
  std::set<uint64_t> sequences;
  Counter counter;
  const auto subscription = Subscribed(
      client.get(),
      {.type_id = 7,
       .policy = {.queue_bytes_max = 64 << 10, .stall_ms_max = -1},
       .delivery = Delivery::kQueued},
      [&](const Message& message) {
        uint64_t number;
        ASSERT_EQ(message.payload.size(), sizeof number + 1);
        std::memcpy(&number, message.payload.data() + 1, sizeof number);
        ASSERT_EQ(number, ++last[message.payload[0]]);
        ASSERT_TRUE(sequences.insert(message.sequence).second);
        counter.Add();
      });
  std::vector<std::thread> publishers;
  for (int p = 0; p < kPublishers; ++p) {
    publishers.emplace_back([&client, p] {
      for (uint64_t i = 1; i <= kFrames; ++i) {
        std::string payload(1 + sizeof i, static_cast<char>(p));
        std::memcpy(payload.data() + 1, &i, sizeof i);
        ASSERT_TRUE(Put(client.get(), 7, "", payload).ok());
      }
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  ASSERT_TRUE(counter.WaitFor(kPublishers * kFrames));
  subscription->Unsubscribe();
  EXPECT_EQ(*sequences.rbegin(), kPublishers * kFrames);
}

TEST(Bus, CallbackMayEndItsOwnSubscription) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    const auto client = Connected();
    Counter counter;
    auto held = std::make_shared<std::shared_ptr<Subscription>>();
    // The handler holds its own subscription: nothing of it may stay behind.
    std::weak_ptr<std::shared_ptr<Subscription>> witness = held;
    std::mutex starting;
    {
      const std::lock_guard lock(starting);
      *held = Subscribed(client.get(), {.type_id = 7, .delivery = delivery},
                         [&counter, &starting, held](const Message&) {
                           if (counter.count() == 0) {
                             const std::lock_guard ready(starting);
                           }
                           (*held)->Unsubscribe();
                           counter.Add();
                         });
    }
    held.reset();
    EXPECT_TRUE(Put(client.get(), 7).ok());
    ASSERT_TRUE(counter.WaitFor(1));
    EXPECT_TRUE(Put(client.get(), 7).ok());
    client->Close();
    EXPECT_EQ(counter.count(), 1u);
    const Deadline deadline = Soon();
    while (!witness.expired() && Clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(witness.expired());
  }
}

TEST(Bus, OneShotDirectCallbackOnManyThreadsDoesNotWaitForItself) {
  for (int round = 0; round < 50; ++round) {
    const auto client = Connected();
    std::shared_ptr<Subscription> once;
    once = Subscribed(client.get(), {.type_id = 7},
                      [&once](const Message&) { once->Unsubscribe(); });
    std::vector<std::thread> publishers;
    for (int i = 0; i < 4; ++i) {
      publishers.emplace_back([&client] {
        for (int n = 0; n < 20; ++n) EXPECT_TRUE(Put(client.get(), 7).ok());
      });
    }
    for (std::thread& publisher : publishers) publisher.join();
  }
}

TEST(Bus, CallbackMayEndItsNeighbour) {
  const auto client = Connected();
  int first = 0, second = 0;
  std::shared_ptr<Subscription> neighbour;
  const auto ender = Subscribed(client.get(), {.type_id = 7}, [&](auto&) {
    ++first;
    neighbour.reset();
  });
  neighbour =
      Subscribed(client.get(), {.type_id = 7}, [&](auto&) { ++second; });
  EXPECT_TRUE(Put(client.get(), 7).ok());
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0) << "it had ended before its turn";
}

TEST(Bus, CallbackMayCloseItsOwnAndAnotherClient) {
  const auto publisher = Connected("inproc:closes");
  const auto own = Connected("inproc:closes");
  const auto other = Connected("inproc:closes");
  int got = 0;
  const auto of_own = Subscribed(own.get(), {.type_id = 7}, [&](auto&) {
    ++got;
    other->Close();
    own->Close();
  });
  const auto of_other =
      Subscribed(other.get(), {.type_id = 7}, [&](auto&) { ++got; });
  EXPECT_TRUE(Put(publisher.get(), 7).ok());
  EXPECT_TRUE(Put(publisher.get(), 7).ok());
  EXPECT_EQ(got, 1);
  EXPECT_EQ(Put(own.get(), 7).code, StatusCode::kCancelled);
}

TEST(Bus, CallbackMaySubscribeAndPublish) {
  const auto client = Connected();
  std::vector<std::string> got;
  std::shared_ptr<Subscription> later;
  const auto subscription =
      Subscribed(client.get(), {.type_id = 7}, [&](const Message&) {
        got.push_back("seven");
        if (later != nullptr) return;
        later = Subscribed(client.get(), {.type_id = 8},
                           [&](auto&) { got.push_back("eight"); });
        EXPECT_TRUE(Put(client.get(), 8).ok());
        EXPECT_TRUE(Put(client.get(), 7).ok());
      });
  EXPECT_TRUE(Put(client.get(), 7).ok());
  EXPECT_EQ(got, (std::vector<std::string>{"seven", "eight", "seven"}));
}

TEST(Bus, NestingIsBounded) {
  const auto client = Connected();
  uint32_t calls = 0;
  Status last;
  const auto subscription =
      Subscribed(client.get(), {.type_id = 7}, [&](auto&) {
        ++calls;
        const Status status = Put(client.get(), 7);
        if (!status.ok()) last = status;
      });
  EXPECT_TRUE(Put(client.get(), 7).ok());
  EXPECT_EQ(calls, kInprocNestingMax);
  EXPECT_EQ(last.code, StatusCode::kResourceExhausted);
  EXPECT_EQ(last.message, "publish: nested 17 deep, inproc_nesting_max 16");
}

TEST(Bus, CallbackIsToldThatItWouldWaitForItself) {
  const auto client = Connected();
  Counter done;
  Status status;
  const SubscribeOptions options = {
      .type_id = 7,
      .policy = {.queue_bytes_max = 4'096, .stall_ms_max = -1},
      .delivery = Delivery::kQueued};
  const auto subscription =
      Subscribed(client.get(), options, [&](const Message&) {
        if (done.count() > 0) return;
        do {
          status = client->Publish(7, "", Bytes("x"), kNoDeadline);
        } while (status.ok());
        done.Add();
      });
  EXPECT_TRUE(Put(client.get(), 7).ok());
  ASSERT_TRUE(done.WaitFor(1));
  subscription->Unsubscribe();
  EXPECT_EQ(status.code, StatusCode::kResourceExhausted);
}

TEST(Bus, CloseEndsNextAndAWaitingPublish) {
  const auto client = Connected("inproc:waits");
  const auto reader = Connected("inproc:waits");
  const auto full = Subscribed(
      reader.get(),
      {.type_id = 7, .policy = {.queue_bytes_max = 4'096, .stall_ms_max = -1}});
  const auto idle = Subscribed(client.get(), {.type_id = 8});
  while (client->TryPublish(7, "", Bytes("x")).ok()) {
  }
  std::thread publisher(
      [&] { EXPECT_EQ(Put(client.get(), 7).code, StatusCode::kCancelled); });
  std::thread puller([&] {
    Item item;
    EXPECT_EQ(idle->Next(Soon(), &item).code, StatusCode::kCancelled);
  });
  client->Close();
  publisher.join();
  puller.join();
  Item item;
  EXPECT_EQ(idle->Next(Soon(), &item).code, StatusCode::kCancelled);
}

TEST(Bus, CloseTellsTheState) {
  std::vector<State> states;
  std::unique_ptr<Client> client;
  ClientOptions options;
  options.on_state = [&](State state, const Status& status) {
    states.push_back(state);
    EXPECT_EQ(status.code, StatusCode::kCancelled);
  };
  ASSERT_TRUE(InprocClient::Connect("inproc:", options, &client).ok());
  client->Close();
  client->Close();
  client.reset();
  EXPECT_EQ(states, std::vector<State>{State::kClosed});
}

TEST(Bus, SubscriptionMayOutliveItsClient) {
  auto client = Connected();
  const auto pulled = Subscribed(client.get(), {.type_id = 7});
  const auto pushed = Subscribed(client.get(), {.type_id = 7}, [](auto&) {});
  client.reset();
  Item item;
  EXPECT_EQ(pulled->Next(Soon(), &item).code, StatusCode::kCancelled);
  pushed->Unsubscribe();
}

// A subscription whose callback uses what its owner destroys right after
// Unsubscribe: a callback that still ran would touch freed memory.
TEST(Bus, NoCallbackRunsAfterUnsubscribeInAStorm) {
  constexpr int kPublishers = 3, kSubscribers = 3, kRounds = 300;
  const auto client = Connected();
  std::atomic<bool> stop{false};
  std::vector<std::thread> publishers;
  for (int i = 0; i < kPublishers; ++i) {
    publishers.emplace_back([&] {
      while (!stop.load()) {
        ASSERT_TRUE(Put(client.get(), 7, "a.b").ok());
      }
    });
  }
  std::vector<std::thread> subscribers;
  for (int i = 0; i < kSubscribers; ++i) {
    subscribers.emplace_back([&client, i] {
      std::mt19937 random(i);
      for (int round = 0; round < kRounds; ++round) {
        auto alive = std::make_unique<std::atomic<bool>>(true);
        const SubscribeOptions options = {
            .type_id = static_cast<uint16_t>(random() % 2 * 7),
            .topic_filter = random() % 2 == 0 ? "" : "a.*",
            .policy = {.queue_bytes_max = 4'096, .stall_ms_max = 0},
            .delivery =
                random() % 2 == 0 ? Delivery::kDirect : Delivery::kQueued};
        Counter counter;
        const auto subscription =
            Subscribed(client.get(), options,
                       [flag = alive.get(), &counter](const Message&) {
                         ASSERT_TRUE(flag->load());
                         counter.Add();
                         ASSERT_TRUE(flag->load());
                       });
        const uint64_t awaited = random() % 2;
        ASSERT_TRUE(counter.WaitFor(awaited));
        subscription->Unsubscribe();
        alive->store(false);
        alive.reset();
      }
    });
  }
  for (std::thread& subscriber : subscribers) subscriber.join();
  stop.store(true);
  for (std::thread& publisher : publishers) publisher.join();
}

TEST(Bus, ClientsCloseWhileOthersPublish) {
  constexpr int kRounds = 200;
  const auto publisher = Connected("inproc:churn");
  std::atomic<bool> stop{false};
  std::vector<std::thread> publishers;
  for (int i = 0; i < 2; ++i) {
    publishers.emplace_back([&] {
      while (!stop.load()) ASSERT_TRUE(Put(publisher.get(), 7).ok());
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    auto client = Connected("inproc:churn");
    Counter direct, queued;
    const auto one =
        Subscribed(client.get(), {.type_id = 7}, [&](auto&) { direct.Add(); });
    const auto two = Subscribed(
        client.get(),
        {.policy = {.stall_ms_max = 0}, .delivery = Delivery::kQueued},
        [&](auto&) { queued.Add(); });
    const auto three =
        Subscribed(client.get(),
                   {.type_id = 7,
                    .policy = {.queue_bytes_max = 4'096, .stall_ms_max = -1}});
    ASSERT_TRUE(direct.WaitFor(1));
    ASSERT_TRUE(queued.WaitFor(1));
    client.reset();
  }
  stop.store(true);
  for (std::thread& thread : publishers) thread.join();
}

TEST(Bus, SlotsOfEndedThreadsAreUsedAgain) {
  const auto client = Connected();
  const auto pulled =
      Subscribed(client.get(), {.type_id = 7, .policy = {.stall_ms_max = -1}});
  constexpr uint64_t kThreads = 2 * kInprocPublishersMax;
  for (uint64_t i = 1; i <= kThreads; ++i) {
    std::thread([&] { EXPECT_TRUE(Put(client.get(), 7).ok()); }).join();
    EXPECT_EQ(NextMessage(pulled.get()).sequence, i);
  }
}

TEST(Bus, TooManyPublishingThreadsAreToldSo) {
  const auto client = Connected();
  Counter published;
  std::mutex hold;
  std::vector<std::thread> threads;
  std::atomic<uint32_t> refused{0};
  std::string words;
  {
    const std::lock_guard lock(hold);
    for (uint32_t i = 0; i < kInprocPublishersMax + 2; ++i) {
      threads.emplace_back([&] {
        if (!Put(client.get(), 7).ok()) ++refused;
        published.Add();
        const std::lock_guard end(hold);
      });
    }
    ASSERT_TRUE(published.WaitFor(threads.size()));
    // This thread may hold a slot since an earlier test.
    EXPECT_GE(refused.load(), 2u);
    EXPECT_LE(refused.load(), 3u);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(Put(client.get(), 7).ok());
}

}  // namespace
}  // namespace mycelium::core
