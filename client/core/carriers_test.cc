// The same promises whatever the carrier: the in-process bus, and the real
// broker over a Unix socket and over TCP.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "client/core/broker_process.h"
#include "client/core/client.h"

namespace mycelium::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint16_t kType = 7;
constexpr uint16_t kKept = 8;     // all of it
constexpr uint16_t kKeptFew = 9;  // 4 frames
constexpr char kHistoryConfig[] =
    "history { types: 8 bytes_max: 16777216 }\n"
    "history { types: 9 frames_max: 4 }\n";

// Only a fault makes anything wait for so long.
Deadline Soon() { return Clock::now() + seconds(60); }

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string Text(const Message& message) {
  return {message.payload.begin(), message.payload.end()};
}

// A value of another thread, to be waited for.
template <typename T>
class Told {
 public:
  void Set(T value) {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(value_.has_value()) << "told twice";
    value_ = std::move(value);
    changed_.notify_all();
  }
  T Wait() {
    std::unique_lock lock(mutex_);
    const bool told = changed_.wait_until(
        lock, Soon(), [this] { return value_.has_value(); });
    EXPECT_TRUE(told);
    return told ? *value_ : T();
  }
  bool IsSet() {
    const std::lock_guard lock(mutex_);
    return value_.has_value();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

struct Reply {
  Status status;
  uint16_t type_id = 0;
  std::string text;
};

// What a pulled subscription has had.
struct Seen {
  std::vector<uint64_t> sequences;
  std::map<std::string, uint64_t> newest;  // by topic
  uint64_t missed = 0;
  std::set<GapReason> reasons;
  bool unknown = false;

  uint64_t all() const { return sequences.size() + missed; }
};

class CarrierTest : public testing::TestWithParam<const char*> {
 protected:
  CarrierTest() {
    if (std::string_view(GetParam()) == "inproc") {
      static std::atomic<int> last{0};
      url_ = "inproc:carriers-" + std::to_string(++last);
      return;
    }
    broker_ = std::make_unique<BrokerProcess>(kHistoryConfig);
    url_ = std::string_view(GetParam()) == "unix" ? broker_->unix_url()
                                                  : broker_->tcp_url();
  }

  std::unique_ptr<Client> Connected(ClientOptions options = {}) {
    options.history = {{.types = {kKept}},
                       {.types = {kKeptFew}, .frames_max = 4}};
    std::unique_ptr<Client> client;
    const Status status = Client::Connect(url_, options, &client);
    EXPECT_TRUE(status.ok()) << status.message;
    return client;
  }

  static std::shared_ptr<Subscription> Subscribed(
      Client* client, const SubscribeOptions& options, Handler handler = {}) {
    std::shared_ptr<Subscription> subscription;
    const Status status =
        client->Subscribe(options, std::move(handler), &subscription);
    EXPECT_TRUE(status.ok()) << status.message;
    return subscription;
  }

  static void Put(Client* client, uint16_t type_id, std::string_view text,
                  std::string_view topic = {}) {
    const Status status = client->Publish(type_id, topic, Bytes(text), Soon());
    EXPECT_TRUE(status.ok()) << status.message;
  }
  static void Flush(Client* client) {
    const Status status = client->Flush(Soon());
    EXPECT_TRUE(status.ok()) << status.message;
  }

  // Takes until frames and gaps together are `count`, or until it ends.
  static Status Take(Subscription* subscription, uint64_t count, Seen* seen) {
    while (seen->all() < count) {
      Item item;
      const Status status = subscription->Next(Soon(), &item);
      if (!status.ok()) return status;
      if (const auto* const message = std::get_if<Message>(&item)) {
        seen->sequences.push_back(message->sequence);
        seen->newest[std::string(message->topic)] = message->sequence;
      } else {
        const Gap& gap = std::get<Gap>(item);
        seen->missed += gap.frames();
        seen->reasons.insert(gap.reason);
        seen->unknown |= gap.unknown;
      }
    }
    return {};
  }
  static Seen Taken(Subscription* subscription, uint64_t count) {
    Seen seen;
    const Status status = Take(subscription, count, &seen);
    EXPECT_TRUE(status.ok()) << status.message;
    return seen;
  }

  static std::shared_ptr<Subscription> Responds(Client* client,
                                                const SubscribeOptions& options,
                                                RequestHandler handler) {
    std::shared_ptr<Subscription> subscription;
    const Status status =
        client->Respond(options, std::move(handler), &subscription);
    EXPECT_TRUE(status.ok()) << status.message;
    return subscription;
  }

  static uint64_t Ask(Client* client, uint16_t type_id, std::string_view text,
                      const std::shared_ptr<Told<Reply>>& told,
                      const RequestOptions& options = {}) {
    uint64_t call = 0;
    const Status status = client->Request(
        type_id, Bytes(text), options,
        [told](const Status& how, const Message* reply) {
          EXPECT_EQ(how.ok(), reply != nullptr);
          told->Set({how, reply == nullptr ? uint16_t{0} : reply->type_id,
                     reply == nullptr ? "" : Text(*reply)});
        },
        &call);
    EXPECT_TRUE(status.ok()) << status.message;
    return call;
  }
  static Reply Answer(Client* client, uint16_t type_id, std::string_view text,
                      const RequestOptions& options = {}) {
    const auto told = std::make_shared<Told<Reply>>();
    Ask(client, type_id, text, told, options);
    return told->Wait();
  }

  std::unique_ptr<BrokerProcess> broker_;
  std::string url_;
};

std::vector<uint64_t> From1To(uint64_t last) {
  std::vector<uint64_t> all;
  for (uint64_t i = 1; i <= last; ++i) all.push_back(i);
  return all;
}

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

// --- Requests ---------------------------------------------------------------

class RequestsTest : public CarrierTest {};

TEST_P(RequestsTest, ReplyComesBack) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    const auto requester = Connected(), responder = Connected();
    const auto responding = Responds(
        responder.get(), {.type_id = kType, .delivery = delivery},
        [](const Message& request, std::unique_ptr<Respondent> to) {
          EXPECT_EQ(request.kind, DataKind::kRequest);
          EXPECT_EQ(request.topic, "a.b");
          const std::string text = Text(request) + "!";
          EXPECT_TRUE(to->Reply(12, Bytes(text)).ok());
          EXPECT_EQ(to->Reply(12, {}).code, StatusCode::kFailedPrecondition);
        });
    for (const bool wait : {false, true}) {
      const Reply reply = Answer(requester.get(), kType, "hello",
                                 {.topic = "a.b", .wait = wait});
      EXPECT_TRUE(reply.status.ok()) << reply.status.message;
      EXPECT_EQ(reply.type_id, 12);
      EXPECT_EQ(reply.text, "hello!");
    }
  }
}

TEST_P(RequestsTest, FailureComesBackAsItWasSaid) {
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType},
               [](const Message&, std::unique_ptr<Respondent> to) {
                 const Status told =
                     to->Fail({StatusCode::kPermissionDenied, "not for you"});
                 EXPECT_TRUE(told.ok());
               });
  const Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kPermissionDenied);
  EXPECT_EQ(reply.status.message, "not for you");
}

TEST_P(RequestsTest, NobodyAnswersIsNotFound) {
  const auto requester = Connected(), responder = Connected();
  Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kNotFound);
  EXPECT_EQ(reply.status.message, "request: nobody answers type 7");
  const auto responding =
      Responds(responder.get(), {.type_id = kType, .topic_filter = "a.*"},
               [](const Message&, std::unique_ptr<Respondent> to) {
                 EXPECT_TRUE(to->Reply(kType, {}).ok());
               });
  reply = Answer(requester.get(), kType, "x", {.topic = "b.c"});
  EXPECT_EQ(reply.status.message, "request: nobody answers type 7 topic b.c");
  EXPECT_TRUE(
      Answer(requester.get(), kType, "x", {.topic = "a.c"}).status.ok());
}

TEST_P(RequestsTest, RequestThatIsDroppedIsAnError) {
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType},
               [](const Message&, std::unique_ptr<Respondent>) {});
  const Reply reply = Answer(requester.get(), kType, "x");
  EXPECT_EQ(reply.status.code, StatusCode::kInternal);
  EXPECT_EQ(reply.status.message, "respond: the responder gave no answer");
}

// Keeps what it is asked for later.
class Keeper {
 public:
  RequestHandler handler() {
    return [this](const Message&, std::unique_ptr<Respondent> to) {
      const std::lock_guard lock(mutex_);
      kept_.push_back(std::move(to));
      changed_.notify_all();
    };
  }
  Respondent* Wait(size_t count = 1) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_until(lock, Soon(),
                                    [&] { return kept_.size() >= count; }));
    return kept_[count - 1].get();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Respondent>> kept_;
};

TEST_P(RequestsTest, AnswerMayComeLaterFromAnyThread) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "x", told);
  Respondent* const to = keeper.Wait();
  EXPECT_FALSE(told->IsSet());
  EXPECT_FALSE(to->cancelled());
  std::thread([to] { EXPECT_TRUE(to->Reply(5, Bytes("late")).ok()); }).join();
  EXPECT_EQ(told->Wait().text, "late");
}

TEST_P(RequestsTest, DeadlineEndsIt) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  for (const bool wait : {false, true}) {
    const Reply reply =
        Answer(requester.get(), kType, "x",
               {.deadline = Clock::now() + milliseconds(20), .wait = wait});
    EXPECT_EQ(reply.status.code, StatusCode::kDeadlineExceeded);
    EXPECT_EQ(reply.status.message, "request: no answer before the deadline");
  }
  Respondent* const to = keeper.Wait(2);
  const Deadline until = Soon();
  while (!to->cancelled() && Clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(to->cancelled());
  EXPECT_TRUE(to->Reply(5, {}).ok());
}

TEST_P(RequestsTest, CancelEndsItOnce) {
  Keeper keeper;
  const auto requester = Connected(), responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  const uint64_t call = Ask(requester.get(), kType, "x", told);
  Respondent* const to = keeper.Wait();
  requester->Cancel(call);
  requester->Cancel(call);
  EXPECT_EQ(told->Wait().status.code, StatusCode::kCancelled);
  const Deadline until = Soon();
  while (!to->cancelled() && Clock::now() < until) std::this_thread::yield();
  EXPECT_TRUE(to->cancelled());
}

TEST_P(RequestsTest, ResponderThatLeavesIsToldAtOnce) {
  Keeper keeper;
  const auto requester = Connected();
  ClientOptions named;
  named.name = "worker";
  for (const bool closes : {false, true}) {
    const auto responder = Connected(named);
    const auto responding =
        Responds(responder.get(), {.type_id = kType}, keeper.handler());
    const auto told = std::make_shared<Told<Reply>>();
    Ask(requester.get(), kType, "x", told);
    Respondent* const to = keeper.Wait(closes ? 2 : 1);
    if (closes) {
      responder->Close();
    } else {
      responding->Unsubscribe();
    }
    const Status why = told->Wait().status;
    EXPECT_EQ(why.code, StatusCode::kUnavailable);
    EXPECT_EQ(why.message, "request: session " +
                               std::to_string(responder->broker().session_id) +
                               " (worker) was lost before it answered");
    EXPECT_TRUE(to->cancelled());
    EXPECT_EQ(to->Reply(5, {}).code, StatusCode::kUnavailable);
  }
}

TEST_P(RequestsTest, LeastBusyIsAskedFirst) {
  Keeper busy, idle;
  const auto requester = Connected(), a = Connected(), b = Connected();
  const auto at_a = Responds(a.get(), {.type_id = kType}, busy.handler());
  const auto first = std::make_shared<Told<Reply>>();
  const auto second = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "1", first);
  busy.Wait();
  const auto at_b = Responds(b.get(), {.type_id = kType}, idle.handler());
  Ask(requester.get(), kType, "2", second);
  EXPECT_TRUE(idle.Wait()->Reply(5, Bytes("idle")).ok());
  EXPECT_EQ(second->Wait().text, "idle");
  EXPECT_TRUE(busy.Wait()->Reply(5, Bytes("busy")).ok());
  EXPECT_EQ(first->Wait().text, "busy");
}

TEST_P(RequestsTest, CloseEndsWhatWasAsked) {
  Keeper keeper;
  auto requester = Connected();
  const auto responder = Connected();
  const auto responding =
      Responds(responder.get(), {.type_id = kType}, keeper.handler());
  const auto told = std::make_shared<Told<Reply>>();
  Ask(requester.get(), kType, "x", told);
  keeper.Wait();
  requester->Close();
  ASSERT_TRUE(told->IsSet());
  EXPECT_EQ(told->Wait().status.code, StatusCode::kCancelled);
  EXPECT_EQ(requester->Request(kType, {}, {}, nullptr, nullptr).code,
            StatusCode::kCancelled);
}

// --- History ----------------------------------------------------------------

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

const auto kCarriers = testing::Values("inproc", "unix", "tcp");
std::string NameOf(const testing::TestParamInfo<const char*>& info) {
  return info.param;
}
INSTANTIATE_TEST_SUITE_P(Carriers, CarrierTest, kCarriers, NameOf);
INSTANTIATE_TEST_SUITE_P(Carriers, RequestsTest, kCarriers, NameOf);
INSTANTIATE_TEST_SUITE_P(Carriers, HistoryTest, kCarriers, NameOf);

}  // namespace
}  // namespace mycelium::core
