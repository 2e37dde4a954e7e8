#include "broker/history.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/block.h"
#include "broker/subscription_index.h"
#include "config/history_rules.h"
#include "gtest/gtest.h"
#include "proto/frame.h"

namespace mycelium {
namespace {

using broker::Block;
using broker::BlockPool;
using broker::Ref;

// What memory a history may take for what it keeps: it must leave room for the
// queues where all rules together have half of total_bytes_max.
constexpr uint64_t kPinnedPercentMax = 165;

class HistoryTest : public testing::Test {
 protected:
  using Place = std::pair<uint16_t, uint64_t>;  // type id, count
  using Counts = std::vector<uint64_t>;

  static std::string Frame(uint16_t type_id, uint64_t count,
                           std::string_view topic, std::string_view payload) {
    std::string frame(kHeaderBytes, '\0');
    StoreHeader({static_cast<uint32_t>(topic.size() + payload.size()), type_id,
                 1, static_cast<uint8_t>(topic.size()), count},
                reinterpret_cast<uint8_t*>(frame.data()));
    return frame.append(topic).append(payload);
  }

  // `frames` of them as one run, with the counts after those of before.
  void Add(uint16_t type_id, std::string_view topic = {}, uint32_t frames = 1,
           std::string_view payload = "x") {
    std::string run;
    for (uint32_t i = 0; i < frames; ++i) {
      run += Frame(type_id, ++counts_[type_id], topic, payload);
    }
    history_.Add(type_id, topic, reinterpret_cast<const uint8_t*>(run.data()),
                 frames, now_ms_);
  }

  std::vector<Place> Find(const History::Query& query) {
    std::vector<Place> places;
    pieces_ = 0;
    const uint64_t total =
        history_.Find(query, [&](const Ref<Block>& block, uint32_t begin,
                                 uint32_t end, uint32_t frames) {
          ++pieces_;
          for (uint32_t at = begin; frames > 0; --frames) {
            const FrameHeader header = LoadHeader(block->bytes() + at);
            places.emplace_back(header.type_id, header.id);
            at += kHeaderBytes + header.body_bytes;
            if (frames == 1) {
              EXPECT_EQ(at, end);
            }
          }
        });
    EXPECT_EQ(total, places.size());
    return places;
  }
  std::vector<uint64_t> CountsOf(const History::Query& query) {
    std::vector<uint64_t> counts;
    for (const auto& [type_id, count] : Find(query)) counts.push_back(count);
    return counts;
  }

  BlockPool pool_;
  History history_{&pool_};
  int64_t now_ms_ = 1'000;
  int pieces_ = 0;  // of the last Find
  std::map<uint16_t, uint64_t> counts_;
};

TEST_F(HistoryTest, WithoutARuleNothingIsKept) {
  EXPECT_TRUE(history_.empty());
  EXPECT_FALSE(history_.Keeps(7));
  EXPECT_FALSE(history_.Keeps(0));
  EXPECT_EQ(history_.next_due_ms(), INT64_MAX);
  EXPECT_EQ(CountsOf({.type_id = 7}), Counts());
}

TEST_F(HistoryTest, FramesComeBackAsTheyWereInTheOrderOfTheirArrival) {
  history_.Configure({{}});
  Add(7, "a", 2);
  Add(8);
  Add(7, "b");
  EXPECT_EQ(Find({}), (std::vector<Place>{{7, 1}, {7, 2}, {8, 1}, {7, 3}}));
  EXPECT_EQ(CountsOf({.type_id = 7}), (Counts{1, 2, 3}));
  std::string all;
  history_.Find({}, [&](const Ref<Block>& block, uint32_t begin, uint32_t end,
                        uint32_t) {
    all.append(reinterpret_cast<char*>(block->bytes()) + begin, end - begin);
  });
  EXPECT_EQ(all, Frame(7, 1, "a", "x") + Frame(7, 2, "a", "x") +
                     Frame(8, 1, "", "x") + Frame(7, 3, "b", "x"));
}

TEST_F(HistoryTest, WhatStandsSideBySideIsOnePiece) {
  history_.Configure({{}});
  Add(7, "", 1000);
  EXPECT_EQ(Find({}).size(), 1000u);
  EXPECT_EQ(pieces_, 1);
  // What is taken of it is not side by side any more.
  Add(8);
  Add(7);
  EXPECT_EQ(Find({.type_id = 7}).size(), 1001u);
  EXPECT_EQ(pieces_, 2);
}

// --- What is kept -----------------------------------------------------------

TEST_F(HistoryTest, AFrameBelongsToTheFirstRuleThatTakesIt) {
  history_.Configure({{.types = {7}, .topic_filter = "a", .frames_max = 1},
                      {.types = {7, 8}, .frames_max = 2}});
  EXPECT_TRUE(history_.Keeps(7));
  EXPECT_TRUE(history_.Keeps(8));
  EXPECT_FALSE(history_.Keeps(9));
  EXPECT_TRUE(history_.Keeps(0));
  Add(7, "a", 3);
  Add(7, "b", 3);
  Add(8);
  Add(9);
  EXPECT_EQ(Find({}), (std::vector<Place>{{7, 3}, {7, 6}, {8, 1}}));
  const std::vector<History::Kept> kept = history_.Status();
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].frames, 1u);
  EXPECT_EQ(kept[0].bytes, kHeaderBytes + 2);
  EXPECT_EQ(kept[1].frames, 2u);
}

TEST_F(HistoryTest, BytesMaxCountsWholeFrames) {
  history_.Configure({{.bytes_max = 4096}});
  Add(7, "", 10, std::string(1024 - kHeaderBytes, 'x'));
  EXPECT_EQ(CountsOf({}), (Counts{7, 8, 9, 10}));
  EXPECT_EQ(history_.Status()[0].bytes, 4096u);
}

TEST_F(HistoryTest, AFrameLargerThanItsRuleDrivesNothingOut) {
  history_.Configure({{.bytes_max = 4096}});
  Add(7);
  Add(7, "", 1, std::string(4097 - kHeaderBytes, 'x'));
  EXPECT_EQ(history_.Hole(7), 2u);
  EXPECT_EQ(CountsOf({}), (Counts{1}));
  Add(7, "", 1, std::string(4096 - kHeaderBytes, 'x'));
  EXPECT_EQ(CountsOf({}), (Counts{3}));
}

TEST_F(HistoryTest, WhatIsTooOldGoesWhenItIsDue) {
  history_.Configure({{.types = {7}, .age_ms_max = 100},
                      {.types = {8}, .age_ms_max = 50},
                      {.types = {9}}});
  Add(7);
  Add(9);
  EXPECT_EQ(history_.next_due_ms(), now_ms_ + 101);
  Add(8);
  EXPECT_EQ(history_.next_due_ms(), now_ms_ + 51);
  history_.Tick(now_ms_ + 50);
  EXPECT_EQ(Find({}).size(), 3u);
  history_.Tick(now_ms_ + 51);
  EXPECT_EQ(Find({}), (std::vector<Place>{{7, 1}, {9, 1}}));
  history_.Tick(now_ms_ + 101);
  EXPECT_EQ(Find({}), (std::vector<Place>{{9, 1}}));
  EXPECT_EQ(history_.next_due_ms(), INT64_MAX);
}

TEST_F(HistoryTest, WhoComesFindsNothingTooOldEvenWithoutATick) {
  history_.Configure({{.age_ms_max = 100}});
  Add(7);
  now_ms_ += 101;
  Add(7);
  EXPECT_EQ(CountsOf({}), (Counts{2}));
}

TEST_F(HistoryTest, ARuleThatStaysKeepsItsFrames) {
  const HistoryRule seven{.types = {7}}, eight{.types = {8}, .frames_max = 5};
  history_.Configure({seven, eight});
  Add(7, "", 2);
  Add(8, "", 2);
  history_.Configure({eight, {.types = {9}}, seven});
  EXPECT_EQ(Find({}), (std::vector<Place>{{7, 1}, {7, 2}, {8, 1}, {8, 2}}));
  history_.Configure({{.types = {8}, .frames_max = 6}, seven});
  EXPECT_EQ(Find({}), (std::vector<Place>{{7, 1}, {7, 2}}));
  EXPECT_EQ(history_.Hole(7), 0u);
  EXPECT_EQ(history_.Hole(8), 2u);
  EXPECT_EQ(history_.MissingUntil(8), now_ms_);
  history_.Configure({});
  EXPECT_TRUE(history_.empty());
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(HistoryTest, OfTwoEqualRulesTheFirstKeeps) {
  history_.Configure({{}, {}});
  Add(7);
  history_.Configure({{}, {}});
  EXPECT_EQ(history_.Status()[0].frames, 1u);
  EXPECT_EQ(history_.Status()[1].frames, 0u);
}

// --- What is missing --------------------------------------------------------

TEST_F(HistoryTest, AfterItsHoleATypeIsComplete) {
  history_.Configure({{.types = {7}, .topic_filter = "a", .frames_max = 2}});
  EXPECT_EQ(history_.Hole(7), 0u);
  EXPECT_EQ(history_.MissingUntil(7), INT64_MIN);
  Add(7, "a", 2);
  EXPECT_EQ(history_.Hole(7), 0u);
  now_ms_ = 2'000;
  Add(7, "b");  // nobody keeps it
  EXPECT_EQ(history_.Hole(7), 3u);
  EXPECT_EQ(history_.MissingUntil(7), 2'000);
  now_ms_ = 3'000;
  Add(7, "a");  // drives out an older one than that
  EXPECT_EQ(history_.Hole(7), 3u);
  EXPECT_EQ(history_.MissingUntil(7), 2'000);
  Add(7, "a", 2);
  EXPECT_EQ(history_.Hole(7), 4u);
  EXPECT_EQ(history_.MissingUntil(7), 3'000);
  EXPECT_EQ(history_.MissingUntil(8), INT64_MIN);
}

// --- Queries ----------------------------------------------------------------

TEST_F(HistoryTest, LastCountsEachTypeAndTopic) {
  history_.Configure({{.types = {7}}, {}});
  for (const char* topic : {"a", "b", "a", "", "a", "b"}) {
    Add(7, topic);
    Add(8, topic);
  }
  EXPECT_EQ(CountsOf({.type_id = 7, .last = 1}), (Counts{4, 5, 6}));
  EXPECT_EQ(CountsOf({.type_id = 7, .topic_filter = "a", .last = 2}),
            (Counts{3, 5}));
  // Of both rules together, in the order of arrival.
  EXPECT_EQ(
      Find({.last = 1}),
      (std::vector<Place>{{7, 4}, {8, 4}, {7, 5}, {8, 5}, {7, 6}, {8, 6}}));
  EXPECT_EQ(Find({.last = UINT32_MAX}).size(), 12u);
}

TEST_F(HistoryTest, AfterSinceAndFilterHoldTogether) {
  history_.Configure({{}});
  Add(7, "a.b", 3);
  now_ms_ += 10;
  const uint64_t arrival = history_.next_arrival();
  Add(7, "a.b");
  Add(7, "a.c");
  Add(8, "a.b");
  EXPECT_EQ(Find({.since_ms = now_ms_}).size(), 3u);
  EXPECT_EQ(Find({.since_ms = now_ms_ + 1}).size(), 0u);
  EXPECT_EQ(Find({.since_arrival = arrival}).size(), 3u);
  EXPECT_EQ(CountsOf({.type_id = 7,
                      .topic_filter = "*.b",
                      .after = [](uint16_t) -> uint64_t { return 2; }}),
            (Counts{3, 4}));
  EXPECT_EQ(CountsOf({.type_id = 7,
                      .topic_filter = "*.b",
                      .after = [](uint16_t) -> uint64_t { return 2; },
                      .since_ms = now_ms_}),
            (Counts{4}));
  EXPECT_EQ(Find({.after = [](uint16_t type_id) -> uint64_t {
              return type_id == 7 ? 4 : 0;
            }}),
            (std::vector<Place>{{7, 5}, {8, 1}}));
}

TEST_F(HistoryTest, WhatWasFoundOutlivesItsEviction) {
  history_.Configure({{.frames_max = 1}});
  Add(7, "", 1, "one");
  std::vector<Ref<Block>> found;
  uint32_t at = 0;
  history_.Find(
      {}, [&](const Ref<Block>& block, uint32_t begin, uint32_t, uint32_t) {
        found.push_back(block);
        at = begin;
      });
  Add(7, "", 10'000, "other");
  history_.Configure({});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(found[0]->bytes()) + at,
                        kHeaderBytes + 3),
            Frame(7, 1, "", "one"));
}

// --- Memory -----------------------------------------------------------------

TEST_F(HistoryTest, FramesOfAnySizePinLittleMoreThanTheyAre) {
  for (const uint64_t bytes_max : {4096u, 200'000u, 1u << 20}) {
    for (const uint32_t payload :
         {0u, 48u, 900u, 12'000u, 17'000u, 33'000u, 65'521u, 100'000u}) {
      history_.Configure({});
      EXPECT_EQ(pool_.used_bytes(), 0u);
      history_.Configure({{.bytes_max = bytes_max}});
      uint64_t most = 0;
      for (int i = 0; i < 3000 && most < 4 * bytes_max; ++i) {
        Add(7, "", 1, std::string(payload, 'x'));
        most = std::max(most, pool_.used_bytes());
      }
      EXPECT_LE(most, bytes_max * kPinnedPercentMax / 100)
          << payload << " bytes in frames, bytes_max " << bytes_max;
    }
  }
}

// Against a list of all frames, and as many random rules and queries.
TEST_F(HistoryTest, AgreesWithAPlainListOnRandomFrames) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&](uint32_t n) {
    return static_cast<uint32_t>(random() % n);
  };
  const char* const topics[] = {"", "a", "a.b", "b.a", "b.b.c"};
  const char* const filters[] = {"", "a", "a.*", "b.>", "*.b"};
  struct Plain {
    uint16_t type_id;
    uint64_t count;
    std::string topic;
    int64_t time_ms;
    size_t rule;
  };
  for (int round = 0; round < 12; ++round) {
    std::vector<HistoryRule> rules(1 + below(3));
    for (HistoryRule& rule : rules) {
      rule.topic_filter = filters[below(5)];
      rule.frames_max = below(2) * below(40);
      rule.age_ms_max = below(2) * below(60);
      if (below(2) == 0) rule.types.push_back(1 + below(3));
    }
    history_.Configure({});
    history_.Configure(rules);
    std::vector<Plain> all;
    for (int step = 0; step < 200; ++step) {
      now_ms_ += below(4);
      const auto type_id = static_cast<uint16_t>(1 + below(3));
      const char* const topic = topics[below(5)];
      const uint32_t frames = 1 + below(3);
      Add(type_id, topic, frames, std::string(below(2) * below(30'000), 'x'));
      size_t rule = 0;
      while (rule < rules.size() &&
             ((!rules[rule].types.empty() && rules[rule].types[0] != type_id) ||
              !TopicMatches(rules[rule].topic_filter, topic))) {
        ++rule;
      }
      for (uint32_t i = frames; i > 0; --i) {
        all.push_back(
            {type_id, counts_[type_id] - i + 1, topic, now_ms_, rule});
      }
    }
    history_.Tick(now_ms_);
    std::vector<uint64_t> behind(rules.size() + 1);
    std::map<std::pair<uint16_t, std::string>, uint32_t> of_each;
    const History::Query query{
        .type_id = static_cast<uint16_t>(below(4)),
        .topic_filter = filters[below(5)],
        .last = below(2) * (1 + below(5)),
        .since_ms = now_ms_ - static_cast<int64_t>(below(300))};
    std::vector<Place> expected;
    for (auto it = all.rbegin(); it != all.rend(); ++it) {
      if (it->rule == rules.size()) continue;
      const HistoryRule& rule = rules[it->rule];
      if (rule.frames_max != 0 && behind[it->rule]++ >= rule.frames_max)
        continue;
      if (rule.age_ms_max != 0 && now_ms_ - it->time_ms > rule.age_ms_max)
        continue;
      if (query.type_id != 0 && it->type_id != query.type_id) continue;
      if (!TopicMatches(query.topic_filter, it->topic)) continue;
      if (it->time_ms < query.since_ms) continue;
      if (query.last != 0 && ++of_each[{it->type_id, it->topic}] > query.last)
        continue;
      expected.emplace_back(it->type_id, it->count);
    }
    std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(Find(query), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace mycelium
