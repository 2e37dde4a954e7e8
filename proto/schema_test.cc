#include "proto/schema.h"

#include <google/protobuf/descriptor.pb.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "config/limits.h"
#include "gtest/gtest.h"
#include "tests/descriptor_set_of.h"

namespace mycelium {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;

std::shared_ptr<const Schema> Parsed(const std::string& descriptor_set) {
  std::string why;
  auto schema = Schema::Parse(descriptor_set, &why);
  EXPECT_NE(schema, nullptr) << why;
  return schema;
}

std::string InPackage(const std::string& body) { return "package v; " + body; }

std::shared_ptr<const Schema> SchemaOfBody(const std::string& body) {
  return SchemaOf(InPackage(body));
}

TEST(Sha256, IsTheOneOfFips180) {
  EXPECT_EQ(DigestText(Sha256("abc")),
            "m1:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015"
            "ad");
}

TEST(Digest, HasThirtyTwoBytes) {
  EXPECT_EQ(ToDigest(std::string(31, 'x')), std::nullopt);
  EXPECT_EQ((*ToDigest(std::string(32, 'x')))[31], 'x');
}

TEST(Schema, FindsTypesByIdAndName) {
  const auto schema = SchemaOfBody(
      "message A { option (mycelium.type_id) = 300; } message B { } "
      "message C { message D { option (mycelium.type_id) = 2; } }");
  ASSERT_EQ(schema->types().size(), 2u);
  EXPECT_EQ(schema->types()[0].name, "v.C.D");
  EXPECT_EQ(schema->FindType(300)->name, "v.A");
  EXPECT_EQ(schema->FindType("v.C.D")->type_id, 2);
  EXPECT_EQ(schema->FindType(3), nullptr);
  EXPECT_EQ(schema->FindType("v.B"), nullptr);
  EXPECT_EQ(schema->FindType("v.E"), nullptr);
}

// --- What changes a digest
// ----------------------------------------------------

constexpr char kN[] = "message N { bool b = 1; } ";
constexpr char kE[] = "enum E { E0 = 0; E1 = 1; } ";
constexpr char kM[] =
    "message M { option (mycelium.type_id) = 1; string a = 1; "
    "repeated E es = 2; N n = 3; oneof o { int32 x = 4; int32 y = 5; } } ";

TEST(SchemaDigest, OrderOfDeclarationsChangesNothing) {
  const Digest digest = SchemaOfBody(std::string(kM) + kN + kE)->digest();
  EXPECT_EQ(SchemaOfBody(std::string(kE) + kM + kN)->digest(), digest);
  EXPECT_EQ(SchemaOfBody(std::string(kN) + kE +
                         "message M { oneof o { int32 y = 5; int32 x = 4; } "
                         "N n = 3; repeated E es = 2; string a = 1; "
                         "option (mycelium.type_id) = 1; }")
                ->digest(),
            digest);
}

TEST(SchemaDigest, WhichFileHasWhatAndTheirOrderChangesNothing) {
  const Digest digest = SchemaOfBody(std::string(kM) + kN + kE)->digest();
  const std::string split = DescriptorSetOf(
      {{"n.proto", std::string("syntax = \"proto3\"; package v; ") + kN},
       {"dir/e.proto", std::string("syntax = \"proto3\"; package v; ") + kE},
       {"m.proto",
        "syntax = \"proto3\"; package v; "
        "import \"mycelium/options.proto\"; import \"n.proto\"; "
        "import \"dir/e.proto\"; " +
            std::string(kM)}});
  EXPECT_EQ(Parsed(split)->digest(), digest);
  FileDescriptorSet turned;
  ASSERT_TRUE(turned.ParseFromString(split));
  turned.mutable_file()->SwapElements(0, 2);
  EXPECT_EQ(Parsed(turned.SerializeAsString())->digest(), digest);
}

TEST(SchemaDigest, EachChangeOfMeaningChangesIt) {
  const std::vector<std::string> bodies = {
      std::string(kM) + kN + kE,
      // Another type id, name, field number, field name, field type.
      "message M { option (mycelium.type_id) = 2; string a = 1; }",
      "message M { option (mycelium.type_id) = 1; string a = 1; }",
      "message L { option (mycelium.type_id) = 1; string a = 1; }",
      "message M { option (mycelium.type_id) = 1; string a = 2; }",
      "message M { option (mycelium.type_id) = 1; string b = 1; }",
      "message M { option (mycelium.type_id) = 1; bytes a = 1; }",
      // Two names that change places.
      "message M { option (mycelium.type_id) = 1; int32 a = 1; int32 b = 2; }",
      "message M { option (mycelium.type_id) = 1; int32 b = 1; int32 a = 2; }",
      // Cardinality, oneof, and which one.
      "message M { option (mycelium.type_id) = 1; optional string a = 1; }",
      "message M { option (mycelium.type_id) = 1; repeated string a = 1; }",
      "message M { option (mycelium.type_id) = 1; oneof o { string a = 1; } }",
      "message M { option (mycelium.type_id) = 1; oneof p { string a = 1; } }",
      // What is referred to.
      std::string(kM) + "message N { bool c = 1; }" + kE,
      std::string(kM) + kN + "enum E { E0 = 0; E1 = 2; }",
      std::string(kM) + kN + "enum E { E0 = 0; E2 = 1; }",
      std::string(kM) + kN + "enum E { E0 = 0; E1 = 1; E2 = 2; }",
      // A map is not its entries.
      "message M { option (mycelium.type_id) = 1; map<int32, int32> a = 1; }",
      "message M { option (mycelium.type_id) = 1; repeated AEntry a = 1; "
      "message AEntry { int32 key = 1; int32 value = 2; } }",
      // One more message type.
      std::string(kM) + kN + kE +
          "message O { option (mycelium.type_id) = 3; }",
  };
  std::set<Digest> digests;
  for (const std::string& body : bodies) {
    EXPECT_TRUE(digests.insert(SchemaOfBody(body)->digest()).second) << body;
  }
}

TEST(SchemaDigest, FingerprintIsOfOneTypeAlone) {
  const auto both =
      SchemaOfBody(std::string(kM) + kN + kE +
                   "message O { option (mycelium.type_id) = 3; }");
  const auto one = SchemaOfBody(std::string(kM) + kN + kE);
  EXPECT_EQ(both->FindType(1)->fingerprint, one->FindType(1)->fingerprint);
  EXPECT_NE(both->digest(), one->digest());
}

TEST(SchemaDigest, ClosedEnumIsAnother) {
  FileDescriptorSet set;
  ASSERT_TRUE(set.ParseFromString(
      DescriptorSetOf(InPackage("message M { option (mycelium.type_id) = 1; "
                                "repeated E e = 1; } enum E { E0 = 0; }"))));
  const Digest open = Parsed(set.SerializeAsString())->digest();
  set.mutable_file(0)->set_syntax("proto2");
  EXPECT_NE(Parsed(set.SerializeAsString())->digest(), open);
}

// --- What is refused
// ----------------------------------------------------------

struct Mutation {
  const char* why;
  std::function<void(FileDescriptorProto*)> apply;
};

TEST(SchemaParse, InconsistentDescriptorsAreRefusedWithAReason) {
  const auto field = [](FileDescriptorProto* file) {
    return file->mutable_message_type(0)->mutable_field(0);
  };
  const Mutation mutations[] = {
      {"schema: v.M is defined twice",
       [](FileDescriptorProto* file) {
         *file->add_message_type() = file->message_type(0);
       }},
      {"schema: v.M.n refers to the message v.N, which the descriptor set "
       "lacks",
       [](FileDescriptorProto* file) {
         file->mutable_message_type()->RemoveLast();
       }},
      {"schema: v.M.n refers to the enum v.N, which the descriptor set lacks",
       [&](FileDescriptorProto* file) {
         field(file)->set_type(FieldDescriptorProto::TYPE_ENUM);
       }},
      {"schema: field n has no type name that begins with a dot",
       [&](FileDescriptorProto* file) { field(file)->set_type_name("N"); }},
      {"schema: field n has a type name of 3 bytes that no definition can have",
       [&](FileDescriptorProto* file) { field(file)->set_type_name(".a\nb"); }},
      {"schema: v.M has field 1 twice",
       [&](FileDescriptorProto* file) {
         *file->mutable_message_type(0)->add_field() = *field(file);
       }},
      {"schema: field n has the number 0, allowed 1 to 536870911",
       [&](FileDescriptorProto* file) { field(file)->clear_number(); }},
      {"schema: field n has the number 536870912, allowed 1 to 536870911",
       [&](FileDescriptorProto* file) { field(file)->set_number(1 << 29); }},
      {"schema: field n has type 0 and label 1, allowed 1 to 18 and 1 to 3",
       [&](FileDescriptorProto* file) { field(file)->clear_type(); }},
      {"schema: a name of 3 bytes for a field, allowed 1 to 512 of A-Z a-z 0-9 "
       "_ .",
       [&](FileDescriptorProto* file) { field(file)->set_name("a b"); }},
      {"schema: a name of 513 bytes for a definition, allowed 1 to 512 of A-Z "
       "a-z 0-9 _ .",
       [](FileDescriptorProto* file) {
         file->mutable_message_type(0)->set_name(std::string(513, 'x'));
       }},
      {"schema: a definition without a name",
       [](FileDescriptorProto* file) {
         file->mutable_message_type(0)->clear_name();
       }},
      {"schema: a field without a name",
       [&](FileDescriptorProto* file) { field(file)->clear_name(); }},
      {"schema: v.M has no oneof 3",
       [&](FileDescriptorProto* file) { field(file)->set_oneof_index(3); }},
      {"schema: a syntax that is neither proto2 nor proto3",
       [](FileDescriptorProto* file) { file->set_syntax("editions"); }},
      {"schema: messages nested deeper than 32",
       [](FileDescriptorProto* file) {
         DescriptorProto* message = file->mutable_message_type(0);
         for (int i = 0; i < 32; ++i) {
           message = message->add_nested_type();
           message->set_name("D");
         }
       }},
  };
  FileDescriptorSet good;
  ASSERT_TRUE(good.ParseFromString(
      DescriptorSetOf(InPackage("message M { option (mycelium.type_id) = 1; "
                                "N n = 1; } message N { }"))));
  for (const Mutation& mutation : mutations) {
    FileDescriptorSet set = good;
    mutation.apply(set.mutable_file(0));
    std::string why;
    EXPECT_EQ(Schema::Parse(set.SerializePartialAsString(), &why), nullptr)
        << mutation.why;
    EXPECT_EQ(why, mutation.why);
  }
}

TEST(SchemaParse, TypeIdsMustBeInRangeAndUnique) {
  const auto fault = [](const std::string& a, const std::string& b) {
    std::string why;
    const std::string set = DescriptorSetOf(
        InPackage("message A { option (mycelium.type_id) = " + a +
                  "; } message B { option (mycelium.type_id) = " + b + "; }"));
    EXPECT_EQ(Schema::Parse(set, &why), nullptr);
    return why;
  };
  EXPECT_EQ(fault("1", "1"), "schema: v.A and v.B both have the type_id 1");
  EXPECT_EQ(fault("1", "0"), "schema: a type_id of 0, allowed 1 to 65535");
  EXPECT_EQ(fault("65536", "2"),
            "schema: a type_id of 65536, allowed 1 to 65535");
}

TEST(SchemaParse, OtherBytesAreNoDescriptorSet) {
  const std::string good = DescriptorSetOf(InPackage(kN));
  for (const std::string& bytes :
       {std::string("\xff"), good.substr(0, good.size() - 1),
        // A message M whose field f has proto3_optional without its value.
        std::string("\x0a\x0c\x22\x0a\x0a\x01M\x12\x05\x0a\x01"
                    "f\x88\x01")}) {
    std::string why;
    EXPECT_EQ(Schema::Parse(bytes, &why), nullptr);
    EXPECT_EQ(why, "schema: " + std::to_string(bytes.size()) +
                       " bytes that are not a "
                       "google.protobuf.FileDescriptorSet");
  }
  EXPECT_TRUE(Parsed("")->types().empty());
}

// Each type refers to all others: the canonical form has their square.
TEST(SchemaParse, EntangledTypesThatCostTooMuchAreRefused) {
  FileDescriptorSet set;
  FileDescriptorProto* const file = set.add_file();
  file->set_syntax("proto3");
  constexpr int kTypes = 1000;
  for (int i = 0; i < kTypes; ++i) {
    DescriptorProto* const message = file->add_message_type();
    message->set_name("M" + std::to_string(i));
    FieldDescriptorProto* const next = message->add_field();
    next->set_name("a_name_that_takes_its_room");
    next->set_number(1);
    next->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    next->set_type(FieldDescriptorProto::TYPE_MESSAGE);
    next->set_type_name(".M" + std::to_string((i + 1) % kTypes));
    message->mutable_options()->mutable_unknown_fields()->AddVarint(51742,
                                                                    i + 1);
  }
  std::string why;
  EXPECT_EQ(Schema::Parse(set.SerializeAsString(), &why), nullptr);
  EXPECT_EQ(why, "schema: its canonical form is longer than 4194304 bytes");
}

}  // namespace
}  // namespace mycelium
