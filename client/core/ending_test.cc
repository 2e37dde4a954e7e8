// How each wait of a socket client ends when the connection is lost or closed.

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <variant>

#include "client/core/client.h"
#include "client/core/fake_broker.h"
#include "client/core/socket_fixture.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

class EndTest : public SocketClientTest {
 protected:
  EndTest() { Connect({.reconnect = false}); }

  // Runs `wait` on a thread, and `end` once `begun` says that it waits.
  static void Run(const std::function<Status()>& wait,
                  const std::function<void()>& begun,
                  const std::function<void()>& end, Status* status) {
    std::thread waiting([&] { *status = wait(); });
    begun();
    end();
    waiting.join();
  }
};

TEST_F(EndTest, LostConnectionEndsARequest) {
  Status status;
  Run([&] { return client_->Flush(kNoDeadline); },
      [&] { broker_->ReadControl(ControlKind::kFlush); },
      [&] { broker_->Hangup(); }, &status);
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message, "connection to " + broker_->url() +
                                " lost: end of the stream without CLOSE");
  EXPECT_EQ(client_->Flush(kNoDeadline).message, status.message);
  EXPECT_EQ(Publish("x").message, status.message);
  EXPECT_EQ(TryPublish("x").message, status.message);
}

TEST_F(EndTest, LostConnectionEndsASubscribeAndItsSubscription) {
  Status status;
  std::shared_ptr<Subscription> subscription;
  Run([&] { return client_->Subscribe({}, {}, &subscription); },
      [&] { broker_->ReadControl(ControlKind::kSubscribe); },
      [&] { broker_->Hangup(); }, &status);
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(subscription, nullptr);
}

TEST_F(EndTest, LostConnectionEndsAHeldPublish) {
  Hold(7);
  Status status;
  Run([&] { return Publish("x"); }, [] {}, [&] { broker_->Hangup(); }, &status);
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
}

TEST_F(EndTest, LostConnectionEndsAPublishThatWaitsForRoom) {
  FillOutbox();
  Status status;
  Run([&] { return Publish(std::string(10'000, 'x')); }, [] {},
      [&] { broker_->Hangup(); }, &status);
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
}

TEST_F(EndTest, LostConnectionLeavesWhatHasArrivedToNext) {
  const auto subscription = Subscribe({.type_id = 7}, {});
  broker_->Send(DataFrame(7, "", "1", 1) + DataFrame(7, "", "2", 2));
  broker_->Hangup();
  Item item;
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  ASSERT_TRUE(subscription->Next(Late(), &item).ok());
  EXPECT_EQ(Text(std::get<Message>(item)), "2");
  EXPECT_EQ(subscription->Next(kNoDeadline, &item).code,
            StatusCode::kUnavailable);
}

TEST_F(EndTest, LostConnectionEndsARequestWithinACallback) {
  Log log;
  const auto subscription =
      Subscribe({.type_id = 7}, {.on_message = [&](const Message&) {
                  log.Add(client_->Flush(kNoDeadline).ok() ? "ok" : "lost");
                }});
  broker_->Send(DataFrame(7, "", "1", 1));
  broker_->ReadControl(ControlKind::kFlush);
  broker_->Hangup();
  EXPECT_EQ(log.Lines(1), Lines{"lost"});
}

TEST_F(EndTest, BrokerThatBreaksTheProtocolIsTold) {
  broker_->Send(ControlFrame(ControlKind::kHello));
  const WireFrame frame = broker_->ReadControl(ControlKind::kClose);
  mycelium::wire::Close close;
  ASSERT_TRUE(close.ParseFromString(frame.payload));
  EXPECT_EQ(close.code(), wire::CODE_PROTOCOL);
  EXPECT_EQ(close.reason(), "protocol: HELLO, not from a broker to a client");
  EXPECT_EQ(client_->Flush(kNoDeadline).code, StatusCode::kUnavailable);
}

TEST_F(EndTest, CloseWritesWhatWasPublishedAndSaysGoodbye) {
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(Publish("x").ok());
  std::thread closing([&] { client_->Close(); });
  for (uint64_t id = 1; id <= 1'000; ++id) {
    ASSERT_EQ(broker_->Read().header.id, id);
  }
  broker_->AnswerFlush();
  mycelium::wire::Close close;
  const WireFrame frame = broker_->Read();
  ASSERT_TRUE(frame.Is(ControlKind::kClose));
  ASSERT_TRUE(close.ParseFromString(frame.payload));
  EXPECT_EQ(close.code(), wire::CODE_GOING_AWAY);
  broker_->Read();
  EXPECT_TRUE(broker_->end_of_stream());
  broker_->Hangup();
  closing.join();
  EXPECT_EQ(Publish("x").code, StatusCode::kCancelled);
  EXPECT_EQ(client_->Flush(kNoDeadline).code, StatusCode::kCancelled);
}

TEST_F(EndTest, CloseEndsEveryWait) {
  const auto subscription = Subscribe({.type_id = 7}, {});
  Hold(8);
  Status held, flushed, pulled;
  std::thread publishing([&] { held = Publish("x", 8); });
  std::thread flushing([&] { flushed = client_->Flush(kNoDeadline); });
  std::thread pulling([&] {
    Item item;
    pulled = subscription->Next(kNoDeadline, &item);
  });
  broker_->ReadControl(ControlKind::kFlush);
  client_->Close();
  publishing.join();
  flushing.join();
  pulling.join();
  EXPECT_EQ(held.code, StatusCode::kCancelled);
  EXPECT_EQ(flushed.code, StatusCode::kCancelled);
  EXPECT_EQ(pulled.code, StatusCode::kCancelled);
}

TEST_F(EndTest, CloseOfABlockedClientIsBounded) {
  FillOutbox();
  Status status;
  Run([&] { return Publish(std::string(10'000, 'x')); }, [] {},
      [&] { client_->Close(); }, &status);
  EXPECT_EQ(status.code, StatusCode::kCancelled);
}

TEST_F(EndTest, SubscriptionOutlivesItsClient) {
  const auto subscription = Subscribe({.type_id = 7}, {});
  broker_->Hangup();
  client_ = nullptr;
  Item item;
  EXPECT_EQ(subscription->Next(kNoDeadline, &item).code,
            StatusCode::kCancelled);
  subscription->Unsubscribe();
}

// A thread that begins when another has ended mostly has its id.
TEST_F(EndTest, OtherThreadsAreNotTakenForThoseThatHaveEnded) {
  const auto subscription =
      Subscribe({.type_id = 7, .delivery = Delivery::kQueued},
                {.on_message = [](const Message&) {}});
  broker_->Hangup();
  client_->Close();
  for (int i = 0; i < 4; ++i) {
    std::thread([&] {
      Item item;
      EXPECT_EQ(subscription->Next(kNoDeadline, &item).code,
                StatusCode::kFailedPrecondition);
      subscription->Unsubscribe();
      client_->Close();
    }).join();
  }
  client_ = nullptr;
}

}  // namespace
}  // namespace mycelium::core
