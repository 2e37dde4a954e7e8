// What the service manager that has started this process (systemd) is told, and
// what it has given: sockets that listen already.
//
// Speaks the protocols of sd_notify(3) and sd_listen_fds(3), which are
// documented and stable, without libsystemd: that would be a shared library
// more for every broker, in place of this file.
//
// Not thread-safe: belongs to the main thread.
#ifndef MYCELIUM_BRIDGES_SYSTEMD_H_
#define MYCELIUM_BRIDGES_SYSTEMD_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/listen_url.h"

namespace mycelium::bridges {

class Systemd {
 public:
  // As the environment has it; its variables are taken out of that, so that no
  // child takes them for its own.
  Systemd();
  ~Systemd();
  Systemd(const Systemd&) = delete;
  Systemd& operator=(const Systemd&) = delete;

  // What each of the sockets that it has given is: the descriptors and what
  // they listen on, in the same order.  Empty: none were given.
  struct Sockets {
    std::vector<int> descriptors;
    std::vector<mycelium::Listener> listeners;
  };
  absl::StatusOr<Sockets> GivenSockets() const;

  // Whether anybody listens to Tell.
  bool listens() const { return notify_fd_ >= 0; }
  // How often Tell("WATCHDOG=1") must come at least; 0: need not.
  int64_t watchdog_ms() const { return watchdog_ms_; }
  // Lines of sd_notify(3): "READY=1", "STATUS=...".
  void Tell(std::string_view lines);

 private:
  int notify_fd_ = -1;
  int64_t watchdog_ms_ = 0;
  int sockets_ = 0;
};

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_SYSTEMD_H_
