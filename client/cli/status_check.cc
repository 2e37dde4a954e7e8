#include "client/cli/status_check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {
namespace {

using Kind = Finding::Kind;

// From this share of a limit on it is told.
constexpr uint64_t kNearPercent = 90;
// As many as a broker keeps back for itself, and as many again.
constexpr uint64_t kDescriptorsNear = 64;
constexpr uint64_t kClockMsMax = 2'000;
// More lines than that are counted.
constexpr int kListedMax = 8;

bool Near(uint64_t value, uint64_t limit) {
  return limit > 0 && static_cast<double>(value) * 100 >=
                          static_cast<double>(limit) * kNearPercent;
}

Finding Judge(bool problem, const std::string& subject, const std::string& text,
              const std::string& remedy) {
  return problem ? Finding{Kind::kProblem, subject, text, remedy}
                 : Finding{Kind::kOk, subject, text, ""};
}

std::string SessionText(uint32_t session_id, const std::string& name) {
  return absl::StrCat(
      "session ", session_id,
      name.empty() ? "" : absl::StrCat(" (", Readable(name), ")"));
}

std::string TypeText(uint32_t type_id) {
  return type_id == 0 ? "all types" : absl::StrCat("type ", type_id);
}

// One line for each, up to kListedMax, then how many more.
class Lines {
 public:
  void Add(const std::string& line) {
    if (++count_ > kListedMax) return;
    absl::StrAppend(&text_, text_.empty() ? "" : "; ", line);
  }
  bool empty() const { return count_ == 0; }
  std::string text() const {
    return count_ <= kListedMax
               ? text_
               : absl::StrCat(text_, "; and ", count_ - kListedMax, " more");
  }

 private:
  int count_ = 0;
  std::string text_;
};

Finding Queues(const wire::Status& status) {
  Lines full;
  for (const wire::SessionStatus& session : status.sessions()) {
    for (const wire::SubscriptionStatus& s : session.subscriptions()) {
      if (!Near(s.queued_bytes(), s.queue_bytes_max())) continue;
      full.Add(absl::StrCat(SessionText(session.session_id(), session.name()),
                            " has ", HumanBytes(s.queued_bytes()), " of ",
                            HumanBytes(s.queue_bytes_max()), " waiting of ",
                            TypeText(s.type_id())));
    }
  }
  if (full.empty()) return {Kind::kOk, "queues", "no subscriber is behind", ""};
  return {Kind::kProblem, "queues", full.text(),
          "that program reads too slowly or hangs: see what it does; --policy "
          "live never holds publishers back"};
}

Finding Holds(const wire::Status& status) {
  Lines held;
  for (const wire::SessionStatus& session : status.sessions()) {
    for (const wire::HeldType& type : session.held()) {
      held.Add(absl::StrCat(SessionText(session.session_id(), session.name()),
                            " may not publish ", TypeText(type.type_id()),
                            " because of ",
                            SessionText(type.by_session_id(), type.by_name())));
    }
  }
  if (held.empty()) return {Kind::kOk, "held", "no publisher is held back", ""};
  return {Kind::kProblem, "held", held.text(),
          "the queue of the session behind \"because of\" is full: see what "
          "that program does, or end it"};
}

Finding Clock(const wire::Status& status, uint64_t unix_ms) {
  const uint64_t ahead = unix_ms > status.unix_ms()
                             ? unix_ms - status.unix_ms()
                             : status.unix_ms() - unix_ms;
  return Judge(
      ahead > kClockMsMax, "clock",
      ahead > kClockMsMax
          ? absl::StrCat("the broker's differs from this machine's by ", ahead,
                         " ms")
          : "the broker's goes with this machine's",
      "let both machines keep time (systemd-timesyncd, chrony); of --start "
      "time: and ago: it is the broker's that counts");
}

}  // namespace

std::vector<Finding> CheckStatus(const wire::Status& status, uint64_t unix_ms) {
  std::vector<Finding> findings;
  findings.push_back(
      Judge(Near(status.sessions_total(), status.sessions_max()), "sessions",
            absl::StrCat(status.sessions_total(), " of ", status.sessions_max(),
                         " that limits.sessions_max "
                         "allows"),
            "end programs that are not needed, or raise limits.sessions_max"));
  findings.push_back(Judge(
      status.descriptors_left() < kDescriptorsNear, "files",
      absl::StrCat("the broker may open ", status.descriptors_left(), " more"),
      "raise its limit of open files: LimitNOFILE of the service, ulimit -n"));
  findings.push_back(Judge(
      Near(status.memory_bytes(), status.memory_bytes_max()), "memory",
      absl::StrCat(HumanBytes(status.memory_bytes()), " of frames, of ",
                   HumanBytes(status.memory_bytes_max()),
                   " that limits.total_bytes_max allows"),
      "find who is behind (queues), or raise limits.total_bytes_max: at the "
      "limit the broker reads no more"));
  findings.push_back(Queues(status));
  findings.push_back(Holds(status));
  findings.push_back(Clock(status, unix_ms));
  return findings;
}

}  // namespace mycelium::cli
