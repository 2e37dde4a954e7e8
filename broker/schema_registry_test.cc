#include "broker/schema_registry.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/schema_rules.h"
#include "gtest/gtest.h"
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
constexpr char kStatus[] = R"(package status;
    message Beat { option (mycelium.type_id) = 9; }
    message Report { option (mycelium.type_id) = 10; })";

// Fields 1 to `count` of `type` in one message type.
std::string Wide(int count, const std::string& type) {
  std::string text = "message Wide { option (mycelium.type_id) = 5;";
  for (int i = 1; i <= count; ++i) {
    text += type + " f" + std::to_string(i) + " = " + std::to_string(i) + ";";
  }
  return text + "}";
}

class SchemaRegistryTest : public testing::Test {
 protected:
  // The refusal's lines; empty: it was let in, and `last_` is it.
  std::string Admit(const std::string& text, bool open = true) {
    const std::shared_ptr<const Schema> schema = SchemaOf(text);
    std::string why;
    last_ = registry_->Admit(schema->digest(), schema->descriptor_set(), open,
                             &why);
    EXPECT_EQ(last_ == nullptr, !why.empty());
    return why;
  }
  std::string Configure(const std::vector<std::string>& texts) {
    std::vector<DescriptorSetFile> files;
    for (const std::string& text : texts) {
      files.push_back(
          {std::to_string(files.size()) + ".binpb", SchemaOf(text)});
    }
    std::string why;
    const bool known = registry_->Configure(files, &why);
    EXPECT_EQ(known, why.empty());
    return why;
  }

  std::optional<SchemaRegistry> registry_{std::in_place};
  const KnownSchema* last_ = nullptr;
};

TEST_F(SchemaRegistryTest, WhatWasToldIsKnownUntilNobodyHoldsIt) {
  const Digest digest = SchemaOf(kChat)->digest();
  EXPECT_EQ(registry_->Hold(digest), nullptr);
  ASSERT_EQ(Admit(kChat), "");
  const KnownSchema* const first = last_;
  EXPECT_EQ(first->number, 1u);
  EXPECT_EQ(first->source, "");
  EXPECT_EQ(registry_->Hold(digest), first);
  EXPECT_EQ(first->sessions, 2u);
  EXPECT_EQ(registry_->bytes(), DescriptorSetOf(kChat).size());
  EXPECT_FALSE(registry_->Release(first));
  EXPECT_TRUE(registry_->Release(first));
  EXPECT_EQ(registry_->Find(digest), nullptr);
  EXPECT_TRUE(registry_->all().empty());
  EXPECT_EQ(registry_->bytes(), 0u);
  ASSERT_EQ(Admit(kChat), "");
  EXPECT_EQ(last_->number, 2u);
}

TEST_F(SchemaRegistryTest, YesterdaysSchemaDoesNotRefuseTodays) {
  ASSERT_EQ(Admit(kChat), "");
  const KnownSchema* const yesterday = last_;
  EXPECT_NE(Admit(kOtherChat), "");
  EXPECT_TRUE(registry_->Release(yesterday));
  EXPECT_EQ(Admit(kOtherChat), "");
}

TEST_F(SchemaRegistryTest, TheLastOfThePastCanBeShown) {
  const auto numbered = [](int n) {
    return "message M { option (mycelium.type_id) = 1; int32 f" +
           std::to_string(n) + " = 1; }";
  };
  for (uint32_t n = 0; n < kPastSchemasMax + 2; ++n) {
    ASSERT_EQ(Admit(numbered(static_cast<int>(n))), "");
    EXPECT_TRUE(registry_->Release(last_));
  }
  EXPECT_TRUE(registry_->all().empty());
  EXPECT_EQ(registry_->past().size(), kPastSchemasMax);
  EXPECT_EQ(registry_->past().begin()->first, 3u);
  // What is known again is not past, and not kept twice.
  ASSERT_EQ(Admit(numbered(5)), "");
  EXPECT_EQ(registry_->past().size(), kPastSchemasMax - 1);
  EXPECT_TRUE(registry_->Release(last_));
  EXPECT_EQ(registry_->past().size(), kPastSchemasMax);
  EXPECT_EQ(registry_->past().rbegin()->second.schema->digest(),
            SchemaOf(numbered(5))->digest());
}

TEST_F(SchemaRegistryTest, WhatIsConfiguredStays) {
  ASSERT_EQ(Configure({kChat, kNewerChat}), "");
  const KnownSchema* const known =
      registry_->Hold(SchemaOf(kNewerChat)->digest());
  ASSERT_NE(known, nullptr);
  EXPECT_EQ(known->source, "1.binpb");
  EXPECT_FALSE(registry_->Release(known));
  EXPECT_EQ(registry_->all().size(), 2u);
  // Once more, as at a reload.
  EXPECT_EQ(Configure({kChat, kNewerChat}), "");
  EXPECT_EQ(registry_->all().size(), 2u);
}

TEST_F(SchemaRegistryTest, WhatWasToldStaysOnceItIsConfigured) {
  ASSERT_EQ(Admit(kChat), "");
  ASSERT_EQ(Configure({kChat}), "");
  EXPECT_EQ(last_->source, "0.binpb");
  EXPECT_FALSE(registry_->Release(last_));
  EXPECT_EQ(registry_->all().size(), 1u);
}

TEST_F(SchemaRegistryTest, ASchemaThatTwoTellAtOnceIsKnownOnce) {
  ASSERT_EQ(Admit(kChat), "");
  const KnownSchema* const first = last_;
  ASSERT_EQ(Admit(kChat), "");
  EXPECT_EQ(last_, first);
  EXPECT_EQ(first->sessions, 2u);
  EXPECT_EQ(registry_->bytes(), DescriptorSetOf(kChat).size());
}

TEST_F(SchemaRegistryTest, RefusesWithALineForEachOffence) {
  struct Case {
    const char* what;
    const char* known;
    const char* told;
    const char* why;
  };
  const Case cases[] = {
      {"the same", kChat, kChat, ""},
      {"a field more", kChat, kNewerChat, ""},
      {"a field less", kNewerChat, kChat, ""},
      {"other types", kChat, kStatus, ""},
      {"no type at all", kChat, "message Plain { bytes b = 1; }", ""},
      {"two fields changed", kChat, kOtherChat,
       "schema: chat.TextMessage.sender is repeated here, implicit at the "
       "broker (field 1, FIELD_WIRE_COMPATIBLE_CARDINALITY)\n"
       "schema: chat.TextMessage.timestamp is string here, int64 at the broker "
       "(field 3, FIELD_WIRE_COMPATIBLE_TYPE)"},
      {"another name", kChat,
       "package talk; message Text { option (mycelium.type_id) = 1; }",
       "schema: message type 1 is talk.Text here, chat.TextMessage at the "
       "broker (MESSAGE_SAME_NAME)"},
      {"another id", kChat,
       "package chat; message TextMessage { option (mycelium.type_id) = 2; }",
       "schema: chat.TextMessage is message type 2 here, message type 1 at the "
       "broker (MESSAGE_SAME_TYPE_ID)"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    registry_.emplace();
    ASSERT_EQ(Admit(c.known), "");
    EXPECT_EQ(Admit(c.told), c.why);
    EXPECT_EQ(registry_->all().size(),
              *c.why != '\0' || c.known == c.told ? 1u : 2u);
  }
}

TEST_F(SchemaRegistryTest, ComparesWithEveryKnownSchemaAndSaysTheSameOnce) {
  ASSERT_EQ(Configure({kChat, kNewerChat, kStatus}), "");
  EXPECT_EQ(Admit(R"(package chat;
                message TextMessage {
                  option (mycelium.type_id) = 1;
                  bool content = 2;
                  bytes timestamp = 3;
                })"),
            "schema: chat.TextMessage.timestamp is bytes here, int64 at the "
            "broker (field 3, FIELD_WIRE_COMPATIBLE_TYPE)\n"
            "schema: chat.TextMessage.content is bool here, string at the "
            "broker (field 2, FIELD_WIRE_COMPATIBLE_TYPE)");
}

TEST_F(SchemaRegistryTest, CountsTheOffencesThatItDoesNotList) {
  ASSERT_EQ(Configure({Wide(20, "string"), Wide(32, "string")}), "");
  const std::string twenty = Admit(Wide(20, "bool"));
  EXPECT_EQ(std::count(twenty.begin(), twenty.end(), '\n'), 19);
  EXPECT_FALSE(twenty.ends_with("more")) << twenty;
  const std::string more = Admit(Wide(32, "bool"));
  EXPECT_EQ(std::count(more.begin(), more.end(), '\n'), 20);
  EXPECT_TRUE(more.ends_with("\nschema: and 12 more")) << more;
}

TEST_F(SchemaRegistryTest, StopsCountingWhenThereAreTooMany) {
  ASSERT_EQ(Configure({Wide(3000, "string")}), "");
  const std::string many = Admit(Wide(3000, "bool"));
  EXPECT_TRUE(many.ends_with("\nschema: and at least 980 more")) << many;
}

TEST_F(SchemaRegistryTest, WhereItDoesNotLearnTypesItTakesKnownOnes) {
  ASSERT_EQ(Configure({kChat}), "");
  EXPECT_EQ(Admit(kNewerChat, /*open=*/false), "");
  EXPECT_EQ(registry_->all().size(), 2u);
  EXPECT_EQ(Admit(kStatus, /*open=*/false),
            "schema: status.Beat (type 9) is not known at the broker, which "
            "learns types only where schema.open is true\n"
            "schema: status.Report (type 10) is not known at the broker, which "
            "learns types only where schema.open is true");
  // What it has learned elsewhere it knows.
  EXPECT_EQ(Admit(kStatus, /*open=*/true), "");
  EXPECT_EQ(Admit("package status; message Beat "
                  "{ option (mycelium.type_id) = 9; bool on = 1; }",
                  /*open=*/false),
            "");
}

TEST_F(SchemaRegistryTest, AKnownNameUnderAnotherIdIsReportedOnce) {
  ASSERT_EQ(Configure({kChat}), "");
  EXPECT_EQ(Admit("package chat; message TextMessage "
                  "{ option (mycelium.type_id) = 2; }",
                  /*open=*/false),
            "schema: chat.TextMessage is message type 2 here, message type 1 "
            "at the broker (MESSAGE_SAME_TYPE_ID)");
}

TEST_F(SchemaRegistryTest, RefusesWhatIsNotTheNamedDescriptorSet) {
  std::string why;
  const Digest digest = SchemaOf(kChat)->digest();
  EXPECT_EQ(registry_->Admit(digest, DescriptorSetOf(kStatus), true, &why),
            nullptr);
  EXPECT_EQ(why, "schema: the descriptor set has the digest " +
                     DigestText(SchemaOf(kStatus)->digest()) +
                     ", HELLO named " + DigestText(digest));
  EXPECT_EQ(registry_->Admit(digest, "garbage", true, &why), nullptr);
  EXPECT_EQ(why,
            "schema: 7 bytes that are not a google.protobuf.FileDescriptorSet");
  EXPECT_TRUE(registry_->all().empty());
}

TEST_F(SchemaRegistryTest, IsBoundedInCountAndBytes) {
  const auto chat = static_cast<uint32_t>(DescriptorSetOf(kChat).size());
  const auto status = static_cast<uint32_t>(DescriptorSetOf(kStatus).size());
  registry_->set_limits({chat - 1, 10, 10'000});
  EXPECT_EQ(Admit(kChat), "schema: descriptor set of " + std::to_string(chat) +
                              " bytes, schema_bytes_max " +
                              std::to_string(chat - 1));
  registry_->set_limits({10'000, 1, 10'000});
  ASSERT_EQ(Admit(kChat), "");
  EXPECT_EQ(Admit(kStatus), "schema: 1 schemas are known, schemas_max 1");
  registry_->set_limits({10'000, 10, chat + status - 1});
  EXPECT_EQ(Admit(kStatus), "schema: " + std::to_string(chat) +
                                " bytes of schemas are known, " +
                                std::to_string(status) +
                                " more, schemas_bytes_max " +
                                std::to_string(chat + status - 1));
  registry_->set_limits({10'000, 2, chat + status});
  EXPECT_EQ(Admit(kStatus), "");
}

TEST_F(SchemaRegistryTest, LimitsBelowWhatIsKnownHoldForWhatComes) {
  ASSERT_EQ(Admit(kChat), "");
  ASSERT_EQ(Admit(kStatus), "");
  registry_->set_limits({10'000, 1, 10'000});
  EXPECT_EQ(Configure({}), "");
  EXPECT_EQ(Configure({kChat}), "");
  EXPECT_NE(Configure({kNewerChat}), "");
  EXPECT_EQ(registry_->all().size(), 2u);
}

TEST_F(SchemaRegistryTest, IsConfiguredAsAWholeOrNotAtAll) {
  ASSERT_EQ(Admit(kChat), "");
  EXPECT_EQ(Configure({kStatus, kOtherChat}),
            "schema.descriptor_set: \"1.binpb\": chat.TextMessage.sender is "
            "repeated here, implicit at the broker (field 1, "
            "FIELD_WIRE_COMPATIBLE_CARDINALITY)\n"
            "schema.descriptor_set: \"1.binpb\": chat.TextMessage.timestamp is "
            "string here, int64 at the broker (field 3, "
            "FIELD_WIRE_COMPATIBLE_TYPE)");
  EXPECT_EQ(registry_->all().size(), 1u);
  registry_->set_limits({10'000, 2, 10'000});
  EXPECT_EQ(Configure({kStatus, kNewerChat}),
            "schema: 1 schemas are known, 2 more, schemas_max 2");
  EXPECT_EQ(registry_->all().size(), 1u);
  EXPECT_EQ(Configure({kStatus, kChat, kStatus}), "");
  EXPECT_EQ(registry_->all().size(), 2u);
}

}  // namespace
}  // namespace mycelium::broker
