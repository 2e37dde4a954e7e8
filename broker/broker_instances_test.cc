// Clients that connect again: what the broker acknowledges, what it does not
// accept twice, and what their subscriptions missed.
#include <string>
#include <utility>
#include <vector>

#include "broker/broker_fixture.h"

namespace mycelium::broker {
namespace {

const std::string kOne(16, '\1');

class InstancesTest : public BrokerTest {
 protected:
  Client Hello(const std::string& instance, const std::string& principal) {
    Client client = Connect(principal);
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    hello.set_instance_id(instance);
    SendControl(client, ControlKind::kHello, kHelloMagic,
                hello.SerializeAsString());
    return client;
  }
  Client OpenAs(const std::string& instance, wire::Welcome* welcome = nullptr) {
    Client client = Hello(instance, "uid 1");
    const std::deque<Received> frames = Read(&client);
    EXPECT_EQ(frames.size(), 1u);
    EXPECT_TRUE(frames.at(0).Is(ControlKind::kWelcome));
    if (welcome != nullptr) *welcome = frames.at(0).As<wire::Welcome>();
    return client;
  }
  bool Resumes(const std::string& instance, Client* client = nullptr) {
    wire::Welcome welcome;
    const Client opened = OpenAs(instance, &welcome);
    if (client != nullptr) *client = opened;
    return welcome.resumed();
  }
  void Lose(const Client& client) {
    broker_->Ended(client.session, "gone");
    broker_->FinishTurn(now_ms_);
  }
  void Wait(int64_t ms) {
    now_ms_ += ms;
    broker_->FinishTurn(now_ms_);
  }

  wire::Subscribed Subscribe(Client* client, uint32_t id, uint16_t type_id,
                             const std::string& filter = {}, uint64_t queue = 0,
                             int64_t stall_ms_max = 0) {
    subscribed_in_ = client->session->session_id;
    return BrokerTest::Subscribe(client, id, type_id, filter, queue,
                                 stall_ms_max);
  }
  // What comes behind SUBSCRIBED.
  std::deque<Received> Resume(Client* client, uint32_t id, uint16_t type_id,
                              uint64_t frames,
                              std::vector<std::pair<uint32_t, uint64_t>> seen,
                              const std::string& filter = {},
                              uint64_t epoch = 99) {
    wire::Subscribe request;
    request.set_subscription_id(id);
    request.set_type_id(type_id);
    request.set_topic_filter(filter);
    request.mutable_resume()->set_epoch(epoch);
    request.mutable_resume()->set_frames(frames);
    request.mutable_resume()->set_session_id(subscribed_in_);
    subscribed_in_ = client->session->session_id;
    for (const auto& [type, sequence] : seen) {
      wire::TypeSequence* const one = request.mutable_resume()->add_seen();
      one->set_type_id(type);
      one->set_sequence(sequence);
    }
    SendControl(*client, ControlKind::kSubscribe, id,
                request.SerializeAsString());
    std::deque<Received> frames_read = Read(client);
    EXPECT_EQ(frames_read.at(0).As<wire::Subscribed>().code(), wire::CODE_OK);
    frames_read.pop_front();
    return frames_read;
  }
  static wire::Gap OnlyGap(const std::deque<Received>& frames) {
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return {};
    EXPECT_TRUE(frames[0].Is(ControlKind::kGap));
    const auto gap = frames[0].As<wire::Gap>();
    EXPECT_EQ(gap.reason(), wire::GAP_REASON_RECONNECT);
    return gap;
  }
  static std::string Text(const wire::Gap& gap) {
    std::string text = gap.unknown() ? "unknown" : "";
    for (const wire::Gap::Range& r : gap.ranges()) {
      text += " type " + std::to_string(r.type_id()) + ": " +
              std::to_string(r.frames()) + " of " +
              std::to_string(r.first_sequence()) + "-" +
              std::to_string(r.last_sequence());
    }
    return text;
  }

  uint32_t subscribed_in_ = 0;  // where SUBSCRIBED was read last
};

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BrokerTest);
INSTANTIATE_TEST_SUITE_P(Input, InstancesTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

// --- Who is known -----------------------------------------------------------

TEST_P(InstancesTest, WelcomeTellsTheLimitsOfConnectingAgain) {
  Restart({.resume_window_ms = 11,
           .reconnect_ms_min = 12,
           .reconnect_ms_max = 13,
           .requests_per_session_max = 14});
  wire::Welcome welcome;
  OpenAs(kOne, &welcome);
  EXPECT_FALSE(welcome.resumed());
  EXPECT_EQ(welcome.last_publish_id(), 0u);
  EXPECT_EQ(welcome.limits().resume_window_ms(), 11u);
  EXPECT_EQ(welcome.limits().reconnect_ms_min(), 12u);
  EXPECT_EQ(welcome.limits().reconnect_ms_max(), 13u);
  EXPECT_EQ(welcome.limits().requests_max(), 14u);
}

TEST_P(InstancesTest, ALostClientIsKnownWithWhatWasAcceptedOfIt) {
  const Client first = OpenAs(kOne);
  Send(first, Publish(7, "", "a", 3) + Publish(7, "", "b", 5));
  Lose(first);
  Client observer = Open();
  EXPECT_EQ(Status(&observer).instances_away(), 1u);
  wire::Welcome welcome;
  OpenAs(kOne, &welcome);
  EXPECT_TRUE(welcome.resumed());
  EXPECT_EQ(welcome.last_publish_id(), 5u);
  EXPECT_EQ(Status(&observer).instances_away(), 0u);
  EXPECT_EQ(broker_->counters().resumed, 1u);
}

TEST_P(InstancesTest, AConnectionThatEndsWithinAFrameIsResumedBeforeIt) {
  const Client first = OpenAs(kOne);
  const std::string half = Publish(7, "", "bbbb", 2);
  Send(first, Publish(7, "", "a", 1) + half.substr(0, half.size() - 1));
  first.session->EndOfInput(now_ms_);
  wire::Welcome welcome;
  OpenAs(kOne, &welcome);
  EXPECT_TRUE(welcome.resumed());
  EXPECT_EQ(welcome.last_publish_id(), 1u);
}

TEST_P(InstancesTest, WhoSaysGoodbyeIsForgotten) {
  const Client first = OpenAs(kOne);
  SendControl(first, ControlKind::kClose, 0);
  Lose(first);
  EXPECT_FALSE(Resumes(kOne));
}

TEST_P(InstancesTest, TheWindowEnds) {
  Restart({.resume_window_ms = 1000});
  Lose(OpenAs(kOne));
  Wait(999);
  Client client{};
  EXPECT_TRUE(Resumes(kOne, &client));
  Lose(client);
  Wait(1000);
  EXPECT_FALSE(Resumes(kOne));
}

TEST_P(InstancesTest, AWindowOfZeroKeepsNobody) {
  Restart({.resume_window_ms = 0});
  Lose(OpenAs(kOne));
  EXPECT_FALSE(Resumes(kOne));
}

TEST_P(InstancesTest, TheFirstThatLeftIsForgottenFirst) {
  Restart({.resume_instances_max = 2});
  std::vector<Client> clients;
  for (char id = 1; id <= 3; ++id) {
    clients.push_back(OpenAs(std::string(16, id)));
  }
  for (const int i : {2, 0, 1}) Lose(clients[static_cast<size_t>(i)]);
  EXPECT_TRUE(Resumes(std::string(16, 1)));
  EXPECT_TRUE(Resumes(std::string(16, 2)));
  EXPECT_FALSE(Resumes(std::string(16, 3)));
}

TEST_P(InstancesTest, WhoIsBackIsNotForgottenForOthersThatLeave) {
  Restart({.resume_instances_max = 1});
  Lose(OpenAs(kOne));
  Client back{};
  ASSERT_TRUE(Resumes(kOne, &back));
  for (char id = 2; id <= 5; ++id) Lose(OpenAs(std::string(16, id)));
  EXPECT_FALSE(Resumes(std::string(16, 4)));
  EXPECT_TRUE(Resumes(std::string(16, 5)));
  EXPECT_EQ(back.session->state(), SessionState::kOpen);
}

TEST_P(InstancesTest, ASecondConnectionTakesOver) {
  Client first = OpenAs(kOne);
  Send(first, Publish(7, "", "a", 4));
  wire::Welcome welcome;
  const Client second = OpenAs(kOne, &welcome);
  EXPECT_TRUE(welcome.resumed());
  EXPECT_EQ(welcome.last_publish_id(), 4u);
  Send(first, Publish(7, "", "b", 5));
  const wire::Close close = ReadClose(&first);
  EXPECT_EQ(close.code(), wire::CODE_TAKEN_OVER);
  EXPECT_EQ(close.reason(), "session: instance connected again as session " +
                                std::to_string(second.session->session_id));
  EXPECT_EQ(broker_->counters().frames_in, 1u);
  Lose(first);
  EXPECT_EQ(second.session->state(), SessionState::kOpen);
}

TEST_P(InstancesTest, ATakeOverForgetsNobodyElse) {
  Restart({.resume_instances_max = 1});
  const std::string other(16, 2);
  Lose(OpenAs(other));
  OpenAs(kOne);
  EXPECT_TRUE(Resumes(kOne));
  EXPECT_TRUE(Resumes(other));
}

TEST_P(InstancesTest, ATakeOverResumesEvenIfNoneMayBeAway) {
  Restart({.resume_instances_max = 0});
  OpenAs(kOne);
  Client second{};
  EXPECT_TRUE(Resumes(kOne, &second));
  Lose(second);
  EXPECT_FALSE(Resumes(kOne));
}

TEST_P(InstancesTest, OneMadeSinceTheLastWelcomeThatWasReadIsNotResumed) {
  struct Case {
    uint64_t epoch;
    int earlier;  // than the session that made it
    bool resumed;
  };
  for (const auto& c : {Case{99, 0, true}, {99, 1, false}, {98, 0, false}}) {
    Open();  // so that there is an earlier one
    const Client first = OpenAs(kOne);
    const uint32_t made_in = first.session->session_id;
    Lose(first);
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    hello.set_instance_id(kOne);
    hello.set_last_epoch(c.epoch);
    hello.set_last_session_id(made_in - static_cast<uint32_t>(c.earlier));
    Client again = Connect();
    SendControl(again, ControlKind::kHello, kHelloMagic,
                hello.SerializeAsString());
    EXPECT_EQ(Read(&again).at(0).As<wire::Welcome>().resumed(), c.resumed)
        << c.epoch << " " << c.earlier;
    SendControl(again, ControlKind::kClose, 0);
  }
}

TEST_P(InstancesTest, AnotherPrincipalIsDeniedWhetherItIsAwayOrNot) {
  const Client first = OpenAs(kOne);
  for (const bool away : {false, true}) {
    if (away) Lose(first);
    Client other = Hello(kOne, "uid 2");
    const wire::Close close = ReadClose(&other);
    EXPECT_EQ(close.code(), wire::CODE_DENIED);
    EXPECT_EQ(close.reason(),
              "hello: instance_id belongs to uid 1, not to uid 2");
  }
  EXPECT_TRUE(Resumes(kOne));
}

TEST_P(InstancesTest, AnotherPrincipalIsDeniedThatTellsItsSchemaMeanwhile) {
  const std::string text = "message A { int32 a = 1; }";
  const Digest digest = SchemaOf(text)->digest();
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  hello.set_instance_id(kOne);
  hello.set_schema_digest(digest.data(), digest.size());
  Client other = Connect("uid 2");
  SendControl(other, ControlKind::kHello, kHelloMagic,
              hello.SerializeAsString());
  ASSERT_TRUE(Read(&other).at(0).Is(ControlKind::kSchema));
  const Client owner = OpenAs(kOne);
  TellSchema(other, text);
  EXPECT_EQ(ReadClose(&other).code(), wire::CODE_DENIED);
  EXPECT_EQ(owner.session->state(), SessionState::kOpen);
}

TEST_P(InstancesTest, AnInstanceIdOfAnotherLengthIsRefused) {
  for (const size_t bytes : {1, 15, 17, 1000}) {
    Client client = Hello(std::string(bytes, 'x'), "uid 1");
    const wire::Close close = ReadClose(&client);
    EXPECT_EQ(close.code(), wire::CODE_INVALID_ARGUMENT);
    EXPECT_EQ(close.reason(), "hello: instance_id of " + std::to_string(bytes) +
                                  " bytes, allowed 0 or 16");
  }
}

TEST_P(InstancesTest, ASchemaStaysKnownWhileItsClientIsAway) {
  const std::string text = "message A { int32 a = 1; }";
  const Digest digest = SchemaOf(text)->digest();
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  hello.set_instance_id(kOne);
  hello.set_schema_digest(digest.data(), digest.size());
  const std::string bytes = hello.SerializeAsString();
  for (const bool known : {false, true, true}) {
    Client client = Connect();
    SendControl(client, ControlKind::kHello, kHelloMagic, bytes);
    if (!known) {
      ASSERT_TRUE(Read(&client).at(0).Is(ControlKind::kSchema));
      TellSchema(client, text);
    }
    EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kWelcome));
    Lose(client);
  }
  Wait(kResumeWindowMsDefault);
  Client late = Connect();
  SendControl(late, ControlKind::kHello, kHelloMagic, bytes);
  EXPECT_TRUE(Read(&late).at(0).Is(ControlKind::kSchema));
}

TEST_P(InstancesTest, AStoppingBrokerSaysWhenToComeAgain) {
  Client client = OpenAs(kOne);
  broker_->StartDrain("the broker stops", now_ms_);
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_GOING_AWAY);
  EXPECT_GT(close.retry_after_ms(), 0u);
}

// --- What is acknowledged and accepted --------------------------------------

TEST_P(InstancesTest, CountedFramesAreAcknowledgedWithinTheTime) {
  Client client = OpenAs(kOne);
  Send(client, Publish(7, "", "a", 1) + Publish(7, "", "b", 9));
  EXPECT_TRUE(Read(&client).empty());
  EXPECT_LE(broker_->next_deadline_ms(), now_ms_ + kAckMsMax);
  now_ms_ += kAckMsMax;
  const std::deque<Received> frames = Read(&client);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_TRUE(frames[0].Is(ControlKind::kAck));
  EXPECT_EQ(frames[0].As<wire::Ack>().publish_id(), 9u);
  now_ms_ += kAckMsMax;
  EXPECT_TRUE(Read(&client).empty());
}

TEST_P(InstancesTest, ManyBytesAreAcknowledgedAtOnce) {
  Client client = OpenAs(kOne);
  Send(client, Publish(7, "", std::string(kAckBytes, 'x'), 1));
  const std::deque<Received> frames = Read(&client);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].As<wire::Ack>().publish_id(), 1u);
}

TEST_P(InstancesTest, FlushedTakesThePlaceOfAnAck) {
  Client client = OpenAs(kOne);
  Send(client, Publish(7, "", "a", 1));
  SendControl(client, ControlKind::kFlush, 8);
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kFlushed));
  now_ms_ += kAckMsMax;
  EXPECT_TRUE(Read(&client).empty());
}

TEST_P(InstancesTest, NothingIsAcknowledgedThatIsNotCountedOrOfNoInstance) {
  Client uncounted = OpenAs(kOne);
  Client nameless = Open();
  Send(uncounted, Publish(7, "", "a"));
  Send(nameless, Publish(7, "", "a", 1));
  now_ms_ += kAckMsMax;
  EXPECT_TRUE(Read(&uncounted).empty());
  EXPECT_TRUE(Read(&nameless).empty());
}

TEST_P(InstancesTest, WhatWasAcceptedIsNotAcceptedAgain) {
  Client subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  const Client first = OpenAs(kOne);
  for (uint64_t id = 1; id <= 3; ++id) Send(first, Publish(7, "", "x", id));
  Lose(first);
  Client again = OpenAs(kOne);
  std::string sent;
  for (uint64_t id = 2; id <= 5; ++id) sent += Publish(7, "", "x", id);
  Send(again, sent);
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 5u);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(frames[i].header.id, i + 1);
  EXPECT_EQ(broker_->counters().frames_duplicate, 2u);
  EXPECT_EQ(broker_->counters().frames_in, 5u);
  now_ms_ += kAckMsMax;
  EXPECT_EQ(Read(&again).at(0).As<wire::Ack>().publish_id(), 5u);
}

TEST_P(InstancesTest, BehindWhatWasSentAgainIdsMustRise) {
  const Client first = OpenAs(kOne);
  Send(first, Publish(7, "", "x", 5));
  Lose(first);
  Client again = OpenAs(kOne);
  Send(again, Publish(7, "", "x", 5) + Publish(7, "", "x", 6) +
                  Publish(7, "", "x", 6));
  const wire::Close close = ReadClose(&again);
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(),
            "publish: id 6 after 6, allowed 0 or a greater one");
}

TEST_P(InstancesTest, AFirstConnectionHasNoDuplicates) {
  Client client = OpenAs(kOne);
  Send(client, Publish(7, "", "x", 5) + Publish(7, "", "x", 5));
  EXPECT_EQ(ReadClose(&client).code(), wire::CODE_PROTOCOL);
}

// --- What subscriptions missed ----------------------------------------------

TEST_P(InstancesTest, WhatWasMissedIsToldExactly) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7, "a.*");
  Send(publisher, Publish(7, "a.b", "1") + Publish(7, "c", "2"));
  EXPECT_EQ(Read(&first).size(), 1u);
  Lose(first);
  Send(publisher,
       Publish(7, "a.b", "3") + Publish(7, "c", "4") + Publish(7, "a.d", "5"));
  Client again = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 7, 1, {{7, 1}}, "a.*"))),
            " type 7: 2 of 2-5");
  // The count goes on, so that the second time is exact too.
  Send(publisher, Publish(7, "a.b", "6"));
  EXPECT_EQ(Read(&again).size(), 1u);
  EXPECT_EQ(Status(&again).sessions(1).subscriptions(0).frames(), 4u);
  Lose(again);
  Client third = OpenAs(kOne);
  EXPECT_TRUE(Resume(&third, 3, 7, 4, {{7, 6}}, "a.*").empty());
}

TEST_P(InstancesTest, WhatWasQueuedAndNotReadIsMissedToo) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7);
  Send(publisher, Publish(7, "", "1") + Publish(7, "", "2"));
  Lose(first);
  Client again = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 7, 0, {}))), " type 7: 2 of 1-2");
}

TEST_P(InstancesTest, WhatAllTypesMissedIsOneCount) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 0);
  Lose(first);
  Send(publisher, Publish(7, "", "1") + Publish(8, "", "2"));
  Client again = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 0, 0, {}))), " type 0: 2 of 0-0");
}

TEST_P(InstancesTest, ATakeOverMissesNothingBetween) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7);
  Client second = OpenAs(kOne);
  Send(publisher, Publish(7, "", "1"));
  EXPECT_EQ(Text(OnlyGap(Resume(&second, 3, 7, 0, {}))), " type 7: 1 of 1-1");
}

TEST_P(InstancesTest, WhoIsAwayHoldsNobodyBack) {
  Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7, {}, kQueueBytesMin, -1);
  const std::string full(kQueueBytesMin, 'x');
  Send(publisher, Publish(7, "", full));
  ASSERT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  Lose(first);
  ASSERT_TRUE(Read(&publisher).at(0).Is(ControlKind::kRelease));
  Send(publisher, Publish(7, "", full));
  EXPECT_TRUE(Read(&publisher).empty());
  EXPECT_EQ(broker_->draining_bytes(), 0u);
}

TEST_P(InstancesTest, OfAForgottenSubscriptionTheTypesCountTells) {
  const Client publisher = Open();
  std::string five;
  for (int i = 0; i < 5; ++i) five += Publish(7, "", "x");
  Send(publisher, five);
  Client client = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&client, 3, 7, 2, {{7, 2}}))),
            " type 7: 3 of 3-5");
  EXPECT_TRUE(Resume(&client, 4, 7, 2, {{7, 5}}).empty());
}

TEST_P(InstancesTest, WithAFilterNobodyKnowsWhatAForgottenOneMissed) {
  const Client publisher = Open();
  Send(publisher, Publish(7, "a", "x"));
  Client client = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&client, 3, 7, 0, {}, "a"))), "unknown");
  EXPECT_TRUE(Resume(&client, 4, 7, 1, {{7, 1}}, "a").empty());
}

TEST_P(InstancesTest, WhoHasNotReadSubscribedDoesNotMeanWhatWasKept) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7);
  Send(publisher, Publish(7, "", "x"));
  Lose(first);
  Client again = OpenAs(kOne);
  --subscribed_in_;
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 7, 0, {}))), "unknown");
}

TEST_P(InstancesTest, AKeptSubscriptionOfAnotherFilterIsAnotherOne) {
  const Client publisher = Open();
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7, "a");
  Lose(first);
  Send(publisher, Publish(7, "b", "x"));
  Client again = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 7, 0, {}, "b"))), "unknown");
}

TEST_P(InstancesTest, OfAnotherEpochNothingIsKnown) {
  Client client = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&client, 3, 7, 9, {{7, 9}}, {}, 98))),
            "unknown type 7: 0 of 10-10");
  EXPECT_EQ(Text(OnlyGap(Resume(&client, 4, 0, 9, {{7, 9}}, {}, 98))),
            "unknown");
}

TEST_P(InstancesTest, AResumeThatCountsMoreThanWasSentIsNoGap) {
  Client first = OpenAs(kOne);
  Subscribe(&first, 3, 7);
  Lose(first);
  Client again = OpenAs(kOne);
  EXPECT_TRUE(
      Resume(&again, 3, 7, UINT64_MAX, {{7, UINT64_MAX}, {70000, 1}}).empty());
  Client other = Open();
  EXPECT_TRUE(Resume(&other, 3, 7, 1, {{7, UINT64_MAX}}).empty());
}

TEST_P(InstancesTest, StartsTellWhatIsQueuedForOthers) {
  const Client publisher = Open();
  Client client = Open();
  Subscribe(&client, 1, 7);
  Subscribe(&client, 2, 8);
  Send(publisher, Publish(7, "", "x") + Publish(7, "", "y"));
  wire::Subscribe request;
  request.set_subscription_id(3);
  SendControl(client, ControlKind::kSubscribe, 3, request.SerializeAsString());
  const std::deque<Received> frames = Read(&client);
  ASSERT_EQ(frames.size(), 3u);
  const auto subscribed = frames[0].As<wire::Subscribed>();
  ASSERT_EQ(subscribed.starts_size(), 1);
  EXPECT_EQ(subscribed.starts(0).type_id(), 7u);
  EXPECT_EQ(subscribed.starts(0).sequence(), 2u);
  EXPECT_EQ(Subscribe(&client, 4, 7).starts_size(), 0);
}

// A kept subscription in whose place another came must not go on counting
// beside it.
TEST_P(InstancesTest, ANewSubscriptionWithAKeptIdTakesItsPlace) {
  const Client publisher = Open();
  for (int i = 0; i < 3; ++i) {
    Client client = OpenAs(kOne);
    Subscribe(&client, 3, 7);
    Send(publisher, Publish(7, "", "x"));
    EXPECT_EQ(Read(&client).size(), 1u);
    Lose(client);
  }
  Send(publisher, Publish(7, "", "x"));
  Client again = OpenAs(kOne);
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 3, 7, 1, {{7, 3}}))),
            " type 7: 1 of 4-4");
}

TEST_P(InstancesTest, NoMoreIsKeptThanASessionMayHave) {
  Restart({.subscriptions_per_session_max = 2});
  for (const uint32_t first_id : {1, 3, 5}) {
    Client client = OpenAs(kOne);
    Subscribe(&client, first_id, 7);
    Subscribe(&client, first_id + 1, 7);
    Lose(client);
  }
  const Client publisher = Open();
  Send(publisher, Publish(7, "a", "x"));
  Client again = OpenAs(kOne);
  // Kept: exact.  Forgotten: what it has seen is not told, so nobody knows.
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 5, 7, 0, {}))), " type 7: 1 of 1-1");
  EXPECT_EQ(Text(OnlyGap(Resume(&again, 1, 7, 0, {}))), "unknown");
}

}  // namespace
}  // namespace mycelium::broker
