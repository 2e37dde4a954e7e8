// Where a broker listens, and a client looks for one, when nobody says more.
// Pure and thread-safe; C++20 standard library only, so that the client
// library shares it with the broker.
#ifndef MYCELIUM_CONFIG_DEFAULT_SOCKET_H_
#define MYCELIUM_CONFIG_DEFAULT_SOCKET_H_

#include <sys/types.h>

#include <string>

namespace mycelium {

// The first of these that applies:
//   `runtime_directory` given      unix:<its first directory>/brokerd.sock
//   `uid` 0                        unix:/run/mycelium/brokerd.sock
//   `xdg_runtime_dir` given        unix:<that>/mycelium/brokerd.sock
//   otherwise                      unix:/tmp/mycelium-<uid>/brokerd.sock
//
// A null or relative directory is one that is not given (the XDG specification
// asks for the latter).  `runtime_directory` is what systemd tells a service in
// RUNTIME_DIRECTORY, several separated by colons.  Only the broker passes it: a
// client that is a service has a RUNTIME_DIRECTORY of its own, and passes null.
//
// Anyone may make a directory in /tmp: before use, see that the last one is
// owned by `uid` and that others may not write to it.
std::string DefaultListenUrl(const char* xdg_runtime_dir, uid_t uid,
                             const char* runtime_directory);

// Where a client looks for a broker when it is told nothing: the user's own
// socket, or the machine's if only that is there.  `exists` tells whether a
// path is.
std::string DefaultConnectUrl(const char* xdg_runtime_dir, uid_t uid,
                              bool (*exists)(const std::string& path));

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_DEFAULT_SOCKET_H_
