#include "client/core/redial.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "client/core/await_ready.h"
#include "client/core/own_thread.h"

namespace mycelium::core {
namespace {

// So that the deadline can be reckoned with.
constexpr std::chrono::milliseconds kConnectTimeoutMax = std::chrono::hours(24);

}  // namespace

Status Open(const StreamAddress& address, const ClientOptions& options,
            const LastWelcome& last, const Waker* interrupter, Opened* opened,
            Refusal* refusal) {
  const Deadline deadline =
      Clock::now() + std::min(options.connect_timeout, kConnectTimeoutMax);
  int socket = -1;
  const Status status = Dial(address, deadline, interrupter, &socket);
  if (!status.ok()) return status;
  opened->socket = std::make_shared<const OwnedSocket>(socket);
  return Greet(socket, address.url, options, last, deadline, interrupter,
               &opened->session, &opened->input, &opened->welcome, refusal);
}

Redial::Redial(const StreamAddress* address, const ClientOptions* options,
               const LastWelcome& last, Backoff* backoff, int64_t first_wait_ms,
               const Waker* done)
    : address_(address),
      options_(options),
      last_(last),
      backoff_(backoff),
      first_wait_ms_(first_wait_ms),
      done_(done) {}

Redial::~Redial() {
  Interrupt();
  if (thread_.joinable()) thread_.join();
}

bool Redial::Start() {
  try {
    thread_ = StartOwnThread("mycelium-dial", [this] { Run(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

std::optional<Redial::Result> Redial::Take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(result_, std::nullopt);
}

void Redial::Run() {
  int64_t wait_ms = first_wait_ms_;
  Result result;
  while (true) {
    const Deadline next = Clock::now() + std::chrono::milliseconds(wait_ms);
    if (AwaitReady(-1, 0, next, &interrupter_) == Readiness::kInterrupted) {
      return;
    }
    Refusal refusal;
    result = {};
    result.status = Open(*address_, *options_, last_, &interrupter_,
                         &result.opened, &refusal);
    if (result.status.code == StatusCode::kCancelled) return;
    if (result.status.ok() || refusal.is_final) break;
    wait_ms = backoff_->NextMs(refusal.retry_after_ms);
  }
  {
    const std::lock_guard lock(mutex_);
    result_ = std::move(result);
  }
  done_->Wake();
}

}  // namespace mycelium::core
