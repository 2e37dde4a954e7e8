#include "client/cli/exit_code.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace mycelium::cli {
namespace {

ExitCode CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return kUsage;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return kNoBroker;
    case absl::StatusCode::kDeadlineExceeded:
      return kDeadline;
    default:
      return kFailed;
  }
}

}  // namespace

int Fail(const std::string& command, const absl::Status& status) {
  std::string message(status.message());
  // "status: ..." has its subject already.
  if (message.starts_with(command + ": ")) message.erase(0, command.size() + 2);
  std::fflush(stdout);
  std::fprintf(stderr, "mycelium %s: %s\n", command.c_str(), message.c_str());
  return CodeOf(status);
}

int FailUsage(const std::string& command, const std::string& message) {
  return Fail(command, absl::InvalidArgumentError(message));
}

bool FlushOutput(const std::string& command) {
  if (std::fflush(stdout) == 0 && !std::ferror(stdout)) return true;
  if (errno != EPIPE) {
    std::fprintf(stderr, "mycelium %s: standard output: %s\n", command.c_str(),
                 std::strerror(errno));
  }
  return false;
}

int FinishOutput(const std::string& command) {
  if (FlushOutput(command)) return kDone;
  return errno == EPIPE ? kDone : kFailed;
}

}  // namespace mycelium::cli
