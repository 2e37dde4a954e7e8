#include "client/core/await_ready.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>

namespace mycelium::core {

int LeftMs(Deadline deadline) {
  if (deadline == kNoDeadline) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::clamp<int64_t>(left.count(), 0, 1 << 30));
}

int ShorterMs(int a, int b) {
  if (a < 0 || b < 0) return std::max(a, b);
  return std::min(a, b);
}

Readiness AwaitReady(int descriptor, short events, Deadline deadline,
                     const Waker* interrupter) {
  std::array<pollfd, 2> waited{
      pollfd{.fd = descriptor, .events = events, .revents = 0},
      // poll passes over negative ones.
      pollfd{.fd = interrupter == nullptr ? -1 : interrupter->descriptor(),
             .events = POLLIN,
             .revents = 0}};
  while (true) {
    const int count = poll(waited.data(), waited.size(), LeftMs(deadline));
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return Readiness::kTooLate;
    if (count > 0 && waited[1].revents != 0) return Readiness::kInterrupted;
    return Readiness::kReady;  // or the next call on it says what is wrong
  }
}

}  // namespace mycelium::core
