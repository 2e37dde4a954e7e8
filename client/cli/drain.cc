#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/payload_text.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

constexpr absl::Duration kPollInterval = absl::Milliseconds(50);

constexpr char kHelp[] =
    R"help(usage: mycelium drain [--timeout_ms MS]

Stops the broker as SIGTERM does: it accepts nobody and takes nothing more, lets
every session read what is queued for it within drain_timeout_ms of its
configuration, and ends.  Prints how far it is, and at the end whether all was
read: exit code 0 if so, 1 if something was left and lost.

  --timeout_ms MS  stops looking on after this time; the broker goes on.
                   -1: never (-1)

For root, the broker's own user, and whom its configuration names (admin).
Under a service manager that starts it again whenever it ends, stop it there.
)help";

std::string LeftText(const wire::Drain& drain) {
  return absl::StrCat(drain.sessions(), " session",
                      drain.sessions() == 1 ? "" : "s", ", ",
                      HumanBytes(drain.queued_bytes()), " queued");
}

int Finish(const wire::Drain& drain) {
  if (drain.sessions() > 0) {
    return Fail("drain",
                absl::UnknownError(absl::StrCat(
                    LeftText(drain), " when drain_timeout_ms ",
                    drain.drain_timeout_ms(), " was over; that is lost")));
  }
  std::puts("drained: everything queued was read, the broker ends");
  return FinishOutput("drain");
}

int Run(const Arguments&) {
  const Timeout timeout;
  ClientOptions options;
  options.reconnect = false;
  absl::StatusOr<Client> client = ConnectAs("drain", nullptr, options);
  if (!client.ok()) return Fail("drain", client.status());
  const AdminCall call = AdminCallOf(&*client);
  wire::AdminRequest request;
  request.mutable_drain();
  std::string last;
  while (true) {
    const absl::StatusOr<wire::AdminReply> reply =
        Ask(call, request, timeout.Left());
    if (!reply.ok()) return Fail("drain", reply.status());
    const wire::Drain& drain = reply->drain();
    if (drain.over()) return Finish(drain);
    const std::string line = LeftText(drain);
    if (last.empty()) {
      std::printf("draining: at most %llu ms\n",
                  static_cast<unsigned long long>(drain.drain_timeout_ms()));
    }
    if (line != last) std::printf("draining: %s\n", line.c_str());
    last = line;
    // Whoever reads this may leave; the drain goes on.
    if (!FlushOutput("drain")) return FinishOutput("drain");
    absl::SleepFor(std::min(kPollInterval, timeout.Left()));
  }
}

}  // namespace

Command DrainCommand() {
  return {.name = "drain",
          .summary = "stop the broker once all is read",
          .help = kHelp,
          .flags = BrokerFlags("-1"),
          .run = Run};
}

}  // namespace mycelium::cli
