// Message types in files: .proto files, which are compiled here, or what
// `protoc --include_imports --descriptor_set_out` wrote.
#ifndef MYCELIUM_CLIENT_CLI_SCHEMA_FILES_H_
#define MYCELIUM_CLIENT_CLI_SCHEMA_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/schema.h"

namespace mycelium::cli {

// `files` as one schema.  .proto files are what protoc-gen-mycelium makes of
// them in one call, with the same digest and descriptor set; they import from
// `import_folders`, from the folder of each, mycelium/options.proto and
// google/protobuf/*.proto from nowhere.
//
// InvalidArgument: the file and what is wrong; for .proto files a line for
// each fault, "chat.proto:3:1: ...".
// REQUIRES: !files.empty().
absl::StatusOr<std::shared_ptr<const Schema>> ReadSchemaFiles(
    const std::vector<std::string>& files,
    const std::vector<std::string>& import_folders);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SCHEMA_FILES_H_
