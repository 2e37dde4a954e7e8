// What is unfair to an in-process bus: members and responders that come and go
// while others publish and ask, callbacks that end what they belong to, starts
// among publishers.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/core/bus.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;

constexpr uint16_t kType = 7;

// Only a fault makes anything wait for so long.
Deadline Soon() { return Clock::now() + std::chrono::seconds(60); }

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::unique_ptr<Client> Connected(const std::string& url,
                                  const ClientOptions& options = {}) {
  std::unique_ptr<Client> client;
  const Status status = InprocClient::Connect(url, options, &client);
  EXPECT_TRUE(status.ok()) << status.message;
  return client;
}

std::string NewBus() {
  static std::atomic<int> last{0};
  return "inproc:storm-" + std::to_string(++last);
}

Status Put(Client* client, std::string_view payload = "x",
           std::string_view topic = {}) {
  return client->Publish(kType, topic, Bytes(payload), Soon());
}

std::shared_ptr<Subscription> Subscribed(Client* client,
                                         const SubscribeOptions& options,
                                         Handler handler = {}) {
  std::shared_ptr<Subscription> subscription;
  const Status status =
      client->Subscribe(options, std::move(handler), &subscription);
  EXPECT_TRUE(status.ok()) << status.message;
  return subscription;
}

uint32_t Seed() {
  const uint32_t seed = std::random_device()();
  std::printf("seed %u\n", seed);
  return seed;
}

// Which frames have come, and how often.
class Ledger {
 public:
  void Add(const Message& message) {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(seen_.insert(message.sequence).second)
        << message.sequence << " came twice";
    changed_.notify_all();
  }
  bool WaitFor(uint64_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, Soon(),
                               [&] { return seen_.size() >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<uint64_t> seen_;
};

// --- Groups -----------------------------------------------------------------

TEST(BusGroup, IdleMembersTakeTurnsAndABusyOneIsPassedOver) {
  const auto client = Connected("inproc:");
  const SubscribeOptions member{.type_id = kType, .group = "g"};
  const auto a = Subscribed(client.get(), member);
  const auto b = Subscribed(client.get(), member);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Put(client.get()).ok());
  Item item;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(a->Next(Soon(), &item).ok());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(b->Next(Soon(), &item).ok());
  // A large one lies with one of them: the small ones go to the other.
  EXPECT_TRUE(Put(client.get(), std::string(10'000, 'x')).ok());
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(Put(client.get()).ok());
  uint64_t large = 0, small = 0;
  for (const auto& each : {a, b}) {
    uint64_t frames = 0;
    bool has_large = false;
    while (each->Next(Clock::now(), &item).ok()) {
      ++frames;
      has_large |= std::get<Message>(item).payload.size() > 1;
    }
    (has_large ? large : small) = frames;
  }
  EXPECT_EQ(large, 1u);
  EXPECT_EQ(small, 4u);
}

TEST(BusGroup, DirectMembersAreCalledInTurn) {
  const auto client = Connected("inproc:");
  const SubscribeOptions member{.type_id = kType, .group = "g"};
  int at_a = 0, at_b = 0;
  const auto a = Subscribed(client.get(), member,
                            {[&](const Message&) { ++at_a; }, nullptr});
  const auto b = Subscribed(client.get(), member,
                            {[&](const Message&) { ++at_b; }, nullptr});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Put(client.get()).ok());
  EXPECT_EQ(at_a, 5);
  EXPECT_EQ(at_b, 5);
}

TEST(BusGroup, FiltersAndGroupsSelectTogether) {
  const auto client = Connected("inproc:");
  int at_a = 0, at_b = 0, at_other = 0, at_all = 0;
  const auto count = [](int* counter) {
    return Handler{[counter](const Message&) { ++*counter; }, nullptr};
  };
  const auto a = Subscribed(
      client.get(), {.type_id = kType, .topic_filter = "a.>", .group = "g"},
      count(&at_a));
  const auto b = Subscribed(client.get(), {.topic_filter = "b.*", .group = "g"},
                            count(&at_b));
  const auto other = Subscribed(client.get(), {.type_id = kType, .group = "h"},
                                count(&at_other));
  const auto all = Subscribed(client.get(), {}, count(&at_all));
  EXPECT_TRUE(Put(client.get(), "x", "a.b.c").ok());
  EXPECT_TRUE(Put(client.get(), "x", "b.c").ok());
  EXPECT_TRUE(Put(client.get(), "x", "c").ok());
  EXPECT_EQ(at_a, 1);
  EXPECT_EQ(at_b, 1);
  EXPECT_EQ(at_other, 3);
  EXPECT_EQ(at_all, 3);
}

TEST(BusGroup, FullMembersArePassedOverAndAllFullHoldsThePublisher) {
  const auto client = Connected("inproc:");
  SubscribeOptions member{.type_id = kType, .group = "g"};
  member.policy = Policy::Lossless();
  member.policy.queue_bytes_max = 4'096;
  const auto a = Subscribed(client.get(), member);
  const auto b = Subscribed(client.get(), member);
  const std::string payload(1'000, 'x');
  uint64_t put = 0;
  Status status;
  while ((status = client->TryPublish(kType, {}, Bytes(payload))).ok()) ++put;
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_GE(put, 6u);
  EXPECT_EQ(
      client->Publish(kType, {}, Bytes(payload), Clock::now() + milliseconds(1))
          .code,
      StatusCode::kDeadlineExceeded);
  // Room in either lets a waiting publisher go on.
  std::thread publisher([&] { EXPECT_TRUE(Put(client.get(), payload).ok()); });
  Item item;
  std::set<uint64_t> seen;
  while (seen.size() < put + 1) {
    const Status taken = b->Next(Clock::now() + milliseconds(1), &item);
    if (taken.ok()) seen.insert(std::get<Message>(item).sequence);
    if (a->Next(Clock::now(), &item).ok()) {
      seen.insert(std::get<Message>(item).sequence);
    }
  }
  publisher.join();
}

TEST(BusGroup, LastMemberThatLeavesTakesItsFramesWithIt) {
  const auto client = Connected("inproc:");
  const SubscribeOptions member{.type_id = kType, .group = "g"};
  auto a = Subscribed(client.get(), member);
  EXPECT_TRUE(Put(client.get()).ok());
  a.reset();
  const auto b = Subscribed(client.get(), member);
  EXPECT_TRUE(Put(client.get()).ok());
  Item item;
  EXPECT_TRUE(b->Next(Soon(), &item).ok());
  EXPECT_EQ(std::get<Message>(item).sequence, 2u);
}

TEST(BusGroup, MembersThatLeaveAmongPublishersLoseNothing) {
  const std::string url = NewBus();
  const auto keeper = Connected(url);
  Ledger ledger;
  const Handler take{[&](const Message& message) { ledger.Add(message); },
                     nullptr};
  // One stays, so that there is always somebody to go to.
  const SubscribeOptions member{.type_id = kType,
                                .policy = Policy::Lossless(),
                                .delivery = Delivery::kQueued,
                                .group = "g"};
  const auto stays = Subscribed(keeper.get(), member, take);
  constexpr uint64_t kPublishers = 2, kFrames = 3000;
  std::atomic<uint64_t> publishing{kPublishers};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&] {
      const auto client = Connected(url);
      for (uint64_t frame = 0; frame < kFrames; ++frame) {
        EXPECT_TRUE(Put(client.get()).ok());
      }
      --publishing;
    });
  }
  std::mt19937 random(Seed());
  while (publishing.load() != 0) {
    const auto client = Connected(url);
    SubscribeOptions options = member;
    options.policy.queue_bytes_max = random() % 2 == 0 ? 4'096 : 1 << 20;
    if (random() % 2 == 0) options.delivery = Delivery::kDirect;
    auto one = Subscribed(client.get(), options, take);
    auto two = Subscribed(client.get(), options, take);
    std::this_thread::yield();
    if (random() % 2 == 0) one->Unsubscribe();
    if (random() % 2 == 0) client->Close();
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(ledger.WaitFor(kPublishers * kFrames));
}

TEST(BusGroup, MemberMayLeaveWithinItsCallback) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    const auto client = Connected("inproc:");
    Ledger ledger;
    std::shared_ptr<Subscription> leaving;
    std::mutex mutex;  // until `leaving` is there
    std::unique_lock hold(mutex);
    const SubscribeOptions member{
        .type_id = kType, .delivery = delivery, .group = "g"};
    leaving = Subscribed(client.get(), member,
                         {[&](const Message& message) {
                            const std::lock_guard lock(mutex);
                            ledger.Add(message);
                            leaving->Unsubscribe();
                          },
                          nullptr});
    const auto stays = Subscribed(
        client.get(), member,
        {[&](const Message& message) { ledger.Add(message); }, nullptr});
    hold.unlock();
    constexpr uint64_t kFrames = 100;
    for (uint64_t i = 0; i < kFrames; ++i) EXPECT_TRUE(Put(client.get()).ok());
    EXPECT_TRUE(ledger.WaitFor(kFrames));
  }
}

// --- Disconnect -------------------------------------------------------------

TEST(BusDisconnect, EndsTheClientButNotThePublish) {
  const std::string url = NewBus();
  const auto publisher = Connected(url);
  const auto strict_client = Connected(url);
  SubscribeOptions options{.type_id = kType, .policy = Policy::Strict()};
  options.policy.queue_bytes_max = 4'096;
  options.policy.stall_ms_max = 5;
  const auto strict = Subscribed(strict_client.get(), options);
  int got = 0, others = 0;
  const auto same_client =
      Subscribed(strict_client.get(), {.type_id = kType},
                 {[&](const Message&) { ++others; }, nullptr});
  const auto direct = Subscribed(publisher.get(), {.type_id = kType},
                                 {[&](const Message&) { ++got; }, nullptr});
  const std::string payload(1'000, 'x');
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(Put(publisher.get(), payload).ok());
  EXPECT_EQ(got, 10);
  EXPECT_LT(others, 10);
  const Status why = strict_client->Flush(Soon());
  EXPECT_EQ(why.code, StatusCode::kResourceExhausted);
  EXPECT_EQ(why.message,
            "subscription: queue of 4096 bytes full for 5 ms, overflow is "
            "DISCONNECT");
  Item item;
  Status next;
  while ((next = strict->Next(Soon(), &item)).ok()) {
  }
  EXPECT_EQ(next.message, why.message);
}

// --- Requests ---------------------------------------------------------------

TEST(BusRequests, RespondersThatLeaveAmongRequestersAnswerEachOnce) {
  const std::string url = NewBus();
  constexpr uint64_t kRequesters = 2, kRequests = 2000;
  std::atomic<uint64_t> asking{kRequesters}, ended{0};
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<Client>> clients;
  for (uint64_t i = 0; i < kRequesters; ++i) {
    clients.push_back(Connected(url));
    threads.emplace_back([&, client = clients.back().get()] {
      for (uint64_t n = 0; n < kRequests; ++n) {
        RequestOptions options;
        if (n % 3 == 0) options.deadline = Clock::now() + milliseconds(2);
        options.wait = n % 5 == 0;
        const auto times = std::make_shared<std::atomic<int>>(0);
        uint64_t call = 0;
        const Status status = client->Request(
            kType, Bytes("x"), options,
            [&, times](const Status&, const Message*) {
              EXPECT_EQ(times->fetch_add(1), 0);
              const std::lock_guard lock(mutex);
              ++ended;
              changed.notify_all();
            },
            &call);
        EXPECT_TRUE(status.ok()) << status.message;
        if (n % 7 == 0) client->Cancel(call);
      }
      --asking;
    });
  }
  std::mt19937 random(Seed());
  std::vector<std::unique_ptr<Respondent>> kept;
  std::mutex kept_mutex;
  while (asking.load() != 0) {
    const auto client = Connected(url);
    SubscribeOptions options{.type_id = kType};
    if (random() % 2 == 0) options.delivery = Delivery::kQueued;
    const uint32_t how = random() % 3;
    std::shared_ptr<Subscription> responding;
    const Status status = client->Respond(
        options,
        [&, how](const Message&, std::unique_ptr<Respondent> to) {
          if (how == 0) {
            static_cast<void>(to->Reply(5, Bytes("y")));
          } else if (how == 1) {
            const std::lock_guard lock(kept_mutex);
            kept.push_back(std::move(to));
          }
        },
        &responding);
    EXPECT_TRUE(status.ok()) << status.message;
    for (int i = 0; i < 20; ++i) std::this_thread::yield();
    if (random() % 2 == 0) responding->Unsubscribe();
    const std::lock_guard lock(kept_mutex);
    for (const auto& each : kept) static_cast<void>(each->Reply(5, {}));
    kept.clear();
  }
  for (std::thread& thread : threads) thread.join();
  std::unique_lock lock(mutex);
  EXPECT_TRUE(changed.wait_until(
      lock, Soon(), [&] { return ended == kRequesters * kRequests; }));
}

TEST(BusRequests, DirectResponderRunsWithinTheRequest) {
  const auto client = Connected("inproc:");
  const std::thread::id here = std::this_thread::get_id();
  std::shared_ptr<Subscription> responding;
  const Status status = client->Respond(
      {.type_id = kType},
      [here](const Message&, std::unique_ptr<Respondent> to) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_TRUE(to->Reply(5, {}).ok());
      },
      &responding);
  EXPECT_TRUE(status.ok());
  int replies = 0;
  EXPECT_TRUE(client
                  ->Request(
                      kType, {}, {.deadline = Clock::now()},
                      [&](const Status& how, const Message*) {
                        EXPECT_TRUE(how.ok());
                        ++replies;
                      },
                      nullptr)
                  .ok());
  EXPECT_EQ(replies, 1);
}

TEST(BusRequests, CallbacksMayEndWhatTheyBelongTo) {
  for (const bool closes : {false, true}) {
    const std::string url = NewBus();
    const auto requester = Connected(url), responder = Connected(url);
    std::shared_ptr<Subscription> responding;
    const Status status = responder->Respond(
        {.type_id = kType},
        [&](const Message&, std::unique_ptr<Respondent> to) {
          if (closes) {
            responder->Close();
          } else {
            responding->Unsubscribe();
          }
          EXPECT_EQ(to->Reply(5, {}).code, StatusCode::kUnavailable);
        },
        &responding);
    EXPECT_TRUE(status.ok());
    StatusCode code = StatusCode::kOk;
    const Status asked = requester->Request(
        kType, {}, {},
        [&](const Status& how, const Message*) {
          code = how.code;
          requester->Close();
        },
        nullptr);
    EXPECT_TRUE(asked.ok());
    EXPECT_EQ(code, StatusCode::kUnavailable);
    EXPECT_EQ(requester->Flush(Soon()).code, StatusCode::kCancelled);
  }
}

TEST(BusRequests, NestingIsBounded) {
  const auto client = Connected("inproc:");
  std::shared_ptr<Subscription> responding;
  uint32_t depth = 0;
  Status refused;
  const Status status = client->Respond(
      {.type_id = kType},
      [&](const Message&, std::unique_ptr<Respondent> to) {
        ++depth;
        const Status asked = client->Request(
            kType, {}, {}, [](const Status&, const Message*) {}, nullptr);
        if (!asked.ok()) refused = asked;
        EXPECT_TRUE(to->Reply(5, {}).ok());
      },
      &responding);
  EXPECT_TRUE(status.ok());
  EXPECT_TRUE(
      client
          ->Request(
              kType, {}, {}, [](const Status&, const Message*) {}, nullptr)
          .ok());
  EXPECT_EQ(depth, kInprocNestingMax);
  EXPECT_EQ(refused.message, "request: nested 17 deep, inproc_nesting_max 16");
}

TEST(BusRequests, FullRespondersAreToldAndCounted) {
  const auto client = Connected("inproc:");
  std::mutex hold;
  std::unique_lock held(hold);
  std::shared_ptr<Subscription> responding;
  SubscribeOptions options{.type_id = kType, .delivery = Delivery::kQueued};
  options.policy.queue_bytes_max = 4'096;
  const Status status = client->Respond(
      options,
      [&](const Message&, std::unique_ptr<Respondent> to) {
        const std::lock_guard lock(hold);
        EXPECT_TRUE(to->Reply(5, {}).ok());
      },
      &responding);
  EXPECT_TRUE(status.ok());
  std::atomic<int> replies{0};
  Status full;
  int asked = 0;
  while (full.ok()) {
    ++asked;
    const Status how = client->Request(
        kType, Bytes(std::string(1'000, 'x')), {},
        [&](const Status& reply, const Message*) {
          if (reply.code == StatusCode::kResourceExhausted) full = reply;
          ++replies;
        },
        nullptr);
    EXPECT_TRUE(how.ok());
  }
  EXPECT_EQ(full.message, "request: all 1 responders of type 7 are full");
  held.unlock();
  const Deadline until = Soon();
  while (replies.load() < asked && Clock::now() < until) {
    std::this_thread::yield();
  }
  EXPECT_EQ(replies.load(), asked);
}

// --- History ----------------------------------------------------------------

TEST(BusHistory, StartsThatComeAndGoAmongPublishersAreExact) {
  const std::string url = NewBus();
  ClientOptions keeps;
  keeps.history = {{.types = {kType}}};
  const auto keeper = Connected(url, keeps);
  constexpr uint64_t kPublishers = 2, kFrames = 1500;
  std::atomic<uint64_t> publishing{kPublishers};
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < kPublishers; ++i) {
    threads.emplace_back([&] {
      const auto client = Connected(url);
      for (uint64_t frame = 0; frame < kFrames; ++frame) {
        EXPECT_TRUE(Put(client.get()).ok());
      }
      --publishing;
    });
  }
  do {
    const auto client = Connected(url);
    Ledger ledger;
    const auto all =
        Subscribed(client.get(),
                   {.type_id = kType,
                    .policy = Policy::Lossless(),
                    .start = Start::AtSequence(1)},
                   {[&](const Message& message) { ledger.Add(message); },
                    [](const Gap&) { ADD_FAILURE() << "a gap"; }});
    const auto latest = Subscribed(client.get(), {.type_id = kType,
                                                  .policy = Policy::Latest(),
                                                  .start = Start::Last(1)});
    if (publishing.load() % 2 == 0) continue;  // ends among them
    EXPECT_TRUE(ledger.WaitFor(kPublishers * kFrames));
  } while (publishing.load() != 0);
  for (std::thread& thread : threads) thread.join();
}

TEST(BusHistory, ObjectsAreKeptAsBytes) {
  ClientOptions keeps;
  keeps.history = {{.types = {kType}}};
  const auto client = Connected("inproc:", keeps);
  const auto number = std::make_shared<const uint64_t>(42);
  const int object_type = 0;
  const EncodableObject object{.object = {&object_type, number.get(), number},
                               .encoded_bytes = sizeof(uint64_t),
                               .encode = [](const void* value, uint8_t* bytes) {
                                 std::copy_n(static_cast<const uint8_t*>(value),
                                             sizeof(uint64_t), bytes);
                               }};
  const auto live =
      Subscribed(client.get(), {.type_id = kType, .object_type = &object_type});
  EXPECT_TRUE(client->PublishObject(kType, {}, object, Soon()).ok());
  const auto later = Subscribed(
      client.get(),
      {.type_id = kType, .object_type = &object_type, .start = Start::Last(1)});
  for (const auto& each : {live, later}) {
    Item item;
    EXPECT_TRUE(each->Next(Soon(), &item).ok());
    const Message& message = std::get<Message>(item);
    ASSERT_EQ(message.payload.size(), sizeof(uint64_t));
    EXPECT_EQ(message.payload[0], 42);
  }
}

}  // namespace
}  // namespace mycelium::core
