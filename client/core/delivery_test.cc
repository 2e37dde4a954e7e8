// What a socket client's callbacks and Next get, what callbacks may do, and how
// subscriptions end.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

// --- Delivery ---------------------------------------------------------------

TEST_F(SocketClientTest, EachMatchingSubscriptionGetsTheOneFrame) {
  Log all, filtered, other;
  const auto a = Subscribe({}, {.on_message = all.Messages()});
  const auto b = Subscribe({.type_id = 7, .topic_filter = "a.*"},
                           {.on_message = filtered.Messages()});
  const auto c = Subscribe({.type_id = 8}, {.on_message = other.Messages()});
  broker_->Send(DataFrame(7, "a.b", "one", 1) + DataFrame(7, "b.c", "two", 2) +
                DataFrame(8, "", "three", 1) + DataFrame(7, "a.c", "four", 3));
  EXPECT_EQ(all.Lines(4), (Lines{"one", "two", "three", "four"}));
  EXPECT_EQ(filtered.Lines(2), (Lines{"one", "four"}));
  EXPECT_EQ(other.Lines(1), Lines{"three"});
}

TEST_F(SocketClientTest, FramesInSinglesBytesAndLargerThanABlockArriveWhole) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = log.Messages()});
  const std::string large(kFrameBytesMaxDefault, 'x');
  for (const char byte : DataFrame(7, "", "bytewise", 1)) {
    broker_->Send({&byte, 1});
  }
  broker_->Send(DataFrame(7, "", large, 2) + DataFrame(7, "", "after", 3));
  EXPECT_EQ(log.Lines(3), (Lines{"bytewise", large, "after"}));
}

TEST_F(SocketClientTest, GapIsToldInItsPlaceAndCoversLaterFramesOfItsOwn) {
  Log missing, complete;
  uint32_t id = 0;
  const auto a =
      Subscribe({.type_id = 7},
                {.on_message = missing.Messages(),
                 .on_gap =
                     [&](const Gap& gap) {
                       missing.Add("gap of " + std::to_string(gap.frames()));
                     }},
                &id);
  const auto b = Subscribe({.type_id = 7}, {.on_message = complete.Messages()});
  broker_->Send(DataFrame(7, "", "1", 1) + GapFrame(id, 2, 3) +
                DataFrame(7, "", "2", 2) + DataFrame(7, "", "3", 3) +
                DataFrame(7, "", "4", 4) + DataFrame(7, "", "5", 5));
  EXPECT_EQ(missing.Lines(4), (Lines{"1", "gap of 2", "4", "5"}));
  EXPECT_EQ(complete.Lines(5), (Lines{"1", "2", "3", "4", "5"}));
}

TEST_F(SocketClientTest, PulledSubscriptionGetsFramesAndGapsInOrder) {
  uint32_t id = 0;
  const auto subscription = Subscribe({.type_id = 7}, {}, &id);
  broker_->Send(DataFrame(7, "", "1", 1) + GapFrame(id, 2, 3) +
                DataFrame(7, "t", "4", 4));
  Item item;
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  EXPECT_EQ(Text(std::get<Message>(item)), "1");
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  EXPECT_EQ(std::get<Gap>(item).frames(), 2u);
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  EXPECT_EQ(Text(std::get<Message>(item)), "4");
  EXPECT_EQ(std::get<Message>(item).topic, "t");
  EXPECT_EQ(std::get<Message>(item).sequence, 4u);
  EXPECT_EQ(subscription->Next(Soon(), &item).code,
            StatusCode::kDeadlineExceeded);
}

TEST_F(SocketClientTest, FullLocalQueueDropsTheOldestAndSaysSo) {
  const auto subscription = Subscribe(
      {.type_id = 7, .policy = {.queue_bytes_max = 4096, .stall_ms_max = 0}},
      {});
  constexpr uint64_t kFrames = 1'000;
  for (uint64_t i = 1; i <= kFrames; ++i) {
    broker_->Send(DataFrame(7, "", "12345678", i));
  }
  std::thread pinging([&] { EXPECT_TRUE(client_->Ping(Late()).ok()); });
  const WireFrame ping = broker_->ReadControl(ControlKind::kPing);
  broker_->Send(ControlFrame(ControlKind::kPong, {}, ping.header.id));
  pinging.join();  // now everything has been queued or dropped
  uint64_t frames = 0, missing = 0;
  Item item;
  while (frames + missing < kFrames) {
    ASSERT_TRUE(subscription->Next(Late(), &item).ok());
    if (const Gap* gap = std::get_if<Gap>(&item)) {
      missing += gap->frames();
    } else {
      ++frames;
      EXPECT_EQ(std::get<Message>(item).sequence, frames + missing);
    }
  }
  EXPECT_GT(missing, 0u);
  EXPECT_GT(frames, 0u);
}

// --- Within callbacks -------------------------------------------------------

TEST_F(SocketClientTest, CallbackMaySubscribeAndFlushAndFramesWait) {
  Log log;
  std::shared_ptr<Subscription> inner;
  const auto outer = Subscribe(
      {.type_id = 7}, {.on_message = [&](const Message& message) {
        log.Add("begin " + Text(message));
        if (Text(message) == "1") {
          EXPECT_TRUE(client_
                          ->Subscribe({.type_id = 8},
                                      {.on_message = log.Messages()}, &inner)
                          .ok());
          EXPECT_TRUE(client_->Flush(Late()).ok());
        }
        log.Add("end " + Text(message));
      }});
  broker_->Send(DataFrame(7, "", "1", 1) + DataFrame(7, "", "2", 2));
  log.Lines(1);
  broker_->Send(DataFrame(7, "", "3", 3));
  broker_->AnswerSubscribe();
  broker_->Send(DataFrame(8, "", "inner", 1) + DataFrame(7, "", "4", 4));
  broker_->AnswerFlush();
  EXPECT_EQ(log.Lines(9),
            (Lines{"begin 1", "end 1", "begin 2", "end 2", "begin 3", "end 3",
                   "inner", "begin 4", "end 4"}));
}

TEST_F(SocketClientTest, CallbackThatPublishesAHeldTypeGetsTheRelease) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = [&](const Message& message) {
                  EXPECT_TRUE(Publish(Text(message), 8).ok());
                  log.Add(Text(message));
                }});
  broker_->Send(HoldFrame(8) + DataFrame(7, "", "1", 1));
  broker_->Send(DataFrame(7, "", "2", 2) + ReleaseFrame(8));
  EXPECT_EQ(log.Lines(2), (Lines{"1", "2"}));
  EXPECT_EQ(broker_->Read().payload, "1");
}

TEST_F(SocketClientTest, QueuedCallbackMayFlushWhileItsQueueIsFull) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7,
                 .policy = {.queue_bytes_max = 4096, .stall_ms_max = -1},
                 .delivery = Delivery::kQueued},
                {.on_message = [&](const Message& message) {
                  if (message.sequence == 1) {
                    EXPECT_TRUE(client_->Flush(Late()).ok());
                  }
                  log.Add(std::to_string(message.sequence));
                }});
  constexpr uint64_t kFrames = 2'000;
  for (uint64_t i = 1; i <= kFrames; ++i) {
    broker_->Send(DataFrame(7, "", "12345678", i));
  }
  broker_->AnswerFlush();
  const Lines lines = log.Lines(kFrames);
  for (uint64_t i = 0; i < kFrames; ++i) {
    ASSERT_EQ(lines[i], std::to_string(i + 1));
  }
}

TEST_F(SocketClientTest, NextWithinADirectCallbackDoesNotWait) {
  Log log;
  const auto pulled = Subscribe({.type_id = 8}, {});
  const auto direct =
      Subscribe({.type_id = 7}, {.on_message = [&](const Message&) {
                  Item item;
                  const Status status = pulled->Next(kNoDeadline, &item);
                  log.Add(status.message);
                }});
  broker_->Send(DataFrame(7, "", "1", 1));
  EXPECT_EQ(log.Lines(1),
            Lines{"next: waits within a direct callback, on whose thread "
                  "frames arrive"});
}

// --- Unsubscribe ------------------------------------------------------------

class UnsubscribeTest : public SocketClientTest,
                        public testing::WithParamInterface<Delivery> {
 protected:
  SubscribeOptions Options() { return {.type_id = 7, .delivery = GetParam()}; }
};

// Sends frames for as long as it lives.
class Storm {
 public:
  explicit Storm(FakeBroker* broker)
      : thread_([this, broker] {
          std::string rest;
          while (!stop_) {
            if (rest.empty()) {
              for (int i = 0; i < 100; ++i) {
                rest += DataFrame(7, "", "storm", ++sequence_);
              }
            }
            rest.erase(0, broker->SendSome(rest));
          }
        }) {}
  ~Storm() {
    stop_ = true;
    thread_.join();
  }

 private:
  uint64_t sequence_ = 0;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_P(UnsubscribeTest, NoCallbackRunsAfterItReturnsInAStorm) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> calls{0};
    std::atomic<bool> over{false};
    const auto subscription =
        Subscribe(Options(), {.on_message = [&](const Message&) {
                    EXPECT_FALSE(over.load());
                    ++calls;
                    std::this_thread::yield();
                    EXPECT_FALSE(over.load());
                  }});
    {
      const Storm storm(broker_.get());
      ASSERT_TRUE(Eventually([&] { return calls > 10; }));
      subscription->Unsubscribe();
      over = true;
      const int calls_then = calls;
      std::thread pinging([&] { EXPECT_FALSE(client_->Ping(Soon()).ok()); });
      pinging.join();
      EXPECT_EQ(calls, calls_then);
    }
    Connect({});
  }
}

TEST_P(UnsubscribeTest, WithinItsOwnCallbackThatIsTheLastOne) {
  std::atomic<int> calls{0};
  std::shared_ptr<Subscription> subscription;
  std::atomic<bool> ready{false};
  subscription = Subscribe(Options(), {.on_message = [&](const Message&) {
                             while (!ready) std::this_thread::yield();
                             ++calls;
                             subscription->Unsubscribe();
                           }});
  ready = true;
  broker_->Send(DataFrame(7, "", "1", 1) + DataFrame(7, "", "2", 2));
  broker_->ReadControl(ControlKind::kUnsubscribe);
  broker_->Send(DataFrame(7, "", "3", 3));
  Disconnect();
  EXPECT_EQ(calls, 1);
}

TEST_P(UnsubscribeTest, CallbackMayEndAnother) {
  Log log;
  std::shared_ptr<Subscription> victim = Subscribe(
      Options(), {.on_message = [&](const Message&) { log.Add("victim"); }});
  const auto killer =
      Subscribe({.type_id = 8}, {.on_message = [&](const Message&) {
                  victim->Unsubscribe();
                  log.Add("ended");
                }});
  broker_->Send(DataFrame(7, "", "1", 1));
  log.Lines(1);
  broker_->Send(DataFrame(8, "", "1", 1) + DataFrame(7, "", "2", 2) +
                DataFrame(8, "", "2", 2));
  EXPECT_EQ(log.Lines(3), (Lines{"victim", "ended", "ended"}));
}

TEST_P(UnsubscribeTest, HandlerAndWhatItHoldsGoWithIt) {
  auto held = std::make_shared<int>(1);
  const auto subscription =
      Subscribe(Options(), {.on_message = [held](const Message&) {}});
  EXPECT_EQ(held.use_count(), 2);
  subscription->Unsubscribe();
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(UnsubscribeTest, CloseWithinACallbackIsTheLastOne) {
  std::atomic<int> calls{0};
  const auto subscription =
      Subscribe(Options(), {.on_message = [&](const Message&) {
                  ++calls;
                  client_->Close();
                }});
  broker_->Send(DataFrame(7, "", "1", 1) + DataFrame(7, "", "2", 2));
  broker_->ReadControl(ControlKind::kClose);
  broker_->Hangup();
  client_ = nullptr;
  EXPECT_EQ(calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Deliveries, UnsubscribeTest,
                         testing::Values(Delivery::kDirect, Delivery::kQueued));

TEST_F(SocketClientTest, UnsubscribeWakesWhoeverPulls) {
  const auto subscription = Subscribe({.type_id = 7}, {});
  std::thread pulling([&] {
    Item item;
    EXPECT_EQ(subscription->Next(kNoDeadline, &item).code,
              StatusCode::kCancelled);
  });
  subscription->Unsubscribe();
  pulling.join();
}

}  // namespace
}  // namespace mycelium::core
