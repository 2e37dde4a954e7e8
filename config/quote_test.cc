#include "config/quote.h"

#include <gtest/gtest.h>

namespace mycelium {
namespace {

TEST(Quote, KeepsWhatCanBeRead) {
  EXPECT_EQ(Quote("/run/küche.sock"), "\"/run/küche.sock\"");
  EXPECT_EQ(Quote(""), "\"\"");
}

TEST(Quote, EscapesQuotesControlsAndBrokenUtf8) {
  EXPECT_EQ(Quote("a\"b"), "\"a\\\"b\"");
  EXPECT_EQ(Quote("a\nb\x1b"), "\"a\\nb\\x1b\"");
  EXPECT_EQ(Quote("\xff"), "\"\\xff\"");
}

TEST(Quote, CutsWhatIsLongBetweenTwoCharacters) {
  const std::string fits(kQuotedBytesMax, 'x');
  EXPECT_EQ(Quote(fits), "\"" + fits + "\"");
  EXPECT_EQ(Quote(fits + "x"), "\"" + fits + "...\"");
  const std::string before(kQuotedBytesMax - 1, 'x');
  EXPECT_EQ(Quote(before + "\u20ac"), "\"" + before + "...\"");
}

TEST(Printable, LeavesQuotesAsTheyAre) {
  EXPECT_EQ(Printable("expected \":\""), "expected \":\"");
  EXPECT_EQ(Printable("a\nb"), "a\\nb");
}

TEST(PlainText, TakesUtf8OfEveryLength) {
  EXPECT_TRUE(PlainText(""));
  EXPECT_TRUE(PlainText("a\u00fc\u20ac\U0001f344"));
}

TEST(PlainText, RefusesControls) {
  EXPECT_FALSE(PlainText("a\n"));
  EXPECT_FALSE(PlainText(std::string(1, '\0')));
  EXPECT_FALSE(PlainText("\x7f"));
  EXPECT_FALSE(PlainText("\xc2\x85"));
  EXPECT_TRUE(PlainText("\xc2\xa0"));
}

TEST(PlainText, RefusesWhatIsNotUtf8) {
  const char* const broken[] = {
      "\x80",         "\xc1\xbf",         "\xc3",     "\xc3(",
      "\xe0\x9f\xbf", "\xed\xa0\x80",     "\xe2\x82", "\xf0\x8f\xbf\xbf",
      "\xf4\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80", "\xff",
  };
  for (const char* text : broken) EXPECT_FALSE(PlainText(text)) << Quote(text);
}

}  // namespace
}  // namespace mycelium
