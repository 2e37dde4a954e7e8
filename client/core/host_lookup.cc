#include "client/core/host_lookup.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "client/core/own_thread.h"

namespace mycelium::core {
namespace {

// 0, or getaddrinfo's fault.
int LookUp(const std::string& host, const std::string& port, int flags,
           HostAddresses* found) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* list = nullptr;
  const int fault = getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
  found->list.reset(list);
  found->fault.clear();
  char text[128];
  if (fault == EAI_SYSTEM) {
    found->fault = strerror_r(errno, text, sizeof text);
  } else if (fault != 0) {
    found->fault = gai_strerror(fault);
  }
  return fault;
}

// Shared by the thread that looks up and the one that waits.
struct Lookup {
  std::string host;
  std::string port;
  Waker done;  // of the wait for it
  std::mutex mutex;
  HostAddresses found;  // guarded
};

}  // namespace

Readiness LookUpHost(const std::string& host, const std::string& port,
                     Deadline deadline, const Waker* interrupter,
                     HostAddresses* found) {
  // An address as it is needs nobody to be asked.
  if (LookUp(host, port, AI_NUMERICHOST, found) == 0) return Readiness::kReady;
  const auto lookup = std::make_shared<Lookup>();
  lookup->host = host;
  lookup->port = port;
  std::thread asking;
  if (lookup->done.descriptor() >= 0) {
    try {
      asking = StartOwnThread("mycelium-lookup", [lookup] {
        HostAddresses answer;
        LookUp(lookup->host, lookup->port, 0, &answer);
        {
          const std::lock_guard lock(lookup->mutex);
          lookup->found = std::move(answer);
        }
        lookup->done.Wake();
      });
    } catch (const std::system_error&) {
      // Then on this one.
    }
  }
  if (!asking.joinable()) {
    LookUp(host, port, 0, found);
    return Readiness::kReady;
  }
  asking.detach();
  const Readiness readiness =
      AwaitReady(lookup->done.descriptor(), POLLIN, deadline, interrupter);
  if (readiness == Readiness::kReady) {
    const std::lock_guard lock(lookup->mutex);
    *found = std::move(lookup->found);
  } else {
    *found = {};
  }
  return readiness;
}

}  // namespace mycelium::core
