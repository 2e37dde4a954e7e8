// The schema that is built into the library, and one that does not go with it.
#include "proto/schema.h"

#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "client/c/interface_fixture.h"
#include "mycelium_protocol.mycelium.h"

namespace mycelium::c {
namespace {

using Builtin = generated::mycelium_protocol_proto;

// A schema as its bytes are given.
struct Given {
  std::string descriptor_set;
  Digest digest;

  mycelium_connect_options options() const {
    mycelium_connect_options options;
    EXPECT_EQ(mycelium_connect_options_init(&options), MYCELIUM_OK);
    options.schema_digest = digest.data();
    options.descriptor_set =
        reinterpret_cast<const uint8_t*>(descriptor_set.data());
    options.descriptor_set_bytes = descriptor_set.size();
    return options;
  }
};

// The demo schema with chat.TextMessage.timestamp as a string.
Given Changed() {
  google::protobuf::FileDescriptorSet set;
  EXPECT_TRUE(set.ParseFromString(std::string(Builtin::DescriptorSet())));
  bool is_changed = false;
  for (auto& file : *set.mutable_file()) {
    for (auto& message : *file.mutable_message_type()) {
      for (auto& field : *message.mutable_field()) {
        if (message.name() != "TextMessage" || field.name() != "timestamp") {
          continue;
        }
        field.set_type(google::protobuf::FieldDescriptorProto::TYPE_STRING);
        is_changed = true;
      }
    }
  }
  EXPECT_TRUE(is_changed);
  Given changed{set.SerializeAsString(), {}};
  std::string why;
  const auto schema = Schema::Parse(changed.descriptor_set, &why);
  EXPECT_NE(schema, nullptr) << why;
  changed.digest = schema->digest();
  return changed;
}

class SchemaTest : public CarrierTest {};

TEST_P(SchemaTest, BuiltinIsThatOfGeneratedCode) {
  EXPECT_EQ(std::memcmp(mycelium_builtin_schema_digest(),
                        Builtin::kDigest.data(), Builtin::kDigest.size()),
            0);
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.schema_digest = mycelium_builtin_schema_digest();
  // Whoever does not know it yet is told its descriptor set.
  const Runtime first = Connected(&options);
  const Given same{std::string(Builtin::DescriptorSet()), [] {
                     Digest digest;
                     std::memcpy(digest.data(), Builtin::kDigest.data(),
                                 digest.size());
                     return digest;
                   }()};
  const mycelium_connect_options given = same.options();
  const Runtime second = Connected(&given);
}

TEST_P(SchemaTest, OneThatOthersCouldNotReadIsRefusedWithTheField) {
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  options.schema_digest = mycelium_builtin_schema_digest();
  const Runtime runtime = Connected(&options);
  const Given changed = Changed();
  const mycelium_connect_options refused = changed.options();
  EXPECT_EQ(mycelium_runtime_connect(url_.c_str(), &refused), nullptr);
  EXPECT_EQ(mycelium_last_status(), MYCELIUM_FAILED_PRECONDITION);
  EXPECT_TRUE(LastErrorHas("chat.TextMessage.timestamp is string here, int64"));
  EXPECT_TRUE(LastErrorHas("(field 3, FIELD_WIRE_COMPATIBLE_TYPE)"));
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(), changed.digest.data(),
                                          changed.digest.size()),
            MYCELIUM_FAILED_PRECONDITION);
  EXPECT_TRUE(LastErrorHas("schema: digest " + DigestText(changed.digest) +
                           ", allowed m1:"));
}

TEST_P(SchemaTest, RuntimesOwnIsWhatADigestIsHeldAgainst) {
  const Given changed = Changed();
  const mycelium_connect_options options = changed.options();
  const Runtime runtime = Connected(&options);
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(), changed.digest.data(),
                                          changed.digest.size()),
            MYCELIUM_OK);
  EXPECT_EQ(mycelium_verify_schema_digest(runtime.get(),
                                          mycelium_builtin_schema_digest(),
                                          MYCELIUM_SCHEMA_DIGEST_BYTES),
            MYCELIUM_FAILED_PRECONDITION);
  EXPECT_TRUE(LastErrorHas("allowed " + DigestText(changed.digest)));
}

INSTANTIATE_TEST_SUITE_P(Carriers, SchemaTest, kCarriers, CarrierName);

}  // namespace
}  // namespace mycelium::c
