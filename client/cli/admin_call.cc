#include "client/cli/admin_call.h"

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/cli/broker_access.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {

AdminCall AdminCallOf(Client* client) {
  return [client](std::string_view request, absl::Duration timeout) {
    return client->Admin(request, timeout);
  };
}

AdminCall AdminCallOf(core::Client* client) {
  return [client](std::string_view request,
                  absl::Duration timeout) -> absl::StatusOr<std::string> {
    std::string reply;
    const core::Status status = client->Admin(
        {reinterpret_cast<const uint8_t*>(request.data()), request.size()},
        Timeout(timeout).End(), &reply);
    if (!status.ok()) return ToAbsl(status);
    return reply;
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
    // A configuration may have several errors, a line each.
    const std::vector<std::string> lines = absl::StrSplit(reply.error(), '\n');
    return absl::UnknownError(absl::StrJoin(
        lines, "\n", [](std::string* out, const std::string& line) {
          out->append(Readable(line));
        }));
  }
  return reply;
}

}  // namespace mycelium::cli
