#include "config/text_format.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/mycelium/config.pb.h"

namespace mycelium {
namespace {

struct Reading {
  bool whole;
  std::string errors;
  BrokerConfig message;
};

Reading Read(absl::string_view text) {
  Reading reading;
  google::protobuf::TextFormat::ParseInfoTree places;
  std::vector<TextError> errors;
  reading.whole = ReadTextFormat(text, &reading.message, &places, &errors);
  reading.errors =
      absl::StrJoin(errors, "\n", [](std::string* out, const TextError& error) {
        absl::StrAppend(out, error.line, ":", error.column, " ", error.text);
      });
  return reading;
}

TEST(ReadTextFormat, FillsTheMessage) {
  const Reading reading =
      Read("# mine\nname: \"a\"\nlimits { sessions_max: 7 }");
  EXPECT_TRUE(reading.whole);
  EXPECT_EQ(reading.errors, "");
  EXPECT_EQ(reading.message.name(), "a");
  EXPECT_EQ(reading.message.limits().sessions_max(), 7);
}

TEST(ReadTextFormat, PointsAtTheNameOfEachUnknownField) {
  const Reading reading = Read(
      "lisen { url: 3 x { y: 4 } }\n"
      "limits {\n"
      "  sesions_max # a comment with sesions_max\n"
      "      : 5\n"
      "}\n"
      "name: \"a\" foo: [1, 2]");
  EXPECT_TRUE(reading.whole);
  EXPECT_EQ(reading.errors,
            "1:1 unknown field \"lisen\"\n"
            "3:3 unknown field \"sesions_max\"\n"
            "6:11 unknown field \"foo\"");
  EXPECT_EQ(reading.message.name(), "a");
}

TEST(ReadTextFormat, RefusesExtensionsAndFieldNumbers) {
  EXPECT_EQ(Read("2: \"a\"").errors, "1:1 unknown field \"2\"");
  EXPECT_EQ(Read("[a.b]: 1").errors,
            "1:6 ignoring extension \"a.b\" which is not defined or is not an "
            "extension of \"mycelium.BrokerConfig\"");
}

TEST(ReadTextFormat, RefusesAFieldThatIsSetTwice) {
  EXPECT_EQ(Read("name: \"a\"\n  name: \"b\"").errors,
            "2:3 name: set again, allowed once");
  EXPECT_EQ(Read("limits {}\nlimits {}").errors,
            "2:1 limits: set again, allowed once");
}

TEST(ReadTextFormat, SaysWhatATypeAllows) {
  EXPECT_EQ(Read("name: 5").errors, "1:7 name: 5, allowed text in quotes");
  EXPECT_EQ(Read("allow_plaintext: maybe").errors,
            "1:18 allow_plaintext: maybe, allowed true or false");
  EXPECT_EQ(Read("allow_plaintext: 2").errors,
            "1:18 allow_plaintext: 2 is out of range");
  EXPECT_EQ(Read("drain_timeout_ms: soon").errors,
            "1:19 drain_timeout_ms: soon, allowed a whole number");
  EXPECT_EQ(Read("drain_timeout_ms: -soon").errors,
            "1:20 drain_timeout_ms: soon, allowed a whole number");
  EXPECT_EQ(Read("drain_timeout_ms: 1.5").errors,
            "1:19 drain_timeout_ms: 1.5, allowed a whole number");
  EXPECT_EQ(Read("drain_timeout_ms: 9223372036854775808").errors,
            "1:19 drain_timeout_ms: 9223372036854775808 is out of range");
}

TEST(ReadTextFormat, SaysWhatSyntaxAllows) {
  EXPECT_EQ(Read("limits: 5").errors, "1:9 5, allowed {");
  EXPECT_EQ(Read("limits {").errors,
            "1:9 the end of the file, allowed the name of a field");
  EXPECT_EQ(Read("name").errors, "1:5 the end of the file, allowed :");
  EXPECT_EQ(Read("}").errors, "1:1 }, allowed the name of a field");
  EXPECT_EQ(Read("name: \"\\q\"").errors,
            "1:9 invalid escape sequence in string literal");
  EXPECT_EQ(Read("name: \"a").errors, "1:9 unexpected end of string");
}

TEST(ReadTextFormat, StopsAtWhatItCanNotRead) {
  const Reading reading = Read("name: \"a\" drain_timeout_ms: x lisen: 1");
  EXPECT_FALSE(reading.whole);
  EXPECT_EQ(reading.errors, "1:29 drain_timeout_ms: x, allowed a whole number");
  EXPECT_EQ(reading.message.name(), "a");
}

TEST(ReadTextFormat, BoundsTheDepth) {
  for (const char* level : {"a{", "a:[{", "a:<", "limits{a{"}) {
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += level;
    const Reading reading = Read(deep);
    EXPECT_FALSE(reading.whole);
    EXPECT_NE(reading.errors.find("message is too deep"), std::string::npos)
        << level;
  }
}

TEST(ReadTextFormat, KeepsEachErrorShortAndOnOneLine) {
  const Reading reading = Read("name: " + std::string(100'000, '7'));
  EXPECT_FALSE(reading.whole);
  EXPECT_LT(reading.errors.size(), 200u);
  EXPECT_EQ(Read("drain_timeout_ms: \"\x01\"").errors.find('\x01'),
            std::string::npos);
}

}  // namespace
}  // namespace mycelium
