#include "broker/subscription_index.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

namespace mycelium {
namespace {

TEST(TopicMatches, FollowsTheRules) {
  EXPECT_TRUE(TopicMatches("", ""));
  EXPECT_TRUE(TopicMatches("", "a.b"));
  EXPECT_FALSE(TopicMatches("a", ""));
  EXPECT_TRUE(TopicMatches("a.b", "a.b"));
  EXPECT_FALSE(TopicMatches("a.b", "a.b.c"));
  EXPECT_FALSE(TopicMatches("a.b.c", "a.b"));
  EXPECT_TRUE(TopicMatches("a.*", "a.b"));
  EXPECT_FALSE(TopicMatches("a.*", "a"));
  EXPECT_FALSE(TopicMatches("*", "a.b"));
  EXPECT_TRUE(TopicMatches(">", "a.b"));
  EXPECT_TRUE(TopicMatches("a.>", "a.b.c"));
  EXPECT_FALSE(TopicMatches("a.>", "a"));
  EXPECT_TRUE(TopicMatches("*.b.>", "x.b.c.d"));
}

std::vector<uint32_t> Match(const SubscriptionIndex& index,
                            std::string_view topic) {
  std::vector<uint32_t> out;
  index.Match(topic, &out);
  std::sort(out.begin(), out.end());
  return out;
}

TEST(SubscriptionIndex, GivesEachEntryThatTakesTheTopicOnce) {
  const SubscriptionIndex::Entry entries[] = {
      {"", 1},    {"a.b", 2},   {"a.*", 3}, {">", 4},
      {"a.>", 5}, {"*.*.c", 6}, {"a.*", 3}};
  const SubscriptionIndex index(entries);
  EXPECT_EQ(Match(index, ""), (std::vector<uint32_t>{1}));
  EXPECT_EQ(Match(index, "a.b"), (std::vector<uint32_t>{1, 2, 3, 3, 4, 5}));
  EXPECT_EQ(Match(index, "a.b.c"), (std::vector<uint32_t>{1, 4, 5, 6}));
  EXPECT_EQ(Match(index, "x"), (std::vector<uint32_t>{1, 4}));
}

TEST(SubscriptionIndex, AgreesWithTopicMatchesOnRandomFilters) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto name = [&random](bool filter) {
    static const char* const kTokens[] = {"a", "b", "c", "*"};
    std::string text;
    const size_t tokens = 1 + random() % 4;
    for (size_t i = 0; i < tokens; ++i) {
      if (i > 0) text += '.';
      if (filter && i + 1 == tokens && random() % 3 == 0) {
        text += '>';
      } else {
        text += kTokens[random() % (filter ? 4 : 3)];
      }
    }
    return text;
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> filters;
    std::vector<SubscriptionIndex::Entry> entries;
    for (int i = 0; i < 30; ++i)
      filters.push_back(random() % 8 == 0 ? "" : name(true));
    for (uint32_t i = 0; i < filters.size(); ++i)
      entries.push_back({filters[i], i});
    const SubscriptionIndex index(entries);
    for (int i = 0; i < 30; ++i) {
      const std::string topic = name(false);
      std::vector<uint32_t> expected;
      for (uint32_t j = 0; j < filters.size(); ++j) {
        if (TopicMatches(filters[j], topic)) expected.push_back(j);
      }
      EXPECT_EQ(Match(index, topic), expected) << topic;
    }
  }
}

}  // namespace
}  // namespace mycelium
