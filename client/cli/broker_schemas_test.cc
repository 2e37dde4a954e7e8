#include "client/cli/broker_schemas.h"

#include "client/cli/fake_admin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using testing::HasSubstr;

const Timeout kTimeout(absl::InfiniteDuration());

class BrokerSchemasTest : public testing::Test {
 protected:
  std::string ListError() {
    auto list = ListSchemas(admin_.call(), 0, kTimeout);
    return list.ok() ? "no error" : std::string(list.status().message());
  }
  std::string FetchError() {
    auto schema = FetchSchema(admin_.call(), schema_->digest(), kTimeout);
    return schema.ok() ? "no error" : std::string(schema.status().message());
  }

  const std::shared_ptr<const Schema> schema_ =
      MakeSchema({{7, "Word", {"text"}}, {8, "Name", {"first", "last"}}});
  FakeAdmin admin_;
};

TEST_F(BrokerSchemasTest, AreListedOverAllPages) {
  for (uint64_t number : {2, 3, 5, 9, 10}) admin_.Know(number, schema_);
  admin_.page_schemas = 2;
  auto list = ListSchemas(admin_.call(), 2, kTimeout);
  ASSERT_TRUE(list.ok()) << list.status();
  std::vector<uint64_t> numbers;
  for (const auto& known : *list) numbers.push_back(known.number());
  EXPECT_EQ(numbers, (std::vector<uint64_t>{3, 5, 9, 10}));
  EXPECT_EQ(admin_.lists, 2);
}

TEST_F(BrokerSchemasTest, TypesThatAPageHasNoRoomForAreFetched) {
  admin_.Know(1, schema_);
  admin_.page_types = 1;
  auto list = ListSchemas(admin_.call(), 0, kTimeout);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ((*list)[0].types_size(), 2);
  EXPECT_EQ((*list)[0].types(1).name(), "fake.Name");
  EXPECT_EQ(admin_.pieces, 1);
}

TEST_F(BrokerSchemasTest, AListThatGoesNotOnIsAnError) {
  admin_.Know(1, schema_);
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_schema_list()->set_more(true);
    reply->mutable_schema_list()->mutable_schemas(0)->set_number(1);
  };
  admin_.Know(2, schema_);
  admin_.page_schemas = 1;
  EXPECT_EQ(ListError(),
            "the broker's reply: schema 1 after 1, with a digest of 32 bytes");
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_schema_list()->clear_schemas();
    reply->mutable_schema_list()->set_more(true);
  };
  EXPECT_EQ(ListError(), "no error");
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_schema_list()->mutable_schemas(0)->set_schema_digest("x");
  };
  EXPECT_EQ(ListError(),
            "the broker's reply: schema 1 after 0, with a digest of 1 bytes");
}

TEST_F(BrokerSchemasTest, ErrorsOfTheBrokerAreTold) {
  admin_.change = [](wire::AdminReply* reply) {
    reply->set_error("admin: not\ntoday\t");
  };
  EXPECT_EQ(ListError(), "admin: not\ntoday\\t");
  // An older broker.
  admin_.change = [](wire::AdminReply* reply) { reply->mutable_status(); };
  EXPECT_EQ(ListError(), "the broker's reply: no list of schemas");
  admin_.change = nullptr;
  EXPECT_EQ(FetchError(), "admin: a schema that is not known");
}

TEST_F(BrokerSchemasTest, AreFetchedInPieces) {
  admin_.Know(1, schema_);
  admin_.piece_bytes = 7;
  auto schema = FetchSchema(admin_.call(), schema_->digest(), kTimeout);
  ASSERT_TRUE(schema.ok()) << schema.status();
  EXPECT_EQ((*schema)->descriptor_set(), schema_->descriptor_set());
  EXPECT_GT(admin_.pieces, 5);
}

TEST_F(BrokerSchemasTest, PiecesThatDoNotFitAreAnError) {
  admin_.Know(1, schema_);
  const std::string bytes = std::to_string(schema_->descriptor_set().size());
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_descriptor_set()->clear_piece();
  };
  EXPECT_EQ(FetchError(), "the broker's reply: a descriptor set of " + bytes +
                              " bytes, of which 0 have come");
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_descriptor_set()->set_total_bytes(10);
  };
  EXPECT_EQ(FetchError(),
            "the broker's reply: a descriptor set of 10 bytes, of which " +
                bytes + " have come");
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_descriptor_set()->set_total_bytes(UINT32_MAX);
  };
  EXPECT_EQ(FetchError(),
            "the broker's reply: a descriptor set of 4294967295 bytes, of "
            "which " +
                bytes + " have come");
}

TEST_F(BrokerSchemasTest, AnotherSchemaThanTheOneAskedForIsAnError) {
  admin_.Know(1, schema_);
  const auto other = MakeSchema({{7, "Word", {"txt"}}});
  admin_.change = [&](wire::AdminReply* reply) {
    reply->mutable_descriptor_set()->set_piece(other->descriptor_set());
    reply->mutable_descriptor_set()->set_total_bytes(
        static_cast<uint32_t>(other->descriptor_set().size()));
  };
  EXPECT_EQ(FetchError(), "the broker's reply: " + DigestText(other->digest()) +
                              ", asked for " + DigestText(schema_->digest()));
  admin_.change = [](wire::AdminReply* reply) {
    reply->mutable_descriptor_set()->set_piece("hello");
    reply->mutable_descriptor_set()->set_total_bytes(5);
  };
  EXPECT_THAT(FetchError(), HasSubstr("the broker's reply: schema: 5 bytes"));
}

}  // namespace
}  // namespace mycelium::cli
