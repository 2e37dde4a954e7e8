#include "broker/broker.h"

#include <deque>
#include <string>

#include "broker/broker_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {
namespace {

TEST_P(BrokerTest, WelcomeTellsTheBrokerAndItsLimits) {
  Client client = Connect();
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  SendControl(client, ControlKind::kHello, kHelloMagic,
              hello.SerializeAsString());
  const auto welcome = Read(&client).at(0).As<wire::Welcome>();
  EXPECT_EQ(welcome.broker_name(), "test");
  EXPECT_EQ(welcome.broker_version(), "1.2.3");
  EXPECT_EQ(welcome.epoch(), 99u);
  EXPECT_EQ(welcome.session_id(), client.session->session_id);
  EXPECT_EQ(welcome.limits().frame_bytes_max(), kFrameBytesMaxDefault);
}

TEST_P(BrokerTest, FramesReachTheirSubscribersWithTheTypesCount) {
  Client publisher = Open(), subscriber = Open(), other = Open();
  EXPECT_EQ(Subscribe(&subscriber, 1, 7).code(), wire::CODE_OK);
  EXPECT_EQ(Subscribe(&other, 1, 8).code(), wire::CODE_OK);
  Send(publisher, Publish(7, "", "one") + Publish(7, "t", "two") +
                      Publish(9, "", "three"));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "one");
  EXPECT_EQ(frames[0].header.id, 1u);
  EXPECT_EQ(frames[1].payload, "two");
  EXPECT_EQ(frames[1].topic, "t");
  EXPECT_EQ(frames[1].header.id, 2u);
  EXPECT_TRUE(Read(&other).empty());
}

TEST_P(BrokerTest, OverlappingSubscriptionsOfASessionGetAFrameOnce) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Subscribe(&subscriber, 2, 7, "a.*");
  Subscribe(&subscriber, 3, 0);
  Send(publisher, Publish(7, "a.b", "x"));
  EXPECT_EQ(Read(&subscriber).size(), 1u);
}

TEST_P(BrokerTest, FiltersChooseByTopic) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7, "a.*");
  Subscribe(&subscriber, 2, 7, "b.>");
  Send(publisher, Publish(7, "a.b", "1") + Publish(7, "a.b.c", "2") +
                      Publish(7, "b.c.d", "3") + Publish(7, "", "4") +
                      Publish(7, "a.z", "5"));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0].payload, "1");
  EXPECT_EQ(frames[1].payload, "3");
  EXPECT_EQ(frames[2].payload, "5");
}

TEST_P(BrokerTest, FramesWithoutATopicArriveBehindThoseWithOne) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Subscribe(&subscriber, 2, 7, "a.*");
  Send(publisher, Publish(7, "z", "1") + Publish(7, "", "2"));
  EXPECT_EQ(Read(&subscriber).size(), 2u);
}

TEST_P(BrokerTest, UnsubscribedComesAfterTheLastFrame) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Send(publisher, Publish(7, "", "x"));
  wire::Unsubscribe request;
  request.set_subscription_id(1);
  SendControl(subscriber, ControlKind::kUnsubscribe, 44,
              request.SerializeAsString());
  Send(publisher, Publish(7, "", "y"));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].payload, "x");
  EXPECT_TRUE(frames[1].Is(ControlKind::kUnsubscribed));
  EXPECT_EQ(frames[1].header.id, 44u);
}

TEST_P(BrokerTest, ASubscriptionThatCannotBeIsRefusedAndTheSessionGoesOn) {
  Client client = Open();
  EXPECT_EQ(Subscribe(&client, 1, 7, "a.>.b").reason(),
            "subscribe: topic filter: \">\" before the last token");
  EXPECT_EQ(Subscribe(&client, 1, 7, "", 100).code(),
            wire::CODE_INVALID_ARGUMENT);
  EXPECT_EQ(Subscribe(&client, 1, 7, "", 0, -2).code(),
            wire::CODE_INVALID_ARGUMENT);
  EXPECT_EQ(Subscribe(&client, 1, 7).code(), wire::CODE_OK);
}

TEST_P(BrokerTest, AFullQueueThatMayNotStallDropsTheOldestAndSaysSo) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7, "", kQueueBytesMin, 0);
  std::string burst;
  for (int i = 0; i < 100; ++i) burst += Publish(7, "", std::string(84, 'x'));
  Send(publisher, burst);
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_TRUE(frames[0].Is(ControlKind::kGap));
  const auto gap = frames[0].As<wire::Gap>();
  ASSERT_EQ(gap.ranges_size(), 1);
  EXPECT_EQ(gap.ranges(0).first_sequence(), 1u);
  EXPECT_EQ(gap.ranges(0).frames(), gap.ranges(0).last_sequence());
  EXPECT_EQ(frames[1].header.id, gap.ranges(0).last_sequence() + 1);
  EXPECT_EQ(frames.back().header.id, 100u);
  EXPECT_EQ(frames.size() - 1 + gap.ranges(0).frames(), 100u);
}

TEST_P(BrokerTest, AFullQueueHoldsItsPublishersAndReleasesThem) {
  Client publisher = Open(), subscriber = Open("slow"), bystander = Open();
  Subscribe(&subscriber, 1, 7, "", kQueueBytesMin, 500);
  Send(bystander, Publish(8, "", "x"));
  for (int i = 0; i < 60; ++i) {
    Send(publisher, Publish(7, "", std::string(84, 'x')));
  }
  const std::deque<Received> held = Read(&publisher);
  ASSERT_EQ(held.size(), 1u);
  ASSERT_TRUE(held[0].Is(ControlKind::kHold));
  EXPECT_EQ(held[0].As<wire::Hold>().type_id(), 7u);
  EXPECT_EQ(held[0].As<wire::Hold>().by_name(), "slow");
  EXPECT_TRUE(Read(&bystander).empty());
  // One who begins to publish meanwhile is told too.
  Send(bystander, Publish(7, "", "x"));
  EXPECT_TRUE(Read(&bystander).at(0).Is(ControlKind::kHold));

  EXPECT_EQ(Read(&subscriber).size(), 61u);  // nothing is lost
  const std::deque<Received> released = Read(&publisher);
  ASSERT_EQ(released.size(), 1u);
  EXPECT_TRUE(released[0].Is(ControlKind::kRelease));
}

TEST_P(BrokerTest, AfterStallMsMaxTheOldestAreDroppedAndThePublishersReleased) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7, "", kQueueBytesMin, 500);
  for (int i = 0; i < 60; ++i) {
    Send(publisher, Publish(7, "", std::string(84, 'x')));
  }
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  EXPECT_LE(broker_->next_deadline_ms(), now_ms_ + 500);
  now_ms_ += 500;
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kRelease));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_TRUE(frames[0].Is(ControlKind::kGap));
  EXPECT_EQ(frames[0].As<wire::Gap>().ranges(0).frames() + frames.size() - 1,
            60u);
}

TEST_P(BrokerTest, WhoSendsOnBeyondTheGraceSpaceIsNotRead) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7, "", kQueueBytesMin, -1);
  const std::string frame = Publish(7, "", std::string(64 << 10, 'x'));
  int sent = 0;
  while (publisher.session->wants_read()) {
    Send(publisher, frame);
    ASSERT_LT(++sent, 100);
  }
  EXPECT_GT(sent * frame.size(), kHoldGraceBytes);
  now_ms_ += 10 * kIdleTimeoutMsDefault;  // not timed out for what is not read
  EXPECT_TRUE(Read(&publisher).at(0).Is(ControlKind::kHold));
  EXPECT_EQ(publisher.session->state(), SessionState::kOpen);
}

TEST_P(BrokerTest, BytesThatAreNoHelloAreRefused) {
  const std::string other = "protocol: the first bytes are not a HELLO frame";
  for (const auto& [garbage, reason] :
       {std::pair(std::string("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                  other),
        std::pair(
            std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03zzzzzzzz",
                        19),
            std::string("protocol: the first bytes are TLS, allowed a HELLO "
                        "frame in plain")),
        std::pair(std::string(40, 'a'), other)}) {
    Client client = Connect();
    Send(client, garbage);
    const wire::Close close = ReadClose(&client);
    EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
    EXPECT_EQ(close.reason(), reason);
  }
}

TEST_P(BrokerTest, AnotherMajorVersionIsRefused) {
  Client client = Connect();
  wire::Hello hello;
  hello.set_version_major(2);
  SendControl(client, ControlKind::kHello, kHelloMagic,
              hello.SerializeAsString());
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_VERSION);
  EXPECT_EQ(close.reason(), "hello: version_major 2, this broker speaks 1");
}

TEST_P(BrokerTest, AHelloOverItsLimitIsRefusedAtItsHeader) {
  Client client = Connect();
  std::string header(kHeaderBytes, '\0');
  StoreHeader({kHelloBytesMaxDefault + 1, 0, 1, 0, kHelloMagic},
              reinterpret_cast<uint8_t*>(header.data()));
  Send(client, header);
  EXPECT_EQ(ReadClose(&client).reason(),
            "frame: body_bytes 4097, frame_bytes_max 4096");
}

TEST_P(BrokerTest, EachProtocolErrorClosesWithItsReason) {
  struct Case {
    std::string bytes;
    wire::Code code;
    std::string reason;
  };
  std::string too_large(kHeaderBytes, '\0');
  StoreHeader({70'000'000, 7, 1, 0, 0},
              reinterpret_cast<uint8_t*>(too_large.data()));
  std::string long_topic = Publish(7, "abc", "");
  long_topic[7] = 4;
  std::string kind = Publish(7, "", "x");
  kind[6] = 9;
  std::string request = Publish(7, "", "x");
  request[6] = 2;
  const Case cases[] = {
      {too_large, wire::CODE_FRAME_TOO_LARGE,
       "frame: body_bytes 70000000, frame_bytes_max 1048576"},
      {long_topic, wire::CODE_PROTOCOL, "frame: topic_bytes 4, body_bytes 3"},
      {Publish(7, "\xff", ""), wire::CODE_PROTOCOL,
       "frame: topic of 1 bytes, allowed UTF-8 without NUL, empty tokens and "
       "wildcards"},
      {kind, wire::CODE_PROTOCOL, "frame: kind 9 of type 7, allowed 1 to 4"},
      {request, wire::CODE_PROTOCOL, "request: id 0, allowed 1 to 4294967295"},
      {ControlFrame(ControlKind::kWelcome, 0, ""), wire::CODE_PROTOCOL,
       "protocol: WELCOME, not from a client to a broker"},
      {ControlFrame(ControlKind::kSubscribe, 0, "\xff\xff"),
       wire::CODE_PROTOCOL,
       "SUBSCRIBE: body of 2 bytes is not a Subscribe message"},
      {ControlFrame(ControlKind::kUnsubscribe, 0, "\x08\x05"),
       wire::CODE_PROTOCOL,
       "unsubscribe: subscription_id 5, allowed one that is in use"},
      {Publish(7, "", "x", 9) + Publish(7, "", "x", 9), wire::CODE_PROTOCOL,
       "publish: id 9 after 9, allowed 0 or a greater one"},
  };
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 3);
  for (const Case& c : cases) {
    Client client = Open();
    Send(client, c.bytes);
    const wire::Close close = ReadClose(&client);
    EXPECT_EQ(close.code(), c.code);
    EXPECT_EQ(close.reason(), c.reason);
    Send(client, Publish(3, "", "after the end"));
    Send(publisher, Publish(3, "", "ok"));
    EXPECT_EQ(Read(&subscriber).size(), 1u) << c.reason;
  }
}

TEST_P(BrokerTest, AConnectionThatEndsWithinAFrameIsToldSo) {
  Client client = Open();
  Send(client, Publish(7, "", "hello").substr(0, 18));
  client.session->EndOfInput(now_ms_);
  EXPECT_EQ(ReadClose(&client).reason(),
            "frame: the connection ended within it");
}

TEST_P(BrokerTest, NoHelloInTimeCloses) {
  Client client = Connect();
  EXPECT_EQ(broker_->next_deadline_ms(), now_ms_ + kHelloTimeoutMsDefault);
  now_ms_ += kHelloTimeoutMsDefault;
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_HELLO_TIMEOUT);
  EXPECT_EQ(close.reason(), "hello: none within 5000 ms");
}

TEST_P(BrokerTest, ASilentSessionIsAskedAndThenClosed) {
  Client client = Open();
  now_ms_ += kIdleTimeoutMsDefault / 2;
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kPing));
  SendControl(client, ControlKind::kPong, 0);
  now_ms_ += kIdleTimeoutMsDefault / 2;
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kPing));
  now_ms_ += kIdleTimeoutMsDefault / 2;
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_IDLE_TIMEOUT);
  now_ms_ += kCloseTimeoutMs;
  broker_->FinishTurn(now_ms_);
  EXPECT_TRUE(client.session->expired(now_ms_));
}

TEST_P(BrokerTest, AnIdleTimeoutShorterThanTheHelloTimeoutHolds) {
  BrokerLimits limits;
  limits.idle_timeout_ms = 400;
  Restart(limits);
  Client client = Open();
  EXPECT_EQ(broker_->next_deadline_ms(), now_ms_ + 200);
  now_ms_ += 200;
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kPing));
}

TEST_P(BrokerTest, TheLongestStallDoesNotOverflow) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7, "", kQueueBytesMin, INT64_MAX);
  for (int i = 0; i < 60; ++i) {
    Send(publisher, Publish(7, "", std::string(84, 'x')));
  }
  now_ms_ += 1000;
  EXPECT_EQ(Read(&publisher).size(), 1u);  // HOLD, and no RELEASE
}

TEST_P(BrokerTest, WhatIsQueuedForAPeerThatHasFinishedSendingIsWritten) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Send(publisher, Publish(7, "", "x"));
  SendControl(subscriber, ControlKind::kFlush, 4);
  subscriber.session->EndOfInput(now_ms_);
  EXPECT_EQ(Read(&subscriber).size(), 2u);
  EXPECT_TRUE(subscriber.session->finished());
}

TEST_P(BrokerTest, SessionsOverALimitAreToldSo) {
  BrokerLimits limits;
  limits.sessions_per_uid_max = 2;
  limits.sessions_max = 3;
  Restart(limits);
  Client a = Connect("uid 1");
  Connect("uid 1");
  Client c = Connect("uid 1");
  EXPECT_EQ(ReadClose(&c).reason(), "sessions: 2 of uid 1 are open, allowed 2");
  Connect("uid 2");
  Client e = Connect("uid 3");
  EXPECT_EQ(ReadClose(&e).reason(), "sessions: 3 are open, allowed 3");
  broker_->Ended(a.session, "");
  EXPECT_EQ(Connect("uid 1").session->state(), SessionState::kGreeting);
}

TEST_P(BrokerTest, APeerThatReadsNoRepliesIsClosed) {
  Client client = Open();
  std::string pings;
  for (uint32_t i = 0; i <= kControlBytesMax / kHeaderBytes; ++i) {
    pings += ControlFrame(ControlKind::kPing, i, {});
  }
  Send(client, pings);
  EXPECT_EQ(ReadClose(&client).code(), wire::CODE_SLOW_CONSUMER);
}

TEST_P(BrokerTest, TheBrokersOwnBoundDropsFromTheLargestQueue) {
  BrokerLimits limits;
  limits.total_bytes_max = 4 << 20;
  Restart(limits);
  Client publisher = Open(), slow = Open(), fast = Open();
  Subscribe(&slow, 1, 7);
  Subscribe(&fast, 1, 7);
  const std::string frame = Publish(7, "", std::string(64 << 10, 'x'));
  uint64_t delivered = 0;
  for (int i = 0; i < 200; ++i) {
    Send(publisher, frame);
    for (const Received& r : Read(&fast)) delivered += r.header.type_id == 7;
  }
  EXPECT_EQ(delivered, 200u);
  uint64_t got = 0, lost = 0;
  for (const Received& r : Read(&slow)) {
    if (r.Is(ControlKind::kGap)) {
      EXPECT_EQ(r.As<wire::Gap>().reason(), wire::GAP_REASON_MEMORY);
      lost += r.As<wire::Gap>().ranges(0).frames();
    } else {
      ++got;
    }
  }
  EXPECT_EQ(got + lost, 200u);
  EXPECT_GT(lost, 0u);
}

TEST_P(BrokerTest, DrainingWritesWhatIsQueuedThenSaysGoodbye) {
  Client publisher = Open(), subscriber = Open();
  Subscribe(&subscriber, 1, 7);
  Send(publisher, Publish(7, "", "x") + Publish(7, "", "y"));
  broker_->StartDrain("broker: stopping", now_ms_);
  Send(publisher, Publish(7, "", "too late"));
  const std::deque<Received> frames = Read(&subscriber);
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[1].payload, "y");
  const auto close = frames[2].As<wire::Close>();
  EXPECT_EQ(close.code(), wire::CODE_GOING_AWAY);
  EXPECT_GT(close.retry_after_ms(), 0u);
  EXPECT_TRUE(subscriber.session->finished());
}

TEST_P(BrokerTest, StatusTellsSessionsAndCounts) {
  Client publisher = Open("p"), subscriber = Open("s");
  Subscribe(&subscriber, 5, 7, "a.*");
  Send(publisher, Publish(7, "a.b", "x"));
  Read(&subscriber);
  wire::AdminRequest request;
  request.mutable_status();
  SendControl(publisher, ControlKind::kAdmin, 3, request.SerializeAsString());
  const auto frame = Read(&publisher).at(0);
  EXPECT_EQ(frame.header.id, 3u);
  const auto status = frame.As<wire::AdminReply>().status();
  ASSERT_EQ(status.sessions_size(), 2);
  EXPECT_EQ(status.sessions(0).name(), "p");
  EXPECT_EQ(status.sessions(0).counters().frames_in(), 1u);
  EXPECT_EQ(status.sessions(1).counters().frames_out(), 1u);
  EXPECT_EQ(status.sessions(1).subscriptions(0).topic_filter(), "a.*");
  EXPECT_EQ(status.counters().frames_in(), 1u);
}

}  // namespace
}  // namespace mycelium::broker
