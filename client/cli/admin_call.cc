#include "client/cli/admin_call.h"

#include "absl/status/status.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {

AdminCall AdminCallOf(Client* client) {
  return [client](std::string_view request, absl::Duration timeout) {
    return client->Admin(request, timeout);
  };
}

absl::StatusOr<wire::AdminReply> Ask(const AdminCall& call,
                                     const wire::AdminRequest& request,
                                     absl::Duration timeout) {
  absl::StatusOr<std::string> encoded =
      call(request.SerializeAsString(), timeout);
  if (!encoded.ok()) return encoded.status();
  wire::AdminReply reply;
  if (!reply.ParseFromString(*encoded)) {
    return absl::InternalError("the broker's reply can't be read");
  }
  if (!reply.error().empty()) {
    return absl::UnknownError(Readable(reply.error()));
  }
  return reply;
}

}  // namespace mycelium::cli
