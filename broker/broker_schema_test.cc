// Schemas at the broker: who is asked, who is let in, what is told about them.
#include <deque>
#include <string>
#include <vector>

#include "broker/broker_fixture.h"
#include "config/limits.h"
#include "config/schema_rules.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/admin.pb.h"
#include "proto/mycelium/control.pb.h"
#include "proto/schema.h"
#include "tests/descriptor_set_of.h"

namespace mycelium::broker {
namespace {

constexpr char kChat[] = R"(package chat;
    message TextMessage {
      option (mycelium.type_id) = 1;
      string sender = 1;
      int64 timestamp = 3;
    })";
constexpr char kNewerChat[] = R"(package chat;
    message TextMessage {
      option (mycelium.type_id) = 1;
      string sender = 1;
      string content = 2;
      int64 timestamp = 3;
    })";
constexpr char kOtherChat[] = R"(package chat;
    message TextMessage {
      option (mycelium.type_id) = 1;
      repeated string sender = 1;
      string timestamp = 3;
    })";

TEST_P(BrokerTest, AnUnknownSchemaIsAskedForAndAKnownOneIsNot) {
  Client first = Connect();
  SayHello(first, kChat);
  const std::deque<Received> asked = Read(&first);
  ASSERT_EQ(asked.size(), 1u);
  ASSERT_TRUE(asked[0].Is(ControlKind::kSchema));
  const Digest digest = SchemaOf(kChat)->digest();
  EXPECT_EQ(asked[0].As<wire::Schema>().schema_digest(),
            std::string(digest.begin(), digest.end()));
  EXPECT_EQ(first.session->state(), SessionState::kSchemaAsked);
  TellSchema(first, kChat);
  EXPECT_TRUE(Read(&first).at(0).Is(ControlKind::kWelcome));

  Client second = Connect();
  SayHello(second, kChat);
  EXPECT_TRUE(Read(&second).at(0).Is(ControlKind::kWelcome));
  const wire::Status status = Status(&second);
  EXPECT_EQ(status.schemas(), 1u);
  EXPECT_EQ(status.schemas_bytes(), DescriptorSetOf(kChat).size());
  EXPECT_EQ(status.sessions(1).schema_digest(),
            std::string(digest.begin(), digest.end()));
}

TEST_P(BrokerTest, ASchemaIsForgottenWithTheLastSessionThatNamedIt) {
  Client observer = Open(), first = OpenWith(kChat);
  Client second = Connect();
  SayHello(second, kChat);
  broker_->Ended(first.session, "");
  EXPECT_EQ(Status(&observer).schemas(), 1u);
  SendControl(second, ControlKind::kClose, 0);
  EXPECT_EQ(Status(&observer).schemas(), 0u);
  EXPECT_EQ(Status(&observer).schemas_bytes(), 0u);
  Client third = OpenWith(kOtherChat);
  EXPECT_TRUE(Read(&third).at(0).Is(ControlKind::kWelcome));
}

TEST_P(BrokerTest, ASchemaThatDoesNotFitIsRefusedWithEachField) {
  Client first = OpenWith(kChat);
  Client other = OpenWith(kOtherChat);
  const wire::Close close = ReadClose(&other);
  EXPECT_EQ(close.code(), wire::CODE_SCHEMA);
  EXPECT_EQ(close.reason(),
            "schema: chat.TextMessage.sender is repeated here, implicit at the "
            "broker (field 1, FIELD_WIRE_COMPATIBLE_CARDINALITY)\n"
            "schema: chat.TextMessage.timestamp is string here, int64 at the "
            "broker (field 3, FIELD_WIRE_COMPATIBLE_TYPE)");
  Client newer = OpenWith(kNewerChat);
  EXPECT_TRUE(Read(&newer).at(0).Is(ControlKind::kWelcome));
  EXPECT_EQ(Status(&newer).schemas(), 2u);
}

TEST_P(BrokerTest, WhoIsAskedForItsSchemaMustTellItFirst) {
  Client pipelined = Connect();
  SayHello(pipelined, kChat);
  Send(pipelined, Publish(7, "", "too early"));
  EXPECT_EQ(ReadClose(&pipelined).reason(),
            "protocol: PUBLISH, allowed SCHEMA or CLOSE before WELCOME");
  Client leaving = Connect();
  SayHello(leaving, kChat);
  Read(&leaving);
  SendControl(leaving, ControlKind::kClose, 0);
  EXPECT_TRUE(Read(&leaving).empty());
  EXPECT_TRUE(leaving.session->finished());
  Client twice = OpenWith(kChat);
  Read(&twice);
  TellSchema(twice, kChat);
  EXPECT_EQ(ReadClose(&twice).reason(),
            "protocol: SCHEMA, not from a client to a broker");
}

TEST_P(BrokerTest, NoSchemaInTimeCloses) {
  Client client = Connect();
  now_ms_ += kHelloTimeoutMsDefault - 1;
  SayHello(client, kChat);
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kSchema));
  EXPECT_EQ(broker_->next_deadline_ms(), now_ms_ + 1);
  now_ms_ += 1;
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_HELLO_TIMEOUT);
  EXPECT_EQ(close.reason(), "schema: none within 5000 ms");
}

TEST_P(BrokerTest, ASchemaOverItsLimitIsRefusedAtItsHeader) {
  Client client = Connect();
  SayHello(client, kChat);
  Read(&client);
  std::string header(kHeaderBytes, '\0');
  StoreHeader({kSchemaBytesMaxDefault + kSchemaBodyBytes + 1, 0, 15, 0, 0},
              reinterpret_cast<uint8_t*>(header.data()));
  Send(client, header);
  const wire::Close close = ReadClose(&client);
  EXPECT_EQ(close.code(), wire::CODE_FRAME_TOO_LARGE);
  EXPECT_EQ(close.reason(),
            "frame: body_bytes 1048617, frame_bytes_max 1048616");
}

TEST_P(BrokerTest, ASchemaMayBeLargerThanAFrame) {
  BrokerLimits limits;
  limits.frame_bytes_max = 1024;
  Restart(limits);
  std::string text = "message Wide { option (mycelium.type_id) = 5;";
  for (int i = 1; i <= 200; ++i) {
    text += " int32 f" + std::to_string(i) + " = " + std::to_string(i) + ";";
  }
  ASSERT_GT(DescriptorSetOf(text + "}").size(), 1024u);
  Client client = OpenWith(text + "}");
  EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kWelcome));
}

TEST_P(BrokerTest, OverTcpOnlyKnownTypesAreTakenUnlessSchemasAreOpen) {
  Client closed = OpenWith(kChat, /*is_local=*/false);
  EXPECT_EQ(ReadClose(&closed).reason(),
            "schema: chat.TextMessage (type 1) is not known at the broker, "
            "which learns types only where schema.open is true");
  ASSERT_TRUE(
      broker_->Configure({}, {.open = {}, .required = false}, Files({kChat}))
          .ok());
  Client known = OpenWith(kNewerChat, /*is_local=*/false);
  EXPECT_TRUE(Read(&known).at(0).Is(ControlKind::kWelcome));

  Restart({});
  ASSERT_TRUE(
      broker_->Configure({}, {.open = true, .required = false}, {}).ok());
  Client open = OpenWith(kChat, /*is_local=*/false);
  EXPECT_TRUE(Read(&open).at(0).Is(ControlKind::kWelcome));
}

TEST_P(BrokerTest, WhereASchemaIsRequiredRawClientsMayOnlyLookOn) {
  Client raw = Open(), typed = OpenWith(kChat);
  Read(&typed);
  ASSERT_TRUE(broker_->Configure({}, {.open = {}, .required = true}, {}).ok());
  EXPECT_EQ(Subscribe(&typed, 1, 1).code(), wire::CODE_OK);
  const wire::Subscribed subscribed = Subscribe(&raw, 1, 1);
  EXPECT_EQ(subscribed.code(), wire::CODE_SCHEMA);
  EXPECT_EQ(subscribed.reason(),
            "subscribe: HELLO named no schema, and schema.required is true");
  SendControl(raw, ControlKind::kPing, 1);
  SendControl(raw, ControlKind::kFlush, 2);
  EXPECT_EQ(Read(&raw).size(), 2u);
  EXPECT_EQ(Status(&raw).sessions_size(), 2);
  Send(typed, Publish(1, "", "x"));
  EXPECT_EQ(Read(&typed).size(), 1u);
  Send(raw, Publish(1, "", "x"));
  const wire::Close close = ReadClose(&raw);
  EXPECT_EQ(close.code(), wire::CODE_SCHEMA);
  EXPECT_EQ(close.reason(),
            "publish: HELLO named no schema, and schema.required is true");
  EXPECT_TRUE(Read(&typed).empty());
}

TEST_P(BrokerTest, WhatDoesNotFitIsNotConfigured) {
  Client client = OpenWith(kChat);
  Read(&client);
  BrokerLimits limits;
  limits.frame_bytes_max = 2000;
  const absl::Status status = broker_->Configure(
      limits, {.open = {}, .required = true}, Files({kOtherChat}));
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Status(&client).schemas(), 1u);
  Client raw = Open();
  EXPECT_EQ(Subscribe(&raw, 1, 1).code(), wire::CODE_OK);
  ASSERT_TRUE(broker_->Configure(limits, {}, Files({kNewerChat})).ok());
  EXPECT_EQ(Status(&client).schemas(), 2u);
  broker_->Ended(client.session, "");
  EXPECT_EQ(Status(&raw).schemas(), 1u);
}

TEST_P(BrokerTest, SchemasAreListedAPageAtATime) {
  // 3000 types of 60 bytes and more each: no page holds them.
  std::string large = "package large;";
  for (int i = 1; i <= 3000; ++i) {
    large += "message Message" + std::to_string(i) +
             " { option (mycelium.type_id) = " + std::to_string(1000 + i) +
             "; }";
  }
  ASSERT_TRUE(broker_->Configure({}, {}, Files({kChat, large})).ok());
  Client client = OpenWith(kNewerChat);
  Read(&client);
  wire::AdminRequest request;
  std::vector<wire::KnownSchema> listed;
  int pages = 0;
  for (bool more = true; more; ++pages) {
    request.mutable_schema_list()->set_after_number(
        listed.empty() ? 0 : listed.back().number());
    const wire::SchemaList page = Ask(&client, request).schema_list();
    EXPECT_LT(page.ByteSizeLong(), kControlBytesMax / 2);
    listed.insert(listed.end(), page.schemas().begin(), page.schemas().end());
    more = page.more();
  }
  EXPECT_GE(pages, 2);
  ASSERT_EQ(listed.size(), 3u);
  EXPECT_EQ(listed[0].source(), "0.binpb");
  EXPECT_EQ(listed[0].sessions(), 0u);
  EXPECT_EQ(listed[0].descriptor_set_bytes(), DescriptorSetOf(kChat).size());
  ASSERT_EQ(listed[0].types_size(), 1);
  EXPECT_EQ(listed[0].types(0).type_id(), 1u);
  EXPECT_EQ(listed[0].types(0).name(), "chat.TextMessage");
  const Digest fingerprint = SchemaOf(kChat)->types()[0].fingerprint;
  EXPECT_EQ(listed[0].types(0).fingerprint(),
            std::string(fingerprint.begin(), fingerprint.end()));
  EXPECT_EQ(listed[1].types_total(), 3000u);
  EXPECT_LT(listed[1].types_size(), 3000);
  EXPECT_EQ(listed[2].source(), "");
  EXPECT_EQ(listed[2].sessions(), 1u);
}

TEST_P(BrokerTest, DescriptorSetsAreToldInPieces) {
  std::string large = "message Wide { option (mycelium.type_id) = 5;";
  for (int i = 1; i <= 9000; ++i) {
    large += " int32 f" + std::to_string(i) + " = " + std::to_string(i) + ";";
  }
  const std::vector<DescriptorSetFile> files = Files({large + "}"});
  ASSERT_TRUE(broker_->Configure({}, {}, files).ok());
  const std::string& whole = files[0].schema->descriptor_set();
  const Digest digest = files[0].schema->digest();
  Client client = Open();
  wire::AdminRequest request;
  wire::DescriptorSetRequest* const part = request.mutable_descriptor_set();
  part->set_schema_digest(digest.data(), digest.size());
  std::string told;
  while (true) {
    part->set_offset(static_cast<uint32_t>(told.size()));
    const wire::AdminReply reply = Ask(&client, request);
    EXPECT_EQ(reply.error(), "");
    EXPECT_EQ(reply.descriptor_set().total_bytes(), whole.size());
    EXPECT_LE(reply.descriptor_set().piece().size(), size_t{64 << 10});
    if (reply.descriptor_set().piece().empty()) break;
    told += reply.descriptor_set().piece();
  }
  EXPECT_GT(told.size(), size_t{128 << 10});
  EXPECT_EQ(told, whole);
  part->set_offset(static_cast<uint32_t>(whole.size() + 1));
  EXPECT_EQ(Ask(&client, request).error(),
            "admin: offset " + std::to_string(whole.size() + 1) +
                ", the descriptor set has " + std::to_string(whole.size()) +
                " bytes");
  part->set_schema_digest(std::string(32, '\0'));
  EXPECT_EQ(Ask(&client, request).error(),
            "admin: schema " + DigestText({}) + " is not known");
  part->set_schema_digest("short");
  EXPECT_EQ(Ask(&client, request).error(),
            "admin: schema_digest of 5 bytes, allowed 32");
}

}  // namespace
}  // namespace mycelium::broker
