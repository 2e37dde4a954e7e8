#include "client/cli/shell_command.h"

#include "gtest/gtest.h"

namespace mycelium::cli {
namespace {

std::string OutputOf(const std::string& command, std::string_view input = "") {
  absl::StatusOr<std::string> output = RunShell(command, input, {});
  return output.ok() ? *output : std::string(output.status().message());
}

TEST(RunShell, GivesTheInputAndTakesTheOutput) {
  EXPECT_EQ(OutputOf("cat", std::string_view("a\0b\n", 4)),
            std::string("a\0b\n", 4));
  EXPECT_EQ(OutputOf("wc -c | tr -d ' \\n'", std::string(1 << 20, 'x')),
            "1048576");
  EXPECT_EQ(OutputOf("true", std::string(1 << 20, 'x')), "");
}

TEST(RunShell, AddsToTheEnvironment) {
  absl::StatusOr<std::string> output =
      RunShell("printf '%s' \"$MYCELIUM_TOPIC ${PATH:+and PATH}\"", "",
               {{"MYCELIUM_TOPIC", "a.b"}});
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(*output, "a.b and PATH");
}

TEST(RunShell, SaysHowTheCommandFailed) {
  EXPECT_EQ(OutputOf("echo half; exit 3"), "exit code 3");
  EXPECT_EQ(OutputOf("kill -9 $$"), "signal 9");
  EXPECT_EQ(OutputOf("/no/such/program 2>/dev/null"), "exit code 127");
}

TEST(RunShell, EndsWhatNeverStopsToWrite) {
  EXPECT_EQ(OutputOf("yes"),
            "more than 67108864 bytes, which no frame may hold");
}

}  // namespace
}  // namespace mycelium::cli
