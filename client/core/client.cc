// Client::Connect: the url chooses the carrier.
#include "client/core/client.h"

#include <unistd.h>

#include <cstdlib>
#include <string>

#include "client/core/bus.h"
#include "client/core/dial.h"
#include "client/core/socket.h"
#include "config/default_socket.h"

namespace mycelium::core {
namespace {

std::string DefaultUrl() {
  const char* const url = std::getenv("MYCELIUM_URL");
  if (url != nullptr && *url != '\0') return url;
  return DefaultConnectUrl(
      std::getenv("XDG_RUNTIME_DIR"), geteuid(),
      [](const std::string& path) { return access(path.c_str(), F_OK) == 0; });
}

}  // namespace

Status Client::Connect(std::string_view url, const ClientOptions& options,
                       std::unique_ptr<Client>* client) {
  const std::string chosen = url.empty() ? DefaultUrl() : std::string(url);
  if (chosen.starts_with("inproc:")) {
    return InprocClient::Connect(chosen, options, client);
  }
  if (chosen.starts_with("unix:") || chosen.starts_with("tcp://")) {
    return SocketClient::Connect(chosen, options, client);
  }
  return {StatusCode::kInvalidArgument,
          "connect: url " + Quoted(chosen) +
              ", allowed unix:/path, tcp://host:port, inproc:, inproc:NAME"};
}

}  // namespace mycelium::core
