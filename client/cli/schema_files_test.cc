#include "client/cli/schema_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "absl/strings/str_cat.h"
#include "client/cli/builtin_files.h"
#include "gmock/gmock.h"
#include "google/protobuf/compiler/importer.h"
#include "google/protobuf/descriptor.pb.h"
#include "gtest/gtest.h"
#include "proto/plugin/descriptor_set.h"

namespace mycelium::cli {
namespace {

namespace pb = google::protobuf;
using testing::HasSubstr;

constexpr char kChat[] = R"(syntax = "proto3";
package chat;
import "google/protobuf/timestamp.proto";
import "mycelium/options.proto";
// Somebody says something.
message TextMessage {
  option (mycelium.type_id) = 1;
  string sender = 1;
  google.protobuf.Timestamp sent_at = 2;
}
)";
constexpr char kPlaces[] = R"(syntax = "proto3";
package places;
import "mycelium/options.proto";
import "chat.proto";
message Pin {
  option (mycelium.type_id) = 2;
  chat.TextMessage said = 1;
  repeated double lat_long = 2 [json_name = "where"];
}
)";

class SchemaFilesTest : public testing::Test {
 protected:
  SchemaFilesTest() {
    std::filesystem::create_directories(folder_);
    // What protoc finds in /usr/include and in proto/.
    for (const pb::FileDescriptor* file : BuiltinFiles()) {
      Write("../include/" + file->name(), file->DebugString());
    }
  }
  ~SchemaFilesTest() override {
    std::filesystem::remove_all(folder_);
    std::filesystem::remove_all(include_);
  }

  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = folder_ + "/" + name;
    std::filesystem::create_directories(
        std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  // As protoc --include_imports --include_source_info has it, and also what it
  // gives to a plugin.
  pb::FileDescriptorSet ByProtoc(const std::vector<std::string>& names) {
    struct Errors : pb::compiler::MultiFileErrorCollector {
      void AddError(const std::string& file, int line, int,
                    const std::string& text) override {
        ADD_FAILURE() << file << ":" << line << ": " << text;
      }
    } errors;
    pb::compiler::DiskSourceTree tree;
    tree.MapPath("", folder_);
    tree.MapPath("", include_);
    pb::compiler::Importer importer(&tree, &errors);
    pb::FileDescriptorSet set;
    std::set<std::string> seen;
    std::function<void(const pb::FileDescriptor&)> add =
        [&](const pb::FileDescriptor& file) {
          if (!seen.insert(file.name()).second) return;
          for (int i = 0; i < file.dependency_count(); ++i) {
            add(*file.dependency(i));
          }
          pb::FileDescriptorProto* proto = set.add_file();
          file.CopyTo(proto);
          file.CopyJsonNameTo(proto);
          file.CopySourceCodeInfoTo(proto);
        };
    for (const std::string& name : names) add(*importer.Import(name));
    return set;
  }

  std::shared_ptr<const Schema> Read(
      const std::vector<std::string>& files,
      const std::vector<std::string>& import_folders = {}) {
    auto schema = ReadSchemaFiles(files, import_folders);
    EXPECT_TRUE(schema.ok()) << schema.status();
    return schema.ok() ? *schema : nullptr;
  }
  std::string ErrorOf(const std::vector<std::string>& files) {
    auto schema = ReadSchemaFiles(files, {});
    if (schema.ok()) return "no error";
    EXPECT_EQ(schema.status().code(), absl::StatusCode::kInvalidArgument);
    std::string text(schema.status().message());
    for (size_t at; (at = text.find(folder_ + "/")) != std::string::npos;) {
      text.erase(at, folder_.size() + 1);
    }
    return text;
  }

  const std::string folder_ = absl::StrCat(
      std::getenv("TEST_TMPDIR"), "/",
      testing::UnitTest::GetInstance()->current_test_info()->name(), "/files");
  const std::string include_ = folder_ + "/../include";
};

TEST_F(SchemaFilesTest, SourcesAreWhatThePluginMakesOfThemToTheByte) {
  const std::string chat = Write("chat.proto", kChat);
  const std::string places = Write("places.proto", kPlaces);
  const auto schema = Read({places, chat});
  ASSERT_NE(schema, nullptr);
  // The plugin's pool, of what protoc gave to it.
  const pb::FileDescriptorSet set = ByProtoc({"chat.proto", "places.proto"});
  pb::DescriptorPool pool;
  for (const auto& file : set.file()) {
    ASSERT_NE(pool.BuildFile(file), nullptr);
  }
  EXPECT_EQ(schema->descriptor_set(),
            plugin::EncodeDescriptorSet({pool.FindFileByName("chat.proto"),
                                         pool.FindFileByName("places.proto")}));
  EXPECT_EQ(Read({chat, places})->descriptor_set(), schema->descriptor_set());
}

TEST_F(SchemaFilesTest, ASourceAndADescriptorSetHaveOneDigest) {
  const auto schema = Read({Write("chat.proto", kChat)});
  ASSERT_NE(schema, nullptr);
  const std::string bytes = ByProtoc({"chat.proto"}).SerializeAsString();
  const auto set = Read({Write("chat.binpb", bytes)});
  ASSERT_NE(set, nullptr);
  EXPECT_EQ(DigestText(schema->digest()), DigestText(set->digest()));
  EXPECT_EQ(set->descriptor_set(), bytes);
  ASSERT_EQ(schema->types().size(), 1u);
  EXPECT_EQ(schema->types()[0].name, "chat.TextMessage");
}

TEST_F(SchemaFilesTest, ImportsComeFromTheFoldersThenFromTheFilesOwn) {
  Write("other/chat.proto", R"(syntax = "proto3"; package chat;
                               message TextMessage { int32 number = 1; })");
  Write("chat.proto", kChat);
  const std::string places = Write("places.proto", kPlaces);
  EXPECT_NE(Read({places})->FindType("chat.TextMessage"), nullptr);
  const auto other = Read({places}, {folder_ + "/other"});
  EXPECT_EQ(other->FindType("chat.TextMessage"), nullptr);
  EXPECT_NE(other->FindType("places.Pin"), nullptr);
}

TEST_F(SchemaFilesTest, ErrorsSayWhereTheyAre) {
  const std::string bad = Write("bad.proto", "syntax = \"proto3\";\nmessage {");
  EXPECT_EQ(ErrorOf({bad}), "bad.proto:2:9: expected message name");
  const std::string lost =
      Write("lost.proto", "syntax = \"proto3\";\n import \"nowhere.proto\";");
  EXPECT_EQ(ErrorOf({lost}),
            "nowhere.proto: file not found\n"
            "lost.proto:2:2: import \"nowhere.proto\" was not found or had "
            "errors");
  const std::string unknown = Write(
      "unknown.proto", "syntax = \"proto3\";\nmessage M { Missing m = 1; }");
  EXPECT_EQ(ErrorOf({unknown}),
            "unknown.proto:2:13: \"Missing\" is not defined");
}

TEST_F(SchemaFilesTest, ErrorsInAnImportedFileSayWhereItIsOnDisk) {
  Write("chat.proto", "syntax = \"proto3\";\nmessage {");
  EXPECT_THAT(ErrorOf({Write("places.proto", kPlaces)}),
              HasSubstr("chat.proto:2:9: expected message name\n"));
}

TEST_F(SchemaFilesTest, WhatThePluginRefusesIsRefused) {
  const std::string twice = Write("sub/twice.proto", R"(syntax = "proto3";
import "mycelium/options.proto";
message A { option (mycelium.type_id) = 1; }
message B { option (mycelium.type_id) = 1; }
message C { option (mycelium.type_id) = 0; }
)");
  EXPECT_EQ(ErrorOf({twice}),
            "sub/twice.proto:4:13: type_id 1 of B, which A has already "
            "(twice.proto:3:13)\n"
            "sub/twice.proto:5:13: type_id 0 of C, allowed 1 to 65535");
  const std::string old = Write("old.proto", "syntax = \"proto2\";");
  EXPECT_THAT(ErrorOf({old}), HasSubstr("old.proto:1:1: syntax proto2"));
}

TEST_F(SchemaFilesTest, TwoFilesOfOneNameNeedAFolderAboveThem) {
  const std::string a = Write("a/chat.proto", kChat);
  const std::string b = Write("b/chat.proto", R"(syntax = "proto3";)");
  EXPECT_EQ(ErrorOf({a, b}),
            "b/chat.proto: imported as chat.proto, which is a/chat.proto, "
            "allowed -I with a folder above both");
  EXPECT_NE(Read({a, b}, {folder_}), nullptr);
}

TEST_F(SchemaFilesTest, UnreadableFilesAreNamed) {
  EXPECT_EQ(ErrorOf({folder_ + "/absent.proto"}),
            "absent.proto: No such file or directory");
  EXPECT_EQ(ErrorOf({folder_ + "/absent.binpb"}),
            "absent.binpb: No such file or directory");
  Write("folder/x", "");
  EXPECT_EQ(ErrorOf({folder_ + "/folder"}), "folder: Is a directory");
  EXPECT_EQ(ErrorOf({Write("text", "hello")}),
            "text: 5 bytes that are not a google.protobuf.FileDescriptorSet");
}

TEST_F(SchemaFilesTest, SetsAreJoinedAndWhatTheyShareIsThereOnce) {
  Write("chat.proto", kChat);
  Write("places.proto", kPlaces);
  const std::string chat =
      Write("a", ByProtoc({"chat.proto"}).SerializeAsString());
  const std::string places =
      Write("b", ByProtoc({"places.proto"}).SerializeAsString());
  const auto joined = Read({places, chat});
  ASSERT_NE(joined, nullptr);
  EXPECT_EQ(joined->digest(), Read({places})->digest());
  EXPECT_EQ(joined->types().size(), 2u);
}

TEST_F(SchemaFilesTest, SetsWithDifferentFilesOfOneNameAreRefused) {
  Write("chat.proto", kChat);
  const std::string a =
      Write("a", ByProtoc({"chat.proto"}).SerializeAsString());
  Write("chat.proto", R"(syntax = "proto3";)");
  const std::string b =
      Write("b", ByProtoc({"chat.proto"}).SerializeAsString());
  EXPECT_EQ(ErrorOf({a, b}), "b: its chat.proto is another than that of a");
}

TEST_F(SchemaFilesTest, SourcesAndSetsDoNotMix) {
  EXPECT_EQ(ErrorOf({"a.proto", "b.binpb"}),
            "a.proto: allowed .proto files or descriptor sets, not both");
}

}  // namespace
}  // namespace mycelium::cli
