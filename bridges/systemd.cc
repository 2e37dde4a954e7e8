#include "bridges/systemd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "bridges/listener.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

// sd_listen_fds(3): the first descriptor that is handed over.
constexpr int kFirstSocket = 3;

// Takes it out of the environment; empty: it is not there.
std::string Take(const char* name) {
  const char* const value = getenv(name);
  std::string taken = value == nullptr ? "" : value;
  unsetenv(name);
  return taken;
}

// 0: not a number.
int64_t Number(const std::string& text) {
  int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

// A socket that sends to `path`, "@..." for an abstract one; -1: none.
int Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof(address.sun_path)) return -1;
  path.copy(address.sun_path, path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd >= 0 &&
      connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0) {
    return fd;
  }
  PLOG(WARNING) << "service manager: NOTIFY_SOCKET " << path;
  if (fd >= 0) close(fd);
  return -1;
}

}  // namespace

Systemd::Systemd() {
  const std::string notify = Take("NOTIFY_SOCKET");
  if (!notify.empty()) notify_fd_ = Connect(notify);
  const std::string self = std::to_string(getpid());
  const int64_t watchdog_us = Number(Take("WATCHDOG_USEC"));
  const std::string watchdog_pid = Take("WATCHDOG_PID");
  if (listens() && (watchdog_pid.empty() || watchdog_pid == self)) {
    watchdog_ms_ = watchdog_us / 1000;
  }
  const int64_t sockets = Number(Take("LISTEN_FDS"));
  if (Take("LISTEN_PID") == self) sockets_ = static_cast<int>(sockets);
  Take("LISTEN_FDNAMES");
  for (int fd = kFirstSocket; fd < kFirstSocket + sockets_; ++fd) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

Systemd::~Systemd() {
  if (listens()) close(notify_fd_);
}

absl::StatusOr<Systemd::Sockets> Systemd::GivenSockets() const {
  Sockets given;
  for (int fd = kFirstSocket; fd < kFirstSocket + sockets_; ++fd) {
    absl::StatusOr<mycelium::Listener> listener = Listener::Describe(fd);
    if (!listener.ok()) return listener.status();
    given.descriptors.push_back(fd);
    given.listeners.push_back(*std::move(listener));
  }
  return given;
}

void Systemd::Tell(std::string_view lines) {
  if (!listens()) return;
  // Whoever does not take it now has more to do than to hear of it.
  if (send(notify_fd_, lines.data(), lines.size(),
           MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    PLOG_EVERY_N(WARNING, 100) << "service manager: not told";
  }
}

}  // namespace mycelium::bridges
