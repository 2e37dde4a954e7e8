// Blocking sockets by url: unix:/path or tcp://127.0.0.1:port.  Whatever fails
// ends the program with one line that names the url: a benchmark has nothing
// to recover.  Thread-safe; a descriptor belongs to its caller.
#ifndef MYCELIUM_TESTS_BENCH_ENDPOINT_H_
#define MYCELIUM_TESTS_BENCH_ENDPOINT_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace mycelium::bench {

// Writes `message` to stderr as a line and exits with 1.
[[noreturn]] void Fail(const std::string& message);
// The same, with the text of errno behind it.
[[noreturn]] void FailErrno(const std::string& subject);

struct Endpoint {
  sockaddr_storage address;
  socklen_t address_bytes;

  bool tcp() const { return address.ss_family != AF_UNIX; }
};

Endpoint ParseEndpoint(const std::string& url);

// Connected; TCP with TCP_NODELAY.
int Connect(const std::string& url);

// Both ends of one connection: a Unix socket pair, or TCP over loopback with
// TCP_NODELAY.
std::pair<int, int> ConnectedPair(bool tcp);

// A send that lasts longer than this ends early, see WriteSome.
void SetSendTimeout(int descriptor, int64_t timeout_ms);
// A receive that lasts longer than this ends without bytes, see ReadSome.
void SetReceiveTimeout(int descriptor, int64_t timeout_ms);

// How many bytes went out; 0 after the send timeout, -1 when the peer is gone.
ptrdiff_t WriteSome(int descriptor, std::span<const uint8_t> bytes);
// How many bytes came in; 0 after the receive timeout, -1 when the peer is
// gone.  `flags` as for recv().
ptrdiff_t ReadSome(int descriptor, std::span<uint8_t> room, int flags = 0);

void WriteAll(int descriptor, std::span<const uint8_t> bytes);
void ReadAll(int descriptor, std::span<uint8_t> room);

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_ENDPOINT_H_
