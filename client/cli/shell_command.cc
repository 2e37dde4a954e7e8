#include "client/cli/shell_command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  void Set(int number) { Close(), number_ = number; }
  void Close() {
    if (number_ >= 0) close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

absl::Status Failed(const char* what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", strerror(error)));
}

// A file in memory, at its beginning: the command may read as little of it as
// it likes.
absl::Status MakeInput(std::string_view input, Descriptor* file) {
  file->Set(memfd_create("request", MFD_CLOEXEC));
  if (file->number() < 0) return Failed("memfd_create", errno);
  while (!input.empty()) {
    const ssize_t bytes = write(file->number(), input.data(), input.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return Failed("write", errno);
    input.remove_prefix(static_cast<size_t>(bytes));
  }
  if (lseek(file->number(), 0, SEEK_SET) != 0) return Failed("lseek", errno);
  return absl::OkStatus();
}

// The environment with `variables`.
class Environment {
 public:
  explicit Environment(
      const std::vector<std::pair<std::string, std::string>>& variables) {
    for (const auto& [name, value] : variables) {
      // No variable holds a NUL byte; no topic does either.
      added_.push_back(absl::StrCat(name, "=", value));
    }
    for (std::string& text : added_) all_.push_back(text.data());
    for (char** old = environ; *old != nullptr; ++old) all_.push_back(*old);
    all_.push_back(nullptr);
  }

  char** data() { return all_.data(); }

 private:
  std::vector<std::string> added_;
  std::vector<char*> all_;
};

absl::StatusOr<pid_t> Spawn(const std::string& command, int input, int output,
                            Environment* environment) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  // This program ignores SIGPIPE; others rely on it.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t to_default;
  sigemptyset(&to_default);
  sigaddset(&to_default, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &to_default);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  char shell[] = "/bin/sh";
  char flag[] = "-c";
  std::string text = command;
  char* arguments[] = {shell, flag, text.data(), nullptr};
  pid_t pid = -1;
  const int error = posix_spawn(&pid, shell, &actions, &attributes, arguments,
                                environment->data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) return Failed("/bin/sh", error);
  return pid;
}

absl::Status ReadOutput(int descriptor, std::string* output) {
  char buffer[64 << 10];
  for (;;) {
    const ssize_t bytes = read(descriptor, buffer, sizeof buffer);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return Failed("read", errno);
    if (bytes == 0) return absl::OkStatus();
    output->append(buffer, static_cast<size_t>(bytes));
    if (output->size() > kFrameBytesMaxCeiling) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", kFrameBytesMaxCeiling,
                       " bytes, which no frame may hold"));
    }
  }
}

absl::Status WaitFor(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return Failed("waitpid", errno);
  }
  if (WIFSIGNALED(status)) {
    return absl::UnknownError(absl::StrCat("signal ", WTERMSIG(status)));
  }
  if (WEXITSTATUS(status) == 0) return absl::OkStatus();
  return absl::UnknownError(absl::StrCat("exit code ", WEXITSTATUS(status)));
}

}  // namespace

absl::StatusOr<std::string> RunShell(
    const std::string& command, std::string_view input,
    const std::vector<std::pair<std::string, std::string>>& variables) {
  Descriptor input_file;
  absl::Status status = MakeInput(input, &input_file);
  if (!status.ok()) return status;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Failed("pipe", errno);
  Descriptor from(ends[0]), to(ends[1]);
  Environment environment(variables);
  absl::StatusOr<pid_t> pid =
      Spawn(command, input_file.number(), to.number(), &environment);
  to.Close();
  if (!pid.ok()) return pid.status();
  std::string output;
  status = ReadOutput(from.number(), &output);
  // What still writes gets SIGPIPE.
  from.Close();
  const absl::Status ended = WaitFor(*pid);
  if (!status.ok()) return status;
  if (!ended.ok()) return ended;
  return output;
}

}  // namespace mycelium::cli
