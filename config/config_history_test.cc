// The rules of history in a configuration.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/config.h"
#include "config/history_rules.h"
#include "config/limits.h"

namespace mycelium {
namespace {

absl::StatusOr<Config> Parse(absl::string_view text) {
  return ParseConfig(text, "f", [](const std::string&) {
    return absl::NotFoundError("No such file or directory");
  });
}

Config Parsed(absl::string_view text) {
  const absl::StatusOr<Config> config = Parse(text);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(Config());
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<Config> config = Parse(text);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(config.status().message());
}

TEST(ParseConfig, PointsAtTheNumberOfTheRuleThatIsWrong) {
  EXPECT_EQ(ErrorOf("history { types: 7 }\nhistory {\n  types: 0 }"),
            "f:3:3: history.types: 0, allowed 1 to 65535");
  EXPECT_EQ(ErrorOf("history {\n  types: [7,\n 65536] }"),
            "f:2:3: history.types: 65536, allowed 1 to 65535");
  EXPECT_EQ(ErrorOf("history {\n  types: 7\n  types: -1 }"),
            "f:3:3: history.types: -1, allowed 1 to 65535");
  EXPECT_EQ(ErrorOf("history { frames_max: -1 }"),
            "f:1:11: history.frames_max: -1, allowed 0 to 1099511627776");
  EXPECT_EQ(ErrorOf("history { bytes_max: 4095 }"),
            "f:1:11: history.bytes_max: 4095, allowed 4096 to 1099511627776");
  EXPECT_EQ(ErrorOf("history { bytes_max: 0 }"),
            "f:1:11: history.bytes_max: 0, allowed 4096 to 1099511627776");
  EXPECT_EQ(ErrorOf("history { age_ms_max: 86400000001 }"),
            "f:1:11: history.age_ms_max: 86400000001, allowed 0 to "
            "86400000000");
}

TEST(ParseConfig, PointsAtTheFilterOfHistoryThatIsNone) {
  EXPECT_EQ(ErrorOf("history {\n topic_filter: \"a.>.b\" }"),
            "f:2:2: history.topic_filter: topic filter: \">\" before the last "
            "token");
  EXPECT_EQ(Parsed("history { topic_filter: \"\" }").history,
            std::vector<HistoryRule>{{}});
}

TEST(ParseConfig, TellsEveryErrorOfHistoryInTheOrderOfTheFile) {
  EXPECT_EQ(ErrorOf("history {\n types: 0\n frames_max: -1 }\n"
                    "history {\n age_ms_max: -1 }\n"
                    "limits { total_bytes_max: 2097152 }"),
            "f:2:2: history.types: 0, allowed 1 to 65535\n"
            "f:3:2: history.frames_max: -1, allowed 0 to 1099511627776\n"
            "f:5:2: history.age_ms_max: -1, allowed 0 to 86400000000");
}

TEST(ParseConfig, AllHistoryTakesHalfOfTheTotal) {
  EXPECT_EQ(ErrorOf("limits { total_bytes_max: 67108863 }\n"
                    "history { }\nhistory { }"),
            "f:2:1: history.bytes_max: 33554432 in all rules, allowed half of "
            "limits.total_bytes_max, 67108863");
  EXPECT_EQ(Parsed("limits { total_bytes_max: 67108864 }\n"
                   "history { }\nhistory { }")
                .history.size(),
            2u);
  // As many as there may be, of the most that each may be.
  std::string rules;
  for (uint32_t i = 0; i < kHistoryRulesMax; ++i) {
    rules += "history { bytes_max: 1099511627776 }\n";
  }
  EXPECT_EQ(ErrorOf(rules),
            "f:1:1: history.bytes_max: 70368744177664 in all rules, allowed "
            "half of limits.total_bytes_max, 1073741824");
}

TEST(ParseConfig, Takes64RulesOfHistoryButNot65) {
  std::string rules;
  for (uint32_t i = 0; i < kHistoryRulesMax; ++i) {
    rules += "history { bytes_max: 4096 }\n";
  }
  EXPECT_EQ(Parsed(rules).history.size(), size_t{kHistoryRulesMax});
  EXPECT_EQ(ErrorOf(rules + "history { bytes_max: 4096 }"),
            "f:1:1: history: 65 rules, allowed 64");
}

TEST(PrintConfig, PrintsEveryFieldOfARuleOfHistory) {
  const std::string text =
      PrintConfig(Parsed("history { types: [7, 8] frames_max: 5 }"));
  EXPECT_EQ(text.substr(text.find("history")), R"(history {
  types: 7
  types: 8
  topic_filter: ""
  frames_max: 5
  bytes_max: 16777216
  age_ms_max: 0
}
admin {
}
)");
}

TEST(ChangedFields, SeesTheOrderOfHistory) {
  const Config a = Parsed("history { types: 7 } history { }");
  EXPECT_TRUE(
      ChangedFields(a, Parsed("history { types: 7 } history { }")).empty());
  EXPECT_EQ(ChangedFields(a, Parsed("history { } history { types: 7 }")),
            std::vector<std::string>{"history"});
}

}  // namespace
}  // namespace mycelium
