#include "client/cli/stop_signal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace mycelium::cli {
namespace {

int write_descriptor = -1;  // for the handler, which gets nothing else

void Handle(int) {
  int saved = errno;
  // A pipe that is full has said it already.
  [[maybe_unused]] ssize_t written = write(write_descriptor, "", 1);
  errno = saved;
}

void SetHandler(void (*handler)(int), int flags) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

}  // namespace

StopSignal::StopSignal() {
  int descriptors[2];
  if (pipe2(descriptors, O_CLOEXEC | O_NONBLOCK) != 0) {
    std::perror("mycelium: pipe");
    std::exit(1);
  }
  read_descriptor_ = descriptors[0];
  write_descriptor = descriptors[1];
  // Only the first one is ours: after that the process ends as usual.
  SetHandler(Handle, static_cast<int>(SA_RESTART | SA_RESETHAND));
}

StopSignal::~StopSignal() {
  SetHandler(SIG_DFL, 0);
  close(read_descriptor_);
  close(write_descriptor);
}

bool StopSignal::Wait(int timeout_ms) const {
  using Clock = std::chrono::steady_clock;
  auto end = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    // Without events: the kernel reports errors and hang-ups all the same.
    pollfd watched[] = {{read_descriptor_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    int ready = poll(watched, 2, timeout_ms);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (timeout_ms < 0) continue;
    auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    timeout_ms = left.count() > 0 ? static_cast<int>(left.count()) : 0;
  }
}

void StopSignal::Raise() { Handle(0); }

}  // namespace mycelium::cli
