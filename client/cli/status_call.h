// The broker's status, of all sessions.
#ifndef MYCELIUM_CLIENT_CLI_STATUS_CALL_H_
#define MYCELIUM_CLIENT_CLI_STATUS_CALL_H_

#include "absl/status/statusor.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

// The first page, with the sessions of those that follow.
absl::StatusOr<wire::Status> AskStatus(const AdminCall& call,
                                       const Timeout& timeout);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_STATUS_CALL_H_
