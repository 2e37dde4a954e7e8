#include "client/cli/payload_text.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using namespace std::string_view_literals;

TEST(Readable, LeavesPlainUtf8AsItIs) {
  EXPECT_EQ(Readable(""), "");
  EXPECT_EQ(Readable("hello, W\u00f6rld \u20ac \U0001f600"),
            "hello, W\u00f6rld \u20ac \U0001f600");
}

TEST(Readable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(Readable("a\nb\r\t"), "a\\nb\\r\\t");
  EXPECT_EQ(Readable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(Readable("\0\x7f"sv), "\\x00\\x7f");
  EXPECT_EQ(Readable("\u0085\u009b"), "\\u0085\\u009b");
  EXPECT_EQ(Readable("a\u202eb"), "a\\u202eb");
}

TEST(Readable, DoublesBackslashesSoThatNothingIsAmbiguous) {
  EXPECT_EQ(Readable("\\n"), "\\\\n");
}

TEST(Readable, ShowsWhatIsNotUtf8AsHex) {
  EXPECT_EQ(Readable("a\xff\x00"sv), "0x61ff00");
  EXPECT_EQ(Readable("\xc3"), "0xc3");
}

TEST(Shortened, CutsBetweenCharacters) {
  EXPECT_EQ(Shortened("hello", 5), "hello");
  EXPECT_EQ(Shortened("hello!", 5), "hell~");
  EXPECT_EQ(Shortened("hel\u20ac", 5), "hel~");
  EXPECT_EQ(Shortened("a\nb", 3), "a\\~");
}

TEST(ReadableJson, EscapesWhatATerminalWouldObeyAndKeepsBackslashes) {
  EXPECT_EQ(ReadableJson("{\"a\":\"\\n\u2066\u009b\x7f \u20ac\"}"),
            "{\"a\":\"\\n\\u2066\\u009b\\u007f \u20ac\"}");
}

TEST(Hex, GoesThereAndBack) {
  EXPECT_EQ(Hex("\x00\xff\x10"sv), "00ff10");
  EXPECT_EQ(FromHex("00ff10"), "\x00\xff\x10"sv);
  EXPECT_EQ(FromHex("00 FF\n10 "), "\x00\xff\x10"sv);
  EXPECT_EQ(FromHex(""), "");
}

TEST(Hex, RefusesWhatIsNotPairsOfDigits) {
  EXPECT_FALSE(FromHex("0"));
  EXPECT_FALSE(FromHex("0g"));
  EXPECT_FALSE(FromHex("0 0"));
  EXPECT_FALSE(FromHex("0x00"));
}

TEST(JsonString, EscapesQuotesBackslashesAndControls) {
  EXPECT_EQ(JsonString("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(JsonString("\n\t\x1b\x7f"), "\"\\n\\u0009\\u001b\\u007f\"");
  EXPECT_EQ(JsonString("\u20ac"), "\"\u20ac\"");
}

TEST(HumanBytes, HasTwoDigitsOrMore) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(10 << 10), "10 KiB");
  EXPECT_EQ(HumanBytes((1 << 20) - 1), "1 MiB");
  EXPECT_EQ(HumanBytes(16 << 20), "16 MiB");
  EXPECT_EQ(HumanBytes(UINT64_MAX), "16 EiB");
}

TEST(HumanCount, NeverTakesMoreThanSixCharacters) {
  EXPECT_EQ(HumanCount(999'999), "999999");
  EXPECT_EQ(HumanCount(1'234'567), "1.23M");
  EXPECT_EQ(HumanCount(999'600'000), "1G");
  EXPECT_EQ(HumanCount(34'000'000'000), "34G");
  EXPECT_EQ(HumanCount(UINT64_MAX), "18.4E");
}

}  // namespace
}  // namespace mycelium::cli
