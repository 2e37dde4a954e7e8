#include <algorithm>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/broker_schemas.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/screen.h"
#include "client/cli/status_call.h"
#include "client/cli/stop_signal.h"
#include "client/cli/top_table.h"
#include "client/cpp/mycelium.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

constexpr size_t kPlainColumns = 80;
// Keys are not read while an answer is waited for.
constexpr absl::Duration kAskTimeout = absl::Seconds(1);

constexpr char kHelp[] =
    R"help(usage: mycelium top [--interval_ms MS] [--once] [--timeout_ms MS]

Shows, again and again, what the broker does: frames and bytes per second, its
message types and its sessions, the busiest first, what is queued for them and
what they have lost.  One of the sessions is this command's own.  q ends it.

  --interval_ms MS  between two answers, of which the rates are computed (1000)
  --once            prints one table as plain text, of two answers, and ends; so
                    does a standard output that is no terminal, with one table
                    after another, a blank line between them
  --timeout_ms MS   for the connection and, with --once, the answers (5000)

IN/s of a type: published frames that the broker accepted.  SUBS and QUEUED of a
type are those of the subscriptions to just that type; "all" has those to every
type.  "hold": a full queue of it holds its publishers back.  A broker that goes
away is waited for.

For root, the broker's own user, and whom its configuration names (admin).
)help";

// The connection as the reading thread tells it.
class Link {
 public:
  void Set(State state, const core::Status& status) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    why_ = std::string(status.message);
  }
  // Why there is none; nullopt: there is one.
  std::optional<std::string> Lost() const {
    const std::lock_guard lock(mutex_);
    const bool lost =
        state_ == State::kReconnecting || state_ == State::kClosed;
    return lost ? std::optional(why_) : std::nullopt;
  }

 private:
  mutable std::mutex mutex_;
  State state_ = State::kConnecting;
  std::string why_;
};

// Asks and keeps what the next table is computed from.
class Top {
 public:
  explicit Top(AdminCall call) : call_(std::move(call)) {}

  absl::Status Ask(const Timeout& timeout) {
    absl::StatusOr<wire::Status> status = AskStatus(call_, timeout);
    if (!status.ok()) return status.status();
    before_ = std::exchange(now_, *std::move(status));
    LearnNames(timeout);
    return absl::OkStatus();
  }
  // REQUIRES: Ask has succeeded.
  std::vector<std::string> Table(size_t columns) const {
    return TopTable(before_ ? &*before_ : nullptr, *now_, names_, columns);
  }
  bool asked() const { return now_.has_value(); }

 private:
  // A table without names is better than none.
  void LearnNames(const Timeout& timeout) {
    if (schemas_ == now_->schemas() && epoch_ == now_->epoch()) return;
    const auto schemas = ListSchemas(call_, 0, timeout);
    if (!schemas.ok()) return;
    names_.clear();
    for (const wire::KnownSchema& schema : *schemas) {
      for (const auto& type : schema.types()) {
        names_[type.type_id()] = type.name();
      }
    }
    schemas_ = now_->schemas();
    epoch_ = now_->epoch();
  }

  const AdminCall call_;
  std::optional<wire::Status> before_;
  std::optional<wire::Status> now_;
  TypeNames names_;
  uint32_t schemas_ = 0;
  uint64_t epoch_ = 0;
};

bool Print(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  return FlushOutput("top");
}

// Not worth waiting for: it will not be allowed later.
bool Final(const absl::Status& status) { return absl::IsUnknown(status); }

int RunPlain(Top* top, const Link& link) {
  StopSignal signal;
  const int interval_ms = static_cast<int>(FLAGS_interval_ms);
  absl::Status status = top->Ask(Timeout());
  if (!status.ok()) return Fail("top", status);
  bool first = true;
  while (!signal.Wait(interval_ms)) {
    status = top->Ask(FLAGS_once ? Timeout() : Timeout(kAskTimeout));
    if (!status.ok() && (FLAGS_once || Final(status))) {
      return Fail("top", status);
    }
    if (!status.ok()) {
      const std::string why =
          link.Lost().value_or(std::string(status.message()));
      std::fprintf(stderr, "mycelium top: %s; waiting for the broker\n",
                   Readable(why).c_str());
      continue;
    }
    if (!first) std::puts("");
    first = false;
    if (!Print(top->Table(kPlainColumns)) || FLAGS_once) break;
  }
  return FinishOutput("top");
}

std::vector<std::string> Page(const Top& top, const Link& link,
                              const absl::Status& status,
                              const Screen& screen) {
  std::vector<std::string> lines;
  if (top.asked()) lines = top.Table(screen.columns());
  std::string last = "q ends it";
  if (!status.ok()) {
    const std::string why = link.Lost().value_or(std::string(status.message()));
    last = absl::StrCat("waiting for the broker: ", Readable(why));
  }
  lines = FitRows(std::move(lines), std::max<size_t>(screen.rows(), 3) - 2);
  lines.insert(lines.begin(), last);
  return lines;
}

int RunOnScreen(Top* top, const Link& link) {
  StopSignal signal;
  absl::Status status = top->Ask(Timeout());
  if (!status.ok()) return Fail("top", status);
  {
    Screen screen;
    absl::Time next = absl::Now() + absl::Milliseconds(FLAGS_interval_ms);
    while (screen.Draw(Page(*top, link, status, screen))) {
      const auto wait_ms =
          std::max<int64_t>(absl::ToInt64Milliseconds(next - absl::Now()), 0);
      char key = 0;
      const Screen::Event event =
          Screen::Wait(static_cast<int>(wait_ms), signal.descriptor(), &key);
      if (event == Screen::Event::kStop) break;
      if (event == Screen::Event::kKey && (key == 'q' || key == 'Q')) break;
      if (event != Screen::Event::kTime) continue;
      next = absl::Now() + absl::Milliseconds(FLAGS_interval_ms);
      // Without a connection the question would only wait, and keys with it.
      const std::optional<std::string> lost = link.Lost();
      status =
          lost ? absl::UnavailableError(*lost) : top->Ask(Timeout(kAskTimeout));
      if (Final(status)) break;
    }
  }
  return Final(status) ? Fail("top", status) : kDone;
}

int Run(const Arguments&) {
  Link link;
  ClientOptions options;
  options.on_state = [&link](State state, const core::Status& status) {
    link.Set(state, status);
  };
  absl::StatusOr<Client> client = ConnectAs("top", nullptr, options);
  if (!client.ok()) return Fail("top", client.status());
  Top top(AdminCallOf(&*client));
  return FLAGS_once || !Screen::Possible() ? RunPlain(&top, link)
                                           : RunOnScreen(&top, link);
}

}  // namespace

Command TopCommand() {
  Command command = {.name = "top",
                     .summary = "watch types and sessions at work",
                     .help = kHelp,
                     .flags = BrokerFlags("5000"),
                     .run = Run};
  command.flags.push_back(
      {.name = "interval_ms", .initial = "1000", .min = 10, .max = 3.6e6});
  command.flags.push_back({.name = "once"});
  return command;
}

}  // namespace mycelium::cli
