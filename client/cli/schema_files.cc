#include "client/cli/schema_files.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/builtin_files.h"
#include "client/cli/payload_text.h"
#include "google/protobuf/compiler/importer.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "google/protobuf/stubs/logging.h"
#include "proto/plugin/descriptor_set.h"
#include "proto/plugin/validation.h"

namespace mycelium::cli {
namespace {

namespace pb = google::protobuf;
using SchemaOr = absl::StatusOr<std::shared_ptr<const Schema>>;

bool IsSource(const std::string& file) { return file.ends_with(".proto"); }

absl::Status Error(const std::string& file, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Readable(file), ": ", what));
}

// What Schema::Parse says of the file's bytes.
SchemaOr Parse(const std::string& file, const std::string& descriptor_set) {
  std::string why;
  std::shared_ptr<const Schema> schema = Schema::Parse(descriptor_set, &why);
  if (schema != nullptr) return schema;
  return Error(file, why.substr(why.find(' ') + 1));
}

// --- .proto files ------------------------------------------------------------

// Compiles .proto files as one call of protoc does.  Used once.
class Compiler : private pb::compiler::MultiFileErrorCollector {
 public:
  Compiler(const std::vector<std::string>& files,
           const std::vector<std::string>& import_folders)
      : files_(files),
        source_(&tree_, &builtin_),
        pool_(&source_, source_.GetValidationErrorCollector()) {
    for (const std::string& folder : import_folders) {
      tree_.MapPath("", folder);
    }
    for (const std::string& file : files) {
      tree_.MapPath("", std::filesystem::path(file).parent_path().string());
    }
    for (const pb::FileDescriptor* file : BuiltinFiles()) {
      pb::FileDescriptorProto proto;
      file->CopyTo(&proto);
      builtin_.Add(proto);
    }
    source_.RecordErrorsTo(this);
    pool_.EnforceWeakDependencies(true);
  }

  SchemaOr Compile() {
    pb::LogSilencer silence;
    std::set<std::string> names;  // in the order in which the plugin has them
    for (const std::string& file : files_) {
      std::string name, why;
      if (!FindName(file, &name, &why)) return Error(file, why);
      names.insert(name);
    }
    std::vector<const pb::FileDescriptor*> compiled;
    for (const std::string& name : names) {
      compiled.push_back(pool_.FindFileByName(name));
    }
    if (errors_.empty()) {
      for (const std::string& fault : plugin::FindFaults(compiled)) {
        const size_t name_end = std::min(fault.find(':'), fault.size());
        errors_.push_back(absl::StrCat(OnDisk(fault.substr(0, name_end)),
                                       fault.substr(name_end)));
      }
    }
    if (errors_.empty()) {
      return Parse(files_[0], plugin::EncodeDescriptorSet(compiled));
    }
    return absl::InvalidArgumentError(absl::StrJoin(errors_, "\n"));
  }

 private:
  // The name by which others import `file`; false and *why.
  bool FindName(const std::string& file, std::string* name, std::string* why) {
    std::string other;
    using pb::compiler::DiskSourceTree;
    switch (tree_.DiskFileToVirtualFile(file, name, &other)) {
      case DiskSourceTree::SUCCESS:
        return true;
      case DiskSourceTree::SHADOWED:
        *why = absl::StrCat("imported as ", *name, ", which is ", other,
                            ", allowed -I with a folder above both");
        return false;
      default:
        *why = std::strerror(errno);
        return false;
    }
  }

  void AddError(const std::string& name, int line, int column,
                const std::string& text) override {
    std::string said(absl::StripSuffix(text, "."));
    if (!said.empty()) said[0] = absl::ascii_tolower(said[0]);
    std::string place = OnDisk(name);
    if (line >= 0) absl::StrAppend(&place, ":", line + 1, ":", column + 1);
    errors_.push_back(absl::StrCat(place, ": ", Readable(said)));
  }

  std::string OnDisk(const std::string& name) {
    std::string file;
    return Readable(tree_.VirtualFileToDiskFile(name, &file) ? file : name);
  }

  const std::vector<std::string>& files_;
  std::vector<std::string> errors_;
  pb::compiler::DiskSourceTree tree_;
  pb::SimpleDescriptorDatabase builtin_;
  pb::compiler::SourceTreeDescriptorDatabase source_;
  pb::DescriptorPool pool_;
};

// --- Descriptor sets ---------------------------------------------------------

absl::StatusOr<std::string> ReadFile(const std::string& file) {
  std::FILE* stream = std::fopen(file.c_str(), "re");
  if (stream == nullptr) return Error(file, std::strerror(errno));
  std::string bytes;
  char buffer[64 << 10];
  while (size_t count = std::fread(buffer, 1, sizeof buffer, stream)) {
    bytes.append(buffer, count);
  }
  const int error = std::ferror(stream) ? errno : 0;
  std::fclose(stream);
  if (error != 0) return Error(file, std::strerror(error));
  return bytes;
}

// The files of several sets, those that are in more than one of them once.
absl::StatusOr<std::string> Join(const std::vector<std::string>& files,
                                 const std::vector<std::string>& sets) {
  pb::FileDescriptorSet joined;
  std::map<std::string, std::pair<std::string, size_t>> seen;
  for (size_t i = 0; i < sets.size(); ++i) {
    pb::FileDescriptorSet set;
    set.ParseFromString(sets[i]);
    for (pb::FileDescriptorProto& file : *set.mutable_file()) {
      file.clear_source_code_info();
      const auto [it, is_new] =
          seen.try_emplace(file.name(), file.SerializeAsString(), i);
      if (is_new) *joined.add_file() = file;
      if (it->second.first == file.SerializeAsString()) continue;
      return Error(files[i], absl::StrCat("its ", Readable(file.name()),
                                          " is another than that of ",
                                          Readable(files[it->second.second])));
    }
  }
  return joined.SerializeAsString();
}

}  // namespace

SchemaOr ReadSchemaFiles(const std::vector<std::string>& files,
                         const std::vector<std::string>& import_folders) {
  const auto sources = std::count_if(files.begin(), files.end(), IsSource);
  if (static_cast<size_t>(sources) == files.size()) {
    return Compiler(files, import_folders).Compile();
  }
  if (sources > 0) {
    return Error(files[0], "allowed .proto files or descriptor sets, not both");
  }
  std::vector<std::string> sets;
  for (const std::string& file : files) {
    absl::StatusOr<std::string> bytes = ReadFile(file);
    if (!bytes.ok()) return bytes.status();
    SchemaOr schema = Parse(file, *bytes);
    if (!schema.ok() || files.size() == 1) return schema;
    sets.push_back(*std::move(bytes));
  }
  absl::StatusOr<std::string> joined = Join(files, sets);
  if (!joined.ok()) return joined.status();
  return Parse(files[0], *joined);
}

}  // namespace mycelium::cli
