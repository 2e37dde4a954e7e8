// What a connection brings for one subscription alone, when a subscription
// begins, and what members of groups acknowledge.

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

class AddresseeTest : public SocketClientTest {
 protected:
  static std::string Frames(uint64_t first, uint64_t last) {
    std::string frames;
    for (uint64_t i = first; i <= last; ++i) {
      frames += DataFrame(7, {}, std::to_string(i), i);
    }
    return frames;
  }

  // The next frame is an ACK of that subscription; its count.
  uint64_t ReadAck(uint32_t id) {
    const WireFrame frame = broker_->Read();
    EXPECT_TRUE(frame.Is(ControlKind::kAck))
        << static_cast<int>(frame.header.kind);
    wire::Ack ack;
    EXPECT_TRUE(ack.ParseFromString(frame.payload));
    EXPECT_EQ(ack.subscription_id(), id);
    return ack.frames();
  }

  // The next frames are ACKs, up to that count: a batch may come in two.
  void ReadAcksUpTo(uint64_t frames, uint32_t id) {
    uint64_t acknowledged = 0;
    while (acknowledged < frames && !HasFailure()) {
      const uint64_t before = std::exchange(acknowledged, ReadAck(id));
      EXPECT_GT(acknowledged, before);
    }
    EXPECT_EQ(acknowledged, frames);
  }

  // Nothing more comes, and everything sent so far has been handled.
  void ExpectNothingMore() {
    broker_->Send(ControlFrame(ControlKind::kPing, {}, 9));
    EXPECT_TRUE(broker_->Read().Is(ControlKind::kPong));
    EXPECT_EQ(broker_->UnreadBytes(), 0u);
  }

  static SubscribeOptions Member() { return {.type_id = 7, .group = "g"}; }

  // A member of a group that was sent three frames and whose callback waits in
  // the first until `go`.
  std::shared_ptr<Subscription> HoldFirstOfThree(std::promise<void>* go,
                                                 Log* log, uint32_t* id) {
    auto subscription = Subscribe(
        {.type_id = 7, .delivery = Delivery::kQueued, .group = "g"},
        {.on_message =
             [log, going = go->get_future().share()](const Message& message) {
               log->Add(Text(message));
               going.wait();
             }},
        id);
    broker_->Send(AddresseeFrame(*id) + Frames(1, 3));
    log->Lines(1);
    ExpectNothingMore();
    return subscription;
  }
};

// --- Who gets a frame -------------------------------------------------------

TEST_F(AddresseeTest, AddressedFramesAreForOneSubscriptionAlone) {
  Log one, other;
  uint32_t id = 0;
  const auto a = Subscribe({.type_id = 7}, {.on_message = one.Messages()}, &id);
  const auto b = Subscribe({.type_id = 7}, {.on_message = other.Messages()});
  broker_->Send(Frames(1, 1) + AddresseeFrame(id) + Frames(2, 2) +
                AddresseeFrame(0) + Frames(3, 3) + AddresseeFrame(99) +
                Frames(4, 4) + AddresseeFrame(0) + Frames(5, 5));
  EXPECT_EQ(one.Lines(4), (Lines{"1", "2", "3", "5"}));
  EXPECT_EQ(other.Lines(3), (Lines{"1", "3", "5"}));
}

TEST_F(AddresseeTest, GroupAndConflatingSubscriptionsGetOnlyWhatIsTheirs) {
  Log member, latest, plain;
  uint32_t member_id = 0, latest_id = 0;
  const auto a =
      Subscribe(Member(), {.on_message = member.Messages()}, &member_id);
  const auto b = Subscribe({.type_id = 7, .policy = Policy::Latest()},
                           {.on_message = latest.Messages()}, &latest_id);
  const auto c = Subscribe({.type_id = 7}, {.on_message = plain.Messages()});
  broker_->Send(Frames(1, 1) + AddresseeFrame(member_id) + Frames(2, 2) +
                AddresseeFrame(latest_id) + Frames(1, 1) + AddresseeFrame(0) +
                Frames(3, 3));
  EXPECT_EQ(plain.Lines(2), (Lines{"1", "3"}));
  EXPECT_EQ(member.Lines(1), Lines{"2"});
  EXPECT_EQ(latest.Lines(1), Lines{"1"});
}

TEST_F(AddresseeTest, RedeliveredFramesSaySo) {
  Log log;
  uint32_t id = 0;
  const auto subscription = Subscribe(
      Member(),
      {.on_message =
           [&](const Message& message) {
             EXPECT_EQ(message.kind, DataKind::kPublish);
             log.Add(Text(message) + (message.redelivered ? " again" : ""));
           }},
      &id);
  constexpr uint8_t kAgain = 1 | kRedeliveredFlag;
  broker_->Send(AddresseeFrame(id) + Frames(1, 1) +
                FrameOfKind(kAgain, 7, {}, "2", 2) + Frames(3, 3));
  EXPECT_EQ(log.Lines(3), (Lines{"1", "2 again", "3"}));
}

// --- When a subscription begins ---------------------------------------------

TEST_F(AddresseeTest, FramesBeforeSubscribedAreNotForIt) {
  Log log;
  std::shared_ptr<Subscription> subscription;
  std::thread answering([&] {
    const WireFrame frame = broker_->ReadControl(ControlKind::kSubscribe);
    wire::Subscribe subscribe;
    EXPECT_TRUE(subscribe.ParseFromString(frame.payload));
    wire::Subscribed subscribed;
    subscribed.set_subscription_id(subscribe.subscription_id());
    broker_->Send(Frames(1, 1) +
                  ControlFrame(ControlKind::kSubscribed,
                               subscribed.SerializeAsString(),
                               frame.header.id) +
                  Frames(2, 2));
  });
  EXPECT_TRUE(client_
                  ->Subscribe({.type_id = 7}, {.on_message = log.Messages()},
                              &subscription)
                  .ok());
  answering.join();
  EXPECT_EQ(log.Lines(1), Lines{"2"});
}

TEST_F(AddresseeTest, FramesUpToStartsAreForOthers) {
  Log old, fresh;
  const auto a = Subscribe({.type_id = 7}, {.on_message = old.Messages()});
  std::shared_ptr<Subscription> b;
  std::thread answering([&] {
    broker_->AnswerSubscribe({{7, 2}}, Frames(1, 3));
  });
  EXPECT_TRUE(
      client_->Subscribe({}, {.on_message = fresh.Messages()}, &b).ok());
  answering.join();
  EXPECT_EQ(old.Lines(3), (Lines{"1", "2", "3"}));
  EXPECT_EQ(fresh.Lines(1), Lines{"3"});
}

TEST_F(AddresseeTest, ReplayedFramesAreForItAlsoUpToStarts) {
  Log old, fresh;
  const auto a = Subscribe({.type_id = 7}, {.on_message = old.Messages()});
  std::shared_ptr<Subscription> b;
  std::thread answering([&] {
    const WireFrame frame = broker_->ReadControl(ControlKind::kSubscribe);
    wire::Subscribe subscribe;
    EXPECT_TRUE(subscribe.ParseFromString(frame.payload));
    EXPECT_EQ(subscribe.start().last(), 2u);
    wire::Subscribed subscribed;
    subscribed.set_subscription_id(subscribe.subscription_id());
    auto* const start = subscribed.add_starts();
    start->set_type_id(7);
    start->set_sequence(2);
    broker_->Send(ControlFrame(ControlKind::kSubscribed,
                               subscribed.SerializeAsString(),
                               frame.header.id) +
                  AddresseeFrame(subscribe.subscription_id()) + Frames(1, 2) +
                  AddresseeFrame(0) + Frames(1, 3));
  });
  EXPECT_TRUE(client_
                  ->Subscribe({.type_id = 7, .start = Start::Last(2)},
                              {.on_message = fresh.Messages()}, &b)
                  .ok());
  answering.join();
  EXPECT_EQ(old.Lines(3), (Lines{"1", "2", "3"}));
  EXPECT_EQ(fresh.Lines(3), (Lines{"1", "2", "3"}));
}

TEST_F(AddresseeTest, SubscribedWithinACallbackCountsFromItsPlaceInTheStream) {
  Log fresh;
  std::shared_ptr<Subscription> inner;
  const auto outer = Subscribe(
      {.type_id = 3}, {.on_message = [&](const Message&) {
        EXPECT_TRUE(client_
                        ->Subscribe({.type_id = 7},
                                    {.on_message = fresh.Messages()}, &inner)
                        .ok());
      }});
  broker_->Send(DataFrame(3, {}, "x", 1) + Frames(1, 1));
  broker_->AnswerSubscribe({}, Frames(2, 2));
  EXPECT_EQ(fresh.Lines(1), Lines{"2"});
}

// --- Gaps -------------------------------------------------------------------

TEST_F(AddresseeTest, GapThatNobodyCanCountSaysSo) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    Log log;
    uint32_t id = 0;
    const auto subscription =
        Subscribe({.type_id = 7, .delivery = delivery},
                  {.on_message = log.Messages(),
                   .on_gap =
                       [&](const Gap& gap) {
                         log.Add(gap.unknown ? "unknown" : "known");
                       }},
                  &id);
    wire::Gap gap;
    gap.set_subscription_id(id);
    gap.set_reason(wire::GAP_REASON_RECONNECT);
    gap.set_unknown(true);
    broker_->Send(ControlFrame(ControlKind::kGap, gap.SerializeAsString()) +
                  Frames(1, 1));
    EXPECT_EQ(log.Lines(2), (Lines{"unknown", "1"}));
  }
}

TEST_F(AddresseeTest, WhatIsGivenAndMissedIsCounted) {
  uint32_t id = 0;
  const auto a = Subscribe({.type_id = 7}, {}, &id);
  Log log;
  const auto b = Subscribe({.type_id = 7}, {.on_message = log.Messages()});
  broker_->Send(Frames(1, 2) + GapFrame(id, 3, 5) + Frames(6, 6));
  Item item;
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(a->Next(Late(), &item).ok());
  EXPECT_TRUE(
      Eventually([&] { return client_->counters().frames_received == 6; }));
  const ClientCounters counters = client_->counters();
  EXPECT_EQ(counters.frames_missed, 3u);
  EXPECT_EQ(counters.gaps, 1u);
}

// --- Acknowledging ----------------------------------------------------------

TEST_F(AddresseeTest, MemberAcknowledgesABatchOnceAfterItsCallbacks) {
  uint32_t id = 0;
  Log log;
  const auto subscription =
      Subscribe(Member(), {.on_message = log.Messages()}, &id);
  broker_->Send(AddresseeFrame(id) + Frames(1, 3));
  EXPECT_EQ(ReadAck(id), 3u);
  EXPECT_EQ(log.Lines(3).size(), 3u);
  broker_->Send(GapFrame(id, 4, 8) + Frames(9, 9));
  EXPECT_EQ(ReadAck(id), 9u);
  ExpectNothingMore();
}

TEST_F(AddresseeTest, QueuedMemberAcknowledgesWhatItsCallbackHasReturnedFrom) {
  uint32_t id = 0;
  std::promise<void> go;
  Log log;
  const auto subscription = HoldFirstOfThree(&go, &log, &id);
  go.set_value();
  ReadAcksUpTo(3, id);
}

TEST_F(AddresseeTest, PulledMemberAcknowledgesAtTheNextNext) {
  uint32_t id = 0;
  const auto subscription = Subscribe(Member(), {}, &id);
  broker_->Send(AddresseeFrame(id) + Frames(1, 2));
  Item item;
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  EXPECT_EQ(Text(std::get<Message>(item)), "2");
  EXPECT_EQ(subscription->Next(Soon(), &item).code,
            StatusCode::kDeadlineExceeded);
  ReadAcksUpTo(2, id);
  ExpectNothingMore();
}

TEST_F(AddresseeTest, MemberAcknowledgesBeforeItUnsubscribes) {
  uint32_t id = 0;
  const auto subscription = Subscribe(Member(), {}, &id);
  broker_->Send(AddresseeFrame(id) + Frames(1, 3));
  Item item;
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  subscription->Unsubscribe();
  ReadAcksUpTo(2, id);
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kUnsubscribe));
  ExpectNothingMore();
}

TEST_F(AddresseeTest, UnsubscribeWithinAMembersCallbackAcknowledgesThatFrame) {
  for (const Delivery delivery : {Delivery::kDirect, Delivery::kQueued}) {
    uint32_t id = 0;
    std::shared_ptr<Subscription> subscription;
    std::promise<void> subscribed, done;
    subscription = Subscribe(
        {.type_id = 7, .delivery = delivery, .group = "g"},
        {.on_message =
             [&, ready = subscribed.get_future().share()](const Message&) {
               ready.wait();
               subscription->Unsubscribe();
               done.set_value();
             }},
        &id);
    subscribed.set_value();
    broker_->Send(AddresseeFrame(id) + Frames(1, 3) + AddresseeFrame(0));
    done.get_future().wait();
    EXPECT_EQ(ReadAck(id), 1u);
    EXPECT_TRUE(broker_->Read().Is(ControlKind::kUnsubscribe));
    ExpectNothingMore();
  }
}

TEST_F(AddresseeTest, MemberAcknowledgesBeforeTheClientCloses) {
  uint32_t id = 0;
  const auto subscription = Subscribe(Member(), {}, &id);
  broker_->Send(AddresseeFrame(id) + Frames(1, 3));
  Item item;
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  std::thread closing([&] { client_->Close(); });
  EXPECT_EQ(ReadAck(id), 1u);
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kClose));
  broker_->Hangup();
  closing.join();
}

TEST_F(AddresseeTest, ManyBytesOfAMemberAreAcknowledgedWithinTheBatch) {
  uint32_t id = 0;
  std::promise<void> go;
  Log log;
  const auto subscription = Subscribe(
      {.type_id = 7,
       .policy = {.queue_bytes_max = 80'000},
       .delivery = Delivery::kQueued,
       .group = "g"},
      {.on_message =
           [&, going = go.get_future().share()](const Message& message) {
             if (message.sequence == 3) going.wait();
           }},
      &id);
  std::string frames = AddresseeFrame(id);
  for (uint64_t i = 1; i <= 4; ++i) {
    frames += DataFrame(7, {}, std::string(10'000, 'x'), i);
  }
  broker_->Send(frames);
  EXPECT_EQ(ReadAck(id), 1u);
  EXPECT_EQ(ReadAck(id), 2u);
  go.set_value();
  EXPECT_EQ(ReadAck(id), 3u);
  EXPECT_EQ(ReadAck(id), 4u);
}

// --- On another connection --------------------------------------------------

TEST_F(AddresseeTest,
       ResubscribedMemberBeginsAnewAndAcknowledgesOnlyWhatIsNew) {
  uint32_t id = 0;
  std::promise<void> go;
  Log log;
  const auto subscription = HoldFirstOfThree(&go, &log, &id);
  broker_->Greet({.resumed = true});
  const WireFrame frame = broker_->ReadControl(ControlKind::kSubscribe);
  wire::Subscribe subscribe;
  ASSERT_TRUE(subscribe.ParseFromString(frame.payload));
  EXPECT_EQ(subscribe.subscription_id(), id);
  EXPECT_EQ(subscribe.group(), "g");
  EXPECT_FALSE(subscribe.has_resume());
  wire::Subscribed subscribed;
  subscribed.set_subscription_id(id);
  broker_->Send(ControlFrame(ControlKind::kSubscribed,
                             subscribed.SerializeAsString(), frame.header.id) +
                AddresseeFrame(id) + Frames(4, 5));
  ExpectNothingMore();
  go.set_value();
  ReadAcksUpTo(2, id);
  EXPECT_EQ(log.Lines(5), (Lines{"1", "2", "3", "4", "5"}));
  ExpectNothingMore();
}

TEST_F(AddresseeTest, AddresseeOfALostConnectionIsForgotten) {
  Log log;
  uint32_t id = 0;
  const auto a = Subscribe({.type_id = 7}, {.on_message = log.Messages()}, &id);
  broker_->Send(AddresseeFrame(99) + Frames(1, 1));
  ExpectNothingMore();
  broker_->Greet({.resumed = true});
  broker_->AnswerSubscribe({}, Frames(2, 2));
  EXPECT_EQ(log.Lines(1), Lines{"2"});
}

TEST_F(AddresseeTest, ResumeSaysWhatWasHadAlsoOfAGap) {
  Log log;
  uint32_t id = 0;
  const auto a = Subscribe({.type_id = 7}, {.on_message = log.Messages()}, &id);
  broker_->Send(Frames(1, 2) + GapFrame(id, 3, 5) + Frames(6, 6));
  ExpectNothingMore();
  broker_->Greet({.resumed = true});
  wire::Subscribe subscribe;
  ASSERT_TRUE(subscribe.ParseFromString(
      broker_->ReadControl(ControlKind::kSubscribe).payload));
  EXPECT_EQ(subscribe.resume().epoch(), 5u);
  EXPECT_EQ(subscribe.resume().frames(), 6u);
  ASSERT_EQ(subscribe.resume().seen_size(), 1);
  EXPECT_EQ(subscribe.resume().seen(0).type_id(), 7u);
  EXPECT_EQ(subscribe.resume().seen(0).sequence(), 6u);
}

}  // namespace
}  // namespace mycelium::core
