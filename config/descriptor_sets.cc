#include "config/descriptor_sets.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "config/quote.h"

namespace mycelium {
namespace {

std::string Subject(const std::string& path) {
  return absl::StrCat("schema.descriptor_set: ", Quote(path), ": ");
}

}  // namespace

absl::StatusOr<DescriptorSetFile> LoadDescriptorSet(const std::string& path,
                                                    const FileReader& read) {
  if (!PlainText(path)) {
    return absl::InvalidArgumentError(
        absl::StrCat("schema.descriptor_set: ", Quote(path),
                     ", allowed UTF-8 without control characters"));
  }
  const absl::StatusOr<std::string> bytes = read(path);
  if (!bytes.ok()) {
    return absl::Status(bytes.status().code(),
                        Subject(path) + std::string(bytes.status().message()));
  }
  std::string why;
  std::shared_ptr<const Schema> schema = Schema::Parse(*bytes, &why);
  if (schema != nullptr) return DescriptorSetFile{path, std::move(schema)};
  return absl::InvalidArgumentError(
      Subject(path) + std::string(absl::StripPrefix(why, "schema: ")));
}

std::vector<DescriptorSetProblem> FindDescriptorSetProblems(
    const std::vector<DescriptorSetFile>& files, const BrokerLimits& limits) {
  std::vector<DescriptorSetProblem> problems;
  std::vector<const DescriptorSetFile*> known;  // one of each digest
  uint64_t known_bytes = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const Schema& schema = *files[i].schema;
    const auto report = [&](const std::string& text) {
      problems.push_back({i, Subject(files[i].path) + text});
    };
    if (std::any_of(known.begin(), known.end(), [&](const auto* other) {
          return other->schema->digest() == schema.digest();
        })) {
      continue;
    }
    for (const DescriptorSetFile* other : known) {
      const std::string where = absl::StrCat("in ", Quote(other->path));
      for (const std::string& line : Incompatibilities(
               {schema, "here"}, {*other->schema, where}, kSchemaOffencesMax)) {
        report(line);
      }
    }
    known.push_back(&files[i]);
    const size_t bytes = schema.descriptor_set().size();
    known_bytes += bytes;
    if (bytes > limits.schema_bytes_max) {
      report(absl::StrCat(bytes, " bytes, allowed at most ",
                          "limits.schema_bytes_max, ",
                          limits.schema_bytes_max));
    }
    if (known.size() == size_t{limits.schemas_max} + 1) {
      report(absl::StrCat(known.size(), " schemas, allowed at most ",
                          "limits.schemas_max, ", limits.schemas_max));
    }
    if (known_bytes > limits.schemas_bytes_max &&
        known_bytes - bytes <= limits.schemas_bytes_max) {
      report(absl::StrCat(known_bytes, " bytes of schemas, allowed at most ",
                          "limits.schemas_bytes_max, ",
                          limits.schemas_bytes_max));
    }
  }
  return problems;
}

}  // namespace mycelium
