// What a socket client writes, and when; holds; requests and their answers.
#include "client/core/socket.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

// --- Publishing -------------------------------------------------------------

TEST_F(SocketClientTest, WelcomeTellsAboutTheBroker) {
  const BrokerInfo info = client_->broker();
  EXPECT_EQ(info.name, "fake");
  EXPECT_EQ(info.version, "0.1");
  EXPECT_EQ(info.session_id, 12u);
  EXPECT_EQ(info.epoch, 5u);
}

TEST_F(SocketClientTest, LonePublishIsWrittenBeforeItReturns) {
  for (int i = 1; i <= 100; ++i) {
    // Reading here is faster than any answer through a broker.
    const Deadline next = Clock::now() + std::chrono::microseconds(10);
    while (Clock::now() < next) {
    }
    ASSERT_TRUE(client_->Publish(7, "a.b", AsBytes("hello"), kNoDeadline).ok());
    ASSERT_EQ(broker_->UnreadBytes(), kHeaderBytes + 8u);
    const WireFrame frame = broker_->Read();
    EXPECT_EQ(frame.header.type_id, 7);
    EXPECT_EQ(frame.header.kind, static_cast<uint8_t>(DataKind::kPublish));
    EXPECT_EQ(frame.header.id, static_cast<uint64_t>(i));
    EXPECT_EQ(frame.topic, "a.b");
    EXPECT_EQ(frame.payload, "hello");
  }
}

TEST_F(SocketClientTest, BurstIsGatheredAndArrivesWithoutAFurtherCall) {
  uint64_t published = 0, read = 0;
  bool gathered = false;
  const Deadline deadline = Late();
  while (!gathered && Clock::now() < deadline) {
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE(Publish("x").ok());
      ++published;
    }
    gathered = broker_->UnreadBytes() < (published - read) * 17;
    for (; read < published; ++read) {
      ASSERT_EQ(broker_->Read().header.id, read + 1);
    }
  }
  EXPECT_TRUE(gathered);
}

TEST_F(SocketClientTest, FramesOfEachThreadStayInOrder) {
  constexpr int kThreads = 3, kFrames = 5'000;
  std::vector<std::thread> threads;
  for (uint16_t type_id = 1; type_id <= kThreads; ++type_id) {
    threads.emplace_back([this, type_id] {
      for (int i = 0; i < kFrames; ++i) {
        EXPECT_TRUE(Publish(std::to_string(i), type_id).ok());
      }
    });
  }
  std::vector<int> next(kThreads + 1, 0);
  for (int i = 0; i < kThreads * kFrames; ++i) {
    const WireFrame frame = broker_->Read();
    EXPECT_EQ(frame.payload, std::to_string(next[frame.header.type_id]++));
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(SocketClientTest, ArgumentsThatCanNotBeAreNamed) {
  EXPECT_EQ(Publish("x", 0).message, "publish: type_id 0, allowed 1 to 65535");
  EXPECT_EQ(client_->TryPublish(7, "a..b", {}).code,
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Publish(std::string(kFrameBytesMaxDefault + 1, 'x')).message,
            "publish: body_bytes 1048577, frame_bytes_max 1048576");
  std::shared_ptr<Subscription> subscription;
  EXPECT_EQ(
      client_->Subscribe({.topic_filter = "a.>.b"}, {}, &subscription).message,
      "subscribe: topic filter: \">\" before the last token");
  EXPECT_EQ(
      client_->Subscribe({.policy = {.queue_bytes_max = 10}}, {}, &subscription)
          .message,
      "subscribe: queue_bytes_max 10, allowed at least 4096");
}

TEST_F(SocketClientTest, FrameAsLargeAsAllowedGoesThrough) {
  const std::string payload(kFrameBytesMaxDefault, 'x');
  std::thread publishing([&] { EXPECT_TRUE(Publish(payload).ok()); });
  EXPECT_EQ(broker_->Read().payload, payload);
  publishing.join();
}

TEST_F(SocketClientTest, FullSocketMakesTryPublishSayNoAndKeepsOrder) {
  const uint64_t published = FillOutbox();
  const Status status = TryPublish(std::string(10'000, 'x'));
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_TRUE(status.message.starts_with("publish: would block, "))
      << status.message;
  EXPECT_TRUE(status.message.ends_with(
      " bytes are not yet accepted, publish_bytes_max 1048576"))
      << status.message;
  EXPECT_EQ(Publish(std::string(10'000, 'x'), 7, Soon()).code,
            StatusCode::kDeadlineExceeded);
  std::thread publishing(
      [&] { EXPECT_TRUE(Publish(std::string(10'000, 'x')).ok()); });
  for (uint64_t id = 1; id <= published; ++id) {
    ASSERT_EQ(broker_->Read().header.id, id);
  }
  // Nobody need wait for the broker to tell by itself.
  broker_->AnswerFlush();
  EXPECT_EQ(broker_->Read().header.id, published + 1);
  publishing.join();
}

TEST_F(SocketClientTest, SmallBoundFlowsByTheFlushOfWhoWaits) {
  constexpr uint64_t kFrames = 50;
  Connect({.publish_bytes_max = 30'000});
  std::thread publishing([&] {
    for (uint64_t i = 0; i < kFrames; ++i) {
      EXPECT_TRUE(Publish(std::string(10'000, 'x'), 7, Late()).ok());
    }
  });
  uint64_t seen = 0;
  while (seen < kFrames && !broker_->end_of_stream()) {
    const WireFrame frame = broker_->Read();
    if (frame.Is(ControlKind::kFlush)) {
      broker_->Send(ControlFrame(ControlKind::kFlushed, {}, frame.header.id));
    } else {
      EXPECT_EQ(frame.header.id, ++seen);
    }
  }
  publishing.join();
}

TEST_F(SocketClientTest, AckThatLeavesHalfTheRoomWakesWhoWaits) {
  Connect({.publish_bytes_max = 100'000});
  const uint64_t published = FillOutbox();
  ASSERT_EQ(published, 9u);
  std::thread publishing(
      [&] { EXPECT_TRUE(Publish(std::string(10'000, 'x'), 7, Late()).ok()); });
  // It waits: only then there is a FLUSH.
  broker_->ReadControl(ControlKind::kFlush);
  broker_->SendAck(2);
  broker_->SendAck(5);
  EXPECT_EQ(broker_->Read().header.id, published + 1);
  publishing.join();
}

TEST_F(SocketClientTest, FullSocketDoesNotKeepTheClientFromReading) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = log.Messages()});
  FillOutbox();
  broker_->Send(ControlFrame(ControlKind::kPing, {}, 99) +
                DataFrame(7, "", "arrives", 1));
  EXPECT_EQ(log.Lines(1), Lines{"arrives"});
  EXPECT_EQ(broker_->ReadControl(ControlKind::kPong).header.id, 99u);
}

// --- Holds ------------------------------------------------------------------

TEST_F(SocketClientTest, HeldTypeWaitsAndOthersGoOn) {
  Hold(7);
  const Status status = TryPublish("x");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message,
            "publish: would block, type 7 is held back by session 12 "
            "(slow-reader)");
  EXPECT_EQ(Publish("x", 7, Soon()).code, StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(TryPublish("y", 8).ok());
  std::thread publishing([&] { EXPECT_TRUE(Publish("waited").ok()); });
  WireFrame frame;
  do {
    frame = broker_->Read();
  } while (frame.payload == "probe");
  EXPECT_EQ(frame.payload, "y");
  broker_->Send(ReleaseFrame(7));
  EXPECT_EQ(broker_->Read().payload, "waited");
  publishing.join();
}

TEST_F(SocketClientTest, HoldOfAllTypesHoldsEach) {
  broker_->Send(HoldFrame(0));
  EXPECT_TRUE(Eventually([&] { return !TryPublish("x", 9).ok(); }));
  broker_->Send(ReleaseFrame(0));
  EXPECT_TRUE(Eventually([&] { return TryPublish("x", 9).ok(); }));
}

TEST_F(SocketClientTest, StateIsToldAtEachChange) {
  Log log;
  Connect({.on_state =
               [&](State state, const Status& status) {
                 log.Add(std::to_string(static_cast<int>(state)) + " " +
                         status.message);
               },
           .reconnect = false});
  broker_->Send(HoldFrame(7) + HoldFrame(8) + ReleaseFrame(7) +
                ReleaseFrame(8));
  mycelium::wire::Close close;
  close.set_code(wire::CODE_IDLE_TIMEOUT);
  close.set_reason("idle for 30000 ms");
  broker_->Send(ControlFrame(ControlKind::kClose, close.SerializeAsString()));
  EXPECT_EQ(
      log.Lines(3),
      (Lines{"2 publish: type 7 is held back by session 12 (slow-reader)", "1 ",
             "4 connection to " + broker_->url() +
                 " lost: closed by the broker: idle for 30000 ms "
                 "(CODE_IDLE_TIMEOUT)"}));
}

// --- Requests ---------------------------------------------------------------

TEST_F(SocketClientTest, FlushStandsBehindWhatWasPublished) {
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Publish("x").ok());
  std::thread flushing([&] { EXPECT_TRUE(client_->Flush(Late()).ok()); });
  for (uint64_t id = 1; id <= 100; ++id) {
    ASSERT_EQ(broker_->Read().header.id, id);
  }
  broker_->AnswerFlush();
  flushing.join();
}

TEST_F(SocketClientTest, AnswerThatIsTooLateIsForgotten) {
  EXPECT_EQ(client_->Flush(Soon()).message,
            "flush: no answer before the deadline");
  broker_->AnswerFlush();
  std::thread pinging([&] { EXPECT_TRUE(client_->Ping(Late()).ok()); });
  const WireFrame ping = broker_->ReadControl(ControlKind::kPing);
  broker_->Send(ControlFrame(ControlKind::kPong, {}, ping.header.id));
  pinging.join();
}

TEST_F(SocketClientTest, AdminReplyComesBackAsItIs) {
  std::string reply;
  std::thread asking([&] {
    EXPECT_TRUE(client_->Admin(AsBytes("question"), Late(), &reply).ok());
  });
  const WireFrame request = broker_->ReadControl(ControlKind::kAdmin);
  EXPECT_EQ(request.payload, "question");
  broker_->Send(ControlFrame(ControlKind::kAdmin, "answer", request.header.id));
  asking.join();
  EXPECT_EQ(reply, "answer");
}

TEST_F(SocketClientTest, RefusedSubscriptionSaysWhy) {
  std::shared_ptr<Subscription> subscription;
  std::thread refusing([&] {
    const WireFrame frame = broker_->ReadControl(ControlKind::kSubscribe);
    mycelium::wire::Subscribed subscribed;
    subscribed.set_code(wire::CODE_TOO_MANY_SUBSCRIPTIONS);
    subscribed.set_reason("subscriptions: 1024, allowed 1024");
    broker_->Send(ControlFrame(ControlKind::kSubscribed,
                               subscribed.SerializeAsString(),
                               frame.header.id));
  });
  const Status status = client_->Subscribe({.type_id = 7}, {}, &subscription);
  refusing.join();
  EXPECT_EQ(status.code, StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message,
            "subscribe: subscriptions: 1024, allowed 1024 "
            "(CODE_TOO_MANY_SUBSCRIPTIONS)");
  EXPECT_EQ(subscription, nullptr);
}

}  // namespace
}  // namespace mycelium::core
