#include "bridges/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bridges/stream.h"
#include "config/limits.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

// Connections taken in one round, so that a flood of them does not keep the
// sessions waiting.
constexpr int kAcceptsPerTurn = 64;
// How long nothing is accepted when no file can be opened at all.
constexpr uint64_t kRetryAcceptMs = 100;

absl::Status Error(const mycelium::Listener& config, absl::string_view what,
                   int error) {
  return absl::UnavailableError(absl::StrCat("listen ", config.url, ": ", what,
                                             what.empty() ? "" : ": ",
                                             strerror(error)));
}

// Closes on destruction unless released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

sockaddr_un UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// Removes the socket file that a dead program left behind; leaves everything
// else as it is and says what it is.
absl::Status RemoveStaleSocket(const mycelium::Listener& config) {
  struct stat status;
  if (lstat(config.path.c_str(), &status) != 0) {
    return errno == ENOENT ? absl::OkStatus() : Error(config, "", errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "listen ", config.url, ": a file that is not a socket is in the way"));
  }
  const Descriptor probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (probe.get() < 0) return Error(config, "socket", errno);
  const sockaddr_un address = UnixAddress(config.path);
  if (connect(probe.get(), reinterpret_cast<const sockaddr*>(&address),
              sizeof(address)) == 0) {
    return absl::AlreadyExistsError(absl::StrCat(
        "listen ", config.url, ": another program is serving this socket"));
  }
  if (errno != ECONNREFUSED) {
    return Error(config, "the socket there cannot be probed", errno);
  }
  LOG(INFO) << "removing the stale socket " << config.path;
  if (unlink(config.path.c_str()) != 0) {
    return Error(config, "unlink", errno);
  }
  return absl::OkStatus();
}

absl::Status SetOwner(const mycelium::Listener& config) {
  if (!config.group.empty()) {
    const group* const entry = getgrnam(config.group.c_str());
    if (entry == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "listen ", config.url, ": group \"", config.group, "\" is unknown"));
    }
    if (chown(config.path.c_str(), static_cast<uid_t>(-1), entry->gr_gid) !=
        0) {
      return Error(config, absl::StrCat("chgrp ", config.group), errno);
    }
  }
  if (chmod(config.path.c_str(), config.mode) != 0) {
    return Error(config, "chmod", errno);
  }
  return absl::OkStatus();
}

absl::Status BindUnix(const mycelium::Listener& config, int fd) {
  // Two brokers that start at once must not take each other's socket for stale.
  const size_t slash = config.path.rfind('/');
  const std::string folder = slash == 0 ? "/" : config.path.substr(0, slash);
  const Descriptor lock(
      open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (lock.get() < 0) return Error(config, folder, errno);
  if (flock(lock.get(), LOCK_EX) != 0) return Error(config, folder, errno);

  if (absl::Status status = RemoveStaleSocket(config); !status.ok()) {
    return status;
  }
  const sockaddr_un address = UnixAddress(config.path);
  const mode_t before = umask(0177);
  const int bound =
      bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  umask(before);
  if (bound != 0) return Error(config, "bind", error);
  if (absl::Status status = SetOwner(config); !status.ok()) {
    unlink(config.path.c_str());
    return status;
  }
  if (listen(fd, kListenBacklog) != 0) return Error(config, "listen", errno);
  return absl::OkStatus();
}

absl::Status BindTcp(const mycelium::Listener& config, int fd, bool ipv6) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage address{};
  socklen_t size = 0;
  if (ipv6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    auto* const in = reinterpret_cast<sockaddr_in6*>(&address);
    CHECK_EQ(uv_ip6_addr(config.host.c_str(), config.port, in), 0);
    size = sizeof(*in);
  } else {
    const char* const host =
        config.host == "localhost" ? "127.0.0.1" : config.host.c_str();
    auto* const in = reinterpret_cast<sockaddr_in*>(&address);
    CHECK_EQ(uv_ip4_addr(host, config.port, in), 0);
    size = sizeof(*in);
  }
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    return Error(config, "bind", errno);
  }
  if (listen(fd, kListenBacklog) != 0) return Error(config, "listen", errno);
  return absl::OkStatus();
}

// "127.0.0.1" or "::1", and the port.
std::pair<std::string, uint16_t> Describe(const sockaddr_storage& address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof(text));
    return {text, ntohs(in.sin6_port)};
  }
  const auto& in = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
  return {text, ntohs(in.sin_port)};
}

std::string TcpUrl(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  CHECK_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto [host, port] = Describe(address);
  const bool ipv6 = address.ss_family == AF_INET6;
  return absl::StrCat("tcp://", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":",
                      port);
}

broker::Peer UnixPeer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return {"unix:unknown", "unknown user", true};
  }
  return {absl::StrCat("unix:uid=", credentials.uid, ",pid=", credentials.pid),
          absl::StrCat("uid ", credentials.uid), true, credentials.uid};
}

broker::Peer TcpPeer(const sockaddr_storage& address) {
  const auto [host, port] = Describe(address);
  const bool ipv6 = address.ss_family == AF_INET6;
  return {
      absl::StrCat("tcp:", ipv6 ? "[" : "", host, ipv6 ? "]" : "", ":", port),
      absl::StrCat("address ", host), false, std::nullopt, host};
}

// Files that may still be opened, if the lowest free number is `fd` + 1: the
// kernel always gives out the lowest.
int64_t DescriptorsLeft(int fd) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kDescriptorsReserved;
  return static_cast<int64_t>(limit.rlim_cur) - fd - 1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(
    uv_loop_t* loop, broker::Broker* broker, const mycelium::Listener& config) {
  const bool is_unix = config.kind == mycelium::Listener::kUnix;
  const bool ipv6 = config.host.find(':') != std::string::npos;
  Descriptor fd(socket(is_unix ? AF_UNIX
                       : ipv6  ? AF_INET6
                               : AF_INET,
                       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Error(config, "socket", errno);
  if (absl::Status status = is_unix ? BindUnix(config, fd.get())
                                    : BindTcp(config, fd.get(), ipv6);
      !status.ok()) {
    return status;
  }
  std::string url = is_unix ? config.url : TcpUrl(fd.get());
  auto listener = std::unique_ptr<Listener>(
      new Listener(loop, broker, fd.Release(), config, std::move(url)));
  struct stat status;
  if (is_unix && lstat(config.path.c_str(), &status) == 0) {
    listener->device_ = status.st_dev;
    listener->inode_ = status.st_ino;
  }
  return listener;
}

std::unique_ptr<Listener> Listener::Adopt(uv_loop_t* loop,
                                          broker::Broker* broker, int fd,
                                          const mycelium::Listener& config) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return std::unique_ptr<Listener>(
      new Listener(loop, broker, fd, config, config.url));
}

absl::StatusOr<mycelium::Listener> Listener::Describe(int fd) {
  const auto error = [fd](absl::string_view seen) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen: descriptor ", fd, " is ", seen,
                     ", allowed a stream socket that listens, Unix with a "
                     "path or TCP"));
  };
  int listens = 0, type = 0;
  socklen_t size = sizeof(int);
  if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
      getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    return error(strerror(errno));
  }
  if (listens == 0 || type != SOCK_STREAM) return error("another socket");
  sockaddr_storage address{};
  size = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return error(strerror(errno));
  }
  if (address.ss_family == AF_UNIX) {
    const auto& local = reinterpret_cast<const sockaddr_un&>(address);
    if (local.sun_path[0] == '\0') return error("a Unix socket without a path");
    return ParseListenUrl(absl::StrCat("unix:", local.sun_path));
  }
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) {
    return error("another socket");
  }
  return ParseListenUrl(TcpUrl(fd));
}

Listener::Listener(uv_loop_t* loop, broker::Broker* broker, int fd,
                   const mycelium::Listener& config, std::string url)
    : loop_(loop),
      broker_(broker),
      fd_(fd),
      config_(config),
      url_(std::move(url)),
      refusal_(broker::Broker::CloseFrame(
          wire::CODE_TOO_MANY_SESSIONS, "sessions: no file descriptors left")),
      spare_fd_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  CHECK_EQ(uv_poll_init(loop, &poll_, fd), 0);
  CHECK_EQ(uv_timer_init(loop, &retry_), 0);
  poll_.data = retry_.data = this;
  StartPolling();
}

void Listener::StartPolling() {
  uv_poll_start(&poll_, UV_READABLE, [](uv_poll_t* poll, int, int) {
    static_cast<Listener*>(poll->data)->AcceptAll();
  });
}

void Listener::AcceptAll() {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    const int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EMFILE || errno == ENFILE) return Refuse();
      if (errno != EINTR && errno != ECONNABORTED) return;
      continue;
    }
    const bool is_unix = config_.kind == mycelium::Listener::kUnix;
    Stream::Open(loop_, broker_, fd, is_unix,
                 is_unix ? UnixPeer(fd) : TcpPeer(address),
                 DescriptorsLeft(fd));
  }
}

// No file can be opened: the spare one makes room to say so.
void Listener::Refuse() {
  LOG_EVERY_N(WARNING, 100)
      << "listen " << url_ << ": no file descriptors left to accept with";
  broker_->CountRefused();
  if (spare_fd_ >= 0) close(spare_fd_);
  const int fd = accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    if (send(fd, refusal_.data(), refusal_.size(), MSG_NOSIGNAL) < 0) {
      VLOG(1) << "refused client was not told: " << strerror(errno);
    }
    close(fd);
  }
  spare_fd_ = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0) PauseAccepting();
}

void Listener::PauseAccepting() {
  uv_poll_stop(&poll_);
  uv_timer_start(
      &retry_,
      [](uv_timer_t* timer) {
        static_cast<Listener*>(timer->data)->StartPolling();
      },
      kRetryAcceptMs, 0);
}

void Listener::Close(std::unique_ptr<Listener> listener) {
  Listener* const self = listener.release();
  const auto closed = [](uv_handle_t* handle) {
    auto* const owner = static_cast<Listener*>(handle->data);
    if (--owner->open_handles_ == 0) delete owner;
  };
  struct stat status;
  if (self->inode_ != 0 && lstat(self->config_.path.c_str(), &status) == 0 &&
      status.st_dev == self->device_ && status.st_ino == self->inode_) {
    unlink(self->config_.path.c_str());
  }
  if (self->spare_fd_ >= 0) close(self->spare_fd_);
  uv_poll_stop(&self->poll_);
  close(self->fd_);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->poll_), closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&self->retry_), closed);
}

}  // namespace mycelium::bridges
