#include <cstdio>

#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/payload_text.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium reload [--timeout_ms MS]

Has the broker read its configuration again, as SIGHUP does, and prints which
fields are now in force with another value, and which take a restart.  If the
file is wrong, prints each error as file:line:col; then nothing has changed and
the exit code is 1.

  --timeout_ms MS  gives up after this time (5000)

For root, the broker's own user, and whom its configuration names (admin).
)help";

int Run(const Arguments&) {
  const Timeout timeout;
  absl::StatusOr<Client> client = ConnectAs("reload");
  if (!client.ok()) return Fail("reload", client.status());
  wire::AdminRequest request;
  request.mutable_reload();
  const absl::StatusOr<wire::AdminReply> reply =
      Ask(AdminCallOf(&*client), request, timeout.Left());
  if (!reply.ok()) return Fail("reload", reply.status());
  const wire::Reload& reload = reply->reload();
  for (const std::string& field : reload.changed()) {
    std::printf("in force: %s\n", Readable(field).c_str());
  }
  for (const std::string& field : reload.needs_restart()) {
    std::printf("takes a restart: %s\n", Readable(field).c_str());
  }
  if (reload.changed_size() + reload.needs_restart_size() == 0) {
    std::puts("nothing changed");
  }
  return FinishOutput("reload");
}

}  // namespace

Command ReloadCommand() {
  return {.name = "reload",
          .summary = "have the broker read its configuration",
          .help = kHelp,
          .flags = BrokerFlags("5000"),
          .run = Run};
}

}  // namespace mycelium::cli
