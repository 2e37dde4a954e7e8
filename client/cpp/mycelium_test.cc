#include "client/cpp/mycelium.h"

#include <future>
#include <string>
#include <thread>
#include <variant>

#include "gtest/gtest.h"

namespace mycelium {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

std::string Text(const Message& message) {
  return {message.payload.begin(), message.payload.end()};
}

Client Connected(std::string_view url = "inproc:") {
  absl::StatusOr<Client> client = Client::Connect(url);
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

TEST(Mycelium, CallbackGetsWhatIsPublished) {
  Client client = Connected();
  std::string got;
  const auto subscription =
      client.Subscribe({.type_id = 7}, [&](const Message& message) {
        got = std::string(message.topic) + "=" + Text(message);
      });
  ASSERT_TRUE(subscription.ok());
  EXPECT_TRUE(client.Publish(7, "greetings.en", "hello").ok());
  EXPECT_TRUE(client.Flush(kLong).ok());
  EXPECT_EQ(got, "greetings.en=hello");
}

TEST(Mycelium, PulledSubscriptionGetsWhatAnotherClientPublishes) {
  Client publisher = Connected("inproc:pulled");
  Client reader = Connected("inproc:pulled");
  auto subscription = reader.Subscribe({.type_id = 7, .topic_filter = "a.*"});
  ASSERT_TRUE(subscription.ok());
  EXPECT_TRUE(publisher.TryPublish(7, "b.c", "not this").ok());
  EXPECT_TRUE(publisher.TryPublish(7, "a.b", "this").ok());
  const absl::StatusOr<Item> item = subscription->Next(kLong);
  ASSERT_TRUE(item.ok()) << item.status();
  EXPECT_EQ(Text(std::get<Message>(*item)), "this");
  EXPECT_EQ(subscription->Next(absl::ZeroDuration()).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST(Mycelium, QueuedCallbackRunsOnAThreadOfItsOwn) {
  Client client = Connected();
  std::promise<std::thread::id> ran;
  const auto subscription = client.Subscribe(
      {.type_id = 7, .delivery = Delivery::kQueued},
      [&](const Message&) { ran.set_value(std::this_thread::get_id()); });
  ASSERT_TRUE(subscription.ok());
  EXPECT_TRUE(client.Publish(7, "", "hello").ok());
  EXPECT_TRUE(ran.get_future().get() != std::this_thread::get_id());
}

TEST(Mycelium, UnsubscribeEndsWhatIsPulled) {
  Client client = Connected();
  auto subscription = client.Subscribe({.type_id = 7});
  ASSERT_TRUE(subscription.ok());
  subscription->Unsubscribe();
  EXPECT_EQ(subscription->Next(kLong).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(Mycelium, SubscriptionMayOutliveItsClient) {
  absl::StatusOr<Subscription> subscription;
  {
    Client client = Connected();
    subscription = client.Subscribe({.type_id = 7});
    ASSERT_TRUE(subscription.ok());
  }
  EXPECT_EQ(subscription->Next(kLong).status().code(),
            absl::StatusCode::kCancelled);
}

TEST(Mycelium, ClosedClientRefusesWithWords) {
  Client client = Connected();
  client.Close();
  const absl::Status status = client.Publish(7, "", "hello");
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_FALSE(status.message().empty());
}

TEST(Mycelium, ArgumentsThatCanNotBeAreNamed) {
  Client client = Connected();
  EXPECT_EQ(client.Publish(0, "", "x").message(),
            "publish: type_id 0, allowed 1 to 65535");
  EXPECT_EQ(client.Publish(7, "a..b", "x").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client.Subscribe({.topic_filter = "a.>.b"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(Mycelium, UnknownSchemeSaysWhatIsAllowed) {
  EXPECT_EQ(Client::Connect("foo:bar").status().message(),
            "connect: url \"foo:bar\", allowed unix:/path, tcp://host:port, "
            "inproc:, inproc:NAME");
}

TEST(Mycelium, AbsentBrokerSaysHowToStartOne) {
  const absl::Status status =
      Client::Connect("unix:/var/tmp/no-such-broker.sock").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(),
            "connect unix:/var/tmp/no-such-broker.sock: no such file; start "
            "one with: mycelium-brokerd --listen "
            "unix:/var/tmp/no-such-broker.sock");
}

TEST(Mycelium, EmptyUrlComesFromTheEnvironment) {
  ASSERT_EQ(setenv("MYCELIUM_URL", "inproc:from-environment", 1), 0);
  Client named = Connected("");
  Client other = Connected("inproc:from-environment");
  unsetenv("MYCELIUM_URL");
  auto subscription = other.Subscribe({.type_id = 7});
  ASSERT_TRUE(subscription.ok());
  EXPECT_TRUE(named.Publish(7, "", "hello").ok());
  EXPECT_TRUE(subscription->Next(kLong).ok());
}

}  // namespace
}  // namespace mycelium
