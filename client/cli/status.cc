#include <cstdio>

#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/status_text.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium status [--format text|json] [--timeout_ms MS]

Shows the broker: version, uptime, listeners, totals, and its sessions with
their subscriptions.  One of the sessions is this command's own.

  --format F       text: tables; json: one object with the fields of
                   mycelium.Status (proto/mycelium/admin.proto) (text)
  --timeout_ms MS  gives up after this time (5000)

In the tables, a subscription's line has its type, its topic filter, what waits
for it, and "holding" while its full queue holds publishers back; below it stand
its group, whether it responds to requests, and what it has lost.  "held" says
what a session may not publish now, and whose queue is full.  Of a session that
has many subscriptions, the first 64 are listed.  In json, epoch is a string: it
may have more digits than a JSON number keeps.
)help";

absl::StatusOr<wire::Status> AskPage(const AdminCall& call,
                                     uint32_t after_session_id,
                                     absl::Duration timeout) {
  wire::AdminRequest request;
  request.mutable_status()->set_after_session_id(after_session_id);
  absl::StatusOr<wire::AdminReply> reply = Ask(call, request, timeout);
  if (!reply.ok()) return reply.status();
  return reply->status();
}

// The first page, with the sessions of those that follow.
absl::StatusOr<wire::Status> AskStatus(const AdminCall& call) {
  Timeout timeout;
  absl::StatusOr<wire::Status> all = AskPage(call, 0, timeout.Left());
  if (!all.ok()) return all;
  while (all->more() && all->sessions_size() > 0) {
    uint32_t last = all->sessions().rbegin()->session_id();
    absl::StatusOr<wire::Status> page = AskPage(call, last, timeout.Left());
    if (!page.ok()) return page.status();
    // An empty page brings nothing to ask further after.
    all->set_more(page->more() && page->sessions_size() > 0);
    all->mutable_sessions()->MergeFrom(page->sessions());
  }
  return all;
}

int Run(const Arguments&) {
  absl::StatusOr<Client> client = ConnectAs("status");
  if (!client.ok()) return Fail("status", client.status());
  absl::StatusOr<wire::Status> status = AskStatus(AdminCallOf(&*client));
  if (!status.ok()) return Fail("status", status.status());
  std::string text =
      FLAGS_format == "json" ? StatusJson(*status) : StatusTables(*status);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return FinishOutput("status");
}

}  // namespace

Command StatusCommand() {
  Command command = {.name = "status",
                     .summary = "show the broker and its sessions",
                     .help = kHelp,
                     .flags = BrokerFlags("5000"),
                     .run = Run};
  command.flags.insert(command.flags.begin(),
                       {.name = "format", .choices = {"text", "json"}});
  return command;
}

}  // namespace mycelium::cli
