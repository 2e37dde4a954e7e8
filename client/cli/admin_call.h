// One question to a broker and its answer (proto/mycelium/admin.proto).
#ifndef MYCELIUM_CLIENT_CLI_ADMIN_CALL_H_
#define MYCELIUM_CLIENT_CLI_ADMIN_CALL_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/core/client.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

// Client::Admin, of whatever client.
using AdminCall = std::function<absl::StatusOr<std::string>(
    std::string_view request, absl::Duration timeout)>;

// `client` has to outlive it.
AdminCall AdminCallOf(Client* client);
AdminCall AdminCallOf(core::Client* client);

// What the broker replies.  Unknown: the error that it replies with.
absl::StatusOr<wire::AdminReply> Ask(const AdminCall& call,
                                     const wire::AdminRequest& request,
                                     absl::Duration timeout);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_ADMIN_CALL_H_
