// What the whole broker does with history: starts, bounds, reloads.
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_fixture.h"
#include "config/history_rules.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/admin.pb.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {
namespace {

using Ids = std::vector<uint64_t>;

class BrokerHistoryTest : public BrokerTest {
 protected:
  void Keep(const std::vector<HistoryRule>& rules,
            const BrokerLimits& limits = {}) {
    ASSERT_TRUE(broker_->Configure(limits, {}, {}, rules).ok());
  }

  // Frames of `payload_bytes` without an id.
  static std::string Run(int frames, uint16_t type_id = 7,
                         std::string_view topic = {},
                         size_t payload_bytes = 1) {
    std::string run;
    for (int i = 0; i < frames; ++i) {
      run += Publish(type_id, topic, std::string(payload_bytes, 'x'));
    }
    return run;
  }

  static wire::Subscribe Request(uint32_t id, uint32_t type_id,
                                 const std::string& filter = {}) {
    wire::Subscribe request;
    request.set_subscription_id(id);
    request.set_type_id(type_id);
    request.set_topic_filter(filter);
    return request;
  }
  static wire::Subscribe Last(uint32_t id, uint32_t type_id, uint32_t last,
                              const std::string& filter = {}) {
    wire::Subscribe request = Request(id, type_id, filter);
    request.mutable_start()->set_last(last);
    return request;
  }
  static wire::Subscribe Sequence(uint32_t id, uint32_t type_id,
                                  uint64_t sequence,
                                  const std::string& filter = {}) {
    wire::Subscribe request = Request(id, type_id, filter);
    request.mutable_start()->set_sequence(sequence);
    return request;
  }
  // A time of the test's clock.
  static wire::Subscribe Time(uint32_t id, uint32_t type_id, int64_t at_ms,
                              const std::string& filter = {}) {
    wire::Subscribe request = Request(id, type_id, filter);
    request.mutable_start()->set_time_unix_ms(
        static_cast<uint64_t>(at_ms - kStartedMs));
    return request;
  }

  // Everything that comes with the answer, which is the first.
  std::deque<Received> Ask(Client* client, const wire::Subscribe& request,
                           wire::Code code = wire::CODE_OK,
                           const std::string& reason = {}) {
    SendControl(*client, ControlKind::kSubscribe, 5,
                request.SerializeAsString());
    std::deque<Received> frames = Read(client);
    if (frames.empty() || !frames[0].Is(ControlKind::kSubscribed)) {
      ADD_FAILURE() << "no SUBSCRIBED first";
      return {};
    }
    const auto answer = frames[0].As<wire::Subscribed>();
    EXPECT_EQ(answer.code(), code);
    EXPECT_EQ(answer.reason(), reason);
    frames.pop_front();
    return frames;
  }
  // The counts of the data.
  static Ids Data(const std::deque<Received>& frames) {
    Ids ids;
    for (const Received& frame : frames) {
      if (frame.header.type_id != 0) ids.push_back(frame.header.id);
    }
    return ids;
  }
  static std::vector<wire::Gap> Gaps(const std::deque<Received>& frames) {
    std::vector<wire::Gap> gaps;
    for (const Received& frame : frames) {
      if (frame.Is(ControlKind::kGap)) gaps.push_back(frame.As<wire::Gap>());
    }
    return gaps;
  }
  static bool SaysUnknown(const std::deque<Received>& frames) {
    const std::vector<wire::Gap> gaps = Gaps(frames);
    if (gaps.empty()) return false;
    EXPECT_EQ(gaps.size(), 1u);
    EXPECT_EQ(gaps[0].reason(), wire::GAP_REASON_RECONNECT);
    EXPECT_TRUE(gaps[0].unknown());
    return true;
  }

  static constexpr int64_t kStartedMs = 1'000'000;
};

// The fixture brings an instance of the plain suite, which has no test here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerTest);
INSTANTIATE_TEST_SUITE_P(Input, BrokerHistoryTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

// --- Starts -----------------------------------------------------------------

TEST_P(BrokerHistoryTest, TheNewestComeBeforeThoseOfNow) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(10));
  EXPECT_EQ(Data(Ask(&subscriber, Last(1, 7, 3))), (Ids{8, 9, 10}));
  Send(publisher, Run(2));
  EXPECT_EQ(Data(Read(&subscriber)), (Ids{11, 12}));
}

TEST_P(BrokerHistoryTest, BetweenHistoryAndNowNothingIsLostOrComesTwice) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(3));
  SendControl(subscriber, ControlKind::kSubscribe, 5,
              Sequence(1, 7, 2).SerializeAsString());
  Send(publisher, Run(3));  // in the same turn
  EXPECT_EQ(Data(Read(&subscriber)), (Ids{2, 3, 4, 5, 6}));
}

TEST_P(BrokerHistoryTest, WhatIsReplayedIsForTheNewSubscriptionAlone) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Send(publisher, Run(1));
  EXPECT_EQ(Data(Read(&subscriber)), (Ids{1}));
  SendControl(subscriber, ControlKind::kSubscribe, 5,
              Last(2, 7, 1).SerializeAsString());
  Send(publisher, Run(1));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_TRUE(frames[0].Is(ControlKind::kSubscribed));
  EXPECT_EQ(frames[1].header.id, 1u);
  EXPECT_EQ(frames[1].addressee, 2u);
  EXPECT_EQ(frames[2].header.id, 2u);
  EXPECT_EQ(frames[2].addressee, 0u);
}

TEST_P(BrokerHistoryTest, ASequenceThatIsGoneIsToldExactly) {
  Keep({{.types = {7}, .frames_max = 4}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(10));
  const std::deque<Received> frames = Ask(&subscriber, Sequence(1, 7, 3));
  ASSERT_TRUE(frames.at(0).Is(ControlKind::kGap));
  const auto gap = frames[0].As<wire::Gap>();
  EXPECT_EQ(gap.subscription_id(), 1u);
  EXPECT_EQ(gap.reason(), wire::GAP_REASON_RECONNECT);
  EXPECT_FALSE(gap.unknown());
  ASSERT_EQ(gap.ranges_size(), 1);
  EXPECT_EQ(gap.ranges(0).type_id(), 7u);
  EXPECT_EQ(gap.ranges(0).frames(), 4u);
  EXPECT_EQ(gap.ranges(0).first_sequence(), 3u);
  EXPECT_EQ(gap.ranges(0).last_sequence(), 6u);
  EXPECT_EQ(Data(frames), (Ids{7, 8, 9, 10}));
}

TEST_P(BrokerHistoryTest, ASequenceOfWhichAllIsGoneIsToldExactly) {
  Keep({{.types = {7}, .topic_filter = "a"}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(5, 7, "b"));
  const std::deque<Received> frames = Ask(&subscriber, Sequence(1, 7, 0));
  ASSERT_EQ(Gaps(frames).size(), 1u);
  EXPECT_EQ(Gaps(frames)[0].ranges(0).frames(), 5u);
  EXPECT_EQ(Data(frames), Ids());
  Client filtered = Open();
  EXPECT_TRUE(SaysUnknown(Ask(&filtered, Sequence(1, 7, 1, "a"))));
}

TEST_P(BrokerHistoryTest, ACompleteSequenceTellsNoGap) {
  Keep({{.types = {7}, .frames_max = 4}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(10, 7, "a"));
  EXPECT_TRUE(Gaps(Ask(&subscriber, Sequence(1, 7, 7))).empty());
  EXPECT_TRUE(Gaps(Ask(&subscriber, Sequence(2, 7, 7, "a"))).empty());
  EXPECT_TRUE(Gaps(Ask(&subscriber, Sequence(3, 7, 11))).empty());
}

TEST_P(BrokerHistoryTest, ATimeBringsWhatWasAcceptedSince) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(2));
  now_ms_ += 10;
  Send(publisher, Run(2));
  const std::deque<Received> since = Ask(&subscriber, Time(1, 7, now_ms_));
  EXPECT_EQ(Data(since), (Ids{3, 4}));
  EXPECT_TRUE(Gaps(since).empty());
  EXPECT_EQ(Data(Ask(&subscriber, Time(2, 7, now_ms_ + 1))), Ids());
  EXPECT_EQ(Data(Ask(&subscriber, Time(3, 7, kStartedMs))), (Ids{1, 2, 3, 4}));
}

// --- What a time does not reach ---------------------------------------------

TEST_P(BrokerHistoryTest, ATimeBeforeTheOldestSaysThatMoreMayBeMissing) {
  Keep({{.types = {7}, .frames_max = 2}, {.types = {8}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(3));
  const int64_t gone_ms = now_ms_;
  now_ms_ += 10;
  Send(publisher, Run(1, 8) + Run(1));
  EXPECT_TRUE(SaysUnknown(Ask(&subscriber, Time(1, 7, gone_ms))));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(2, 7, gone_ms + 1))));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(3, 8, gone_ms))));
  EXPECT_TRUE(SaysUnknown(Ask(&subscriber, Time(4, 0, gone_ms))));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(5, 0, gone_ms + 1))));
}

TEST_P(BrokerHistoryTest, ATimeOverTopicsThatNobodyKeepsSaysSo) {
  Keep({{.types = {7}, .topic_filter = "a"}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(1, 7, "a"));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(1, 7, now_ms_))));
  Send(publisher, Run(1, 7, "b"));
  EXPECT_TRUE(SaysUnknown(Ask(&subscriber, Time(2, 7, now_ms_))));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(3, 7, now_ms_ + 1))));
}

TEST_P(BrokerHistoryTest, ATimeOverTypesThatNobodyKeepsSaysSo) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(1));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(1, 0, now_ms_))));
  Send(publisher, Run(1, 8));
  EXPECT_TRUE(SaysUnknown(Ask(&subscriber, Time(2, 0, now_ms_))));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(3, 7, now_ms_))));
}

TEST_P(BrokerHistoryTest, ATimeBeforeTheRuleSaysSo) {
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(2));
  EXPECT_TRUE(Read(&publisher).empty());
  Keep({{.types = {7}}});
  const int64_t rule_ms = now_ms_;
  now_ms_ += 10;
  Send(publisher, Run(2));
  const std::deque<Received> before = Ask(&subscriber, Time(1, 7, rule_ms));
  EXPECT_TRUE(SaysUnknown(before));
  EXPECT_EQ(Data(before), (Ids{3, 4}));
  EXPECT_FALSE(SaysUnknown(Ask(&subscriber, Time(2, 7, rule_ms + 1))));
  const std::deque<Received> all = Ask(&subscriber, Sequence(3, 7, 1));
  ASSERT_EQ(Gaps(all).size(), 1u);
  EXPECT_EQ(Gaps(all)[0].ranges(0).frames(), 2u);
}

// --- Refused ----------------------------------------------------------------

TEST_P(BrokerHistoryTest, AStartThatCannotBeIsRefusedAndTheSessionGoesOn) {
  Keep({{.types = {7}}});
  Client publisher = Open(), client = Open();
  Send(publisher, Run(50));
  const auto refuse = [&](const wire::Subscribe& request,
                          const std::string& reason) {
    EXPECT_TRUE(
        Ask(&client, request, wire::CODE_INVALID_ARGUMENT, reason).empty());
  };
  refuse(Last(1, 8, 1), "subscribe: start, but no history keeps type 8");
  refuse(Sequence(1, 0, 1),
         "subscribe: start.sequence with type_id 0, allowed one type");
  refuse(Sequence(1, 7, 100),
         "subscribe: start.sequence 100, allowed up to 51");
  refuse(Sequence(1, 7, UINT64_MAX),
         "subscribe: start.sequence 18446744073709551615, allowed up to 51");
  wire::Subscribe member = Last(1, 7, 1);
  member.set_group("workers");
  refuse(member, "subscribe: start with a group, allowed without one");
  wire::Subscribe responder = Last(1, 7, 1);
  responder.set_responder(true);
  refuse(responder, "subscribe: start of a responder, allowed none");
  // None of them is there.
  Send(publisher, Run(1));
  EXPECT_TRUE(Read(&client).empty());
  EXPECT_EQ(Data(Ask(&client, Sequence(1, 7, 51))), (Ids{51}));
}

TEST_P(BrokerHistoryTest, WithoutRulesEveryStartIsRefused) {
  Client client = Open();
  EXPECT_TRUE(Ask(&client, Last(1, 0, 1), wire::CODE_INVALID_ARGUMENT,
                  "subscribe: start, but no history keeps type 0")
                  .empty());
}

TEST_P(BrokerHistoryTest, TheLargestNumbersAreTaken) {
  Keep({{.types = {7}}});
  Client publisher = Open(), client = Open();
  Send(publisher, Run(2));
  EXPECT_EQ(Data(Ask(&client, Last(1, 7, UINT32_MAX))), (Ids{1, 2}));
  wire::Subscribe never = Request(2, 7);
  never.mutable_start()->set_time_unix_ms(UINT64_MAX);
  EXPECT_EQ(Data(Ask(&client, never)), Ids());
  wire::Subscribe nowhere = Request(3, 7);
  nowhere.mutable_start();
  EXPECT_EQ(Data(Ask(&client, nowhere)), Ids());
}

// --- Queues -----------------------------------------------------------------

TEST_P(BrokerHistoryTest, WhatIsReplayedDoesNotFillTheQueue) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(100, 7, "", 1000));
  wire::Subscribe request = Sequence(1, 7, 1);
  request.mutable_policy()->set_queue_bytes_max(kQueueBytesMin);
  request.mutable_policy()->set_stall_ms_max(0);
  SendControl(subscriber, ControlKind::kSubscribe, 5,
              request.SerializeAsString());
  Send(publisher, Run(3, 7, "", 1000));
  const std::deque<Received> frames = Read(&subscriber);
  EXPECT_TRUE(Gaps(frames).empty());
  EXPECT_EQ(Data(frames).size(), 103u);
  // Once it is written, the bound is the usual one.
  Send(publisher, Run(10, 7, "", 1000));
  const std::deque<Received> live = Read(&subscriber);
  ASSERT_EQ(Gaps(live).size(), 1u);
  EXPECT_EQ(Gaps(live)[0].reason(), wire::GAP_REASON_OVERFLOW);
  EXPECT_EQ(Data(live).size() + Gaps(live)[0].ranges(0).frames(), 10u);
}

TEST_P(BrokerHistoryTest, WhatOverflowsBehindHistoryIsToldExactly) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(20, 7, "", 1000));
  wire::Subscribe request = Sequence(1, 7, 1);
  request.mutable_policy()->set_queue_bytes_max(kQueueBytesMin);
  request.mutable_policy()->set_stall_ms_max(0);
  SendControl(subscriber, ControlKind::kSubscribe, 5,
              request.SerializeAsString());
  const size_t before = Data(Read(&subscriber, 5000)).size();
  Send(publisher, Run(100, 7, "", 1000));
  uint64_t told = 0;
  const std::deque<Received> rest = Read(&subscriber);
  for (const wire::Gap& gap : Gaps(rest)) {
    EXPECT_EQ(gap.reason(), wire::GAP_REASON_OVERFLOW);
    for (const auto& range : gap.ranges()) told += range.frames();
  }
  EXPECT_GT(told, 0u);
  EXPECT_GT(before, 0u);
  EXPECT_EQ(before + told + Data(rest).size(), 120u);
  EXPECT_EQ(Data(rest).back(), 120u);
  EXPECT_TRUE(subscriber.session->outbox.empty());
  EXPECT_EQ(Status(&subscriber).sessions(1).subscriptions(0).queued_bytes(),
            0u);
}

TEST_P(BrokerHistoryTest, WhoLeavesWithinHistoryLeavesNothingBehind) {
  Keep({{.types = {7}}});
  Client publisher = Open(), subscriber = Open();
  const uint64_t before = Status(&publisher).memory_bytes();
  Send(publisher, Run(100, 7, "", 1000));
  EXPECT_GT(Status(&publisher).memory_bytes(), before);
  SendControl(subscriber, ControlKind::kSubscribe, 5,
              Sequence(1, 7, 1).SerializeAsString());
  Read(&subscriber, 20'000);
  subscriber.session->EndOfInput(now_ms_);
  broker_->Ended(subscriber.session, "reset");
  Keep({});
  Client later = Open();
  EXPECT_EQ(Status(&later).memory_bytes(), before);
}

// --- What is kept -----------------------------------------------------------

TEST_P(BrokerHistoryTest, WhatIsTooOldIsForgottenInTime) {
  Keep({{.types = {7}, .age_ms_max = 500}});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(5));
  EXPECT_TRUE(Read(&publisher).empty());
  EXPECT_LE(broker_->next_deadline_ms(), now_ms_ + 501);
  now_ms_ += 501;
  EXPECT_TRUE(Read(&publisher).empty());
  EXPECT_EQ(Status(&publisher).history(0).frames(), 0u);
  EXPECT_EQ(Data(Ask(&subscriber, Last(1, 7, 9))), Ids());
}

TEST_P(BrokerHistoryTest, StatusTellsEachRule) {
  Keep({{.types = {7, 8}, .topic_filter = "a"}, {.frames_max = 2}});
  Client publisher = Open();
  Send(publisher, Run(3, 8, "a") + Run(3, 9));
  const wire::Status status = Status(&publisher);
  ASSERT_EQ(status.history_size(), 2);
  EXPECT_EQ(status.history(0).types_size(), 2);
  EXPECT_EQ(status.history(0).topic_filter(), "a");
  EXPECT_EQ(status.history(0).frames(), 3u);
  EXPECT_EQ(status.history(0).bytes(), 3 * (kHeaderBytes + 2));
  EXPECT_EQ(status.history(1).frames(), 2u);
  EXPECT_GE(status.memory_bytes(),
            status.history(0).bytes() + status.history(1).bytes());
  Client subscriber = Open();
  Ask(&subscriber, Last(1, 8, 2));
  EXPECT_EQ(Status(&publisher).counters().frames_replayed(), 2u);
}

TEST_P(BrokerHistoryTest, AReloadKeepsTheFramesOfRulesThatStay) {
  const HistoryRule stays{.types = {7}}, goes{.types = {8}};
  Keep({goes, stays});
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(2) + Run(2, 8));
  Keep({stays, {.types = {8}, .frames_max = 100}});
  EXPECT_EQ(Data(Ask(&subscriber, Last(1, 7, 9))), (Ids{1, 2}));
  EXPECT_EQ(Data(Ask(&subscriber, Last(2, 8, 9))), Ids());
  const std::deque<Received> gone = Ask(&subscriber, Sequence(3, 8, 1));
  ASSERT_EQ(Gaps(gone).size(), 1u);
  EXPECT_EQ(Gaps(gone)[0].ranges(0).frames(), 2u);
}

TEST_P(BrokerHistoryTest, AReloadThatIsRefusedLeavesHistoryAsItIs) {
  const std::string text =
      "message M { option (mycelium.type_id) = 1; int32 f = 1; }";
  const std::string other =
      "message M { option (mycelium.type_id) = 1; string f = 1; }";
  ASSERT_TRUE(broker_->Configure({}, {}, Files({text}), {{.types = {7}}}).ok());
  Client publisher = Open(), subscriber = Open();
  Send(publisher, Run(2));
  EXPECT_FALSE(broker_->Configure({}, {}, Files({other}), {}).ok());
  EXPECT_EQ(Data(Ask(&subscriber, Last(1, 7, 9))), (Ids{1, 2}));
}

// All rules may have half of total_bytes_max; whatever they keep, the rest is
// for the queues.
TEST_P(BrokerHistoryTest, HistoryDoesNotStopTheBroker) {
  if (GetParam()) GTEST_SKIP() << "megabytes, one byte at a time";
  BrokerLimits limits;
  limits.total_bytes_max = 4 << 20;
  for (const uint64_t rules : {1u, 64u}) {
    for (const size_t payload_bytes : {0u, 1'000u, 17'000u, 33'000u, 70'000u}) {
      Restart(limits);
      Keep({}, limits);
      std::vector<HistoryRule> all;
      for (uint16_t i = 0; i < rules; ++i) {
        all.push_back({.types = {static_cast<uint16_t>(7 + i)},
                       .bytes_max = limits.total_bytes_max / 2 / rules});
      }
      Keep(all, limits);
      Client publisher = Open();
      uint64_t most = 0;
      const uint64_t frame_bytes = kHeaderBytes + payload_bytes;
      const uint64_t frames =
          std::min<uint64_t>(limits.total_bytes_max / rules / frame_bytes + 1,
                             payload_bytes == 0 ? 2'000 : 10'000);
      for (const HistoryRule& rule : all) {
        const std::string run =
            Run(static_cast<int>(frames), rule.types[0], "", payload_bytes);
        for (size_t at = 0; at < run.size(); at += 100'000) {
          Send(publisher, run.substr(at, 100'000));
          Read(&publisher);
          ASSERT_TRUE(publisher.session->wants_read())
              << rules << " rules, " << payload_bytes << " bytes in frames";
        }
        most = std::max(most, Status(&publisher).memory_bytes());
      }
      EXPECT_LT(most, limits.total_bytes_max * 9 / 10);
    }
  }
}

}  // namespace
}  // namespace mycelium::broker
