#include "client/cli/frame_decoder.h"

#include "client/cli/fake_admin.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

const std::string kHi = "\x0a\x02hi";            // field 1
const std::string kHiYou = kHi + "\x12\x03you";  // fields 1 and 2

class FrameDecoderTest : public testing::Test {
 protected:
  std::string Decode(uint16_t type_id, const std::string& payload) {
    Decoded decoded = decoder_.Decode(type_id, payload);
    EXPECT_TRUE(decoded.json.empty() || decoded.note.empty());
    return decoded.name + " " + decoded.json + decoded.note;
  }

  FakeAdmin admin_;
  absl::Time now_ = absl::UnixEpoch();
  FrameDecoder decoder_{admin_.call(), [this] { return now_; }};
};

TEST_F(FrameDecoderTest, AsksTheBrokerAtTheFirstFrame) {
  admin_.Know(1, MakeSchema({{7, "Word", {"text"}}, {8, "Name", {"first"}}}));
  EXPECT_EQ(admin_.lists, 0);
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
  EXPECT_EQ(Decode(8, kHi), "fake.Name {\"first\":\"hi\"}");
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
  EXPECT_EQ(admin_.pieces, 1);
}

TEST_F(FrameDecoderTest, AsksForAnUnknownTypeOnceASecondAtMost) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Decode(7, kHi), " ");
    now_ += absl::Milliseconds(100);
  }
  EXPECT_EQ(admin_.lists, 1);
  EXPECT_EQ(Decode(8, kHi), " ");
  EXPECT_EQ(admin_.lists, 2);
  admin_.Know(1, MakeSchema({{7, "Word", {"text"}}}));
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
  EXPECT_EQ(admin_.lists, 3);
}

TEST_F(FrameDecoderTest, TakesTheNewestSchemaThatHasTheType) {
  admin_.Know(1, MakeSchema({{7, "Word", {"a"}}}));
  admin_.Know(2, MakeSchema({{7, "Word", {"b"}}}));
  admin_.Know(3, MakeSchema({{8, "Name", {"c"}}}));
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"b\":\"hi\"}");
}

TEST_F(FrameDecoderTest, FieldsThatAreNotKnownMakeItAskForANewerSchema) {
  admin_.Know(1, MakeSchema({{7, "Word", {"text"}}}));
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
  admin_.Know(2, MakeSchema({{7, "Word", {"text", "whom"}}}));
  EXPECT_EQ(Decode(7, kHiYou), "fake.Word {\"text\":\"hi\"}");
  now_ += absl::Seconds(1);
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
  EXPECT_EQ(admin_.lists, 1);
  EXPECT_EQ(Decode(7, kHiYou), "fake.Word {\"text\":\"hi\",\"whom\":\"you\"}");
  EXPECT_EQ(admin_.lists, 2);
}

TEST_F(FrameDecoderTest, ASchemaThatTheBrokerForgotIsListedAnew) {
  admin_.Know(1, MakeSchema({{7, "Word", {"a"}}}));
  admin_.Know(2, MakeSchema({{7, "Word", {"b"}}, {8, "Name", {"b"}}}));
  EXPECT_EQ(Decode(9, kHi), " ");
  admin_.Forget(2);
  EXPECT_EQ(Decode(7, kHi), " ");
  now_ += absl::Seconds(1);
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"a\":\"hi\"}");
}

TEST_F(FrameDecoderTest, WhatIsNoMessageHasANote) {
  admin_.Know(1, MakeSchema({{7, "Word", {"text"}}}));
  EXPECT_EQ(Decode(7, "\x0a\x05hi"), "fake.Word not a fake.Word");
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
}

TEST_F(FrameDecoderTest, ErrorsOfTheBrokerLeaveFramesRaw) {
  admin_.Know(1, MakeSchema({{7, "Word", {"text"}}}));
  admin_.change = [](wire::AdminReply* reply) { reply->set_error("no"); };
  EXPECT_EQ(Decode(7, kHi), " ");
  admin_.change = nullptr;
  now_ += absl::Seconds(1);
  EXPECT_EQ(Decode(7, kHi), "fake.Word {\"text\":\"hi\"}");
}

TEST(FrameDecoder, OfAFileAsksNobody) {
  FrameDecoder decoder(
      std::make_shared<const MessageJson>(MakeSchema({{7, "Word", {"text"}}})));
  EXPECT_EQ(decoder.Decode(7, kHiYou).json, "{\"text\":\"hi\"}");
  EXPECT_EQ(decoder.Decode(8, kHi).name, "");
}

}  // namespace
}  // namespace mycelium::cli
