#include "config/listen_url.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "config/limits.h"
#include "config/quote.h"

namespace mycelium {
namespace {

static_assert(sizeof(sockaddr_un::sun_path) == kUnixPathBytesMax + 1);

constexpr char kAllowedHosts[] =
    "allowed localhost, a numeric IPv4 address or an IPv6 address in [ ]";

absl::Status Refused(absl::string_view url, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(Quote(url), ": ", why));
}

// `host` in the one spelling that inet_ntop gives it; empty: it is no address.
std::string Numeric(int family, absl::string_view host) {
  in6_addr address;
  if (inet_pton(family, std::string(host).c_str(), &address) != 1) return {};
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, &address, text, sizeof text);
}

absl::StatusOr<Listener> ParseUnix(absl::string_view url,
                                   absl::string_view path) {
  if (!absl::StartsWith(path, "/")) {
    return Refused(
        url, absl::StrCat("path ", Quote(path), ", allowed an absolute path"));
  }
  Listener listener;
  for (const char byte : path) {
    if (byte == '/' && absl::EndsWith(listener.path, "/")) continue;
    listener.path.push_back(byte);
  }
  if (absl::EndsWith(listener.path, "/")) {
    return Refused(url, "a directory, allowed the path of a socket");
  }
  if (listener.path.size() > kUnixPathBytesMax) {
    return Refused(url,
                   absl::StrCat("path of ", listener.path.size(),
                                " bytes, allowed at most ", kUnixPathBytesMax));
  }
  listener.kind = Listener::kUnix;
  listener.url = absl::StrCat("unix:", listener.path);
  return listener;
}

absl::StatusOr<Listener> ParseTcp(absl::string_view url,
                                  absl::string_view rest) {
  Listener listener;
  listener.kind = Listener::kTcp;
  const bool bracketed = absl::ConsumePrefix(&rest, "[");
  const size_t host_bytes = rest.find(bracketed ? ']' : ':');
  const absl::string_view host = rest.substr(0, host_bytes);
  rest.remove_prefix(host.size());
  if (bracketed && !absl::ConsumePrefix(&rest, "]")) {
    return Refused(url, "no ], allowed tcp://[IPV6]:PORT");
  }
  if (bracketed) {
    listener.host = Numeric(AF_INET6, host);
  } else if (host == "localhost") {
    listener.host = "localhost";
  } else {
    listener.host = Numeric(AF_INET, host);
  }
  if (listener.host.empty()) {
    return Refused(url,
                   absl::StrCat("host ", Quote(host), ", ", kAllowedHosts));
  }
  uint32_t port = kTcpPortDefault;
  if (!rest.empty()) {
    const bool colon = absl::ConsumePrefix(&rest, ":");
    const bool digits = !rest.empty() && rest.find_first_not_of("0123456789") ==
                                             absl::string_view::npos;
    if (!colon || !digits || !absl::SimpleAtoi(rest, &port) || port > 65535) {
      return Refused(
          url, absl::StrCat("port ", Quote(rest), ", allowed 0 to 65535"));
    }
  }
  listener.port = static_cast<uint16_t>(port);
  listener.url = bracketed ? absl::StrCat("tcp://[", listener.host, "]:", port)
                           : absl::StrCat("tcp://", listener.host, ":", port);
  return listener;
}

absl::string_view ResolvedHost(const Listener& listener) {
  if (listener.host == "localhost") return "127.0.0.1";
  return listener.host;
}

}  // namespace

absl::StatusOr<Listener> ParseListenUrl(absl::string_view url) {
  if (!PlainText(url)) {
    return Refused(url, "allowed UTF-8 without control characters");
  }
  absl::string_view rest = url;
  if (absl::ConsumePrefix(&rest, "unix:")) return ParseUnix(url, rest);
  if (absl::ConsumePrefix(&rest, "tcp://")) return ParseTcp(url, rest);
  return Refused(url,
                 "allowed unix:/absolute/path, tcp://ADDRESS:PORT or "
                 "tcp://[IPV6]:PORT");
}

bool ReachableFromOutside(const Listener& listener) {
  if (listener.kind != Listener::kTcp) return false;
  const std::string host(ResolvedHost(listener));
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return ntohl(v4.s_addr) >> 24 != IN_LOOPBACKNET;
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) != 1) return true;
  if (IN6_IS_ADDR_V4MAPPED(&v6)) return v6.s6_addr[12] != IN_LOOPBACKNET;
  return !IN6_IS_ADDR_LOOPBACK(&v6);
}

bool SamePlace(const Listener& a, const Listener& b) {
  if (a.kind != b.kind) return false;
  if (a.kind == Listener::kUnix) return a.path == b.path;
  return a.port != 0 && a.port == b.port && ResolvedHost(a) == ResolvedHost(b);
}

}  // namespace mycelium
