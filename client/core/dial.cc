#include "client/core/dial.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include "client/core/await_ready.h"
#include "client/core/host_lookup.h"
#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::core {
namespace {

constexpr size_t kPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;
constexpr size_t kQuotedBytesMax = 120;

std::string ErrorText(int error) {
  char buffer[128];
  return strerror_r(error, buffer, sizeof buffer);
}

Status Refused(std::string_view url, std::string_view why) {
  return {StatusCode::kInvalidArgument,
          "connect: url " + Quoted(url) + ": " + std::string(why)};
}

Status Failed(const StreamAddress& address, StatusCode code,
              const std::string& why) {
  return {code, "connect " + address.url + ": " + why};
}

// Nobody is there.
Status Absent(const StreamAddress& address, const std::string& why) {
  return Failed(
      address, StatusCode::kUnavailable,
      why + "; start one with: mycelium-brokerd --listen " + address.url);
}

Status TooLate(const StreamAddress& address) {
  return Failed(address, StatusCode::kDeadlineExceeded,
                "no answer before the deadline");
}

Status Denied(const StreamAddress& address) {
  struct stat file;
  if (stat(address.path.c_str(), &file) != 0) {
    return Failed(address, StatusCode::kPermissionDenied,
                  "permission denied, a folder on the way is closed to this "
                  "user");
  }
  char mode[8];
  std::snprintf(mode, sizeof mode, "%04o", unsigned{file.st_mode & 07777});
  std::vector<char> names(16 << 10);
  group entry;
  group* found = nullptr;
  getgrgid_r(file.st_gid, &entry, names.data(), names.size(), &found);
  const std::string group =
      found != nullptr ? found->gr_name : std::to_string(file.st_gid);
  return Failed(address, StatusCode::kPermissionDenied,
                "permission denied, the socket has mode " + std::string(mode) +
                    " and group " + group);
}

bool IsSocket(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode);
}

Status ConnectFault(const StreamAddress& address, int error) {
  const bool is_unix = !address.path.empty();
  switch (error) {
    case ENOENT:
      return Absent(address, "no such file");
    case ECONNREFUSED:
      if (!is_unix) return Absent(address, "refused, nobody listens there");
      if (!IsSocket(address.path)) {
        return Failed(address, StatusCode::kUnavailable, "not a socket");
      }
      return Absent(address,
                    "nobody listens there any more, the socket file is left "
                    "over");
    case EACCES:
    case EPERM:
      if (is_unix) return Denied(address);
      return Failed(address, StatusCode::kPermissionDenied, ErrorText(error));
    case EPROTOTYPE:
      return Failed(address, StatusCode::kUnavailable,
                    "not a stream socket, and so not a Mycelium broker");
    case EAGAIN:
    case EINPROGRESS:
    case ETIMEDOUT:
      return TooLate(address);
    case ECANCELED:
      return Failed(address, StatusCode::kCancelled, "interrupted");
    default:
      return Failed(address, StatusCode::kUnavailable, ErrorText(error));
  }
}

// 0, or the errno.  Non-blocking, so that the deadline holds and a signal does
// no harm.
int ConnectSocket(int socket, const sockaddr* address, socklen_t bytes,
                  Deadline deadline, const Waker* interrupter) {
  while (connect(socket, address, bytes) != 0) {
    if (errno == EINTR) continue;
    if (errno == EISCONN) return 0;
    // A Unix listener whose backlog is full.
    if (errno == EAGAIN && Clock::now() < deadline) {
      const Deadline soon = Clock::now() + std::chrono::milliseconds(1);
      if (AwaitReady(-1, 0, soon, interrupter) == Readiness::kInterrupted) {
        return ECANCELED;
      }
      continue;
    }
    if (errno != EINPROGRESS && errno != EALREADY) return errno;
    switch (AwaitReady(socket, POLLOUT, deadline, interrupter)) {
      case Readiness::kReady:
        break;
      case Readiness::kTooLate:
        return ETIMEDOUT;
      case Readiness::kInterrupted:
        return ECANCELED;
    }
    int error = 0;
    socklen_t error_bytes = sizeof error;
    getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_bytes);
    return error;
  }
  return 0;
}

// 0, or the errno.
int Open(const sockaddr* address, socklen_t bytes, Deadline deadline,
         const Waker* interrupter, int* socket) {
  const int opened = ::socket(address->sa_family,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (opened < 0) return errno;
  const int error =
      ConnectSocket(opened, address, bytes, deadline, interrupter);
  if (error != 0) {
    close(opened);
    return error;
  }
  fcntl(opened, F_SETFL, fcntl(opened, F_GETFL) & ~O_NONBLOCK);
  if (address->sa_family != AF_UNIX) {
    const int on = 1;
    setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  *socket = opened;
  return 0;
}

Status DialUnix(const StreamAddress& address, Deadline deadline,
                const Waker* interrupter, int* socket) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, address.path.data(), address.path.size());
  const int error = Open(reinterpret_cast<const sockaddr*>(&un), sizeof un,
                         deadline, interrupter, socket);
  return error == 0 ? Status{} : ConnectFault(address, error);
}

Status DialTcp(const StreamAddress& address, Deadline deadline,
               const Waker* interrupter, int* socket) {
  HostAddresses found;
  switch (
      LookUpHost(address.host, address.port, deadline, interrupter, &found)) {
    case Readiness::kReady:
      break;
    case Readiness::kTooLate:
      return TooLate(address);
    case Readiness::kInterrupted:
      return ConnectFault(address, ECANCELED);
  }
  if (!found.fault.empty()) {
    return Failed(address, StatusCode::kUnavailable,
                  "host not found: " + found.fault);
  }
  int error = ETIMEDOUT;
  for (const addrinfo* at = found.list.get(); at != nullptr; at = at->ai_next) {
    error = Open(at->ai_addr, at->ai_addrlen, deadline, interrupter, socket);
    if (error == 0) return {};
    if (error == ECANCELED) break;
  }
  return ConnectFault(address, error);
}

Status ParseTcp(std::string_view url, std::string_view rest,
                StreamAddress* address) {
  const bool bracketed = rest.starts_with('[');
  if (bracketed) rest.remove_prefix(1);
  const size_t host_bytes = rest.find(bracketed ? ']' : ':');
  address->host = rest.substr(0, host_bytes);
  rest.remove_prefix(address->host.size());
  if (bracketed && !rest.starts_with(']')) {
    return Refused(url, "no ], allowed tcp://[ipv6]:port");
  }
  if (bracketed) rest.remove_prefix(1);
  if (address->host.empty()) {
    return Refused(url, "no host, allowed tcp://host:port");
  }
  address->port = std::to_string(kTcpPortDefault);
  if (rest.empty()) return {};
  const std::string_view digits = rest.substr(1);
  const bool is_number =
      rest[0] == ':' && !digits.empty() && digits.size() <= 5 &&
      digits.find_first_not_of("0123456789") == std::string_view::npos;
  address->port = digits;
  if (!is_number || std::stoi(address->port) < 1 ||
      std::stoi(address->port) > 65535) {
    return Refused(url, "port " + Quoted(digits) + ", allowed 1 to 65535");
  }
  return {};
}

}  // namespace

std::string Quoted(std::string_view text) {
  const bool plain = ValidUtf8(text.substr(0, kQuotedBytesMax));
  std::string quoted = "\"";
  for (const char byte : text.substr(0, kQuotedBytesMax)) {
    const auto code = static_cast<unsigned char>(byte);
    const bool printable =
        code >= 0x20 && code != 0x7f && code != '"' && (plain || code < 0x80);
    quoted += printable ? byte : '?';
  }
  return quoted + (text.size() > kQuotedBytesMax ? "...\"" : "\"");
}

Status ParseStreamUrl(std::string_view url, StreamAddress* address) {
  *address = {};
  address->url = url;
  if (!ValidUtf8(url) ||
      std::any_of(url.begin(), url.end(),
                  [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    return Refused(url, "allowed UTF-8 without control characters");
  }
  if (url.starts_with("tcp://")) return ParseTcp(url, url.substr(6), address);
  if (!url.starts_with("unix:/")) {
    return Refused(url, "allowed unix:/absolute/path, tcp://host:port");
  }
  address->path = url.substr(5);
  if (address->path.size() > kPathBytesMax) {
    return Refused(url, "path of " + std::to_string(address->path.size()) +
                            " bytes, allowed at most " +
                            std::to_string(kPathBytesMax));
  }
  return {};
}

Status Dial(const StreamAddress& address, Deadline deadline,
            const Waker* interrupter, int* socket) {
  return address.path.empty()
             ? DialTcp(address, deadline, interrupter, socket)
             : DialUnix(address, deadline, interrupter, socket);
}

}  // namespace mycelium::core
