// Makes a lost connection again: waits (Backoff), dials and greets, on a thread
// of its own, until there is one or the broker's refusal is final.  A thread,
// so that callbacks that run meanwhile, and the deadlines of those who wait, do
// not depend on how long a host is silent.
//
// Belongs to the client's reading thread; Interrupt may be called by any.
#ifndef MYCELIUM_CLIENT_CORE_REDIAL_H_
#define MYCELIUM_CLIENT_CORE_REDIAL_H_

#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "client/core/backoff.h"
#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/dial.h"
#include "client/core/greeting.h"
#include "client/core/input_buffer.h"
#include "client/core/owned_socket.h"
#include "client/core/session.h"
#include "client/core/waker.h"

namespace mycelium::core {

// A connection that a broker has greeted.
struct Opened {
  std::shared_ptr<const OwnedSocket> socket;
  Session session;
  InputBuffer input;
  WelcomeBody welcome;
};

// Dial and Greet.
Status Open(const StreamAddress& address, const ClientOptions& options,
            const LastWelcome& last, const Waker* interrupter, Opened* opened,
            Refusal* refusal);

class Redial {
 public:
  struct Result {
    Status status;  // kOk: *opened; otherwise final
    Opened opened;
  };

  // The first wait is `first_wait_ms`.  `done` is woken when there is a result.
  // What is pointed to outlives it.
  Redial(const StreamAddress* address, const ClientOptions* options,
         const LastWelcome& last, Backoff* backoff, int64_t first_wait_ms,
         const Waker* done);
  Redial(const Redial&) = delete;
  Redial& operator=(const Redial&) = delete;
  ~Redial();  // interrupts

  // False: the system has no thread to give, now.
  bool Start();
  bool started() const { return thread_.joinable(); }
  // Once; nothing as long as it goes on, or after Interrupt.
  std::optional<Result> Take();
  void Interrupt() { interrupter_.Wake(); }

 private:
  void Run();

  const StreamAddress* const address_;
  const ClientOptions* const options_;
  const LastWelcome last_;
  Backoff* const backoff_;
  const int64_t first_wait_ms_;
  const Waker* const done_;
  const Waker interrupter_;
  std::mutex mutex_;
  std::optional<Result> result_;  // guarded
  std::thread thread_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_REDIAL_H_
