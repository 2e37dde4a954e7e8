// The schemas that a broker knows.
#ifndef MYCELIUM_CLIENT_CLI_BROKER_SCHEMAS_H_
#define MYCELIUM_CLIENT_CLI_BROKER_SCHEMAS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "proto/schema.h"

namespace mycelium::cli {

// What it got to know after the schema of that number (0: all), oldest first,
// with all types.
absl::StatusOr<std::vector<wire::KnownSchema>> ListSchemas(
    const AdminCall& call, uint64_t after_number, const Timeout& timeout);

// One of them with its descriptor set, piece by piece.  Internal: what comes is
// no schema, or another.
absl::StatusOr<std::shared_ptr<const Schema>> FetchSchema(
    const AdminCall& call, const Digest& digest, const Timeout& timeout);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_BROKER_SCHEMAS_H_
