// From a url to a connected stream socket.  Thread-safe; blocks up to the
// deadline.
#ifndef MYCELIUM_CLIENT_CORE_DIAL_H_
#define MYCELIUM_CLIENT_CORE_DIAL_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "client/core/client.h"
#include "client/core/waker.h"

namespace mycelium::core {

struct StreamAddress {
  std::string url;   // as it was given
  std::string path;  // unix:; empty: TCP
  std::string host;
  std::string port;  // digits
};

// Takes unix:/absolute/path, tcp://host:port and tcp://[ipv6]:port; without a
// port it is kTcpPortDefault.
Status ParseStreamUrl(std::string_view url, StreamAddress* address);

// A blocking, close-on-exec stream in *socket, which the caller closes.  The
// error says what was seen and how to start a broker there; kCancelled: the
// interrupter, if there is one, has been woken.
Status Dial(const StreamAddress& address, Deadline deadline,
            const Waker* interrupter, int* socket);

// `text` on one line, whatever it is: for an error.
std::string Quoted(std::string_view text);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_DIAL_H_
