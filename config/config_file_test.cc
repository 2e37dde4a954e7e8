// What LoadConfig reads: files of every kind, and the documented example.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "config/broker_limits.h"
#include "config/config.h"
#include "google/protobuf/text_format.h"
#include "proto/mycelium/config.pb.h"
#include "tests/descriptor_set_of.h"
#include "tests/no_capabilities.h"

namespace mycelium {
namespace {

using google::protobuf::Descriptor;

constexpr char kExamplePath[] = "config/brokerd.textproto";

std::string Contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in.is_open()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string ErrorOf(const absl::Status& status) {
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

// --- Files ------------------------------------------------------------------

class LoadConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/var/tmp/mycelium-config-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    folder_ = path;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Write(const std::string& text) {
    const std::string path = folder_ + "/brokerd.textproto";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::string folder_;
};

TEST_F(LoadConfigTest, ReadsAFileAndNamesItInErrors) {
  const absl::StatusOr<Config> config = LoadConfig(Write("name: \"a\""));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "a");
  const std::string path = Write("\n\nnam: \"a\"");
  EXPECT_EQ(ErrorOf(LoadConfig(path).status()),
            path + ":3:1: unknown field \"nam\"");
}

TEST_F(LoadConfigTest, SaysThatAFileIsMissing) {
  const absl::Status status = LoadConfig(folder_ + "/x").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrorOf(status), folder_ + "/x: No such file or directory");
}

TEST_F(LoadConfigTest, SaysThatItIsADirectory) {
  EXPECT_EQ(ErrorOf(LoadConfig(folder_).status()),
            folder_ + ": Is a directory");
}

TEST_F(LoadConfigTest, SaysThatAFileIsUnreadable) {
  const std::string path = Write("name: \"a\"");
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  const NoCapabilities as_any_user;
  const absl::Status status = LoadConfig(path).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorOf(status), path + ": Permission denied");
}

TEST_F(LoadConfigTest, SaysThatReadingFailed) {
  // Nothing is mapped at the address 0.
  EXPECT_EQ(ErrorOf(LoadConfig("/proc/self/mem").status()),
            "/proc/self/mem: Input/output error");
}

TEST_F(LoadConfigTest, TakesOneMebibyteButNotMore) {
  const std::string full(kConfigBytesMax, '\n');
  EXPECT_TRUE(LoadConfig(Write(full)).ok());
  const std::string path = Write(full + "\n");
  EXPECT_EQ(ErrorOf(LoadConfig(path).status()),
            path + ": more than 1048576 bytes, allowed at most 1048576");
  EXPECT_FALSE(LoadConfig("/dev/zero").ok());
}

TEST_F(LoadConfigTest, LooksForDescriptorSetsInItsOwnFolder) {
  const std::string set = DescriptorSetOf("message M {}");
  std::ofstream(folder_ + "/m.binpb", std::ios::binary) << set;
  for (const std::string& name :
       {std::string("m.binpb"), folder_ + "/m.binpb"}) {
    const absl::StatusOr<Config> config = LoadConfig(
        Write(absl::StrCat("schema { descriptor_set: \"", name, "\" }")));
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->descriptor_sets.at(0).path, name);
    EXPECT_EQ(config->descriptor_sets.at(0).schema->descriptor_set(), set);
  }
}

TEST_F(LoadConfigTest, SaysWhatIsWrongWithTheFileOfADescriptorSet) {
  const std::string path = Write("schema {\n  descriptor_set: \"x.binpb\"\n}");
  EXPECT_EQ(ErrorOf(LoadConfig(path).status()),
            path +
                ":2:3: schema.descriptor_set: \"x.binpb\": No such file or "
                "directory");
  std::filesystem::create_directory(folder_ + "/x.binpb");
  EXPECT_EQ(ErrorOf(LoadConfig(path).status()),
            path + ":2:3: schema.descriptor_set: \"x.binpb\": Is a directory");
  std::filesystem::remove(folder_ + "/x.binpb");
  std::filesystem::create_symlink("/dev/zero", folder_ + "/x.binpb");
  EXPECT_EQ(ErrorOf(LoadConfig(path).status()),
            path +
                ":2:3: schema.descriptor_set: \"x.binpb\": more than "
                "33554432 bytes, allowed at most 33554432");
}

// --- The example ------------------------------------------------------------

TEST(Example, IsTheDefaults) {
  const absl::StatusOr<Config> config = LoadConfig(kExamplePath);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, Config());
}

// Every field of `message` that has a default.
void ExpectAllSet(const google::protobuf::Message& message) {
  const Descriptor* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->is_repeated()) continue;
    // Absent, it depends on the carrier.
    if (type->field(i)->full_name() == "mycelium.SchemaConfig.open") continue;
    EXPECT_TRUE(message.GetReflection()->HasField(message, type->field(i)))
        << type->field(i)->full_name();
  }
}

TEST(Example, SetsEveryField) {
  BrokerConfig message;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      Contents(kExamplePath), &message));
  ExpectAllSet(message);
  ExpectAllSet(message.limits());
  ExpectAllSet(message.schema());
}

TEST(Example, WorksWithItsExamplesSwitchedOn) {
  std::string text;
  for (absl::string_view line : absl::StrSplit(Contents(kExamplePath), '\n')) {
    line = absl::StripLeadingAsciiWhitespace(line);
    const bool example = line.size() > 1 && line[0] == '#' &&
                         (line[1] != ' ' || absl::StartsWith(line, "#  ")) &&
                         !absl::StartsWith(line, "#   ");
    absl::StrAppend(&text, example ? line.substr(1) : line, "\n");
  }
  Config expected;
  for (const char* url : {"unix:/run/mycelium/brokerd.sock",
                          "tcp://127.0.0.1:6940", "tcp://[::1]:6940"}) {
    expected.listeners.push_back(*ParseListenUrl(url));
  }
  expected.schema.open = true;
  const std::string set = DescriptorSetOf("message M {}");
  expected.descriptor_sets.push_back({"chat.binpb", SchemaOf("message M {}")});
  expected.history.push_back({.types = {1, 2},
                              .topic_filter = "sensors.>",
                              .frames_max = 1000,
                              .age_ms_max = 60'000});
  expected.admin.uids = {1000};
  for (const char* range : {"127.0.0.1", "10.0.0.0/8"}) {
    expected.admin.addresses.push_back(*ParseAddressRange(range));
  }
  expected.metrics_listen = *ParseListenUrl("tcp://127.0.0.1:9464");
  const absl::StatusOr<Config> config =
      ParseConfig(text, kExamplePath, [&](const std::string&) { return set; });
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(*config, expected);
}

TEST(Example, NamesTheRangeOfEachLimitInItsParagraph) {
  // On one line, as if no comment had been broken.
  const std::string text = absl::StrReplaceAll(
      Contents(kExamplePath), {{"\n  # ", " "}, {"\n# ", " "}});
  const auto expect_range = [&](const std::string& name, int64_t least,
                                int64_t most) {
    const size_t end = text.find(absl::StrCat(name, ": "));
    ASSERT_NE(end, std::string::npos) << name;
    const size_t begin = text.rfind("\n\n", end);
    EXPECT_TRUE(absl::StrContains(text.substr(begin, end - begin),
                                  absl::StrCat(" ", least, " to ", most)))
        << name;
  };
  for (const LimitField& field : LimitFields()) {
    expect_range(absl::StrCat("\n  ", field.name), field.least, field.most);
  }
  expect_range("\ndrain_timeout_ms", 0, kDrainTimeoutMsMax);
}

}  // namespace
}  // namespace mycelium
