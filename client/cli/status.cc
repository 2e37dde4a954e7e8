#include <cstdio>

#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/status_call.h"
#include "client/cli/status_text.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium status [--format text|json] [--metrics] [--timeout_ms MS]

Shows the broker: version, uptime, listeners, totals, and its sessions with
their subscriptions.  One of the sessions is this command's own.

  --format F       text: tables; json: one object with the fields of
                   mycelium.Status (proto/mycelium/admin.proto) (text)
  --metrics        the broker's metrics instead, as Prometheus reads them
                   (docs/METRICS.md)
  --timeout_ms MS  gives up after this time (5000)

For root, the broker's own user, and whom its configuration names (admin).

In the tables, a subscription's line has its type, its topic filter, what waits
for it, and "holding" while its full queue holds publishers back; below it stand
its group, whether it responds to requests, and what it has lost.  "held" says
what a session may not publish now, and whose queue is full.  Of a session that
has many subscriptions, the first 64 are listed.  In json, epoch is a string: it
may have more digits than a JSON number keeps.
)help";

absl::StatusOr<std::string> AskMetrics(const AdminCall& call) {
  wire::AdminRequest request;
  request.mutable_metrics();
  absl::StatusOr<wire::AdminReply> reply = Ask(call, request, Timeout().Left());
  if (!reply.ok()) return reply.status();
  return reply->metrics().text();
}

absl::StatusOr<std::string> AskText(const AdminCall& call) {
  if (FLAGS_metrics) return AskMetrics(call);
  absl::StatusOr<wire::Status> status = AskStatus(call, Timeout());
  if (!status.ok()) return status.status();
  return FLAGS_format == "json" ? StatusJson(*status) : StatusTables(*status);
}

int Run(const Arguments&) {
  absl::StatusOr<Client> client = ConnectAs("status");
  if (!client.ok()) return Fail("status", client.status());
  absl::StatusOr<std::string> text = AskText(AdminCallOf(&*client));
  if (!text.ok()) return Fail("status", text.status());
  std::fwrite(text->data(), 1, text->size(), stdout);
  return FinishOutput("status");
}

}  // namespace

Command StatusCommand() {
  Command command = {.name = "status",
                     .summary = "show the broker and its sessions",
                     .help = kHelp,
                     .flags = BrokerFlags("5000"),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "format", .choices = {"text", "json"}}, {.name = "metrics"}});
  return command;
}

}  // namespace mycelium::cli
