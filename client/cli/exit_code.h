// What the tool tells the shell.  Documented in `mycelium --help`.
#ifndef MYCELIUM_CLIENT_CLI_EXIT_CODE_H_
#define MYCELIUM_CLIENT_CLI_EXIT_CODE_H_

#include <string>

#include "absl/status/status.h"

namespace mycelium::cli {

enum ExitCode : int {
  kDone = 0,
  kFailed = 1,    // the operation failed at the broker, or was refused
  kUsage = 2,     // the command line is wrong
  kNoBroker = 3,  // no connection, or it was lost
  kDeadline = 4,  // --timeout_ms came first
  kNobody = 5,    // a request that nobody answers
};

// Prints "mycelium pub: <message>" on standard error; returns the exit code.
// REQUIRES: !status.ok().
int Fail(const std::string& command, const absl::Status& status);

// The same for what is wrong with the command line.
int FailUsage(const std::string& command, const std::string& message);

// Writes out standard output.  False if that fails; a reader that has left
// (head) is no failure worth a word, anything else is printed.
bool FlushOutput(const std::string& command);

// kFailed if standard output could not be written, kDone otherwise.
int FinishOutput(const std::string& command);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_EXIT_CODE_H_
