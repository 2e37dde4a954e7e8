#include "client/cli/schema_text.h"

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

wire::KnownSchema Example() {
  wire::KnownSchema schema;
  schema.set_schema_digest(std::string(32, '\xab'));
  schema.set_descriptor_set_bytes(2048);
  wire::KnownMessageType* type = schema.add_types();
  type->set_type_id(65535);
  type->set_name("chat.TextMessage");
  type->set_fingerprint(std::string(32, '\x12'));
  return schema;
}

const std::string kDigest =
    "m1:abababababababababababababababababababababababababababababababab";
const std::string kFingerprint =
    "1212121212121212121212121212121212121212121212121212121212121212";

TEST(SchemaText, HasTheDigestAndALineForEachType) {
  EXPECT_EQ(SchemaText(Example()),
            kDigest + "\n65535 chat.TextMessage 121212121212\n");
}

TEST(SchemaText, OfABrokerSaysWhereTheSchemaIsFrom) {
  wire::KnownSchema schema = Example();
  schema.set_number(3);
  schema.set_sessions(1);
  EXPECT_EQ(SchemaText(schema),
            kDigest +
                "\n      schema 3 of 2 KiB, told by a client, 1 session"
                "\n65535 chat.TextMessage 121212121212\n");
  schema.set_source("/etc/\x1b[2J.binpb");
  schema.set_sessions(2);
  schema.clear_types();
  EXPECT_EQ(SchemaText(schema),
            kDigest +
                "\n      schema 3 of 2 KiB, /etc/\\x1b[2J.binpb, 2 sessions"
                "\n      no message types\n");
}

TEST(SchemaJson, IsOneLineWithWholeFingerprints) {
  EXPECT_EQ(SchemaJson(Example()),
            "{\"digest\":\"" + kDigest +
                "\",\"descriptor_set_bytes\":2048,\"types\":[{\"type\":65535,"
                "\"name\":\"chat.TextMessage\",\"fingerprint\":\"" +
                kFingerprint + "\"}]}\n");
  wire::KnownSchema schema = Example();
  schema.set_number(3);
  schema.set_source("a\"b");
  schema.clear_types();
  EXPECT_EQ(SchemaJson(schema),
            "{\"digest\":\"" + kDigest +
                "\",\"number\":3,\"source\":\"a\\\"b\",\"sessions\":0,"
                "\"descriptor_set_bytes\":2048,\"types\":[]}\n");
}

}  // namespace
}  // namespace mycelium::cli
