// A command of the user's that makes a reply out of a request.
#ifndef MYCELIUM_CLIENT_CLI_SHELL_COMMAND_H_
#define MYCELIUM_CLIENT_CLI_SHELL_COMMAND_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace mycelium::cli {

// Runs `command` with /bin/sh, `input` as its standard input, and `variables`
// added to its environment; waits for it.  What it writes to standard output.
// Unknown: "exit code 3", "signal 9"; ResourceExhausted: more than a frame may
// hold; Internal: it could not be run.
absl::StatusOr<std::string> RunShell(
    const std::string& command, std::string_view input,
    const std::vector<std::pair<std::string, std::string>>& variables);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SHELL_COMMAND_H_
