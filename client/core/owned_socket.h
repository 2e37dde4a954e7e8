// The descriptor of a connection, closed when nobody reads, writes or shuts it
// down any more.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_OWNED_SOCKET_H_
#define MYCELIUM_CLIENT_CORE_OWNED_SOCKET_H_

#include <sys/socket.h>
#include <unistd.h>

namespace mycelium::core {

class OwnedSocket {
 public:
  explicit OwnedSocket(int descriptor) : descriptor_(descriptor) {}
  OwnedSocket(const OwnedSocket&) = delete;
  OwnedSocket& operator=(const OwnedSocket&) = delete;
  ~OwnedSocket() { close(descriptor_); }

  int descriptor() const { return descriptor_; }
  // Whoever waits for it sees an end.
  void ShutDown() const { shutdown(descriptor_, SHUT_RDWR); }

 private:
  const int descriptor_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_OWNED_SOCKET_H_
