// Typed publishing and subscribing in process; over sockets it is the same
// code behind core::Client (tests/integration/typed_test.cc).
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "client/cpp/mycelium.h"
#include "gtest/gtest.h"
#include "mycelium_protocol.mycelium.h"
#include "tests/descriptor_set_of.h"
#include "wide.mycelium.h"

namespace mycelium {
namespace {

using chat::Question;
using chat::TextMessage;

constexpr absl::Duration kLong = absl::Seconds(20);

Client Connected(const EncodedSchema& schema,
                 std::string_view url = "inproc:") {
  absl::StatusOr<Client> client = Client::Connect(url, {.schema = schema});
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

TextMessage Hello(const std::string& content) {
  TextMessage message;
  message.set_sender("typed_test");
  message.set_content(content);
  message.set_timestamp(123);
  return message;
}

TEST(Typed, DirectSubscriberGetsTheObjectItself) {
  Client client = Connected(SchemaOf<TextMessage>());
  const TextMessage* seen = nullptr;
  const auto subscription = client.Subscribe<TextMessage>(
      [&](const TextMessage& message) { seen = &message; });
  ASSERT_TRUE(subscription.ok()) << subscription.status();
  const TextMessage message = Hello("one");
  ASSERT_TRUE(client.Publish(message).ok());
  EXPECT_EQ(seen, &message);
}

TEST(Typed, SharedObjectReachesQueuedAndPulledSubscribersAsItIs) {
  Client client = Connected(SchemaOf<TextMessage>());
  auto subscription =
      client.Subscribe<TextMessage>(TypedSubscribeOptions{"rooms.*"});
  ASSERT_TRUE(subscription.ok());
  const auto message = std::make_shared<const TextMessage>(Hello("shared"));
  ASSERT_TRUE(client.Publish(message, {.topic = "rooms.one"}).ok());
  EXPECT_EQ(message.use_count(), 2);
  const auto item = subscription->Next<TextMessage>(kLong);
  ASSERT_TRUE(item.ok()) << item.status();
  const auto& received = std::get<Received<TextMessage>>(*item);
  EXPECT_EQ(received.message.get(), message.get());
  EXPECT_EQ(received.topic, "rooms.one");
  EXPECT_EQ(received.sequence, 1u);
}

TEST(Typed, ObjectOfTheCallersOwnIsEncodedForAQueue) {
  Client client = Connected(SchemaOf<TextMessage>());
  auto subscription = client.Subscribe<TextMessage>(TypedSubscribeOptions{});
  ASSERT_TRUE(subscription.ok());
  ASSERT_TRUE(client.Publish(Hello("gone by then")).ok());
  const auto item = subscription->Next<TextMessage>(kLong);
  ASSERT_TRUE(item.ok()) << item.status();
  EXPECT_EQ(std::get<Received<TextMessage>>(*item).message->content(),
            "gone by then");
}

TEST(Typed, ByteSubscriberGetsTheEncodedObject) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::string bytes;
  const auto subscription =
      client.Subscribe({.type_id = 1}, [&](const Message& message) {
        EXPECT_EQ(message.object, nullptr);
        bytes.assign(message.payload.begin(), message.payload.end());
      });
  ASSERT_TRUE(subscription.ok());
  const TextMessage message = Hello("as bytes");
  ASSERT_TRUE(client.Publish(message).ok());
  EXPECT_EQ(bytes, message.SerializeAsString());
}

TEST(Typed, BytesOfARawPublisherAreParsed) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::vector<std::string> seen;
  const auto subscription = client.Subscribe<TextMessage>(
      [&](const TextMessage& message) { seen.push_back(message.content()); });
  ASSERT_TRUE(subscription.ok());
  ASSERT_TRUE(client.Publish(1, "", Hello("raw").SerializeAsString()).ok());
  EXPECT_EQ(seen, std::vector<std::string>{"raw"});
}

TEST(Typed, WhatIsNoMessageIsToldAsAGap) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::vector<Gap> gaps;
  TypedHandler<TextMessage> handler;
  handler.on_message = [](const TextMessage&, const Message&) { FAIL(); };
  handler.on_gap = [&](const Gap& gap) { gaps.push_back(gap); };
  const auto pushed = client.Subscribe<TextMessage>({}, handler);
  auto pulled = client.Subscribe<TextMessage>(TypedSubscribeOptions{});
  ASSERT_TRUE(pushed.ok() && pulled.ok());
  ASSERT_TRUE(client.Publish(1, "", "\xff\xff").ok());
  ASSERT_EQ(gaps.size(), 1u);
  EXPECT_EQ(gaps[0].reason, GapReason::kMalformed);
  EXPECT_EQ(gaps[0].ranges[0].first_sequence, 1u);
  const auto item = pulled->Next<TextMessage>(kLong);
  ASSERT_TRUE(item.ok());
  EXPECT_EQ(std::get<Gap>(*item).frames(), 1u);
}

TEST(Typed, CallbackSeesTopicAndSequence) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::string topic;
  TypedHandler<TextMessage> handler;
  handler.on_message = [&](const TextMessage&, const Message& message) {
    topic = std::string(message.topic) + "#" + std::to_string(message.sequence);
  };
  const auto subscription =
      client.Subscribe<TextMessage>({.topic_filter = "rooms.>"}, handler);
  ASSERT_TRUE(subscription.ok());
  ASSERT_TRUE(client.Publish(Hello("x"), {.topic = "rooms.a.b"}).ok());
  ASSERT_TRUE(client.Publish(Hello("x"), {.topic = "halls.a"}).ok());
  EXPECT_EQ(topic, "rooms.a.b#1");
}

TEST(Typed, PublishWithinACallbackKeepsTheOuterBytes) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::vector<std::string> bytes;
  const auto answering = client.Subscribe({.type_id = 1}, [&](const Message&) {
    Question question;
    question.set_text(std::string(1000, 'q'));
    ASSERT_TRUE(client.Publish(question).ok());
  });
  const auto questions =
      client.Subscribe({.type_id = 2}, [](const Message&) {});
  const auto second = client.Subscribe({.type_id = 1}, [&](const Message& m) {
    bytes.emplace_back(m.payload.begin(), m.payload.end());
  });
  ASSERT_TRUE(answering.ok() && questions.ok() && second.ok());
  const TextMessage message = Hello("outer");
  ASSERT_TRUE(client.Publish(message).ok());
  EXPECT_EQ(bytes, std::vector<std::string>{message.SerializeAsString()});
}

TEST(Typed, OverflowingQueueReleasesTheObjectsThatItDrops) {
  Client client = Connected(SchemaOf<TextMessage>());
  TypedSubscribeOptions options;
  options.policy = {.queue_bytes_max = 4096, .stall_ms_max = 0};
  auto subscription = client.Subscribe<TextMessage>(options);
  ASSERT_TRUE(subscription.ok());
  std::vector<std::shared_ptr<const TextMessage>> messages;
  for (int i = 0; i < 100; ++i) {
    messages.push_back(
        std::make_shared<const TextMessage>(Hello(std::string(400, 'x'))));
    ASSERT_TRUE(client.Publish(messages.back()).ok());
  }
  EXPECT_EQ(messages.front().use_count(), 1);
  EXPECT_EQ(messages.back().use_count(), 2);
  const auto gap = subscription->Next<TextMessage>(kLong);
  ASSERT_TRUE(gap.ok());
  const uint64_t lost = std::get<Gap>(*gap).frames();
  EXPECT_GT(lost, 80u);
  uint64_t received = 0;
  while (subscription->Next<TextMessage>(absl::ZeroDuration()).ok()) ++received;
  EXPECT_EQ(received + lost, 100u);
}

TEST(Typed, ObjectsLeftInAQueueEndWithIt) {
  const auto message = std::make_shared<const TextMessage>(Hello("left"));
  {
    Client client = Connected(SchemaOf<TextMessage>());
    auto subscription = client.Subscribe<TextMessage>(TypedSubscribeOptions{});
    ASSERT_TRUE(subscription.ok());
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(client.Publish(message).ok());
    ASSERT_TRUE(subscription->Next<TextMessage>(kLong).ok());
    ASSERT_TRUE(client.Publish(message).ok());
  }
  EXPECT_EQ(message.use_count(), 1);
}

TEST(Typed, ObjectsPassBetweenThreadsUnchanged) {
  Client publisher = Connected(SchemaOf<TextMessage>(), "inproc:typed");
  Client reader = Connected(SchemaOf<TextMessage>(), "inproc:typed");
  TypedSubscribeOptions options;
  options.policy = {.queue_bytes_max = 1 << 16, .stall_ms_max = -1};
  auto subscription = reader.Subscribe<TextMessage>(options);
  ASSERT_TRUE(subscription.ok());
  constexpr int kMessages = 20'000;
  std::thread thread([&] {
    for (int i = 0; i < kMessages; ++i) {
      // By turns as an object and as bytes.
      TextMessage message = Hello(std::to_string(i));
      const absl::Status status =
          i % 2 == 0 ? publisher.Publish(std::make_shared<TextMessage>(message))
                     : publisher.Publish(message);
      ASSERT_TRUE(status.ok()) << status;
    }
  });
  for (int i = 0; i < kMessages; ++i) {
    const auto item = subscription->Next<TextMessage>(kLong);
    ASSERT_TRUE(item.ok()) << item.status();
    EXPECT_EQ(std::get<Received<TextMessage>>(*item).message->content(),
              std::to_string(i));
  }
  thread.join();
}

TEST(Typed, TypeOfAnotherSchemaIsRefusedByName) {
  Client client = Connected(SchemaOf<TextMessage>());
  const absl::Status status = client.Publish(wide::Empty());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(
      status.message(),
      "publish: wide.Empty is not of the schema that this client "
      "connected with, "
      "m1:4a43e4d4142db1c8e4ba330ae14667c938e72be8a85e6d78411b5c19f783b173"
      "; allowed what ClientOptions::schema has, see SchemaOf");
  EXPECT_EQ(
      client.Subscribe<wide::Empty>([](const wide::Empty&) {}).status().code(),
      absl::StatusCode::kFailedPrecondition);
}

TEST(Typed, ClientWithoutASchemaHasNoTypes) {
  Client client = Connected({});
  EXPECT_EQ(client.Publish(Hello("x")).message(),
            "publish: chat.TextMessage is not of the schema that this client "
            "connected with, none; allowed what ClientOptions::schema has, "
            "see SchemaOf");
}

TEST(Typed, MergedSchemaHasTheTypesOfAll) {
  const auto merged =
      MergeSchemas({SchemaOf<TextMessage>(), SchemaOf<wide::Empty>(),
                    SchemaOf<TextMessage>()});
  ASSERT_TRUE(merged.ok()) << merged.status();
  Client client = Connected(*merged);
  EXPECT_TRUE(client.Publish(Hello("x")).ok());
  EXPECT_TRUE(client.Publish(wide::Empty()).ok());
  EXPECT_EQ(MergeSchemas({SchemaOf<TextMessage>()})->digest,
            SchemaOf<TextMessage>().digest);
}

TEST(Typed, NextAsAnotherTypeIsRefused) {
  Client client = Connected(SchemaOf<TextMessage>());
  auto subscription = client.Subscribe<TextMessage>(TypedSubscribeOptions{});
  ASSERT_TRUE(subscription.ok());
  ASSERT_TRUE(client.Publish(Hello("x")).ok());
  EXPECT_EQ(subscription->Next<Question>(kLong).status().message(),
            "next: a message of type 1, asked for chat.Question (type 2)");
}

EncodedSchema Encoded(std::string_view text) {
  const auto schema = SchemaOf(text);
  const Digest& digest = schema->digest();
  return {{digest.begin(), digest.end()}, schema->descriptor_set()};
}

TEST(Typed, BusRefusesASchemaThatDoesNotFitTheOthers) {
  const EncodedSchema now = Encoded(
      "package v; message M { option (mycelium.type_id) = 1; int64 a = 3; }");
  const EncodedSchema added = Encoded(
      "package v; message M { option (mycelium.type_id) = 1; int64 a = 3; "
      "int64 b = 4; }");
  const EncodedSchema changed = Encoded(
      "package v; message M { option (mycelium.type_id) = 1; string a = 3; }");
  absl::StatusOr<Client> first = Client::Connect("inproc:x", {.schema = now});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(Client::Connect("inproc:x", {.schema = added}).ok());
  const absl::Status refused =
      Client::Connect("inproc:x", {.schema = changed}).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.message(),
            "connect inproc:x: refused by the bus: schema: v.M.a is string "
            "here, int64 on the bus (field 3, FIELD_WIRE_COMPATIBLE_TYPE)");
  // What nobody speaks any more stands in nobody's way.
  Client keeps_the_bus = Connected({}, "inproc:x");
  first->Close();
  EXPECT_TRUE(Client::Connect("inproc:x", {.schema = changed}).ok());
}

TEST(Typed, DescriptorSetThatIsNoneIsRefused) {
  EXPECT_EQ(
      Client::Connect("inproc:", {.schema = {std::string(32, 'd'), "\xff"}})
          .status()
          .message(),
      "schema: 1 bytes that are not a google.protobuf.FileDescriptorSet");
}

TEST(Typed, AcknowledgedPublishSaysWhenItIsAccepted) {
  Client client = Connected(SchemaOf<TextMessage>());
  std::vector<std::string> seen;
  const auto subscription = client.Subscribe<TextMessage>(
      [&](const TextMessage& message) { seen.push_back(message.content()); });
  ASSERT_TRUE(subscription.ok());
  std::vector<absl::Status> accepted;
  ASSERT_TRUE(client
                  .PublishAcked(Hello("one"), {},
                                [&](const absl::Status& status) {
                                  accepted.push_back(status);
                                })
                  .ok());
  EXPECT_EQ(accepted, std::vector<absl::Status>{absl::OkStatus()});
  EXPECT_TRUE(client.PublishAcked(Hello("two")).get().ok());
  EXPECT_EQ(client.PublishAcked(Hello("x"), {.topic = "a.*"}).get().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(client.PublishAcked(Question()).get(), absl::OkStatus());
  EXPECT_EQ(seen, (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(client.counters().frames_accepted, 3u);
}

}  // namespace
}  // namespace mycelium
