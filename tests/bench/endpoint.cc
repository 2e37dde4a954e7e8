#include "tests/bench/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mycelium::bench {
namespace {

constexpr char kUnixScheme[] = "unix:";
constexpr char kTcpScheme[] = "tcp://";

Endpoint UnixEndpoint(const std::string& url, const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    Fail(url + ": path of " + std::to_string(path.size()) +
         " bytes, 1 to 107 are allowed");
  std::memcpy(address.sun_path, path.data(), path.size());
  Endpoint endpoint = {};
  std::memcpy(&endpoint.address, &address, sizeof address);
  endpoint.address_bytes = sizeof address;
  return endpoint;
}

Endpoint TcpEndpoint(const std::string& url, const std::string& host_port) {
  size_t colon = host_port.rfind(':');
  if (colon == std::string::npos) Fail(url + ": no port");
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(
      std::strtoul(host_port.c_str() + colon + 1, nullptr, 10)));
  std::string host = host_port.substr(0, colon);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    Fail(url + ": not an IPv4 address");
  Endpoint endpoint = {};
  std::memcpy(&endpoint.address, &address, sizeof address);
  endpoint.address_bytes = sizeof address;
  return endpoint;
}

void SetNoDelay(int descriptor) {
  int on = 1;
  if (setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0)
    FailErrno("TCP_NODELAY");
}

void SetTimeout(int descriptor, int option, int64_t timeout_ms) {
  timeval timeout = {};
  timeout.tv_sec = timeout_ms / 1'000;
  timeout.tv_usec = timeout_ms % 1'000 * 1'000;
  if (setsockopt(descriptor, SOL_SOCKET, option, &timeout, sizeof timeout) != 0)
    FailErrno("socket timeout");
}

bool PeerIsGone(int error) { return error == EPIPE || error == ECONNRESET; }

}  // namespace

void Fail(const std::string& message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::exit(1);
}

void FailErrno(const std::string& subject) {
  Fail(subject + ": " + std::strerror(errno));
}

Endpoint ParseEndpoint(const std::string& url) {
  if (url.starts_with(kUnixScheme))
    return UnixEndpoint(url, url.substr(sizeof kUnixScheme - 1));
  if (url.starts_with(kTcpScheme))
    return TcpEndpoint(url, url.substr(sizeof kTcpScheme - 1));
  Fail("url: " + url + ", unix:/path or tcp://address:port is allowed");
}

int Connect(const std::string& url) {
  Endpoint endpoint = ParseEndpoint(url);
  int descriptor =
      socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) FailErrno(url);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&endpoint.address),
              endpoint.address_bytes) != 0)
    FailErrno(url);
  if (endpoint.tcp()) SetNoDelay(descriptor);
  return descriptor;
}

std::pair<int, int> ConnectedPair(bool tcp) {
  if (!tcp) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) FailErrno("socketpair");
    return {ends[0], ends[1]};
  }
  Endpoint endpoint = ParseEndpoint("tcp://127.0.0.1:0");
  auto* address = reinterpret_cast<sockaddr*>(&endpoint.address);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  int near_end = socket(AF_INET, SOCK_STREAM, 0);
  if (listener < 0 || near_end < 0) FailErrno("socket");
  if (bind(listener, address, endpoint.address_bytes) != 0 ||
      listen(listener, 1) != 0 ||
      getsockname(listener, address, &endpoint.address_bytes) != 0)
    FailErrno("listen on loopback");
  if (connect(near_end, address, endpoint.address_bytes) != 0)
    FailErrno("connect to loopback");
  int far_end = accept(listener, nullptr, nullptr);
  if (far_end < 0) FailErrno("accept on loopback");
  close(listener);
  SetNoDelay(near_end);
  SetNoDelay(far_end);
  return {near_end, far_end};
}

void SetSendTimeout(int descriptor, int64_t timeout_ms) {
  SetTimeout(descriptor, SO_SNDTIMEO, timeout_ms);
}

void SetReceiveTimeout(int descriptor, int64_t timeout_ms) {
  SetTimeout(descriptor, SO_RCVTIMEO, timeout_ms);
}

ptrdiff_t WriteSome(int descriptor, std::span<const uint8_t> bytes) {
  for (;;) {
    ssize_t sent = send(descriptor, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    if (errno == EAGAIN) return 0;
    if (PeerIsGone(errno)) return -1;
    if (errno != EINTR) FailErrno("send");
  }
}

ptrdiff_t ReadSome(int descriptor, std::span<uint8_t> room, int flags) {
  for (;;) {
    ssize_t got = recv(descriptor, room.data(), room.size(), flags);
    if (got > 0) return got;
    if (got == 0 || PeerIsGone(errno)) return -1;
    if (errno == EAGAIN) return 0;
    if (errno != EINTR) FailErrno("recv");
  }
}

void WriteAll(int descriptor, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    ptrdiff_t sent = WriteSome(descriptor, bytes);
    if (sent < 0) Fail("send: the peer has closed the connection");
    bytes = bytes.subspan(static_cast<size_t>(sent));
  }
}

void ReadAll(int descriptor, std::span<uint8_t> room) {
  while (!room.empty()) {
    ptrdiff_t got = ReadSome(descriptor, room);
    if (got < 0) Fail("recv: the peer has closed the connection");
    room = room.subspan(static_cast<size_t>(got));
  }
}

}  // namespace mycelium::bench
