#include "client/cli/frame_lines.h"

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

Message MessageOf(std::string_view topic, std::string_view payload) {
  return {.type_id = 7,
          .topic = topic,
          .payload = {reinterpret_cast<const uint8_t*>(payload.data()),
                      payload.size()},
          .sequence = 12};
}

TEST(FrameLine, TextHasTypeTopicSequenceSizeAndPayload) {
  EXPECT_EQ(FrameLine(LineFormat::kText, MessageOf("greetings.en", "hello")),
            "7 greetings.en #12 (5 B) hello\n");
  EXPECT_EQ(FrameLine(LineFormat::kText, MessageOf("", "")), "7 - #12 (0 B)\n");
  EXPECT_EQ(FrameLine(LineFormat::kText, MessageOf("t", "a\n\xff")),
            "7 t #12 (3 B) 0x610aff\n");
}

TEST(FrameLine, StaysOneLineWhateverTopicAndPayloadHold) {
  EXPECT_EQ(FrameLine(LineFormat::kText, MessageOf("a\x1b", "b\nc")),
            "7 a\\x1b #12 (3 B) b\\nc\n");
  EXPECT_EQ(FrameLine(LineFormat::kHex, MessageOf("a\n", "b")),
            "7 a\\n 12 62\n");
}

TEST(FrameLine, HexLeavesOutAnEmptyPayload) {
  EXPECT_EQ(FrameLine(LineFormat::kHex, MessageOf("t", "hi")), "7 t 12 6869\n");
  EXPECT_EQ(FrameLine(LineFormat::kHex, MessageOf("", "")), "7 - 12\n");
}

TEST(FrameLine, JsonHasTextOrElseBase64) {
  EXPECT_EQ(FrameLine(LineFormat::kJson, MessageOf("t", "h\"i")),
            "{\"type\":7,\"topic\":\"t\",\"sequence\":12,\"bytes\":3,"
            "\"text\":\"h\\\"i\"}\n");
  EXPECT_EQ(FrameLine(LineFormat::kJson, MessageOf("", "\xff\xfe")),
            "{\"type\":7,\"topic\":\"\",\"sequence\":12,\"bytes\":2,"
            "\"base64\":\"//4=\"}\n");
}

TEST(FrameLine, AMessageStandsInThePlaceOfThePayload) {
  const Decoded decoded = {"chat.TextMessage", "{\"content\":\"\\n\u2066\"}",
                           ""};
  const Message message = MessageOf("greetings.en", "\x12\x04...");
  EXPECT_EQ(FrameLine(LineFormat::kText, message, decoded),
            "chat.TextMessage greetings.en #12 "
            "{\"content\":\"\\n\\u2066\"}\n");
  EXPECT_EQ(FrameLine(LineFormat::kJson, message, decoded),
            "{\"type\":7,\"name\":\"chat.TextMessage\","
            "\"topic\":\"greetings.en\",\"sequence\":12,\"bytes\":5,"
            "\"message\":{\"content\":\"\\n\u2066\"}}\n");
  EXPECT_EQ(FrameLine(LineFormat::kHex, message, decoded),
            "7 greetings.en 12 12042e2e2e\n");
}

TEST(FrameLine, APayloadThatIsNoMessageStaysWithANote) {
  const Decoded decoded = {"chat.TextMessage", "", "not a chat.TextMessage"};
  EXPECT_EQ(FrameLine(LineFormat::kText, MessageOf("t", "\xff"), decoded),
            "chat.TextMessage t #12 (1 B, not a chat.TextMessage) 0xff\n");
  EXPECT_EQ(FrameLine(LineFormat::kJson, MessageOf("t", "\xff"), decoded),
            "{\"type\":7,\"name\":\"chat.TextMessage\",\"topic\":\"t\","
            "\"sequence\":12,\"bytes\":1,\"note\":\"not a chat.TextMessage\","
            "\"base64\":\"/w==\"}\n");
}

TEST(FrameLine, SaysWhatAnotherMemberMayHaveHad) {
  Message message = MessageOf("t", "hi");
  message.redelivered = true;
  EXPECT_EQ(FrameLine(LineFormat::kText, message),
            "7 t #12 redelivered (2 B) hi\n");
  EXPECT_EQ(FrameLine(LineFormat::kJson, message),
            "{\"type\":7,\"topic\":\"t\",\"sequence\":12,\"bytes\":2,"
            "\"redelivered\":true,\"text\":\"hi\"}\n");
}

TEST(FrameLine, RequestsAndRepliesHaveNoSequence) {
  Message message = MessageOf("t", "hi");
  message.kind = DataKind::kRequest;
  EXPECT_EQ(FrameLine(LineFormat::kText, message), "7 t (2 B) hi\n");
  EXPECT_EQ(FrameLine(LineFormat::kHex, message), "7 t 6869\n");
  message.kind = DataKind::kReply;
  message.topic = {};
  EXPECT_EQ(FrameLine(LineFormat::kText, message), "7 (2 B) hi\n");
  EXPECT_EQ(FrameLine(LineFormat::kHex, message), "7 6869\n");
  EXPECT_EQ(FrameLine(LineFormat::kJson, message),
            "{\"type\":7,\"bytes\":2,\"text\":\"hi\"}\n");
}

TEST(GapLines, HasOneLineForEachType) {
  Gap gap = {GapReason::kOverflow, {{7, 12, 100, 111}, {8, 1, 5, 5}}};
  EXPECT_EQ(GapLines(LineFormat::kText, gap),
            "gap type 7: 12 frames #100..#111 (overflow)\n"
            "gap type 8: 1 frame #5..#5 (overflow)\n");
  EXPECT_EQ(GapLines(LineFormat::kJson, gap),
            "{\"gap\":{\"type\":7,\"frames\":12,\"first_sequence\":100,"
            "\"last_sequence\":111,\"reason\":\"overflow\"}}\n"
            "{\"gap\":{\"type\":8,\"frames\":1,\"first_sequence\":5,"
            "\"last_sequence\":5,\"reason\":\"overflow\"}}\n");
}

TEST(GapLines, WithoutATypeThereAreNoSequences) {
  const Gap gap = {GapReason::kReconnect, {{0, 5, 0, 0}}};
  EXPECT_EQ(GapLines(LineFormat::kText, gap), "gap: 5 frames (reconnect)\n");
  EXPECT_EQ(GapLines(LineFormat::kJson, gap),
            "{\"gap\":{\"frames\":5,\"reason\":\"reconnect\"}}\n");
}

TEST(GapLines, SayWhatNobodyKnows) {
  const Gap all = {GapReason::kReconnect, {}, true};
  EXPECT_EQ(GapLines(LineFormat::kText, all), "gap: unknown (reconnect)\n");
  EXPECT_EQ(GapLines(LineFormat::kJson, all),
            "{\"gap\":{\"frames\":0,\"reason\":\"reconnect\",\"unknown\":true}}"
            "\n");
  const Gap one = {GapReason::kReconnect, {{7, 0, 51, 51}}, true};
  EXPECT_EQ(GapLines(LineFormat::kText, one),
            "gap type 7: unknown from #51 (reconnect)\n");
  const Gap some = {GapReason::kReconnect, {{7, 3, 51, 53}}, true};
  EXPECT_EQ(GapLines(LineFormat::kHex, some),
            "gap type 7: 3 frames #51..#53 or more (reconnect)\n");
  EXPECT_EQ(
      GapLines(LineFormat::kJson, some),
      "{\"gap\":{\"type\":7,\"frames\":3,\"first_sequence\":51,"
      "\"last_sequence\":53,\"reason\":\"reconnect\",\"unknown\":true}}\n");
}

}  // namespace
}  // namespace mycelium::cli
