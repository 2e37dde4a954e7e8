// How the client library starts a thread within somebody else's program: with a
// name that top and gdb show, and with all signals blocked, so that they go to
// the program's own threads.
#ifndef MYCELIUM_CLIENT_CORE_OWN_THREAD_H_
#define MYCELIUM_CLIENT_CORE_OWN_THREAD_H_

#include <pthread.h>
#include <signal.h>

#include <system_error>
#include <thread>
#include <utility>

namespace mycelium::core {

// `name` has at most 15 bytes.  Throws std::system_error when the system has no
// thread to give.
template <typename Function>
std::thread StartOwnThread(const char* name, Function function) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread([name, function = std::move(function)]() mutable {
      pthread_setname_np(pthread_self(), name);
      function();
    });
  } catch (const std::system_error&) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_OWN_THREAD_H_
