#include "config/config.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "config/broker_limits.h"
#include "proto/mycelium/config.pb.h"
#include "tests/descriptor_set_of.h"

namespace mycelium {
namespace {

using google::protobuf::FieldDescriptor;

// Every file that a configuration of these tests may name.
absl::StatusOr<std::string> Read(const std::string& path) {
  const std::string text_message =
      "package chat; message TextMessage { option (mycelium.type_id) = 1; "
      "string sender = 1; int64 timestamp = 3; }";
  if (path == "chat.binpb" || path == "chat_again.binpb") {
    return DescriptorSetOf(text_message);
  }
  if (path == "newer.binpb") {
    return DescriptorSetOf(
        "package chat; message TextMessage { option (mycelium.type_id) = 1; "
        "string sender = 1; int64 timestamp = 3; string content = 2; }");
  }
  if (path == "other.binpb") {
    return DescriptorSetOf(
        "package chat; message TextMessage { option (mycelium.type_id) = 1; "
        "string sender = 1; string timestamp = 3; }");
  }
  if (path == "large.binpb") {
    return DescriptorSetOf(absl::StrCat(
        "message ", std::string(400, 'M'), "{ int32 ", std::string(500, 'f'),
        " = 1; int32 ", std::string(500, 'g'), " = 2; }"));
  }
  if (path == "garbage.binpb") return "not a descriptor set";
  return absl::NotFoundError("No such file or directory");
}

Config Parsed(absl::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "f", Read);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(Config());
}

std::string ErrorOf(const absl::Status& status) {
  EXPECT_FALSE(status.ok());
  return std::string(status.message());
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<Config> config = ParseConfig(text, "f", Read);
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return ErrorOf(config.status());
}

Config Everything() {
  return Parsed(R"(
      listen { url: "unix:/run/küche.sock" mode: "0600" group: "users" }
      listen { url: "tcp://[::]" }
      name: "a \"name\" of Küche"
      allow_plaintext: true
      limits {
        frame_bytes_max: 2048 hello_timeout_ms: 20 hello_bytes_max: 300
        sessions_max: 11 sessions_per_uid_max: 12 sessions_per_address_max: 13
        subscriptions_per_session_max: 14 idle_timeout_ms: 150
        queue_bytes_max: 5000 queue_bytes_max_ceiling: 6000 stall_ms_max: -1
        total_bytes_max: 2000000
        schema_bytes_max: 1000000 schemas_max: 15 schemas_bytes_max: 1000001
        resume_window_ms: 16 resume_instances_max: 17 reconnect_ms_min: 18
        reconnect_ms_max: 19 requests_per_session_max: 20 deadlock_ms: 2100
      }
      drain_timeout_ms: 0
      schema {
        descriptor_set: "chat.binpb" descriptor_set: "newer.binpb"
        open: false required: true
      }
      history {
        types: [1, 65535] types: 7 topic_filter: "küche.*" frames_max: 5
        bytes_max: 4096 age_ms_max: 6
      }
      history { bytes_max: 5000 }
      admin { users: "root" uids: [5, 6] addresses: "::1" }
      metrics { listen: "tcp://[::1]:9464" })");
}

// --- Defaults ---------------------------------------------------------------

TEST(ParseConfig, AnEmptyFileIsTheDefaults) {
  EXPECT_EQ(Parsed(""), Config());
  EXPECT_EQ(Parsed("# nothing\nlimits {}\n"), Config());
}

TEST(ParseConfig, ReadsEveryField) {
  const Config config = Everything();
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].path, "/run/küche.sock");
  EXPECT_EQ(config.listeners[0].mode, 0600u);
  EXPECT_EQ(config.listeners[0].group, "users");
  EXPECT_EQ(config.listeners[1].url, "tcp://[::]:6940");
  EXPECT_EQ(config.name, "a \"name\" of Küche");
  EXPECT_TRUE(config.allow_plaintext);
  EXPECT_EQ(config.drain_timeout_ms, 0);
  EXPECT_EQ(config.limits.frame_bytes_max, 2048u);
  EXPECT_EQ(config.limits.hello_timeout_ms, 20);
  EXPECT_EQ(config.limits.hello_bytes_max, 300u);
  EXPECT_EQ(config.limits.sessions_max, 11u);
  EXPECT_EQ(config.limits.sessions_per_uid_max, 12u);
  EXPECT_EQ(config.limits.sessions_per_address_max, 13u);
  EXPECT_EQ(config.limits.subscriptions_per_session_max, 14u);
  EXPECT_EQ(config.limits.idle_timeout_ms, 150);
  EXPECT_EQ(config.limits.queue_bytes_max, 5000u);
  EXPECT_EQ(config.limits.queue_bytes_max_ceiling, 6000u);
  EXPECT_EQ(config.limits.stall_ms_max, -1);
  EXPECT_EQ(config.limits.total_bytes_max, 2'000'000u);
  EXPECT_EQ(config.limits.schema_bytes_max, 1'000'000u);
  EXPECT_EQ(config.limits.schemas_max, 15u);
  EXPECT_EQ(config.limits.schemas_bytes_max, 1'000'001u);
  EXPECT_EQ(config.limits.resume_window_ms, 16);
  EXPECT_EQ(config.limits.resume_instances_max, 17u);
  EXPECT_EQ(config.limits.reconnect_ms_min, 18);
  EXPECT_EQ(config.limits.reconnect_ms_max, 19);
  EXPECT_EQ(config.limits.requests_per_session_max, 20u);
  EXPECT_EQ(config.limits.deadlock_ms, 2100);
  ASSERT_EQ(config.descriptor_sets.size(), 2u);
  EXPECT_EQ(config.descriptor_sets[0].path, "chat.binpb");
  EXPECT_EQ(config.descriptor_sets[0].schema->types()[0].name,
            "chat.TextMessage");
  EXPECT_EQ(config.descriptor_sets[1].path, "newer.binpb");
  EXPECT_EQ(config.schema.open, false);
  EXPECT_TRUE(config.schema.required);
  const HistoryRule rule{.types = {1, 65535, 7},
                         .topic_filter = "küche.*",
                         .frames_max = 5,
                         .bytes_max = 4096,
                         .age_ms_max = 6};
  EXPECT_EQ(config.history,
            (std::vector<HistoryRule>{rule, {.bytes_max = 5000}}));
}

TEST(LimitFields, AreTheFieldsOfTheSchemaWithItsDefaults) {
  std::set<std::string> names;
  for (const LimitField& field : LimitFields()) {
    names.insert(field.name);
    const FieldDescriptor* descriptor =
        LimitsConfig::descriptor()->FindFieldByName(field.name);
    ASSERT_NE(descriptor, nullptr) << field.name;
    EXPECT_EQ(descriptor->default_value_int64(), field.get(BrokerLimits()))
        << field.name;
    EXPECT_EQ(RangeError(field.name, field.get(BrokerLimits()), field.least,
                         field.most),
              "");
  }
  EXPECT_EQ(names.size(),
            static_cast<size_t>(LimitsConfig::descriptor()->field_count()));
  EXPECT_EQ(BrokerConfig().drain_timeout_ms(), Config().drain_timeout_ms);
  EXPECT_EQ(SchemaConfig().required(), Config().schema.required);
  EXPECT_EQ(Parsed("history { }").history, std::vector<HistoryRule>{{}});
}

TEST(LimitFields, HoldTheWholeOfTheirRange) {
  for (const LimitField& field : LimitFields()) {
    for (const int64_t value : {field.least, field.most}) {
      BrokerLimits limits;
      field.set(&limits, value);
      EXPECT_EQ(field.get(limits), value) << field.name;
    }
  }
}

// --- Errors with their place ------------------------------------------------

TEST(ParseConfig, PointsAtAnUnknownField) {
  EXPECT_EQ(ErrorOf("# one\n# two\n  lisen { url: \"unix:/a\" }\n"),
            "f:3:3: unknown field \"lisen\"");
}

TEST(ParseConfig, PointsAtANumberOutOfRange) {
  EXPECT_EQ(ErrorOf("limits {\n  frame_bytes_max: 0\n}"),
            "f:2:3: limits.frame_bytes_max: 0, allowed 1024 to 67108864");
  EXPECT_EQ(ErrorOf("drain_timeout_ms: -1"),
            "f:1:1: drain_timeout_ms: -1, allowed 0 to 3600000");
}

TEST(ParseConfig, HoldsEachLimitWithinItsRange) {
  for (const LimitField& field : LimitFields()) {
    for (const int64_t value : {field.least - 1, field.most + 1}) {
      EXPECT_EQ(
          ErrorOf(absl::StrCat("limits { ", field.name, ": ", value, "}")),
          absl::StrCat("f:1:10: limits.", field.name, ": ", value, ", allowed ",
                       field.least, " to ", field.most));
    }
  }
}

TEST(ParseConfig, TellsAllErrorsInTheOrderOfTheFile) {
  EXPECT_EQ(ErrorOf("limits {\n"
                    "  sessions_max: 0\n"
                    "  foo: 1\n"
                    "  stall_ms_max: -2\n"
                    "}\n"
                    "bar: 2\n"
                    "listen { url: \"x\" mode: \"9\" }\n"
                    "listen { url: \"tcp://0.0.0.0:1\" }\n"
                    "drain_timeout_ms: 3600001\n"),
            "f:2:3: limits.sessions_max: 0, allowed 1 to 1000000\n"
            "f:3:3: unknown field \"foo\"\n"
            "f:4:3: limits.stall_ms_max: -2, allowed -1 to 86400000\n"
            "f:6:1: unknown field \"bar\"\n"
            "f:7:10: listen.url: \"x\": allowed unix:/absolute/path, "
            "tcp://ADDRESS:PORT or tcp://[IPV6]:PORT\n"
            "f:8:10: listen.url: \"tcp://0.0.0.0:1\" can be reached by other "
            "machines, unencrypted; allowed with allow_plaintext: true\n"
            "f:9:1: drain_timeout_ms: 3600001, allowed 0 to 3600000");
}

TEST(ParseConfig, AfterASyntaxErrorRulesAcrossFieldsAreNotJudged) {
  EXPECT_EQ(ErrorOf("limits { sessions_max: 0 }\n"
                    "listen { url: \"tcp://0.0.0.0\" }\n"
                    "allow_plaintext true"),
            "f:1:10: limits.sessions_max: 0, allowed 1 to 1000000\n"
            "f:3:17: true, allowed :");
}

TEST(ParseConfig, DoesNotMissWhatStandsAfterASyntaxError) {
  EXPECT_EQ(ErrorOf("listen { url: 5 }"),
            "f:1:15: url: 5, allowed text in quotes");
}

TEST(ParseConfig, CountsWhatNobodyReads) {
  std::string text;
  for (int i = 0; i < 150; ++i) text += "x: 1\n";
  const std::vector<std::string> lines = absl::StrSplit(ErrorOf(text), '\n');
  ASSERT_EQ(lines.size(), 101u);
  EXPECT_EQ(lines[99], "f:100:1: unknown field \"x\"");
  EXPECT_EQ(lines[100], "f: 50 errors more");
}

TEST(ParseConfig, RefusesANameThatIsTooLongOrNotText) {
  EXPECT_EQ(Parsed(absl::StrCat("name: \"", std::string(128, 'x'), "\"")).name,
            std::string(128, 'x'));
  EXPECT_EQ(ErrorOf(absl::StrCat("name: \"", std::string(129, 'x'), "\"")),
            "f:1:1: name: 129 bytes, allowed 128");
  EXPECT_EQ(ErrorOf("name: \"a\\n\""),
            "f:1:1: name: \"a\\n\", allowed UTF-8 without control characters");
  EXPECT_EQ(ErrorOf("name: \"\\377\""),
            "f:1:1: name: \"\\xff\", allowed UTF-8 without control characters");
}

// --- Listeners --------------------------------------------------------------

TEST(ParseConfig, PointsAtTheUrlThatIsWrong) {
  EXPECT_EQ(ErrorOf("listen {\n  mode: \"0600\"\n  url: \"unix:x\"\n}"),
            "f:3:3: listen.url: \"unix:x\": path \"x\", allowed an absolute "
            "path");
  EXPECT_EQ(ErrorOf("listen: [{ url: \"unix:/a\" },\n  { url: \"b\" }]"),
            "f:2:5: listen.url: \"b\": allowed unix:/absolute/path, "
            "tcp://ADDRESS:PORT or tcp://[IPV6]:PORT");
}

TEST(ParseConfig, RefusesAListenerWithoutUrl) {
  EXPECT_EQ(ErrorOf("\n listen { mode: \"0600\" }"),
            "f:2:2: listen.url: absent, allowed one");
  EXPECT_EQ(ErrorOf("listen: [{ url: \"unix:/a\" },\n  {}]"),
            "f:1:1: listen.url: absent, allowed one");
}

TEST(ParseConfig, TakesOctalModes) {
  const auto mode = [](absl::string_view text) {
    return Parsed(
               absl::StrCat("listen { url: \"unix:/a\" mode: \"", text, "\" }"))
        .listeners.at(0)
        .mode;
  };
  EXPECT_EQ(mode("0660"), 0660u);
  EXPECT_EQ(mode("600"), 0600u);
  EXPECT_EQ(mode("0777"), 0777u);
  EXPECT_EQ(mode("0"), 0u);
}

TEST(ParseConfig, RefusesOtherModes) {
  for (const char* mode :
       {"", "0680", "1777", "00660", "u+rw", "-1", "0x1f", " 660"}) {
    EXPECT_EQ(ErrorOf(absl::StrCat("listen { url: \"unix:/a\"\n mode: \"", mode,
                                   "\" }")),
              absl::StrCat("f:2:2: listen.mode: \"", mode,
                           "\", allowed octal 0000 to 0777"));
  }
}

TEST(ParseConfig, RefusesAGroupThatIsNoName) {
  EXPECT_EQ(ErrorOf("listen { url: \"unix:/a\"\n group: \"a:b\" }"),
            "f:2:2: listen.group: \"a:b\", allowed at most 32 of A-Z a-z 0-9 "
            ". _ -");
  const std::string long_name(33, 'x');
  EXPECT_EQ(ErrorOf(absl::StrCat("listen { url: \"unix:/a\" group: \"",
                                 long_name, "\" }")),
            absl::StrCat("f:1:25: listen.group: \"", long_name,
                         "\", allowed at most 32 of A-Z a-z 0-9 . _ -"));
}

TEST(ParseConfig, RefusesModeAndGroupForTcp) {
  EXPECT_EQ(ErrorOf("listen { url: \"tcp://[::1]:1\" mode: \"0660\"\n"
                    " group: \"users\" }"),
            "f:1:31: listen.mode: set for \"tcp://[::1]:1\", allowed with "
            "unix:\n"
            "f:2:2: listen.group: set for \"tcp://[::1]:1\", allowed with "
            "unix:");
}

TEST(ParseConfig, RefusesADuplicateListener) {
  EXPECT_EQ(ErrorOf("listen { url: \"unix:/a\" }\n"
                    "listen { url: \"unix://a\" }"),
            "f:2:10: listen.url: \"unix:/a\" again, allowed once");
  EXPECT_EQ(ErrorOf("listen { url: \"tcp://127.0.0.1\" }\n"
                    "listen { url: \"tcp://localhost:6940\" }"),
            "f:2:10: listen.url: \"tcp://localhost:6940\" again, allowed once");
}

TEST(ParseConfig, BlamesTheRightListenerAfterAWrongOne) {
  EXPECT_EQ(ErrorOf("listen { url: \"unix:/a\" }\n"
                    "listen { url: \"x\" }\n"
                    "listen { url: \"unix:/a\" }"),
            "f:2:10: listen.url: \"x\": allowed unix:/absolute/path, "
            "tcp://ADDRESS:PORT or tcp://[IPV6]:PORT\n"
            "f:3:10: listen.url: \"unix:/a\" again, allowed once");
}

TEST(ParseConfig, Takes64ListenersButNot65) {
  std::string text;
  for (uint32_t i = 0; i < kListenersMax; ++i) {
    absl::StrAppend(&text, "listen { url: \"unix:/", i, "\" }\n");
  }
  EXPECT_EQ(Parsed(text).listeners.size(), kListenersMax);
  EXPECT_EQ(ErrorOf(text + "listen { url: \"unix:/more\" }"),
            "f:65:10: listen: 65 listeners, allowed 64");
}

TEST(ParseConfig, RefusesPlaintextForOtherMachinesUnlessAllowed) {
  for (const char* url :
       {"tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.168.0.1:1"}) {
    const std::string listen = absl::StrCat("listen { url: \"", url, "\" }\n");
    EXPECT_EQ(ErrorOf(listen),
              absl::StrCat("f:1:10: listen.url: \"", url,
                           "\" can be reached by other machines, unencrypted; "
                           "allowed with allow_plaintext: true"));
    EXPECT_EQ(Parsed(listen + "allow_plaintext: true").listeners.size(), 1u);
  }
  EXPECT_EQ(Parsed("listen { url: \"tcp://127.0.0.1\" }").listeners.size(), 1u);
}

// --- Schemas ----------------------------------------------------------------

TEST(ParseConfig, SchemasAreOpenToLocalClientsUnlessItSaysOtherwise) {
  const SchemaRules absent = Parsed("schema {}").schema;
  EXPECT_TRUE(absent.OpenFor(/*is_local=*/true));
  EXPECT_FALSE(absent.OpenFor(/*is_local=*/false));
  EXPECT_FALSE(Parsed("schema { open: false }").schema.OpenFor(true));
  EXPECT_TRUE(Parsed("schema { open: true }").schema.OpenFor(false));
}

TEST(ParseConfig, PointsAtADescriptorSetThatIsNone) {
  EXPECT_EQ(ErrorOf("schema {\n  descriptor_set: \"chat.binpb\"\n"
                    "  descriptor_set: \"absent.binpb\"\n}"),
            "f:3:3: schema.descriptor_set: \"absent.binpb\": No such file or "
            "directory");
  EXPECT_EQ(ErrorOf("schema { descriptor_set: \"garbage.binpb\" }"),
            "f:1:10: schema.descriptor_set: \"garbage.binpb\": 20 bytes that "
            "are not a google.protobuf.FileDescriptorSet");
}

TEST(ParseConfig, RefusesAPathThatIsNoText) {
  EXPECT_EQ(ErrorOf("schema { descriptor_set: \"a\\nb\" }"),
            "f:1:10: schema.descriptor_set: \"a\\nb\", allowed UTF-8 without "
            "control characters");
}

TEST(ParseConfig, PointsAtTheDescriptorSetThatDoesNotFitAnEarlierOne) {
  EXPECT_EQ(ErrorOf("schema {\n  descriptor_set: \"garbage.binpb\"\n"
                    "  descriptor_set: \"chat.binpb\"\n"
                    "  descriptor_set: \"newer.binpb\"\n"
                    "  descriptor_set: \"other.binpb\"\n}"),
            "f:2:3: schema.descriptor_set: \"garbage.binpb\": 20 bytes that "
            "are not a google.protobuf.FileDescriptorSet\n"
            "f:5:3: schema.descriptor_set: \"other.binpb\": "
            "chat.TextMessage.timestamp is string here, int64 in "
            "\"chat.binpb\" (field 3, FIELD_WIRE_COMPATIBLE_TYPE)\n"
            "f:5:3: schema.descriptor_set: \"other.binpb\": "
            "chat.TextMessage.timestamp is string here, int64 in "
            "\"newer.binpb\" (field 3, FIELD_WIRE_COMPATIBLE_TYPE)");
}

TEST(ParseConfig, OfAListOfDescriptorSetsItPointsAtTheBeginning) {
  EXPECT_EQ(ErrorOf("schema { descriptor_set: [\"chat.binpb\",\n \"x\"] }"),
            "f:1:10: schema.descriptor_set: \"x\": No such file or directory");
}

TEST(ParseConfig, TakesADescriptorSetTwice) {
  EXPECT_EQ(Parsed("schema { descriptor_set: \"chat.binpb\" "
                   "descriptor_set: \"chat_again.binpb\" }"
                   "limits { schemas_max: 1 }")
                .descriptor_sets.size(),
            2u);
}

TEST(ParseConfig, DescriptorSetsKeepTheLimits) {
  EXPECT_EQ(
      ErrorOf("limits { schemas_max: 1 }\n"
              "schema { descriptor_set: \"chat.binpb\"\n"
              " descriptor_set: \"newer.binpb\" }"),
      "f:3:2: schema.descriptor_set: \"newer.binpb\": 2 schemas, allowed at "
      "most limits.schemas_max, 1");
  const size_t large = Read("large.binpb")->size();
  EXPECT_EQ(
      ErrorOf(absl::StrCat("limits { schema_bytes_max: ", large - 1, " }\n",
                           "schema { descriptor_set: \"large.binpb\" }")),
      absl::StrCat("f:2:10: schema.descriptor_set: \"large.binpb\": ", large,
                   " bytes, allowed at most limits.schema_bytes_max, ",
                   large - 1));
  EXPECT_EQ(ErrorOf(absl::StrCat("limits { schema_bytes_max: ", large,
                                 " schemas_bytes_max: ", large, " }\n",
                                 "schema { descriptor_set: \"large.binpb\"\n"
                                 " descriptor_set: \"chat.binpb\" }")),
            absl::StrCat("f:3:2: schema.descriptor_set: \"chat.binpb\": ",
                         large + Read("chat.binpb")->size(),
                         " bytes of schemas, allowed at most "
                         "limits.schemas_bytes_max, ",
                         large));
}

// --- Rules across limits ----------------------------------------------------

TEST(ParseConfig, AQueueFitsUnderItsCeiling) {
  EXPECT_EQ(ErrorOf("limits {\n queue_bytes_max: 5000\n"
                    " queue_bytes_max_ceiling: 4999 }"),
            "f:2:2: limits.queue_bytes_max: 5000, allowed at most "
            "limits.queue_bytes_max_ceiling, 4999");
  EXPECT_EQ(ErrorOf("limits {\n queue_bytes_max_ceiling: 4999 }"),
            "f:2:2: limits.queue_bytes_max: 16777216, allowed at most "
            "limits.queue_bytes_max_ceiling, 4999");
}

TEST(ParseConfig, TheTotalHoldsTwoFrames) {
  EXPECT_EQ(ErrorOf("limits { total_bytes_max: 2097151\n"
                    " schema_bytes_max: 1024 }"),
            "f:1:10: limits.total_bytes_max: 2097151, allowed at least twice "
            "limits.frame_bytes_max, 1048576");
  EXPECT_EQ(
      Parsed("limits { total_bytes_max: 2097152 }").limits.total_bytes_max,
      2'097'152u);
}

TEST(ParseConfig, TheTotalHoldsTwoSchemas) {
  EXPECT_EQ(ErrorOf("limits { schema_bytes_max: 16777216\n"
                    " total_bytes_max: 33554431 }"),
            "f:2:2: limits.total_bytes_max: 33554431, allowed at least twice "
            "limits.schema_bytes_max, 16777216");
}

TEST(ParseConfig, AllSchemasTogetherHoldOne) {
  EXPECT_EQ(ErrorOf("limits { schemas_bytes_max: 1048575 }"),
            "f:1:10: limits.schemas_bytes_max: 1048575, allowed at least "
            "limits.schema_bytes_max, 1048576");
}

TEST(ParseConfig, ANumberOutOfRangeIsNotBlamedTwice) {
  EXPECT_EQ(ErrorOf("limits { queue_bytes_max: 0 "
                    "queue_bytes_max_ceiling: 4096 }"),
            "f:1:10: limits.queue_bytes_max: 0, allowed 4096 to "
            "1099511627776");
}

TEST(ParseConfig, TheLeastWaitIsNotLongerThanTheLongest) {
  EXPECT_EQ(ErrorOf("limits {\n reconnect_ms_min: 5001 }"),
            "f:2:2: limits.reconnect_ms_min: 5001, allowed at most "
            "limits.reconnect_ms_max, 5000");
  EXPECT_EQ(Parsed("limits { reconnect_ms_min: 5000 }").limits.reconnect_ms_min,
            5000);
}

// --- Flags ------------------------------------------------------------------

TEST(ApplyListenFlags, TakesThePlaceOfTheListeners) {
  Config config = Parsed("listen { url: \"unix:/a\" }");
  ASSERT_TRUE(
      ApplyListenFlags({"unix:/b,tcp://[::1]:1", "unix:/c"}, &config).ok());
  ASSERT_EQ(config.listeners.size(), 3u);
  EXPECT_EQ(config.listeners[0].url, "unix:/b");
  EXPECT_EQ(config.listeners[1].url, "tcp://[::1]:1");
  EXPECT_EQ(config.listeners[2].url, "unix:/c");
}

TEST(ApplyListenFlags, WithoutUrlsNothingChanges) {
  Config config = Parsed("listen { url: \"unix:/a\" }");
  const Config before = config;
  ASSERT_TRUE(ApplyListenFlags({}, &config).ok());
  ASSERT_TRUE(ApplyListenFlags({""}, &config).ok());
  EXPECT_EQ(config, before);
}

TEST(ApplyListenFlags, KeepsModeAndGroupOfTheSamePlace) {
  Config config =
      Parsed("listen { url: \"unix:/a\" mode: \"0600\" group: \"users\" }");
  ASSERT_TRUE(ApplyListenFlags({"unix:/b,unix://a"}, &config).ok());
  ASSERT_EQ(config.listeners.size(), 2u);
  EXPECT_EQ(config.listeners[0].mode, 0660u);
  EXPECT_EQ(config.listeners[1].mode, 0600u);
  EXPECT_EQ(config.listeners[1].group, "users");
}

TEST(ApplyListenFlags, OnAnErrorNothingChanges) {
  Config config = Parsed("listen { url: \"unix:/a\" }");
  const Config before = config;
  EXPECT_EQ(ErrorOf(ApplyListenFlags({"unix:/b,unix:c"}, &config)),
            "--listen: \"unix:c\": path \"c\", allowed an absolute path");
  EXPECT_EQ(config, before);
}

TEST(ValidateConfig, TakesTheDefaults) {
  EXPECT_TRUE(ValidateConfig(Config()).ok());
  EXPECT_TRUE(ValidateConfig(Everything()).ok());
}

TEST(ValidateConfig, JudgesWhatFlagsBrought) {
  Config config;
  ASSERT_TRUE(
      ApplyListenFlags({"unix:/a,tcp://0.0.0.0:1,unix:/a"}, &config).ok());
  EXPECT_EQ(ErrorOf(ValidateConfig(config)),
            "listen.url: \"tcp://0.0.0.0:1\" can be reached by other machines, "
            "unencrypted; allowed with allow_plaintext: true\n"
            "listen.url: \"unix:/a\" again, allowed once");
}

TEST(ValidateConfig, JudgesNumbersAndName) {
  Config config;
  config.name = "\n";
  config.limits.sessions_max = 0;
  config.limits.queue_bytes_max_ceiling = config.limits.queue_bytes_max - 1;
  config.drain_timeout_ms = -1;
  EXPECT_EQ(ErrorOf(ValidateConfig(config)),
            "name: \"\\n\", allowed UTF-8 without control characters\n"
            "limits.sessions_max: 0, allowed 1 to 1000000\n"
            "drain_timeout_ms: -1, allowed 0 to 3600000\n"
            "limits.queue_bytes_max: 16777216, allowed at most "
            "limits.queue_bytes_max_ceiling, 16777215");
}

// --- Print and compare ------------------------------------------------------

TEST(PrintConfig, IsReadBackAsTheSame) {
  EXPECT_EQ(Parsed(PrintConfig(Config())), Config());
  EXPECT_EQ(Parsed(PrintConfig(Everything())), Everything());
}

TEST(PrintConfig, PrintsEveryFieldWithWhatIsInForce) {
  Config config;
  ASSERT_TRUE(ApplyListenFlags({"unix:/a,tcp://[::1]"}, &config).ok());
  EXPECT_EQ(PrintConfig(config), R"(listen {
  url: "unix:/a"
  mode: "0660"
  group: ""
}
listen {
  url: "tcp://[::1]:6940"
}
name: ""
allow_plaintext: false
limits {
  frame_bytes_max: 1048576
  hello_timeout_ms: 5000
  hello_bytes_max: 4096
  sessions_max: 16384
  sessions_per_uid_max: 8192
  sessions_per_address_max: 8192
  subscriptions_per_session_max: 1024
  idle_timeout_ms: 30000
  queue_bytes_max: 16777216
  queue_bytes_max_ceiling: 268435456
  stall_ms_max: 1000
  total_bytes_max: 1073741824
  schema_bytes_max: 1048576
  schemas_max: 256
  schemas_bytes_max: 16777216
  resume_window_ms: 30000
  resume_instances_max: 4096
  reconnect_ms_min: 50
  reconnect_ms_max: 5000
  requests_per_session_max: 4096
  deadlock_ms: 10000
}
drain_timeout_ms: 5000
schema {
  required: false
}
admin {
}
)");
}

TEST(ParseConfig, TakesOneTcpListenerForMetricsThatIsNobodyElses) {
  EXPECT_EQ(
      Parsed("metrics { listen: \"tcp://0.0.0.0:9464\" }").metrics_listen->port,
      9464);
  EXPECT_FALSE(Parsed("metrics {}").metrics_listen.has_value());
  EXPECT_EQ(ErrorOf("metrics {\n  listen: \"unix:/a\"\n}"),
            "f:2:3: metrics.listen: \"unix:/a\", allowed tcp://ADDRESS:PORT or "
            "tcp://[IPV6]:PORT");
  EXPECT_EQ(ErrorOf("listen { url: \"tcp://127.0.0.1:7\" }\n"
                    "metrics { listen: \"tcp://localhost:7\" }"),
            "f:2:11: metrics.listen: \"tcp://localhost:7\" is listen.url too, "
            "allowed one that is not");
  EXPECT_EQ(ErrorOf("metrics { listen: \"127.0.0.1:9464\" }"),
            "f:1:11: metrics.listen: \"127.0.0.1:9464\", allowed "
            "tcp://ADDRESS:PORT or tcp://[IPV6]:PORT");
}

TEST(ChangedFields, AreNoneForTheSame) {
  EXPECT_TRUE(ChangedFields(Config(), Config()).empty());
  EXPECT_TRUE(ChangedFields(Everything(), Everything()).empty());
}

TEST(ChangedFields, NamesEachFieldAsTheFileDoes) {
  EXPECT_EQ(absl::StrJoin(ChangedFields(Config(), Everything()), " "),
            "listen name allow_plaintext limits.frame_bytes_max "
            "limits.hello_timeout_ms limits.hello_bytes_max "
            "limits.sessions_max limits.sessions_per_uid_max "
            "limits.sessions_per_address_max "
            "limits.subscriptions_per_session_max limits.idle_timeout_ms "
            "limits.queue_bytes_max limits.queue_bytes_max_ceiling "
            "limits.stall_ms_max limits.total_bytes_max "
            "limits.schema_bytes_max limits.schemas_max "
            "limits.schemas_bytes_max limits.resume_window_ms "
            "limits.resume_instances_max limits.reconnect_ms_min "
            "limits.reconnect_ms_max limits.requests_per_session_max "
            "limits.deadlock_ms drain_timeout_ms schema.descriptor_set "
            "schema.open schema.required history admin.users admin.uids "
            "admin.addresses metrics.listen");
}

TEST(ChangedFields, NamesOnlyWhatDiffers) {
  Config changed;
  changed.limits.sessions_max = 1;
  EXPECT_EQ(ChangedFields(Config(), changed),
            std::vector<std::string>{"limits.sessions_max"});
}

TEST(ChangedFields, SeesAModeButNotTheOrderOfListeners) {
  const Config a = Parsed(
      "listen { url: \"unix:/a\" }"
      "listen { url: \"unix:/b\" }");
  Config b = Parsed("listen { url: \"unix:/b\" } listen { url: \"unix:/a\" }");
  EXPECT_TRUE(ChangedFields(a, b).empty());
  b.listeners[0].mode = 0600;
  EXPECT_EQ(ChangedFields(a, b), std::vector<std::string>{"listen"});
}

TEST(ChangedFields, SeesOtherSchemasButNotWhereTheyCameFrom) {
  const auto with = [](absl::string_view first, absl::string_view second) {
    return Parsed(absl::StrCat("schema { descriptor_set: \"", first,
                               "\" descriptor_set: \"", second, "\" }"));
  };
  const Config chat = with("chat.binpb", "newer.binpb");
  EXPECT_TRUE(
      ChangedFields(chat, with("newer.binpb", "chat_again.binpb")).empty());
  EXPECT_EQ(ChangedFields(chat, with("chat.binpb", "chat_again.binpb")),
            std::vector<std::string>{"schema.descriptor_set"});
}

}  // namespace
}  // namespace mycelium
