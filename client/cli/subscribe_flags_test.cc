#include "client/cli/subscribe_flags.h"

#include <vector>

#include "gflags/gflags.h"
#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

using core::Policy;
using core::Start;

const absl::Time kNow = absl::FromUnixMillis(1'765'432'100'123);

Start Parsed(const std::string& word) {
  absl::StatusOr<Start> start = ParseStartWord(word, kNow);
  EXPECT_TRUE(start.ok()) << start.status();
  return start.ok() ? *start : Start{};
}

void ExpectStart(const std::string& word, Start::From from, uint64_t value) {
  const Start start = Parsed(word);
  EXPECT_EQ(start.from, from) << word;
  EXPECT_EQ(start.value, value) << word;
}

std::string ErrorOf(const std::string& word) {
  absl::StatusOr<Start> start = ParseStartWord(word, kNow);
  return start.ok() ? "no error" : std::string(start.status().message());
}

TEST(ParseStartWord, SaysWhereToBegin) {
  ExpectStart("now", Start::From::kNow, 0);
  ExpectStart("last:3", Start::From::kLast, 3);
  ExpectStart("last:0", Start::From::kLast, 0);
  ExpectStart("sequence:18446744073709551615", Start::From::kSequence,
              UINT64_MAX);
  ExpectStart("ago:60", Start::From::kTime, 1'765'432'040'123);
  ExpectStart("ago:0.5", Start::From::kTime, 1'765'432'099'623);
  ExpectStart("time:2025-12-11T05:48:20Z", Start::From::kTime,
              1'765'432'100'000);
  ExpectStart("time:2025-12-11T06:48:20.25+01:00", Start::From::kTime,
              1'765'432'100'250);
}

TEST(ParseStartWord, TimesBefore1970AreTheBeginning) {
  ExpectStart("ago:30000000000", Start::From::kTime, 0);
  ExpectStart("time:1960-01-01T00:00:00Z", Start::From::kTime, 0);
}

TEST(ParseStartWord, RefusesWhatItCannotBe) {
  const std::string forms =
      "allowed now, last:N, sequence:N, ago:SECONDS or "
      "time:2026-11-25T12:00:00Z";
  EXPECT_EQ(ErrorOf("yesterday"), "--start yesterday: " + forms);
  EXPECT_EQ(ErrorOf(""), "--start : " + forms);
  EXPECT_EQ(ErrorOf("last:-1"), "--start last:-1: allowed 0 to 4294967295");
  EXPECT_EQ(ErrorOf("last:"), "--start last:: allowed 0 to 4294967295");
  EXPECT_EQ(ErrorOf("sequence:0"), "--start sequence:0: allowed 1 and up");
  EXPECT_EQ(ErrorOf("ago:-1"), "--start ago:-1: allowed seconds, 0 and up");
  EXPECT_EQ(ErrorOf("ago:nan"), "--start ago:nan: allowed seconds, 0 and up");
  EXPECT_EQ(ErrorOf("ago:1e300"),
            "--start ago:1e300: allowed seconds, 0 and up");
  EXPECT_EQ(ErrorOf("time:noon"),
            "--start time:noon: allowed a time like 2026-11-25T12:00:00Z");
}

Policy PolicyOfWords(const std::vector<std::string>& words) {
  gflags::FlagSaver saver;
  std::vector<std::string> line = {"sub"};
  line.insert(line.end(), words.begin(), words.end());
  absl::StatusOr<Arguments> arguments =
      ParseArguments({{.name = "sub", .flags = PolicyFlags()}}, line);
  EXPECT_TRUE(arguments.ok()) << arguments.status();
  return PolicyOfFlags(*arguments);
}

TEST(PolicyOfFlags, KnowsEachPreset) {
  EXPECT_EQ(PolicyOfWords({}), Policy::Balanced());
  EXPECT_EQ(PolicyOfWords({"--policy=balanced"}), Policy::Balanced());
  EXPECT_EQ(PolicyOfWords({"--policy=lossless"}), Policy::Lossless());
  EXPECT_EQ(PolicyOfWords({"--policy=live"}), Policy::Live());
  EXPECT_EQ(PolicyOfWords({"--policy=latest"}), Policy::Latest());
  EXPECT_EQ(PolicyOfWords({"--policy=strict"}), Policy::Strict());
}

TEST(PolicyOfFlags, WhatIsGivenStandsInThePlaceOfThePresets) {
  EXPECT_EQ(PolicyOfWords({"--queue_bytes=4096", "--policy=latest"}),
            (Policy{4096, 0, core::Overflow::kConflate}));
  EXPECT_EQ(
      PolicyOfWords({"--policy=strict", "--stall_ms=-1"}),
      (Policy{Policy{}.queue_bytes_max, -1, core::Overflow::kDisconnect}));
  EXPECT_EQ(PolicyOfWords({"--policy=strict", "--overflow=gap"}),
            Policy::Balanced());
  EXPECT_EQ(PolicyOfWords({"--overflow=conflate", "--queue_bytes_max=8192",
                           "--stall_ms_max=7"}),
            (Policy{8192, 7, core::Overflow::kConflate}));
}

}  // namespace
}  // namespace mycelium::cli
