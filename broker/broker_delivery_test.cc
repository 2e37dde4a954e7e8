// Policies, groups and lossless subscribers in a circle.
#include <deque>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "broker/broker_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

// Has no tests here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerTest);

namespace {

class DeliveryTest : public BrokerTest {
 protected:
  static wire::Subscribe Of(uint32_t id, uint16_t type_id) {
    wire::Subscribe request;
    request.set_subscription_id(id);
    request.set_type_id(type_id);
    request.mutable_policy()->set_queue_bytes_max(kQueueBytesMin);
    request.mutable_policy()->set_stall_ms_max(0);
    return request;
  }
  static wire::Subscribe Conflating(uint32_t id, uint16_t type_id) {
    wire::Subscribe request = Of(id, type_id);
    request.mutable_policy()->set_overflow(wire::OVERFLOW_CONFLATE);
    return request;
  }
  static wire::Subscribe InGroup(uint32_t id, uint16_t type_id,
                                 const std::string& group = "g") {
    wire::Subscribe request = Of(id, type_id);
    request.set_group(group);
    return request;
  }
  void Ack(const Client& client, uint32_t id, uint64_t frames) {
    wire::Ack ack;
    ack.set_subscription_id(id);
    ack.set_frames(frames);
    SendControl(client, ControlKind::kAck, 0, ack.SerializeAsString());
  }
  void Unsubscribe(const Client& client, uint32_t id) {
    wire::Unsubscribe request;
    request.set_subscription_id(id);
    SendControl(client, ControlKind::kUnsubscribe, 1,
                request.SerializeAsString());
  }
  // Frames with the given payloads in one piece.
  static std::string Run(uint16_t type_id, int first, int last,
                         size_t padding = 0) {
    std::string frames;
    for (int i = first; i <= last; ++i) {
      frames +=
          Publish(type_id, "", std::to_string(i) + std::string(padding, '.'));
    }
    return frames;
  }
  // The numbers that payloads of data frames begin with.
  static std::vector<int> Numbers(const std::deque<Received>& frames) {
    std::vector<int> numbers;
    for (const Received& frame : frames) {
      if (frame.header.type_id != 0)
        numbers.push_back(std::stoi(frame.payload));
    }
    return numbers;
  }
  static bool Redelivered(const Received& frame) {
    return (frame.header.kind & kRedeliveredFlag) != 0;
  }
  wire::Counters Counters(Client* client) { return Status(client).counters(); }

  // Fills what is written at once, so that the rest waits in the queue.
  static void WaitToWrite(const Client& client) {
    iovec iovecs[1];
    Ref<Block> blocks[1];
    client.session->outbox.GatherShared(iovecs, blocks);
  }
};

INSTANTIATE_TEST_SUITE_P(Input, DeliveryTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

using Ints = std::vector<int>;

// --- ADDRESSEE, CONFLATE, DISCONNECT ----------------------------------------

TEST_P(DeliveryTest, WhoConflatesIsAddressedAndOthersOfTheSessionAreNot) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  SubscribeAs(&subscriber, Conflating(2, 7));
  Send(publisher, Run(7, 1, 1));
  Send(publisher, Run(7, 2, 2));
  std::map<uint32_t, Ints> by_addressee;
  for (const Received& frame : Read(&subscriber)) {
    by_addressee[frame.addressee].push_back(std::stoi(frame.payload));
  }
  EXPECT_EQ(by_addressee, (std::map<uint32_t, Ints>{{0, {1, 2}}, {2, {1, 2}}}));
}

TEST_P(DeliveryTest, WhatIsWrittenAtOnceIsNotConflated) {
  Client publisher = Open(), subscriber = Open();
  SubscribeAs(&subscriber, Conflating(1, 7));
  Send(publisher, Run(7, 1, 3));
  EXPECT_EQ(Numbers(Read(&subscriber)), (Ints{1, 2, 3}));
}

TEST_P(DeliveryTest, BehindAWriteThatWaitedOnlyTheNewestOfEachTopicIsLeft) {
  Client publisher = Open(), subscriber = Open();
  SubscribeAs(&subscriber, Conflating(1, 0));
  for (const char* topic : {"a", "b", "a", "", "b", "a"}) {
    Send(publisher, Publish(7, topic, topic));
  }
  Send(publisher, Publish(8, "a", "other type"));
  WaitToWrite(subscriber);
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 5u);
  ASSERT_TRUE(frames[0].Is(ControlKind::kGap));
  const auto gap = frames[0].As<wire::Gap>();
  EXPECT_EQ(gap.reason(), wire::GAP_REASON_CONFLATED);
  ASSERT_EQ(gap.ranges_size(), 1);
  EXPECT_EQ(gap.ranges(0).type_id(), 7u);
  EXPECT_EQ(gap.ranges(0).frames(), 3u);
  EXPECT_EQ(gap.ranges(0).first_sequence(), 1u);
  EXPECT_EQ(gap.ranges(0).last_sequence(), 3u);
  EXPECT_EQ(frames[1].topic, "");
  EXPECT_EQ(frames[2].topic, "b");
  EXPECT_EQ(frames[3].topic, "a");
  EXPECT_EQ(frames[4].payload, "other type");
  const wire::Counters counters = Counters(&publisher);
  EXPECT_EQ(counters.frames_conflated(), 3u);
  EXPECT_EQ(counters.frames_dropped(), 3u);
}

TEST_P(DeliveryTest, AFullQueueIsConflatedAndWithTooManyTopicsLosesTheOldest) {
  Client publisher = Open(), subscriber = Open();
  SubscribeAs(&subscriber, Conflating(1, 7));
  for (int i = 1; i <= 200; ++i) {
    Send(publisher, Publish(7, "t" + std::to_string(i), std::string(50, 'x')));
  }
  uint64_t told = 0, got = 0;
  for (const Received& frame : Read(&subscriber)) {
    if (!frame.Is(ControlKind::kGap)) {
      ++got;
      continue;
    }
    const auto gap = frame.As<wire::Gap>();
    EXPECT_EQ(gap.reason(), wire::GAP_REASON_OVERFLOW);
    for (const auto& range : gap.ranges()) {
      told += range.frames();
    }
  }
  EXPECT_EQ(told + got, 200u);
  EXPECT_GT(got, 20u);
}

TEST_P(DeliveryTest, WhoConflatesMayHoldFirst) {
  Client publisher = Open(), subscriber = Open();
  wire::Subscribe request = Conflating(1, 7);
  request.mutable_policy()->set_stall_ms_max(1000);
  SubscribeAs(&subscriber, request);
  Send(publisher, Run(7, 1, 60, 60));
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  now_ms_ += 1000;
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kRelease));
  EXPECT_EQ(Numbers(Read(&subscriber)), (Ints{60}));
}

TEST_P(DeliveryTest, WhoMustNotLoseAnythingIsClosedWhenItsTimeIsOver) {
  Client publisher = Open(), subscriber = Open();
  wire::Subscribe request = Of(3, 7);
  request.mutable_policy()->set_overflow(wire::OVERFLOW_DISCONNECT);
  request.mutable_policy()->set_stall_ms_max(1000);
  SubscribeAs(&subscriber, request);
  Send(publisher, Run(7, 1, 60, 60));
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  now_ms_ += 999;
  EXPECT_TRUE(Read(&publisher).empty());
  EXPECT_EQ(subscriber.session->state(), SessionState::kOpen);
  now_ms_ += 1;
  const wire::Close close = ReadClose(&subscriber);
  EXPECT_EQ(close.code(), wire::CODE_SLOW_CONSUMER);
  EXPECT_EQ(close.reason(),
            "subscription 3: queue of 4096 bytes full for 1000 ms, overflow is "
            "DISCONNECT");
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kRelease));
}

TEST_P(DeliveryTest, PoliciesAndGroupsThatCannotBeAreRefused) {
  Client client = Open();
  wire::Subscribe request = Of(1, 7);
  request.mutable_policy()->set_overflow(static_cast<wire::Overflow>(7));
  EXPECT_EQ(SubscribeAs(&client, request).reason(),
            "subscribe: overflow 7, allowed 0 to 2");
  request = InGroup(1, 7, std::string(129, 'g'));
  EXPECT_EQ(SubscribeAs(&client, request).reason(),
            "subscribe: group of 129 bytes, allowed 128");
  request = InGroup(1, 7);
  request.set_responder(true);
  EXPECT_EQ(SubscribeAs(&client, request).reason(),
            "subscribe: a responder with a group, allowed one of them");
  EXPECT_EQ(SubscribeAs(&client, InGroup(1, 7, std::string(128, 'g'))).code(),
            wire::CODE_OK);
}

// Whatever is lost is told: with the newest of each topic at the end.
TEST_P(DeliveryTest, RandomConflationAccountsForEveryFrame) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Client publisher = Open(), subscriber = Open();
  SubscribeAs(&subscriber, Conflating(1, 0));
  SubscribeAs(&subscriber, Conflating(2, 7));
  Subscribe(&subscriber, 3, 7);
  SubscribeAs(&subscriber, InGroup(4, 7));
  std::map<uint32_t, uint64_t> had;
  std::map<std::pair<uint16_t, std::string>, uint64_t> newest, newest_sent;
  uint64_t of_seven = 0, of_all = 0;
  const auto read = [&](uint64_t bytes_max) {
    for (const Received& frame : Read(&subscriber, bytes_max)) {
      if (frame.Is(ControlKind::kGap)) {
        const auto gap = frame.As<wire::Gap>();
        for (const auto& range : gap.ranges()) {
          had[gap.subscription_id()] += range.frames();
        }
        continue;
      }
      ++had[frame.addressee];
      if (frame.addressee != 1) continue;
      uint64_t& last = newest[{frame.header.type_id, frame.topic}];
      EXPECT_LT(last, frame.header.id);
      last = frame.header.id;
    }
  };
  std::map<uint16_t, uint64_t> counts;
  for (int step = 0; step < 2000; ++step) {
    const auto type_id = static_cast<uint16_t>(7 + random() % 2);
    const std::string topic(random() % 3, 't');
    Send(publisher, Publish(type_id, topic, std::string(random() % 40, 'x')));
    newest_sent[{type_id, topic}] = ++counts[type_id];
    of_seven += type_id == 7;
    ++of_all;
    if (random() % 4 == 0) WaitToWrite(subscriber);
    if (random() % 4 == 0) read(random() % 300);
    if (random() % 8 == 0) Ack(subscriber, 4, had[4]);
  }
  read(UINT64_MAX);
  EXPECT_EQ(had[1], of_all);
  EXPECT_EQ(had[2], of_seven);
  EXPECT_EQ(had[4], of_seven);
  EXPECT_EQ(newest, newest_sent);
  EXPECT_EQ(subscriber.session->outbox.queued_bytes(), 0u);
}

// --- Groups -----------------------------------------------------------------

TEST_P(DeliveryTest, EachFrameGoesToOneMemberOfAGroup) {
  Client publisher = Open(), a = Open(), b = Open(), other = Open();
  SubscribeAs(&a, InGroup(1, 7));
  SubscribeAs(&b, InGroup(1, 0));
  SubscribeAs(&other, InGroup(1, 7, "h"));
  Send(publisher, Run(7, 1, 10));
  Ints numbers = Numbers(Read(&a));
  EXPECT_EQ(numbers.size(), 5u);
  for (const int n : Numbers(Read(&b))) numbers.push_back(n);
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers, (Ints{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(Numbers(Read(&other)).size(), 10u);
}

TEST_P(DeliveryTest, WhatAMemberHasNotAcknowledgedCountsAsItsLoad) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 3));
  EXPECT_EQ(Numbers(Read(&a)), (Ints{1, 2, 3}));
  SubscribeAs(&b, InGroup(1, 7));
  for (int i = 4; i <= 6; ++i) Send(publisher, Run(7, i, i));
  EXPECT_EQ(Numbers(Read(&b)), (Ints{4, 5, 6}));
  Ack(a, 1, 3);
  Send(publisher, Run(7, 7, 7));
  EXPECT_EQ(Numbers(Read(&a)), (Ints{7}));
}

TEST_P(DeliveryTest, AMemberWhoseQueueIsFullIsPassedOver) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  wire::Subscribe large = InGroup(1, 7);
  large.mutable_policy()->set_queue_bytes_max(1 << 20);
  SubscribeAs(&b, large);
  for (int i = 1; i <= 200; ++i) Send(publisher, Run(7, i, i, 80));
  Ints numbers = Numbers(Read(&a));
  EXPECT_LT(numbers.size(), 50u);
  for (const int n : Numbers(Read(&b))) numbers.push_back(n);
  EXPECT_EQ(numbers.size(), 200u);
}

TEST_P(DeliveryTest, WhenAllMembersAreFullTheirPolicyDecides) {
  Client publisher = Open(), a = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 30, 80));
  EXPECT_EQ(Numbers(Read(&a)).size(), 30u);  // and acknowledges nothing
  Send(publisher, Run(7, 31, 100, 80));
  uint64_t told = 0;
  Ints numbers;
  for (const Received& frame : Read(&a)) {
    if (frame.Is(ControlKind::kGap)) {
      told += frame.As<wire::Gap>().ranges(0).frames();
    } else {
      numbers.push_back(std::stoi(frame.payload));
    }
  }
  EXPECT_GT(told, 0u);
  EXPECT_EQ(told + numbers.size(), 70u);
  EXPECT_EQ(numbers.back(), 100);
  Ack(a, 1, 100);  // what it was told in gaps, too
  EXPECT_EQ(a.session->state(), SessionState::kOpen);
  Send(publisher, Run(7, 101, 110, 80));
  EXPECT_EQ(Numbers(Read(&a)).size(), 10u);
}

TEST_P(DeliveryTest, AFullMemberHoldsUntilItAcknowledges) {
  Client publisher = Open(), a = Open();
  wire::Subscribe request = InGroup(1, 7);
  request.mutable_policy()->set_stall_ms_max(-1);
  SubscribeAs(&a, request);
  Send(publisher, Run(7, 1, 60, 60));
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  EXPECT_EQ(Numbers(Read(&a)).size(), 60u);
  EXPECT_TRUE(Read(&publisher).empty());
  Ack(a, 1, 60);
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kRelease));
}

TEST_P(DeliveryTest, WhatALostMemberHasNotAcknowledgedGoesToTheOthers) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher,
       Publish(7, "t", "1") + Publish(7, "t", "2") + Publish(7, "t", "3"));
  EXPECT_EQ(Read(&a).size(), 3u);
  Ack(a, 1, 1);
  Send(publisher, Run(7, 4, 5));
  // Into the fourth frame.
  broker_->FinishTurn(now_ms_);
  Read(&a, kHeaderBytes - 1);
  SubscribeAs(&b, InGroup(4, 7));
  broker_->Ended(a.session, "connection reset by peer");
  const std::deque<Received> frames = Read(&b);
  EXPECT_EQ(Numbers(frames), (Ints{2, 3, 4, 5}));
  for (const Received& frame : frames) {
    EXPECT_TRUE(Redelivered(frame));
    EXPECT_EQ(frame.addressee, 4u);
  }
  EXPECT_EQ(frames.at(0).header.id, 2u);
  EXPECT_EQ(frames.at(0).topic, "t");
  EXPECT_EQ(Counters(&publisher).frames_redelivered(), 4u);
  Send(publisher, Run(7, 6, 6));
  EXPECT_FALSE(Redelivered(Read(&b).at(0)));
  Ack(b, 4, 5);
  EXPECT_EQ(b.session->state(), SessionState::kOpen);
}

TEST_P(DeliveryTest, WhatOthersGotAsWellIsNotMarkedThere) {
  Client publisher = Open(), a = Open(), b = Open(), plain = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Subscribe(&plain, 1, 7);
  Send(publisher, Run(7, 1, 2));
  SubscribeAs(&b, InGroup(1, 7));
  broker_->Ended(a.session, "");
  EXPECT_TRUE(Redelivered(Read(&b).at(0)));
  EXPECT_FALSE(Redelivered(Read(&plain).at(0)));
}

TEST_P(DeliveryTest, AMemberThatUnsubscribesLeavesItsFramesToTheOthers) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 3));
  SubscribeAs(&b, InGroup(1, 7));
  Unsubscribe(a, 1);
  const std::deque<Received> frames = Read(&a);
  EXPECT_TRUE(Numbers(frames).empty());
  EXPECT_TRUE(frames.back().Is(ControlKind::kUnsubscribed));
  EXPECT_EQ(Numbers(Read(&b)), (Ints{1, 2, 3}));
}

TEST_P(DeliveryTest, WhatIsLeftWhenNobodyIsLeftIsDroppedAndCounted) {
  Client publisher = Open(), a = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 3));
  Read(&a);
  broker_->Ended(a.session, "");
  EXPECT_EQ(Counters(&publisher).frames_dropped(), 3u);
}

TEST_P(DeliveryTest, WhatAMemberDoesNotTakeForASecondGoesToTheOthers) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 4));
  SubscribeAs(&b, InGroup(1, 7));
  now_ms_ += kGroupStallMs - 1;
  EXPECT_TRUE(Read(&b).empty());
  now_ms_ += 1;
  const std::deque<Received> frames = Read(&b);
  EXPECT_EQ(Numbers(frames), (Ints{1, 2, 3, 4}));
  EXPECT_TRUE(Redelivered(frames.at(0)));
  EXPECT_TRUE(Read(&a).empty());
  EXPECT_EQ(a.session->outbox.queued_bytes(), 0u);
}

TEST_P(DeliveryTest, AMemberThatIsBusyWithWhatItHasKeepsIt) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  Send(publisher, Run(7, 1, 4));
  EXPECT_EQ(Read(&a).size(), 4u);
  SubscribeAs(&b, InGroup(1, 7));
  now_ms_ += 10 * kGroupStallMs;
  EXPECT_TRUE(Read(&b).empty());
}

TEST_P(DeliveryTest, WhatNobodyElseOfTheGroupTakesStaysWithAStalledMember) {
  Client publisher = Open(), a = Open(), b = Open();
  wire::Subscribe request = InGroup(1, 7);
  SubscribeAs(&a, request);
  request.set_topic_filter("t");
  SubscribeAs(&b, request);
  SubscribeAs(&b, InGroup(2, 8));
  Send(publisher, Run(7, 1, 4));
  now_ms_ += kGroupStallMs;
  EXPECT_TRUE(Read(&b).empty());
  const std::deque<Received> frames = Read(&a);
  EXPECT_EQ(Numbers(frames), (Ints{1, 2, 3, 4}));
  EXPECT_FALSE(Redelivered(frames.at(0)));
  EXPECT_EQ(Counters(&publisher).frames_dropped(), 0u);
}

TEST_P(DeliveryTest, StalledMembersDoNotHandTheirFramesToAndFro) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(1, 7));
  SubscribeAs(&b, InGroup(1, 7));
  Send(publisher, Run(7, 1, 4));
  for (int i = 0; i < 10; ++i) {
    now_ms_ += kGroupStallMs;
    broker_->FinishTurn(now_ms_);
  }
  EXPECT_EQ(Counters(&publisher).frames_redelivered(), 0u);
  EXPECT_EQ(Read(&a).size() + Read(&b).size(), 4u);
}

TEST_P(DeliveryTest, AnAckThatCannotBeEndsTheSession) {
  Client publisher = Open(), a = Open(), b = Open();
  SubscribeAs(&a, InGroup(3, 7));
  Send(publisher, Run(7, 1, 10));
  Read(&a);
  Ack(a, 3, 4);
  Ack(a, 3, 2);  // an older one says nothing
  Ack(a, 3, 12);
  wire::Close close = ReadClose(&a);
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(),
            "ack: subscription 3 has been sent 10 frames, 12 acknowledged");
  Subscribe(&b, 3, 7);
  Ack(b, 3, 0);
  close = ReadClose(&b);
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(),
            "ack: subscription_id 3, allowed a member of a group");
}

TEST_P(DeliveryTest, FewFramesThatNobodyAcknowledgesPinLittleMemory) {
  if (GetParam()) GTEST_SKIP() << "many MB byte by byte take too long";
  Client publisher = Open(), a = Open(), plain = Open();
  wire::Subscribe request = InGroup(1, 7);
  request.mutable_policy()->set_queue_bytes_max(1 << 20);
  SubscribeAs(&a, request);
  Subscribe(&plain, 1, 8);
  const std::string much = Publish(8, "", std::string(100'000, 'x'));
  for (int i = 1; i <= 100; ++i) {
    Send(publisher, Run(7, i, i) + much + much + much);
    EXPECT_EQ(Read(&a).size(), 1u);
    Read(&plain);
  }
  EXPECT_LT(Status(&publisher).memory_bytes(), 2u << 20);
  Ack(a, 1, 50);
  Client b = Open();
  SubscribeAs(&b, InGroup(1, 7));
  broker_->Ended(a.session, "");
  const Ints numbers = Numbers(Read(&b));
  ASSERT_EQ(numbers.size(), 50u);
  EXPECT_EQ(numbers.front(), 51);
  EXPECT_EQ(numbers.back(), 100);
}

TEST_P(DeliveryTest, AMemberThatAcknowledgesNothingDoesNotStopTheBroker) {
  if (GetParam()) GTEST_SKIP() << "many MB byte by byte take too long";
  BrokerLimits limits;
  limits.total_bytes_max = 4 << 20;
  Restart(limits);
  Client publisher = Open(), a = Open(), plain = Open();
  wire::Subscribe request = InGroup(1, 7);
  request.mutable_policy()->set_queue_bytes_max(16 << 20);
  request.mutable_policy()->set_stall_ms_max(-1);
  SubscribeAs(&a, request);
  Subscribe(&plain, 1, 7);
  const std::string frame = Publish(7, "", std::string(100'000, 'x'));
  size_t member = 0, others = 0;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(publisher.session->wants_read());
    Send(publisher, frame);
    member += Read(&a).size();
    others += Read(&plain).size();
  }
  EXPECT_EQ(member, 100u);
  EXPECT_EQ(others, 100u);
  Ack(a, 1, 100);
  EXPECT_EQ(a.session->state(), SessionState::kOpen);
}

// Nothing is lost and nothing is done by two while all live; whoever goes
// leaves what it has not acknowledged.
TEST_P(DeliveryTest, RandomMembersDoEveryFrameAtLeastOnce) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Client publisher = Open();
  struct Worker {
    Client client;
    uint64_t got = 0;
    Ints held;  // got and not yet acknowledged
  };
  std::deque<Worker> workers;
  const auto join = [&] {
    workers.push_back({Open(), 0, {}});
    wire::Subscribe request = InGroup(1, random() % 2 == 0 ? 7 : 0);
    request.mutable_policy()->set_queue_bytes_max(1 << 20);
    SubscribeAs(&workers.back().client, request);
  };
  std::map<int, int> done;
  const auto work = [&](Worker* worker, uint64_t bytes_max) {
    for (const int n : Numbers(Read(&worker->client, bytes_max))) {
      ++worker->got;
      worker->held.push_back(n);
    }
    if (random() % 2 == 0) return;
    for (const int n : worker->held) ++done[n];
    worker->held.clear();
    Ack(worker->client, 1, worker->got);
  };
  join();
  int sent = 0;
  for (int step = 0; step < 1000; ++step) {
    const int frames = 1 + static_cast<int>(random() % 5);
    Send(publisher, Run(7, sent + 1, sent + frames, random() % 30));
    sent += frames;
    now_ms_ += static_cast<int64_t>(random() % 300);
    work(&workers[random() % workers.size()], random() % 400);
    if (random() % 20 == 0 && workers.size() < 5) join();
    if (random() % 20 == 0 && workers.size() > 1) {
      const size_t i = random() % workers.size();
      if (random() % 2 == 0) Unsubscribe(workers[i].client, 1);
      broker_->Ended(workers[i].client.session, "");
      workers.erase(workers.begin() + static_cast<ptrdiff_t>(i));
    }
  }
  for (int i = 0; i < 20; ++i) {
    for (Worker& worker : workers) work(&worker, UINT64_MAX);
  }
  EXPECT_EQ(done.size(), static_cast<size_t>(sent));
  const wire::Counters counters = Counters(&publisher);
  EXPECT_EQ(counters.frames_dropped(), 0u);
  EXPECT_GT(counters.frames_redelivered(), 0u);
}

// --- Circles ----------------------------------------------------------------

class CircleTest : public DeliveryTest {
 protected:
  CircleTest() {
    BrokerLimits limits;
    limits.idle_timeout_ms = 1'000'000'000;  // of this nobody is to end here
    Restart(limits);
  }
  Client OpenLossless(const std::string& name, uint16_t type_id) {
    Client client = Open(name);
    wire::Subscribe request = Of(1, type_id);
    request.mutable_policy()->set_stall_ms_max(-1);
    SubscribeAs(&client, request);
    return client;
  }
};

INSTANTIATE_TEST_SUITE_P(Input, CircleTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

TEST_P(CircleTest, LosslessSubscribersInACircleAreFreedAfterAWhile) {
  Client a = OpenLossless("a", 8), b = OpenLossless("b", 9),
         c = OpenLossless("c", 7);
  Send(a, Run(7, 1, 60, 60));
  now_ms_ += 500;
  Send(b, Run(8, 1, 60, 60));
  now_ms_ += 500;
  Send(c, Run(9, 1, 60, 60));
  now_ms_ += kDeadlockMsDefault - 1;
  broker_->FinishTurn(now_ms_);
  Client watcher = Open();
  wire::Status status = Status(&watcher);
  EXPECT_EQ(status.counters().deadlocks(), 0u);
  ASSERT_EQ(status.sessions(0).held_size(), 1);
  EXPECT_EQ(status.sessions(0).held(0).type_id(), 7u);
  EXPECT_EQ(status.sessions(0).held(0).by_name(), "c");
  now_ms_ += 1;
  broker_->FinishTurn(now_ms_);
  status = Status(&watcher);
  EXPECT_EQ(status.counters().deadlocks(), 1u);
  EXPECT_EQ(status.sessions(0).held_size(), 0);
  // c has held for longest.
  EXPECT_EQ(status.sessions(2).counters().deadlocks(), 1u);
  uint64_t told = 0, got = 0;
  for (const Received& frame : Read(&c)) {
    if (frame.Is(ControlKind::kGap)) {
      EXPECT_EQ(frame.As<wire::Gap>().reason(), wire::GAP_REASON_DEADLOCK);
      told += frame.As<wire::Gap>().ranges(0).frames();
    } else if (frame.header.type_id != 0) {
      ++got;
    }
  }
  EXPECT_GT(told, 0u);
  EXPECT_EQ(told + got, 60u);
  EXPECT_EQ(Numbers(Read(&b)).size(), 60u);
  EXPECT_EQ(Numbers(Read(&a)).size(), 60u);
}

TEST_P(CircleTest, WhoHoldsWithoutACircleHoldsOn) {
  Client a = OpenLossless("a", 8), b = OpenLossless("b", 9), c = Open("c"),
         watcher = Open();
  Send(b, Run(8, 1, 60, 60));
  Send(c, Run(9, 1, 60, 60));
  now_ms_ += 100 * kDeadlockMsDefault;
  broker_->FinishTurn(now_ms_);
  EXPECT_EQ(Counters(&watcher).deadlocks(), 0u);
  EXPECT_EQ(Numbers(Read(&a)).size(), 60u);
}

TEST_P(CircleTest, WhereSomebodyMovesThereIsNoCircle) {
  Client a = OpenLossless("a", 8), b = OpenLossless("b", 7), watcher = Open();
  Send(a, Run(7, 1, 60, 60));
  Send(b, Run(8, 1, 60, 60));
  for (int i = 0; i < 10; ++i) {
    now_ms_ += kDeadlockMsDefault / 2;
    Read(&b, 100);
  }
  EXPECT_EQ(Counters(&watcher).deadlocks(), 0u);
  now_ms_ += kDeadlockMsDefault;
  broker_->FinishTurn(now_ms_);
  now_ms_ += kDeadlockMsDefault;
  broker_->FinishTurn(now_ms_);
  EXPECT_EQ(Counters(&watcher).deadlocks(), 1u);
}

TEST_P(CircleTest, HoldsThatBeganAtDifferentTimesAreFoundTogether) {
  Client a = OpenLossless("a", 8), b = OpenLossless("b", 7), watcher = Open();
  Send(a, Run(7, 1, 60, 60));
  now_ms_ += kDeadlockMsDefault / 2;
  Send(b, Run(8, 1, 60, 60));
  now_ms_ += kDeadlockMsDefault / 2;
  broker_->FinishTurn(now_ms_);
  EXPECT_EQ(Counters(&watcher).deadlocks(), 0u);
  EXPECT_EQ(broker_->next_deadline_ms(), now_ms_ + kDeadlockMsDefault / 2);
  now_ms_ += kDeadlockMsDefault / 2;
  broker_->FinishTurn(now_ms_);
  EXPECT_EQ(Counters(&watcher).deadlocks(), 1u);
}

}  // namespace
}  // namespace mycelium::broker
