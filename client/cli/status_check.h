// What a broker's status says about limits that are near and queues that are
// full.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_STATUS_CHECK_H_
#define MYCELIUM_CLIENT_CLI_STATUS_CHECK_H_

#include <cstdint>
#include <vector>

#include "client/cli/socket_check.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

// `unix_ms`: this process's clock when the status came.
std::vector<Finding> CheckStatus(const wire::Status& status, uint64_t unix_ms);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_STATUS_CHECK_H_
