// The addresses of a host.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_HOST_LOOKUP_H_
#define MYCELIUM_CLIENT_CORE_HOST_LOOKUP_H_

#include <netdb.h>

#include <memory>
#include <string>

#include "client/core/await_ready.h"
#include "client/core/client.h"

namespace mycelium::core {

struct HostAddresses {
  struct Free {
    void operator()(addrinfo* list) const { freeaddrinfo(list); }
  };
  std::unique_ptr<addrinfo, Free> list;
  std::string fault;  // not empty: what the system says instead
};

// As getaddrinfo for a stream, which by itself can be neither interrupted nor
// given a deadline; a lookup that comes too late ends by itself, on a thread
// that touches nothing else.  Not kReady: *found is empty.
Readiness LookUpHost(const std::string& host, const std::string& port,
                     Deadline deadline, const Waker* interrupter,
                     HostAddresses* found);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_HOST_LOOKUP_H_
