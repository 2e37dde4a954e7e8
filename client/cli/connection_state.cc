#include "client/cli/connection_state.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {

using core::State;

std::string StateLine(const std::string& command, State before, State now,
                      const core::Status& status) {
  const auto line = [&](const std::string& text) {
    return absl::StrCat("mycelium ", command, ": ", text, "\n");
  };
  if (now == before) return "";
  switch (now) {
    case State::kReconnecting:
      return line(absl::StrCat(Readable(status.message), "; reconnecting"));
    case State::kStalled:
      return line(absl::StrCat("held back: ", Readable(status.message)));
    case State::kConnected:
      if (before == State::kReconnecting) return line("connected again");
      return before == State::kStalled ? line("no longer held back") : "";
    case State::kConnecting:
    case State::kClosed:
      break;  // the command itself says how it went
  }
  return "";
}

std::function<void(State, const core::Status&)> StatePrinter(
    const std::string& command) {
  // Only the reading thread calls it.
  return [command, before = State::kConnecting](
             State now, const core::Status& status) mutable {
    const std::string line = StateLine(command, before, now, status);
    before = now;
    std::fputs(line.c_str(), stderr);
  };
}

}  // namespace mycelium::cli
