#include "client/cli/arguments.h"

#include "gflags/gflags.h"
#include "gtest/gtest.h"

DEFINE_string(colour, "red", "");
DEFINE_string(words, "", "");
DEFINE_string(text, "", "");
DEFINE_string(D, "", "");
DEFINE_int64(number, 1, "");
DEFINE_double(share, 0.5, "");
DEFINE_bool(loud, false, "");

namespace mycelium::cli {
namespace {

class ParseArgumentsTest : public testing::Test {
 protected:
  absl::StatusOr<Arguments> Parse(const std::vector<std::string>& words) {
    return ParseArguments(commands_, words);
  }
  std::string ErrorOf(const std::vector<std::string>& words) {
    absl::StatusOr<Arguments> arguments = Parse(words);
    return arguments.ok() ? "no error"
                          : std::string(arguments.status().message());
  }

 private:
  gflags::FlagSaver saver_;
  const std::vector<Command> commands_ = {
      {.name = "paint",
       .arguments = 1,
       .optional = 1,
       .flags = {{.name = "colour", .choices = {"red", "blue"}},
                 {.name = "words"},
                 {.name = "text", .value_optional = true},
                 {.name = "D"},
                 {.name = "number", .initial = "4", .min = -1, .max = 9},
                 {.name = "share", .min = 0.25},
                 {.name = "loud", .also = "noisy"}}},
      {.name = "sing", .flags = {{.name = "loud"}, {.name = "number"}}}};
};

TEST_F(ParseArgumentsTest, FlagsStandAnywhere) {
  absl::StatusOr<Arguments> arguments =
      Parse({"--colour", "blue", "paint", "--number=7", "wall", "--loud", "-"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->command->name, "paint");
  EXPECT_EQ(arguments->words, (std::vector<std::string>{"wall", "-"}));
  EXPECT_EQ(FLAGS_colour, "blue");
  EXPECT_EQ(FLAGS_number, 7);
  EXPECT_TRUE(FLAGS_loud);
  EXPECT_TRUE(arguments->Given("number"));
  EXPECT_FALSE(arguments->Given("share"));
}

TEST_F(ParseArgumentsTest, ACommandMayHaveItsOwnDefault) {
  ASSERT_TRUE(Parse({"paint", "wall"}).ok());
  EXPECT_EQ(FLAGS_number, 4);
}

TEST_F(ParseArgumentsTest, AValueMayLookLikeAFlagOrBeEmpty) {
  ASSERT_TRUE(
      Parse({"paint", "wall", "--number", "-1", "--words", "--x"}).ok());
  EXPECT_EQ(FLAGS_number, -1);
  EXPECT_EQ(FLAGS_words, "--x");
  absl::StatusOr<Arguments> arguments = Parse({"paint", "wall", "--words", ""});
  ASSERT_TRUE(arguments.ok());
  EXPECT_TRUE(arguments->Given("words"));
  EXPECT_EQ(FLAGS_words, "");
}

TEST_F(ParseArgumentsTest, AValueMayHoldEqualsSigns) {
  ASSERT_TRUE(Parse({"paint", "wall", "--words=a=b"}).ok());
  EXPECT_EQ(FLAGS_words, "a=b");
}

TEST_F(ParseArgumentsTest, BoolsTakeNoFollowingWord) {
  absl::StatusOr<Arguments> arguments = Parse({"paint", "--loud", "wall"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_TRUE(FLAGS_loud);
  ASSERT_TRUE(Parse({"paint", "wall", "--noloud"}).ok());
  EXPECT_FALSE(FLAGS_loud);
  ASSERT_TRUE(Parse({"paint", "wall", "--loud=true"}).ok());
  EXPECT_TRUE(FLAGS_loud);
}

TEST_F(ParseArgumentsTest, AFlagMayBeSetSeveralTimes) {
  absl::StatusOr<Arguments> arguments =
      Parse({"paint", "--words", "a", "wall", "--words=b"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(arguments->Values("words"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(arguments->Values("number").empty());
}

TEST_F(ParseArgumentsTest, AFlagOfOneLetterTakesItsValueWithoutASpace) {
  absl::StatusOr<Arguments> arguments =
      Parse({"paint", "wall", "-Da", "-D", "b", "-D=c", "-Dd=e"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_EQ(arguments->Values("D"),
            (std::vector<std::string>{"a", "b", "c", "d=e"}));
  EXPECT_EQ(ErrorOf({"sing", "-Dx"}),
            "mycelium sing: unknown flag \"-D\", allowed --loud --number");
}

TEST_F(ParseArgumentsTest, AnOptionalValueIsNoFlagAndNoDash) {
  absl::StatusOr<Arguments> arguments = Parse({"paint", "wall", "--text", "t"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(FLAGS_text, "t");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{
           {"paint", "wall", "--text", "--loud"},
           {"paint", "wall", "--text", "-"},
           {"paint", "wall", "--text"}}) {
    arguments = Parse(words);
    ASSERT_TRUE(arguments.ok()) << arguments.status();
    EXPECT_TRUE(arguments->Given("text"));
    EXPECT_EQ(FLAGS_text, "");
  }
}

TEST_F(ParseArgumentsTest, AFlagMayHaveAnotherName) {
  absl::StatusOr<Arguments> arguments = Parse({"paint", "wall", "--noisy"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_TRUE(FLAGS_loud);
  EXPECT_TRUE(arguments->Given("loud"));
}

TEST_F(ParseArgumentsTest, TwoDashesEndTheFlags) {
  absl::StatusOr<Arguments> arguments = Parse({"paint", "--", "--loud"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_EQ(arguments->words, (std::vector<std::string>{"--loud"}));
}

TEST_F(ParseArgumentsTest, UnknownFlagsAreNamedWithTheAllowedOnes) {
  EXPECT_EQ(ErrorOf({"sing", "--tpoic", "x"}),
            "mycelium sing: unknown flag \"--tpoic\", allowed --loud --number");
  EXPECT_EQ(ErrorOf({"sing", "--tpoic=x"}),
            "mycelium sing: unknown flag \"--tpoic\", allowed --loud --number");
  EXPECT_EQ(ErrorOf({"--tpoic", "x"}),
            "mycelium: unknown flag \"--tpoic\", see mycelium --help");
}

TEST_F(ParseArgumentsTest, DashesAloneAreUnknownFlags) {
  EXPECT_EQ(ErrorOf({"sing", "---"}),
            "mycelium sing: unknown flag \"---\", allowed --loud --number");
  EXPECT_EQ(ErrorOf({"sing", "--=x"}),
            "mycelium sing: unknown flag \"--\", allowed --loud --number");
}

TEST_F(ParseArgumentsTest, AFlagOfAnotherCommandIsUnknown) {
  EXPECT_EQ(
      ErrorOf({"--colour", "red", "sing"}),
      "mycelium sing: unknown flag \"--colour\", allowed --loud --number");
}

TEST_F(ParseArgumentsTest, FlagsOfGflagsItselfAreUnknown) {
  EXPECT_EQ(ErrorOf({"sing", "--flagfile=x"}),
            "mycelium sing: unknown flag \"--flagfile\", allowed --loud "
            "--number");
}

TEST_F(ParseArgumentsTest, ValuesThatCannotBeAreRefused) {
  EXPECT_EQ(ErrorOf({"paint", "wall", "--number", "x"}),
            "mycelium paint: --number x: allowed a whole number");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--number", "10"}),
            "mycelium paint: --number 10: allowed -1 to 9");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--share=0.1"}),
            "mycelium paint: --share 0.1: allowed 0.25 or more");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--share=nan"}),
            "mycelium paint: --share nan: allowed 0.25 or more");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--colour", "green"}),
            "mycelium paint: --colour green: allowed red, blue");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--loud=perhaps"}),
            "mycelium paint: --loud perhaps: allowed true or false");
  EXPECT_EQ(ErrorOf({"paint", "wall", "--number"}),
            "mycelium paint: --number: no value");
}

TEST_F(ParseArgumentsTest, CommandsAndArgumentsAreCounted) {
  EXPECT_EQ(ErrorOf({"pant"}),
            "mycelium: unknown command \"pant\", allowed paint sing");
  EXPECT_EQ(ErrorOf({"--loud"}), "mycelium: no command, allowed paint sing");
  EXPECT_EQ(ErrorOf({"paint"}),
            "mycelium paint: no TYPE given, see mycelium help paint");
  EXPECT_EQ(ErrorOf({"sing", "song"}),
            "mycelium sing: unexpected argument \"song\", see mycelium help "
            "sing");
}

TEST_F(ParseArgumentsTest, HelpNeedsNothingElseToBeRight) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"help", "paint"},
                                             {"paint", "--help"},
                                             {"paint", "-h", "--number=x"}}) {
    absl::StatusOr<Arguments> arguments = Parse(words);
    ASSERT_TRUE(arguments.ok()) << arguments.status();
    EXPECT_TRUE(arguments->help);
    EXPECT_EQ(arguments->command->name, "paint");
  }
  absl::StatusOr<Arguments> arguments = Parse({"help"});
  ASSERT_TRUE(arguments.ok());
  EXPECT_TRUE(arguments->help);
  EXPECT_EQ(arguments->command, nullptr);
  EXPECT_TRUE(Parse({"--version"})->version);
  EXPECT_EQ(ErrorOf({"help", "pant"}),
            "mycelium: unknown command \"pant\", allowed paint sing");
}

}  // namespace
}  // namespace mycelium::cli
