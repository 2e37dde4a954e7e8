#include "config/default_socket.h"

#include <string_view>

namespace mycelium {
namespace {

// The directory without slashes at its end; empty: none was given.
std::string_view GivenDirectory(const char* directory) {
  if (directory == nullptr || directory[0] != '/') return {};
  std::string_view given = directory;
  while (given.size() > 1 && given.back() == '/') given.remove_suffix(1);
  return given;
}

}  // namespace

std::string DefaultListenUrl(const char* xdg_runtime_dir, uid_t uid,
                             const char* runtime_directory) {
  if (runtime_directory != nullptr) {
    const std::string_view all = runtime_directory;
    const std::string first(all.substr(0, all.find(':')));
    const std::string_view given = GivenDirectory(first.c_str());
    if (!given.empty()) return "unix:" + std::string(given) + "/brokerd.sock";
  }
  if (uid == 0) return "unix:/run/mycelium/brokerd.sock";
  const std::string_view user = GivenDirectory(xdg_runtime_dir);
  if (!user.empty()) {
    return "unix:" + std::string(user) + "/mycelium/brokerd.sock";
  }
  return "unix:/tmp/mycelium-" + std::to_string(uid) + "/brokerd.sock";
}

std::string DefaultConnectUrl(const char* xdg_runtime_dir, uid_t uid,
                              bool (*exists)(const std::string& path)) {
  const auto is_there = [exists](const std::string& url) {
    return exists(url.substr(url.find('/')));
  };
  const std::string own = DefaultListenUrl(xdg_runtime_dir, uid, nullptr);
  const std::string machine = DefaultListenUrl(nullptr, 0, nullptr);
  return !is_there(own) && is_there(machine) ? machine : own;
}

}  // namespace mycelium
