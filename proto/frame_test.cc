#include "proto/frame.h"

#include <string>
#include <vector>

#include "config/limits.h"
#include "gtest/gtest.h"

namespace mycelium {
namespace {

std::vector<uint8_t> Frame(uint16_t type_id, uint8_t kind,
                           std::string_view topic, std::string_view payload) {
  std::vector<uint8_t> bytes(kHeaderBytes);
  StoreHeader(
      {.body_bytes = static_cast<uint32_t>(topic.size() + payload.size()),
       .type_id = type_id,
       .kind = kind,
       .topic_bytes = static_cast<uint8_t>(topic.size()),
       .id = 42},
      bytes.data());
  bytes.insert(bytes.end(), topic.begin(), topic.end());
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

FrameStatus Read(std::span<const uint8_t> bytes) {
  FrameView frame;
  return FrameReader(1024).Next(bytes, &frame);
}

TEST(FrameReader, SplitsAFrameIntoHeaderTopicAndPayload) {
  const std::vector<uint8_t> bytes = Frame(7, 1, "a.b", "hello");
  FrameView frame;
  ASSERT_EQ(FrameReader(1024).Next(bytes, &frame), FrameStatus::kFrame);
  EXPECT_EQ(frame.header.type_id, 7);
  EXPECT_EQ(frame.header.id, 42u);
  EXPECT_EQ(frame.topic(), "a.b");
  EXPECT_EQ(std::string(frame.payload().begin(), frame.payload().end()),
            "hello");
  EXPECT_EQ(frame.frame_bytes(), bytes.size());
}

TEST(FrameReader, EveryTruncationWaitsForMore) {
  const std::vector<uint8_t> bytes = Frame(7, 1, "a.b", "hello");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Read(std::span(bytes).first(size)), FrameStatus::kNeedMore)
        << size;
  }
}

TEST(FrameReader, HeaderIsJudgedBeforeTheBodyIsThere) {
  std::vector<uint8_t> header(kHeaderBytes);
  StoreHeader({70'000'000, 7, 1, 0, 0}, header.data());
  EXPECT_EQ(Read(header), FrameStatus::kTooLarge);
  StoreHeader({0xffffffff, 7, 1, 0, 0}, header.data());
  EXPECT_EQ(Read(header), FrameStatus::kTooLarge);
}

TEST(FrameReader, BodyOfExactlyTheLimitIsAllowed) {
  EXPECT_EQ(Read(Frame(7, 1, "", std::string(1024, 'x'))), FrameStatus::kFrame);
  EXPECT_EQ(Read(Frame(7, 1, "", std::string(1025, 'x'))),
            FrameStatus::kTooLarge);
}

TEST(FrameReader, RefusesKindsThatNoFrameHas) {
  EXPECT_EQ(Read(Frame(7, 0, "", "")), FrameStatus::kUnknownKind);
  EXPECT_EQ(Read(Frame(7, 5, "", "")), FrameStatus::kUnknownKind);
  EXPECT_EQ(Read(Frame(0, 0, "", "")), FrameStatus::kUnknownKind);
  EXPECT_EQ(Read(Frame(0, 20, "", "")), FrameStatus::kUnknownKind);
  EXPECT_EQ(Read(Frame(0, 19, "", "")), FrameStatus::kFrame);
  // Redelivered: a PUBLISH alone.
  EXPECT_EQ(Read(Frame(7, 0x41, "", "")), FrameStatus::kFrame);
  EXPECT_EQ(Read(Frame(7, 0x42, "", "")), FrameStatus::kUnknownKind);
}

TEST(FrameReader, RefusesATopicLongerThanTheBody) {
  std::vector<uint8_t> bytes = Frame(7, 1, "", "abc");
  bytes[7] = 4;
  EXPECT_EQ(Read(bytes), FrameStatus::kTopicTooLong);
}

TEST(FrameReader, RefusesATopicInAControlFrame) {
  EXPECT_EQ(Read(Frame(0, 13, "x", "")), FrameStatus::kControlTopic);
}

TEST(FrameReader, RefusesATopicThatIsNotUtf8) {
  EXPECT_EQ(Read(Frame(7, 1, "a\xff", "")), FrameStatus::kTopicInvalid);
}

TEST(DescribeFrameError, NamesWhatWasSeenAndWhatIsAllowed) {
  EXPECT_EQ(DescribeFrameError(FrameStatus::kTooLarge, {70'000'000, 7, 1, 0, 0},
                               1048576),
            "frame: body_bytes 70000000, frame_bytes_max 1048576");
  EXPECT_EQ(
      DescribeFrameError(FrameStatus::kTopicTooLong, {3, 7, 1, 4, 0}, 1024),
      "frame: topic_bytes 4, body_bytes 3");
  EXPECT_EQ(
      DescribeFrameError(FrameStatus::kUnknownKind, {3, 7, 9, 0, 0}, 1024),
      "frame: kind 9 of type 7, allowed 1 to 4");
}

TEST(ValidTopic, KnowsTheRules) {
  EXPECT_TRUE(ValidTopic("a"));
  EXPECT_TRUE(ValidTopic("a.b-c.*d.e>"));
  EXPECT_TRUE(
      ValidTopic("gr\xc3\xbc\xc3\x9f"
                 "e.\xf0\x9f\x8d\x84"));
  EXPECT_TRUE(ValidTopic(std::string(255, 'x')));
  for (const std::string& bad :
       {std::string(), std::string(256, 'x'), std::string("a..b"),
        std::string(".a"), std::string("a."), std::string("a.*"),
        std::string(">"), std::string("a\0b", 3)}) {
    EXPECT_FALSE(ValidTopic(bad)) << bad;
  }
}

TEST(ValidTopicFilter, AllowsWildcardsInTheirPlaces) {
  std::string why;
  for (const char* good : {"a", "*", ">", "a.*.b", "a.>", "*.>"}) {
    EXPECT_TRUE(ValidTopicFilter(good, &why)) << good << why;
  }
  EXPECT_FALSE(ValidTopicFilter("a.>.b", &why));
  EXPECT_EQ(why, "topic filter: \">\" before the last token");
  EXPECT_FALSE(ValidTopicFilter(std::string(256, 'x'), &why));
  EXPECT_EQ(why, "topic filter: 256 bytes, allowed 1 to 255 bytes");
}

TEST(ValidUtf8, RefusesOverlongSurrogateAndTruncatedForms) {
  for (const char* bad :
       {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80", "\xc3", "\xe2\x82", "\x80"}) {
    EXPECT_FALSE(ValidUtf8(bad));
  }
  EXPECT_TRUE(ValidUtf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
}

}  // namespace
}  // namespace mycelium
