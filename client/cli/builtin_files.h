// The .proto files that may be imported from nowhere: protobuf's own
// (google/protobuf/timestamp.proto) and mycelium/options.proto, as they were
// linked in.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_BUILTIN_FILES_H_
#define MYCELIUM_CLIENT_CLI_BUILTIN_FILES_H_

#include <vector>

#include "google/protobuf/descriptor.h"

namespace mycelium::cli {

// Imported ones first.
const std::vector<const google::protobuf::FileDescriptor*>& BuiltinFiles();

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_BUILTIN_FILES_H_
