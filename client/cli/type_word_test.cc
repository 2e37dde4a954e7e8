#include "client/cli/type_word.h"

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

TEST(ParseTypeWord, IsAnIdOrAFullName) {
  EXPECT_EQ(ParseTypeWord("1")->type_id, 1);
  EXPECT_EQ(ParseTypeWord("65535")->type_id, 65535);
  for (const char* name :
       {"TextMessage", "chat.TextMessage", "_a.b_1.C", "all"}) {
    EXPECT_EQ(ParseTypeWord(name)->name, name);
    EXPECT_EQ(ParseTypeWord(name)->type_id, 0);
  }
}

TEST(ParseTypeWord, RefusesWhatCanBeNeither) {
  for (const char* word : {"", "0", "65536", "-1", "7x", "1.5", ".a", "a.",
                           "a..b", "a b", "chat.1", "a-b", "gr\u00fc\u00dfe"}) {
    EXPECT_FALSE(ParseTypeWord(word)) << word;
  }
}

}  // namespace
}  // namespace mycelium::cli
