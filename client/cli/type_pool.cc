#include "client/cli/type_pool.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/builtin_files.h"
#include "client/cli/payload_text.h"
#include "config/limits.h"
#include "google/protobuf/descriptor.pb.h"

namespace mycelium::cli {
namespace {

namespace pb = google::protobuf;

// Imports are followed by recursion.  A large schema has a hundred files.
constexpr int kFilesMax = 1'000;
// Files may have any name.
constexpr size_t kErrorBytesMax = 300;

void Reduce(pb::EnumDescriptorProto* type) {
  const bool allow_alias = type->options().allow_alias();
  type->clear_options();
  if (allow_alias) type->mutable_options()->set_allow_alias(true);
  type->clear_reserved_range();
  type->clear_reserved_name();
  for (pb::EnumValueDescriptorProto& value : *type->mutable_value()) {
    value.clear_options();
  }
}

void Reduce(pb::FieldDescriptorProto* field) {
  field->clear_options();
  field->clear_default_value();
  // Without it the name in JSON is made of the field's.
  if (field->json_name().size() > kSchemaNameBytesMax) field->clear_json_name();
}

// As deep as Schema::Parse allows.
void Reduce(pb::DescriptorProto* message) {
  const bool map_entry = message->options().map_entry();
  message->clear_options();
  if (map_entry) message->mutable_options()->set_map_entry(true);
  message->clear_extension();
  message->clear_extension_range();
  message->clear_reserved_range();
  message->clear_reserved_name();
  for (auto& oneof : *message->mutable_oneof_decl()) oneof.clear_options();
  for (auto& field : *message->mutable_field()) Reduce(&field);
  for (auto& type : *message->mutable_enum_type()) Reduce(&type);
  for (auto& type : *message->mutable_nested_type()) Reduce(&type);
}

void Reduce(pb::FileDescriptorProto* file) {
  file->clear_options();
  file->clear_extension();
  file->clear_service();
  file->clear_source_code_info();
  file->clear_weak_dependency();
  for (auto& type : *file->mutable_enum_type()) Reduce(&type);
  for (auto& type : *file->mutable_message_type()) Reduce(&type);
}

// Keeps the first thing that is wrong.
class FirstError : public pb::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element,
                const pb::Message*, ErrorLocation,
                const std::string& text) override {
    if (!text_.empty()) return;
    text_ =
        "schema: " + Shortened(absl::StrCat(file, ": ", element, ": ", text),
                               kErrorBytesMax);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class PoolBuilder {
 public:
  // REQUIRES: Schema::Parse takes `set`, too.
  absl::Status Build(pb::FileDescriptorSet set, pb::DescriptorPool* pool) {
    pool_ = pool;
    if (set.file_size() > kFilesMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          "schema: ", set.file_size(), " files, allowed ", kFilesMax));
    }
    std::set<std::string> builtin;
    for (const pb::FileDescriptor* file : BuiltinFiles()) {
      file->CopyTo(&files_[file->name()].proto);
      builtin.insert(file->name());
    }
    for (pb::FileDescriptorProto& file : *set.mutable_file()) {
      if (builtin.count(file.name()) > 0) continue;
      Reduce(&file);
      if (!files_.try_emplace(file.name(), File{file}).second) {
        return absl::InvalidArgumentError(
            absl::StrCat("schema: ", Shortened(file.name(), kErrorBytesMax),
                         " is in it twice"));
      }
    }
    for (const auto& [name, file] : files_) Add(name);
    if (error_.text().empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(error_.text());
  }

 private:
  struct File {
    pb::FileDescriptorProto proto;
    bool added = false;
  };

  // After the files that it imports.  In a circle libprotobuf finds that one
  // is absent.
  void Add(const std::string& name) {
    File& file = files_.at(name);
    if (std::exchange(file.added, true) || !error_.text().empty()) return;
    // An import that is absent brought only options: Schema::Parse has found
    // every type.
    std::map<int, int> places;
    pb::FileDescriptorProto proto = std::move(file.proto);
    const auto imports = proto.dependency();
    const auto public_imports = proto.public_dependency();
    proto.clear_dependency();
    proto.clear_public_dependency();
    for (int i = 0; i < imports.size(); ++i) {
      if (files_.find(imports[i]) == files_.end()) continue;
      places[i] = proto.dependency_size();
      proto.add_dependency(imports[i]);
      Add(imports[i]);
    }
    for (const int place : public_imports) {
      const auto it = places.find(place);
      if (it != places.end()) proto.add_public_dependency(it->second);
    }
    if (!error_.text().empty()) return;
    pool_->BuildFileCollectingErrors(proto, &error_);
  }

  std::map<std::string, File> files_;
  FirstError error_;
  pb::DescriptorPool* pool_ = nullptr;
};

}  // namespace

absl::StatusOr<std::unique_ptr<const pb::DescriptorPool>> BuildTypePool(
    const Schema& schema) {
  pb::FileDescriptorSet set;
  if (!set.ParseFromString(schema.descriptor_set())) {
    return absl::InvalidArgumentError(
        "schema: a descriptor set that libprotobuf can't read");
  }
  auto pool = std::make_unique<pb::DescriptorPool>();
  absl::Status status = PoolBuilder().Build(std::move(set), pool.get());
  if (!status.ok()) return status;
  return pool;
}

}  // namespace mycelium::cli
