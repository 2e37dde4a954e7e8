// What a broker listens on: one parsed url with what belongs to it.
// Pure (no name is looked up, no file is touched) and thread-safe.
#ifndef MYCELIUM_CONFIG_LISTEN_URL_H_
#define MYCELIUM_CONFIG_LISTEN_URL_H_

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mycelium {

// What sockaddr_un::sun_path holds beside its final NUL.
inline constexpr size_t kUnixPathBytesMax = 107;
inline constexpr mode_t kListenerModeDefault = 0660;

struct Listener {
  enum Kind { kUnix, kTcp };

  std::string url;  // in one spelling: equal urls are the same place
  Kind kind = kUnix;
  std::string path;   // kUnix
  std::string host;   // kTcp: numeric, IPv6 without brackets, or "localhost"
  uint16_t port = 0;  // kTcp; 0: the system chooses one
  mode_t mode = kListenerModeDefault;  // kUnix
  std::string group;                   // kUnix; empty: the broker's own

  bool operator==(const Listener&) const = default;
};

// Takes unix:/absolute/path, tcp://ADDRESS:PORT and tcp://[IPV6]:PORT; without
// a port it is kTcpPortDefault.  The error begins with the quoted url.
absl::StatusOr<Listener> ParseListenUrl(absl::string_view url);

// Whether other machines can connect: TCP on anything but the loopback.
bool ReachableFromOutside(const Listener& listener);

// Whether both can't be had at once.  A port that the system chooses is never
// the same, and localhost is taken for 127.0.0.1.
bool SamePlace(const Listener& a, const Listener& b);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_LISTEN_URL_H_
