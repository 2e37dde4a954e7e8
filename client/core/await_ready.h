// Waits for a descriptor, up to a deadline, unless another thread interrupts;
// and deadlines as poll takes them.
#ifndef MYCELIUM_CLIENT_CORE_AWAIT_READY_H_
#define MYCELIUM_CLIENT_CORE_AWAIT_READY_H_

#include <poll.h>

#include "client/core/client.h"
#include "client/core/waker.h"

namespace mycelium::core {

// Until then, rounded up; -1: without end.
int LeftMs(Deadline deadline);
// Of two waits, where -1 is without end.
int ShorterMs(int a, int b);

enum class Readiness { kReady, kTooLate, kInterrupted };

// `interrupter`: who has been woken ends every wait; may be null.
Readiness AwaitReady(int descriptor, short events, Deadline deadline,
                     const Waker* interrupter);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_AWAIT_READY_H_
