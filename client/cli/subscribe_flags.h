// The flags that say how to subscribe: --policy and what changes it, --start.
#ifndef MYCELIUM_CLIENT_CLI_SUBSCRIBE_FLAGS_H_
#define MYCELIUM_CLIENT_CLI_SUBSCRIBE_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/core/client.h"

namespace mycelium::cli {

// "now", "last:N", "sequence:N", "ago:SECONDS" (before `now`; 0.5 is half a
// second), "time:2026-11-25T12:00:00Z" (RFC 3339).
absl::StatusOr<core::Start> ParseStartWord(const std::string& word,
                                           absl::Time now);

// --policy, --queue_bytes, --stall_ms, --overflow.
std::vector<FlagRule> PolicyFlags();

// The preset that --policy names, with what the other three say instead.
core::Policy PolicyOfFlags(const Arguments& arguments);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SUBSCRIBE_FLAGS_H_
