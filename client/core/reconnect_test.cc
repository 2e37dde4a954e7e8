// A socket client whose connection is lost.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

using Ids = std::vector<uint64_t>;

std::string CloseFrame(wire::Code code, uint32_t retry_after_ms = 0) {
  wire::Close close;
  close.set_code(code);
  close.set_reason("because");
  close.set_retry_after_ms(retry_after_ms);
  return ControlFrame(ControlKind::kClose, close.SerializeAsString());
}

class ReconnectTest : public SocketClientTest {
 protected:
  ReconnectTest() { Begin({}); }

  void Begin(ClientOptions options, const Greeting& greeting = {}) {
    Disconnect();
    options.reconnect_min = std::chrono::milliseconds(1);
    options.reconnect_max = std::chrono::milliseconds(5);
    options.on_state = [this](State state, const Status& status) {
      last_state_ = state;
      states_.Add(std::to_string(static_cast<int>(state)) +
                  (status.ok() ? "" : " " + status.message));
    };
    options.on_unaccepted = [this](std::span<const UnacceptedFrame> frames) {
      for (const UnacceptedFrame& frame : frames) {
        unaccepted_.Add(
            std::string(frame.payload.begin(), frame.payload.end()) +
            (frame.maybe_accepted ? " maybe" : ""));
      }
    };
    broker_ = std::make_unique<FakeBroker>();
    client_ = broker_->Connect(options, greeting);
  }
  ~ReconnectTest() override { Disconnect(); }

  // Until the next control frame; the ids of the PUBLISHes before it.
  Ids ReadIds(size_t count) {
    Ids ids;
    while (ids.size() < count) {
      const WireFrame frame = broker_->Read();
      if (broker_->end_of_stream()) break;
      if (frame.header.type_id != 0) ids.push_back(frame.header.id);
    }
    return ids;
  }
  void PublishAll(std::initializer_list<const char*> payloads) {
    for (const char* payload : payloads) ASSERT_TRUE(Publish(payload).ok());
  }
  bool AwaitState(State state) {
    return Eventually([&] { return last_state_ == state; });
  }

  std::atomic<State> last_state_{State::kConnected};
  Log states_;
  Log unaccepted_;
};

TEST_F(ReconnectTest, ResumesBehindTheLastAcceptedFrame) {
  PublishAll({"1", "2", "3", "4"});
  EXPECT_EQ(ReadIds(4), (Ids{1, 2, 3, 4}));
  broker_->SendAck(1);
  ASSERT_TRUE(
      Eventually([&] { return client_->counters().frames_accepted == 1; }));
  broker_->Greet({.resumed = true, .last_publish_id = 2});
  EXPECT_EQ(ReadIds(2), (Ids{3, 4}));
  ASSERT_TRUE(AwaitState(State::kConnected));
  PublishAll({"5"});
  EXPECT_EQ(ReadIds(1), Ids{5});
  broker_->SendAck(5);
  ASSERT_TRUE(
      Eventually([&] { return client_->counters().frames_accepted == 5; }));
  const ClientCounters counters = client_->counters();
  EXPECT_EQ(counters.frames_published, 5u);
  EXPECT_EQ(counters.frames_resent, 2u);
  EXPECT_EQ(counters.frames_unaccepted, 0u);
  EXPECT_EQ(counters.reconnects, 1u);
}

TEST_F(ReconnectTest, TheSameInstanceConnectsAgain) {
  Begin({.instance_id = "0123456789abcdef"});
  EXPECT_EQ(broker_->Greet({.resumed = true}), "0123456789abcdef");
  Begin({});
  const std::string first = broker_->Greet({.resumed = true});
  EXPECT_EQ(first.size(), 16u);
  EXPECT_EQ(broker_->Greet({.resumed = true}), first);
}

TEST_F(ReconnectTest, StatesAreTold) {
  broker_->Greet({.resumed = true});
  EXPECT_EQ(states_.Lines(2),
            (Lines{"3 connection to " + broker_->url() +
                       " lost: end of the stream without CLOSE",
                   "1"}));
  broker_->Send(HoldFrame(7));
  broker_->Send(CloseFrame(wire::CODE_GOING_AWAY));
  EXPECT_EQ(states_.Lines(4)[3],
            "3 connection to " + broker_->url() +
                " lost: closed by the broker: because (CODE_GOING_AWAY)");
  broker_->Greet({.resumed = true});
  ASSERT_TRUE(AwaitState(State::kConnected));
  // Nothing is held on a new connection.
  EXPECT_TRUE(TryPublish("x").ok());
}

TEST_F(ReconnectTest, NewBrokerGetsWhatWasNotWrittenAndTheRestComesBack) {
  PublishAll({"1", "2", "3"});
  EXPECT_EQ(ReadIds(3), (Ids{1, 2, 3}));
  broker_->SendAck(1);
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  PublishAll({"4", "5"});
  broker_->Greet({.epoch = 6});
  EXPECT_EQ(unaccepted_.Lines(2), (Lines{"2 maybe", "3 maybe"}));
  EXPECT_EQ(ReadIds(2), (Ids{4, 5}));
  EXPECT_EQ(client_->counters().frames_unaccepted, 2u);
}

TEST_F(ReconnectTest, WindowThatPassesGivesBackWhatWasWritten) {
  Begin({}, {.resume_window_ms = 1});
  PublishAll({"1"});
  EXPECT_EQ(ReadIds(1), Ids{1});
  broker_->Hangup();
  EXPECT_EQ(unaccepted_.Lines(1), Lines{"1 maybe"});
  PublishAll({"2"});
  client_->Close();
  EXPECT_EQ(unaccepted_.Lines(2), (Lines{"1 maybe", "2"}));
}

TEST_F(ReconnectTest, FlushThatWaitsIsSentAgain) {
  PublishAll({"1"});
  std::thread flushing([&] { EXPECT_TRUE(client_->Flush(Late()).ok()); });
  broker_->ReadControl(ControlKind::kFlush);
  broker_->Greet({.resumed = true});
  EXPECT_EQ(ReadIds(1), Ids{1});
  broker_->AnswerFlush();
  flushing.join();
  EXPECT_EQ(client_->counters().frames_accepted, 1u);
}

TEST_F(ReconnectTest, FlushSaysWhatCameBackIfNobodyElseHears) {
  Disconnect();
  broker_ = std::make_unique<FakeBroker>();
  client_ = broker_->Connect({.reconnect_max = std::chrono::milliseconds(1)});
  PublishAll({"1", "2"});
  EXPECT_EQ(ReadIds(2), (Ids{1, 2}));
  Status status;
  std::thread flushing([&] { status = client_->Flush(Late()); });
  broker_->ReadControl(ControlKind::kFlush);
  broker_->Greet({.epoch = 6});
  broker_->AnswerFlush();
  flushing.join();
  EXPECT_EQ(status.code, StatusCode::kAborted);
  EXPECT_TRUE(status.message.starts_with("flush: 2 frames ")) << status.message;
  std::thread again([&] { EXPECT_TRUE(client_->Flush(Late()).ok()); });
  broker_->AnswerFlush();
  again.join();
}

TEST_F(ReconnectTest, DeadlinesHoldWithoutAConnection) {
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  EXPECT_EQ(client_->Flush(Soon()).code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(client_->Ping(kNoDeadline).code, StatusCode::kUnavailable);
  FillOutbox();
  EXPECT_EQ(Publish(std::string(10'000, 'x'), 7, Soon()).code,
            StatusCode::kDeadlineExceeded);
}

TEST_F(ReconnectTest, SubscriptionsAreThereBeforeConnectedIsTold) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = log.Messages()});
  broker_->Send(DataFrame(7, "", "old", 1));
  log.Lines(1);
  broker_->Greet({.resumed = true});
  const WireFrame frame = broker_->Read();
  ASSERT_TRUE(frame.Is(ControlKind::kSubscribe));
  wire::Subscribe subscribe;
  ASSERT_TRUE(subscribe.ParseFromString(frame.payload));
  EXPECT_EQ(subscribe.resume().epoch(), 5u);
  EXPECT_EQ(subscribe.resume().frames(), 1u);
  EXPECT_EQ(last_state_, State::kReconnecting);
  wire::Subscribed subscribed;
  subscribed.set_subscription_id(subscribe.subscription_id());
  broker_->Send(ControlFrame(ControlKind::kSubscribed,
                             subscribed.SerializeAsString(), frame.header.id) +
                DataFrame(7, "", "new", 2));
  EXPECT_EQ(log.Lines(2), (Lines{"old", "new"}));
  EXPECT_TRUE(AwaitState(State::kConnected));
}

TEST_F(ReconnectTest, SubscribeWaitsForAConnection) {
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  std::shared_ptr<Subscription> subscription;
  std::thread subscribing([&] {
    EXPECT_TRUE(client_->Subscribe({.type_id = 7}, {}, &subscription).ok());
  });
  broker_->Greet({.resumed = true});
  broker_->AnswerSubscribe();
  subscribing.join();
}

TEST_F(ReconnectTest, UnsubscribedMeanwhileIsNotSubscribedAgain) {
  auto subscription = Subscribe({.type_id = 7}, {});
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  subscription = nullptr;
  broker_->Greet({.resumed = true});
  PublishAll({"x"});
  EXPECT_EQ(broker_->Read().payload, "x");
}

TEST_F(ReconnectTest, NextGoesOn) {
  const auto subscription = Subscribe({.type_id = 7}, {});
  Item item;
  std::thread pulling([&] {
    ASSERT_TRUE(subscription->Next(Late(), &item).ok());
    EXPECT_EQ(Text(std::get<Message>(item)), "new");
  });
  broker_->Greet({.resumed = true});
  broker_->AnswerSubscribe();
  broker_->Send(DataFrame(7, "", "new", 1));
  pulling.join();
}

TEST_F(ReconnectTest, CallbackMayWaitWhileThereIsNoConnection) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = [&](const Message& message) {
                  if (Text(message) != "1") return log.Add(Text(message));
                  EXPECT_TRUE(Publish("within").ok());
                  EXPECT_TRUE(client_->Flush(Late()).ok());
                  log.Add("flushed");
                }});
  broker_->Send(DataFrame(7, "", "1", 1) + DataFrame(7, "", "2", 2));
  broker_->ReadControl(ControlKind::kFlush);
  broker_->Greet({.resumed = true});
  EXPECT_EQ(broker_->Read().payload, "within");
  broker_->AnswerFlush();
  // Only when the callback has returned and the rest has been given.
  const WireFrame frame = broker_->Read();
  ASSERT_TRUE(frame.Is(ControlKind::kSubscribe));
  wire::Subscribe subscribe;
  ASSERT_TRUE(subscribe.ParseFromString(frame.payload));
  EXPECT_EQ(subscribe.resume().frames(), 2u);
  EXPECT_EQ(log.Lines(2), (Lines{"flushed", "2"}));
}

TEST_F(ReconnectTest, CloseWhileReconnectingIsQuick) {
  broker_->StopListening();
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  PublishAll({"1"});
  client_->Close();
  EXPECT_EQ(unaccepted_.Lines(1), Lines{"1"});
  EXPECT_EQ(Publish("x").code, StatusCode::kCancelled);
}

TEST_F(ReconnectTest, CloseWithinTheGreetingIsQuick) {
  broker_->Hangup();
  broker_->Accept();
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kHello));
  const Deadline before = Clock::now();
  client_->Close();
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(2));
}

TEST_F(ReconnectTest, FinalRefusalEndsTheClient) {
  PublishAll({"1"});
  broker_->Hangup();
  broker_->Accept();
  EXPECT_TRUE(broker_->Read().Is(ControlKind::kHello));
  broker_->Send(CloseFrame(wire::CODE_SCHEMA));
  ASSERT_TRUE(AwaitState(State::kClosed));
  EXPECT_EQ(client_->Flush(kNoDeadline).code, StatusCode::kFailedPrecondition);
  EXPECT_EQ(unaccepted_.Lines(1), Lines{"1 maybe"});
}

TEST_F(ReconnectTest, OtherRefusalsAreTriedAgain) {
  broker_->Hangup();
  for (int i = 0; i < 3; ++i) {
    broker_->Accept();
    EXPECT_TRUE(broker_->Read().Is(ControlKind::kHello));
    broker_->Send(CloseFrame(wire::CODE_TOO_MANY_SESSIONS));
    broker_->Hangup();
  }
  broker_->Greet({.resumed = true});
  EXPECT_TRUE(AwaitState(State::kConnected));
}

TEST_F(ReconnectTest, FinalCloseEndsTheClient) {
  broker_->Send(CloseFrame(wire::CODE_TAKEN_OVER));
  EXPECT_TRUE(AwaitState(State::kClosed));
}

TEST_F(ReconnectTest, RetryAfterIsWaitedFor) {
  broker_->Send(CloseFrame(wire::CODE_GOING_AWAY, 100));
  const Deadline before = Clock::now();
  broker_->Greet({.resumed = true});
  EXPECT_GE(Clock::now() - before, std::chrono::milliseconds(90));
}

TEST_F(ReconnectTest, AckForTheFutureIsAProtocolError) {
  PublishAll({"1"});
  broker_->Read();
  broker_->SendAck(2);
  wire::Close close;
  ASSERT_TRUE(
      close.ParseFromString(broker_->ReadControl(ControlKind::kClose).payload));
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(), "ack: publish_id 2, allowed up to 1");
  EXPECT_TRUE(AwaitState(State::kClosed));
}

TEST_F(ReconnectTest, ResumeFromTheFutureIsAProtocolError) {
  PublishAll({"1"});
  broker_->Greet({.resumed = true, .last_publish_id = 2});
  EXPECT_TRUE(AwaitState(State::kClosed));
}

TEST_F(ReconnectTest, SilentBrokerIsAskedAndThenGivenUp) {
  Begin({}, {.idle_timeout_ms = 30});
  broker_->ReadControl(ControlKind::kPing);
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  EXPECT_EQ(states_.Lines(1)[0],
            "3 connection to " + broker_->url() + " lost: silent for 20 ms");
  broker_->Greet({.resumed = true});
}

// --- PublishAcked -----------------------------------------------------------

TEST_F(ReconnectTest, AcceptedIsTold) {
  Log log;
  const auto say = [&log](std::string name) {
    return [&log, name](const Status& status) {
      log.Add(name + " " + std::to_string(static_cast<int>(status.code)));
    };
  };
  for (const char* name : {"1", "2", "3"}) {
    ASSERT_TRUE(
        client_->PublishAcked(7, {}, AsBytes(name), Late(), say(name)).ok());
  }
  // One FLUSH at a time.
  EXPECT_EQ(broker_->Read().header.id, 1u);
  broker_->AnswerFlush();
  EXPECT_EQ(log.Lines(1), Lines{"1 0"});
  broker_->AnswerFlush();
  EXPECT_EQ(log.Lines(3), (Lines{"1 0", "2 0", "3 0"}));
  // Again on the next connection, and given up on another broker.
  ASSERT_TRUE(
      client_->PublishAcked(7, {}, AsBytes("4"), Late(), say("4")).ok());
  EXPECT_EQ(ReadIds(1), Ids{4});
  broker_->Greet({.resumed = true, .last_publish_id = 3});
  EXPECT_EQ(ReadIds(1), Ids{4});
  broker_->Greet({.epoch = 6});
  EXPECT_EQ(log.Lines(4)[3], "4 10");
  broker_->Hangup();
  ASSERT_TRUE(AwaitState(State::kReconnecting));
  ASSERT_TRUE(
      client_->PublishAcked(7, {}, AsBytes("5"), Late(), say("5")).ok());
  client_->Close();
  EXPECT_EQ(log.Lines(5)[4], "5 1");
}

// --- A cut anywhere ---------------------------------------------------------

TEST_F(ReconnectTest, CutAtAnyByteLosesAndDoublesNothing) {
  Begin({});
  uint64_t accepted = 0;
  uint64_t published = 0;
  for (size_t cut = 0; cut < 60; ++cut) {
    PublishAll({"a", "bb", "ccc"});
    published += 3;
    // The broker takes `cut` bytes of what comes, and of these whole frames.
    for (size_t bytes = cut; bytes >= 17 && accepted < published;) {
      const WireFrame frame = broker_->Read();
      if (frame.header.type_id == 0) continue;
      const size_t frame_bytes = 16 + frame.payload.size();
      if (frame_bytes > bytes) break;
      bytes -= frame_bytes;
      ASSERT_EQ(frame.header.id, accepted + 1);
      ++accepted;
    }
    broker_->Greet({.resumed = true, .last_publish_id = accepted});
  }
  while (accepted < published) {
    ASSERT_EQ(ReadIds(1), Ids{accepted + 1});
    ++accepted;
  }
  broker_->SendAck(accepted);
  EXPECT_TRUE(Eventually(
      [&] { return client_->counters().frames_accepted == published; }));
}

}  // namespace
}  // namespace mycelium::core
