// A schema's descriptors in a pool of libprotobuf.
//
// A descriptor set comes from whomever the broker had it from, and a pool
// recurses and allocates as the set has it.  Therefore only what says how
// messages are read goes in (no options, extensions, services, comments), and
// google/protobuf/*.proto are our own: libprotobuf writes the JSON of their
// messages by their names and takes their fields for granted.
// Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_TYPE_POOL_H_
#define MYCELIUM_CLIENT_CLI_TYPE_POOL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "proto/schema.h"

namespace mycelium::cli {

// InvalidArgument: what libprotobuf has against the set, which Schema::Parse
// has not.
absl::StatusOr<std::unique_ptr<const google::protobuf::DescriptorPool>>
BuildTypePool(const Schema& schema);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TYPE_POOL_H_
