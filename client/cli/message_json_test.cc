#include "client/cli/message_json.h"

#include "gmock/gmock.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using namespace std::string_literals;
namespace pb = google::protobuf;
using testing::HasSubstr;

// Descriptors by hand, so that they may be what no compiler makes.
pb::FileDescriptorProto File(const std::string& text) {
  pb::FileDescriptorProto file;
  EXPECT_TRUE(pb::TextFormat::ParseFromString(text, &file)) << text;
  return file;
}

pb::FieldDescriptorProto* AddField(pb::DescriptorProto* message,
                                   const std::string& name,
                                   pb::FieldDescriptorProto::Type type,
                                   const std::string& type_name = "") {
  pb::FieldDescriptorProto* field = message->add_field();
  field->set_name(name);
  field->set_number(message->field_size());
  field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  field->set_type(type);
  if (!type_name.empty()) field->set_type_name(type_name);
  return field;
}

void SetTypeId(pb::DescriptorProto* message, uint64_t type_id) {
  message->mutable_options()->mutable_unknown_fields()->AddVarint(51742,
                                                                  type_id);
}

pb::DescriptorProto* AddMessage(pb::FileDescriptorProto* file,
                                const std::string& name, uint64_t type_id = 0) {
  pb::DescriptorProto* message = file->add_message_type();
  message->set_name(name);
  if (type_id > 0) SetTypeId(message, type_id);
  return message;
}

std::shared_ptr<const MessageJson> Make(
    const std::vector<pb::FileDescriptorProto>& files) {
  pb::FileDescriptorSet set;
  for (const auto& file : files) *set.add_file() = file;
  std::string why;
  auto schema = Schema::Parse(set.SerializeAsString(), &why);
  EXPECT_NE(schema, nullptr) << why;
  return std::make_shared<const MessageJson>(schema);
}

// What libprotobuf has against `files` and one more with a message type.
std::string ErrorOf(std::vector<pb::FileDescriptorProto> files) {
  files.push_back(File(R"(name: "last" syntax: "proto3")"));
  AddMessage(&files.back(), "Last", 60'000);
  auto json = Make(files);
  auto printed = json->Print(*json->schema().FindType(60'000), "");
  return printed.ok() ? "" : std::string(printed.status().message());
}

pb::FileDescriptorProto Builtin(const pb::Descriptor& type) {
  pb::FileDescriptorProto file;
  type.file()->CopyTo(&file);
  return file;
}

pb::FileDescriptorProto Chat() {
  pb::FileDescriptorProto file =
      File(R"(name: "chat.proto" package: "chat" syntax: "proto3"
              dependency: "google/protobuf/any.proto"
              dependency: "google/protobuf/struct.proto"
              dependency: "absent/options.proto")");
  pb::DescriptorProto* text = AddMessage(&file, "TextMessage", 1);
  AddField(text, "sender", pb::FieldDescriptorProto::TYPE_STRING);
  AddField(text, "sent_at", pb::FieldDescriptorProto::TYPE_INT64);
  AddField(text, "reply_to", pb::FieldDescriptorProto::TYPE_MESSAGE,
           ".chat.TextMessage");
  AddField(text, "extra", pb::FieldDescriptorProto::TYPE_MESSAGE,
           ".google.protobuf.Any");
  AddField(text, "numbers", pb::FieldDescriptorProto::TYPE_INT32)
      ->set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
  AddField(text, "anything", pb::FieldDescriptorProto::TYPE_MESSAGE,
           ".google.protobuf.Struct");
  return file;
}

class ChatJsonTest : public testing::Test {
 protected:
  std::string Json(const std::string& payload) {
    auto printed = json_->Print(*type_, payload);
    return printed.ok() ? printed->json
                        : std::string(printed.status().message());
  }
  std::string Payload(const std::string& json) {
    auto payload = json_->Parse(*type_, json);
    return payload.ok() ? *payload : std::string(payload.status().message());
  }

  const std::shared_ptr<const MessageJson> json_ =
      Make({Chat(), Builtin(*pb::Any::descriptor()),
            Builtin(*pb::Struct::descriptor())});
  const Schema::MessageType* const type_ = json_->schema().FindType(1);
};

TEST_F(ChatJsonTest, GoesThereAndBack) {
  const std::string payload =
      "\x0a\x03"
      "cli\x10\x05\x1a\x04\x0a\x02me\x2a\x02\x01\x02";
  const std::string json =
      R"({"sender":"cli","sentAt":"5","replyTo":{"sender":"me"},"numbers":[1,2]})";
  EXPECT_EQ(Json(payload), json);
  EXPECT_EQ(Payload(json), payload);
  EXPECT_EQ(Json(""), "{}");
  EXPECT_EQ(Payload("{}"), "");
}

TEST_F(ChatJsonTest, TakesFieldsInAnyOrderAndByBothNames) {
  EXPECT_EQ(Payload(R"({"sent_at":5,"sender":"cli"})"),
            "\x0a\x03"
            "cli\x10\x05");
}

TEST_F(ChatJsonTest, ErrorsNameWhatIsWrong) {
  EXPECT_EQ(Payload(R"({"sendr":"cli"})"),
            "chat.TextMessage: sendr: no such field");
  EXPECT_EQ(Payload(R"({"TYPE_ID":1})"),
            "chat.TextMessage: TYPE_ID: no such field");
  EXPECT_EQ(
      Payload(R"({"sentAt":"noon"})"),
      "chat.TextMessage: (sent_at): invalid value \"noon\" for type int64");
  EXPECT_EQ(Payload(R"({"replyTo":{"replyTo":{"sender":5}}})"),
            "chat.TextMessage: (reply_to.reply_to.sender): invalid value 5 for "
            "type string");
  EXPECT_EQ(Payload("{\"sender\":\n\"a\",\"numbers\":[b]}"),
            "chat.TextMessage: unexpected token at b]}");
  EXPECT_EQ(Payload("{\"sender\""),
            "chat.TextMessage: unexpected end of string. Expected : between "
            "key:value pair at the end");
  EXPECT_EQ(Payload("[]"), "chat.TextMessage: root element must be a message");
}

TEST_F(ChatJsonTest, PayloadsThatDoNotParseAreNoMessages) {
  const std::string payload =
      "\x0a\x03"
      "cli\x1a\x04\x0a\x02me\x2a\x02\x01\x02";
  for (const size_t bytes : {1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13, 14}) {
    EXPECT_EQ(Json(payload.substr(0, bytes)), "not a chat.TextMessage")
        << bytes;
  }
  EXPECT_EQ(Json("\x0a\x01\xff"), "not a chat.TextMessage");  // UTF-8
  EXPECT_EQ(Json("\x0f"), "not a chat.TextMessage");          // wire type 7
  EXPECT_EQ(Json("\x2a\x01\x80"), "not a chat.TextMessage");  // packed
  EXPECT_EQ(Json("\x7b\x08\x01"), "not a chat.TextMessage");  // group's end
}

TEST_F(ChatJsonTest, FieldsThatTheSchemaLacksAreSkippedAndTold) {
  auto printed = json_->Print(*type_,
                              "\x0a\x01"
                              "a\x78\x01\x7b\x08\x01\x7c"s);
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_EQ(printed->json, R"({"sender":"a"})");
  EXPECT_TRUE(printed->has_unknown_fields);
  // Also where another type is on the wire, and deeper.
  EXPECT_TRUE(json_->Print(*type_, "\x08\x01")->has_unknown_fields);
  EXPECT_TRUE(json_->Print(*type_, "\x1a\x02\x78\x01")->has_unknown_fields);
  EXPECT_FALSE(json_->Print(*type_, "\x1a\x02\x10\x01")->has_unknown_fields);
}

TEST_F(ChatJsonTest, NestingHasABound) {
  std::string payload;
  for (int depth = 0; depth < 100'000; ++depth) {
    std::string outer = "\x1a";
    for (size_t n = payload.size();; n >>= 7) {
      outer += static_cast<char>(n < 128 ? n : (n & 127) | 128);
      if (n < 128) break;
    }
    if (outer.size() + payload.size() > 2000) break;
    payload = outer + payload;
  }
  EXPECT_EQ(Json(payload), "not a chat.TextMessage");
  EXPECT_THAT(Payload([] {
                std::string json;
                for (int i = 0; i < 10'000; ++i) json += "{\"replyTo\":";
                return json;
              }()),
              HasSubstr("chat.TextMessage: message too deep"));
}

TEST_F(ChatJsonTest, AnysWithinAnysHaveTheSameBound) {
  std::string value;
  for (int depth = 0; depth < 200; ++depth) {
    pb::Any any;
    any.set_type_url("type.googleapis.com/google.protobuf.Any");
    any.set_value(value);
    value = any.SerializeAsString();
  }
  pb::DescriptorProto unused;
  std::string payload = "\x22";
  for (size_t n = value.size();; n >>= 7) {
    payload += static_cast<char>(n < 128 ? n : (n & 127) | 128);
    if (n < 128) break;
  }
  EXPECT_EQ(Json(payload + value), "not a chat.TextMessage");
}

TEST_F(ChatJsonTest, WhatJsonCannotSayIsNamed) {
  // An Any of a type that nobody knows.
  pb::Any any;
  any.set_type_url("type.googleapis.com/chat.Missing");
  const std::string value = any.SerializeAsString();
  EXPECT_THAT(
      Json("\x22" + std::string(1, static_cast<char>(value.size())) + value),
      HasSubstr("chat.Missing"));
}

// --- Descriptor sets that no compiler makes ---------------------------------

TEST(MessageJson, ProtobufsOwnTypesAreOursWhateverTheSetSays) {
  // With such a Struct libprotobuf would print without end.
  pb::FileDescriptorProto fake =
      File(R"(name: "google/protobuf/struct.proto" package: "google.protobuf"
              syntax: "proto3")");
  AddField(AddMessage(&fake, "Struct"), "fields",
           pb::FieldDescriptorProto::TYPE_STRING);
  pb::FileDescriptorProto any =
      File(R"(name: "google/protobuf/any.proto" package: "google.protobuf"
              syntax: "proto3" message_type { name: "Any" })");
  auto json = Make({any, fake, Chat()});
  auto printed = json->Print(*json->schema().FindType(1),
                             "\x32\x09\x0a\x07\x0a\x01"
                             "a\x12\x02\x20\x01");
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_EQ(printed->json, R"({"anything":{"a":true}})");

  fake.set_name("other.proto");
  EXPECT_THAT(ErrorOf({fake}), HasSubstr("google.protobuf.Struct"));
}

TEST(MessageJson, ImportsInACircleAreAnError) {
  EXPECT_EQ(ErrorOf({File(R"(name: "a" dependency: "b" syntax: "proto3")"),
                     File(R"(name: "b" dependency: "a" syntax: "proto3")")}),
            "schema: b: a: Import \"a\" has not been loaded.");
}

TEST(MessageJson, AFileTwiceIsAnError) {
  EXPECT_EQ(ErrorOf({File(R"(name: "a" syntax: "proto3")"),
                     File(R"(name: "a" syntax: "proto3")")}),
            "schema: a is in it twice");
}

TEST(MessageJson, TheChainOfImportsHasABound) {
  std::vector<pb::FileDescriptorProto> files;
  for (int i = 0; i < 999; ++i) {
    files.push_back(File(R"(syntax: "proto3" public_dependency: 0)"));
    files.back().set_name(std::to_string(i));
    files.back().add_dependency(std::to_string(i + 1));
  }
  files.back().clear_dependency();
  files.back().clear_public_dependency();
  EXPECT_EQ(ErrorOf(files), "");
  files.push_back(File(R"(name: "more" syntax: "proto3")"));
  EXPECT_EQ(ErrorOf(files), "schema: 1001 files, allowed 1000");
}

TEST(MessageJson, AChainOfMessageTypesHasABoundWhereLibprotobufRecurses) {
  pb::FileDescriptorProto file = File(R"(name: "a" syntax: "proto3")");
  constexpr int kTypes = 30'000;
  for (int i = 0; i < kTypes; ++i) {
    pb::DescriptorProto* message =
        AddMessage(&file, "M" + std::to_string(i),
                   i == 0 || i == kTypes - 1500 ? i + 1 : 0);
    if (i + 1 == kTypes) break;
    AddField(message, "m", pb::FieldDescriptorProto::TYPE_MESSAGE,
             ".M" + std::to_string(i + 1));
  }
  auto json = Make({file});
  EXPECT_EQ(json->Parse(json->schema().types()[0], "{}").status().message(),
            "M0 refers to more than 2000 message types in a row");
  EXPECT_EQ(json->Parse(json->schema().types()[1], "{\"m\":{}}").value(),
            "\x0a\x00"s);
  EXPECT_EQ(json->Print(json->schema().types()[0], "\x0a\x00"s)->json,
            "{\"m\":{}}");
}

TEST(MessageJson, OptionsThatWereLeftUninterpretedAreNotLookedAt) {
  pb::FileDescriptorProto file = File(R"(name: "a" syntax: "proto3")");
  pb::DescriptorProto* message = AddMessage(&file, "M", 1);
  pb::UninterpretedOption* option =
      message->mutable_options()->add_uninterpreted_option();
  option->add_name()->set_name_part("no_such_option");
  option->mutable_name(0)->set_is_extension(true);
  option->set_aggregate_value(std::string(100'000, '{'));
  EXPECT_EQ(ErrorOf({file}), "");
}

TEST(MessageJson, JsonHasABound) {
  pb::FileDescriptorProto file = File(R"(name: "a" syntax: "proto3")");
  pb::DescriptorProto* message = AddMessage(&file, "M", 1);
  AddField(message, std::string(500, 'n'), pb::FieldDescriptorProto::TYPE_ENUM,
           ".E")
      ->set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
  pb::EnumDescriptorProto* type = file.add_enum_type();
  type->set_name("E");
  type->add_value()->set_name(std::string(500, 'V'));
  type->mutable_value(0)->set_number(0);
  auto json = Make({file});
  // A million of them.
  const std::string payload = "\x0a\x80\x89\x7a" + std::string(2'000'000, '\0');
  EXPECT_EQ(json->Print(json->schema().types()[0], payload).status().message(),
            "more than 67108864 bytes of JSON");
}

TEST(MessageJson, ALongNameInJsonIsNotTaken) {
  pb::FileDescriptorProto file = File(R"(name: "a" syntax: "proto3")");
  AddField(AddMessage(&file, "M", 1), "my_field",
           pb::FieldDescriptorProto::TYPE_INT32)
      ->set_json_name(std::string(100'000, 'n'));
  auto json = Make({file});
  EXPECT_EQ(json->Print(json->schema().types()[0], "\x08\x01")->json,
            "{\"myField\":1}");
}

}  // namespace
}  // namespace mycelium::cli
