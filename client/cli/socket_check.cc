#include "client/cli/socket_check.h"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "broker/version.h"
#include "client/cli/payload_text.h"
#include "client/core/dial.h"
#include "config/default_socket.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::cli {
namespace {

using Kind = Finding::Kind;
using core::Clock;

// Of what something else says.
constexpr size_t kQuotedBytesMax = 60;
// A greeting is much smaller.
constexpr size_t kGreetingBytesMax = 64 << 10;

Finding Ok(const std::string& subject, const std::string& text) {
  return {Kind::kOk, subject, text, ""};
}
Finding Problem(const std::string& subject, const std::string& text,
                const std::string& remedy) {
  return {Kind::kProblem, subject, text, remedy};
}

std::string StartText(const core::StreamAddress& address) {
  return absl::StrCat("mycelium-brokerd --listen ", Readable(address.url),
                      ", or: systemctl start mycelium-brokerd");
}

std::string UserName(uid_t uid) {
  const passwd* const entry = getpwuid(uid);
  return entry == nullptr ? absl::StrCat("uid ", uid)
                          : absl::StrCat(entry->pw_name, " (uid ", uid, ")");
}

std::string GroupName(gid_t gid) {
  const group* const entry = getgrgid(gid);
  return entry == nullptr ? absl::StrCat("gid ", gid)
                          : std::string(entry->gr_name);
}

std::string OwnGroups() {
  std::vector<gid_t> groups(
      static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  const int n = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<size_t>(std::max(n, 0)));
  groups.push_back(getegid());
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  std::vector<std::string> names;
  for (const gid_t gid : groups) names.push_back(GroupName(gid));
  return absl::StrJoin(names, ", ");
}

std::string OwnerText(const struct stat& file) {
  return absl::StrFormat("mode %04o, owner %s, group %s", file.st_mode & 07777,
                         UserName(file.st_uid), GroupName(file.st_gid));
}

Finding Closed(const std::string& path, const struct stat& file,
               mode_t group_bit) {
  const std::string text =
      absl::StrCat(Readable(path), " is closed to ", UserName(geteuid()),
                   " of ", OwnGroups(), ": ", OwnerText(file));
  const passwd* const user = getpwuid(geteuid());
  const bool group_may = (file.st_mode & group_bit) != 0;
  if (!group_may || user == nullptr) {
    return Problem("permission", text,
                   "its owner has to open it; the broker's configuration has "
                   "listen { mode group } for the socket");
  }
  return Problem("permission", text,
                 absl::StrCat("sudo usermod -aG ", GroupName(file.st_gid), " ",
                              user->pw_name, ", then log in again"));
}

bool May(const std::string& path, int what) {
  return faccessat(AT_FDCWD, path.c_str(), what, AT_EACCESS) == 0;
}

// nullopt: the way to the socket is open and it is one.
std::optional<Finding> PathProblem(const core::StreamAddress& address) {
  const std::string& path = address.path;
  struct stat file {};
  for (size_t end = path.find('/', 1); end != std::string::npos;
       end = path.find('/', end + 1)) {
    const std::string folder = path.substr(0, end);
    if (stat(folder.c_str(), &file) != 0) {
      return Problem("folder",
                     absl::StrCat(Readable(folder), ": ", strerror(errno)),
                     StartText(address));
    }
    if (!S_ISDIR(file.st_mode)) {
      return Problem("folder", absl::StrCat(Readable(folder), " is no folder"),
                     "another --url");
    }
    if (!May(folder, X_OK)) return Closed(folder, file, S_IXGRP);
  }
  if (stat(path.c_str(), &file) != 0) {
    return Problem("socket",
                   absl::StrCat(Readable(path), ": ", strerror(errno)),
                   StartText(address));
  }
  if (!S_ISSOCK(file.st_mode)) {
    return Problem("socket", absl::StrCat(Readable(path), " is no socket"),
                   "another --url");
  }
  if (!May(path, W_OK)) return Closed(path, file, S_IWGRP);
  return std::nullopt;
}

// Dial's error, whose beginning says where and whose end may say what to do.
Finding DialProblem(const core::StreamAddress& address,
                    const core::Status& status) {
  std::string text(status.message.data(), status.message.size());
  const std::string where = absl::StrCat("connect ", address.url, ": ");
  if (text.starts_with(where)) text.erase(0, where.size());
  const size_t hint = text.find("; start one with: ");
  const bool absent = hint != std::string::npos;
  if (absent) text.resize(hint);
  return Problem("connection", Readable(text),
                 absent ? StartText(address)
                        : "see that the broker runs and is not stopped, and "
                          "that nothing on the way drops packets");
}

std::string HelloFrame() {
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  hello.set_version_minor(kVersionMinor);
  hello.set_name("mycelium doctor");
  const std::string body = hello.SerializeAsString();
  std::string frame(kHeaderBytes, '\0');
  StoreHeader({static_cast<uint32_t>(body.size()), 0,
               static_cast<uint8_t>(ControlKind::kHello), 0, kHelloMagic},
              reinterpret_cast<uint8_t*>(frame.data()));
  return frame + body;
}

bool IsGreeting(const FrameHeader& header) {
  const auto kind = static_cast<ControlKind>(header.kind);
  return header.type_id == 0 && header.topic_bytes == 0 &&
         header.body_bytes <= kGreetingBytesMax &&
         (kind == ControlKind::kWelcome || kind == ControlKind::kClose ||
          kind == ControlKind::kSchema);
}

// A whole greeting, or as much of anything else as has come by then.
struct Said {
  std::string bytes;
  bool ended = false;
  bool whole = false;
  FrameHeader header{};
};

Said Listen(int socket, core::Deadline deadline) {
  Said said;
  while (said.bytes.size() < kGreetingBytesMax + kHeaderBytes) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd watched{socket, POLLIN, 0};
    const int ready =
        poll(&watched, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    char piece[4096];
    const ssize_t n = recv(socket, piece, sizeof piece, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      said.ended = true;
      break;
    }
    said.bytes.append(piece, static_cast<size_t>(n));
    if (said.bytes.size() < kHeaderBytes) continue;
    said.header =
        LoadHeader(reinterpret_cast<const uint8_t*>(said.bytes.data()));
    if (!IsGreeting(said.header)) break;
    said.whole = said.bytes.size() >= kHeaderBytes + said.header.body_bytes;
    if (said.whole) break;
  }
  return said;
}

Finding Refusal(const wire::Close& close) {
  const std::string text = absl::StrCat("the broker refuses this client: ",
                                        Readable(close.reason()));
  switch (close.code()) {
    case wire::CODE_VERSION:
      return Problem("version", text,
                     absl::StrCat("a broker and a tool of the same major "
                                  "version; this tool is mycelium ",
                                  kVersion));
    case wire::CODE_TOO_MANY_SESSIONS:
      return Problem("sessions", text,
                     "end programs that are not needed, or raise "
                     "limits.sessions_* of the broker's configuration and its "
                     "limit of open files (LimitNOFILE, ulimit -n)");
    case wire::CODE_GOING_AWAY:
      return Problem("greeting", text, "try again when it has started again");
    default:
      return Problem("greeting", text, "see the broker's log");
  }
}

Finding NoMycelium(const Said& said, int timeout_ms) {
  constexpr char kRemedy[] =
      "see who listens there (ss -lpx, ss -lptn), and use the broker's --url";
  const std::string& bytes = said.bytes;
  if (bytes.size() >= 2 && bytes[0] == 0x15 && bytes[1] == 0x03) {
    return Problem("greeting",
                   "TLS is spoken there, which this tool and the broker do not",
                   "a port without TLS; Mycelium's TCP is plain text");
  }
  if (!bytes.empty()) {
    return Problem("greeting",
                   absl::StrCat("something else listens there; it said ",
                                Shortened(bytes, kQuotedBytesMax)),
                   kRemedy);
  }
  return Problem("greeting",
                 said.ended
                     ? "closed without a word: no Mycelium broker, or "
                       "one that TLS stands before"
                     : absl::StrCat("nothing was said within ", timeout_ms,
                                    " ms: no Mycelium broker, or one "
                                    "that hangs"),
                 kRemedy);
}

std::vector<Finding> Greet(int socket, int timeout_ms) {
  const auto half = std::chrono::milliseconds(timeout_ms) / 2;
  const std::string hello = HelloFrame();
  // An error shows when its answer is read.
  send(socket, hello.data(), hello.size(), MSG_NOSIGNAL);
  Said said = Listen(socket, Clock::now() + half);
  if (said.bytes.empty() && !said.ended) {
    // What takes lines would wait for ever; a broker had its HELLO.
    send(socket, "\r\n\r\n", 4, MSG_NOSIGNAL);
    said = Listen(socket, Clock::now() + half);
  }
  if (!said.whole) return {NoMycelium(said, timeout_ms)};
  const std::string body =
      said.bytes.substr(kHeaderBytes, said.header.body_bytes);
  const auto kind = static_cast<ControlKind>(said.header.kind);
  if (kind == ControlKind::kClose) {
    wire::Close close;
    if (!close.ParseFromString(body)) return {NoMycelium(said, timeout_ms)};
    return {Refusal(close)};
  }
  wire::Welcome welcome;
  if (kind == ControlKind::kWelcome && !welcome.ParseFromString(body)) {
    return {NoMycelium(said, timeout_ms)};
  }
  const std::string broker =
      absl::StrCat("mycelium-brokerd ", Readable(welcome.broker_name()), " ",
                   Readable(welcome.broker_version()));
  const bool same = welcome.broker_version() == kVersion;
  return {Ok("greeting", absl::StrCat(broker, " answers")),
          Ok("version", absl::StrCat("protocol ", welcome.version_major(), ".",
                                     welcome.version_minor(), " on both sides",
                                     same ? "" : "; this tool is of release ",
                                     same ? "" : kVersion))};
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

}  // namespace

std::vector<Finding> CheckSocket(const std::string& url, int timeout_ms) {
  const std::string wanted =
      url.empty()
          ? DefaultConnectUrl(getenv("XDG_RUNTIME_DIR"), geteuid(), Exists)
          : url;
  core::StreamAddress address;
  core::Status status = core::ParseStreamUrl(wanted, &address);
  if (!status.ok()) {
    return {Problem("url",
                    Readable({status.message.data(), status.message.size()}),
                    "unix:/path or tcp://host:port")};
  }
  std::vector<Finding> findings = {Ok("url", Readable(wanted))};
  if (!address.path.empty()) {
    if (std::optional<Finding> problem = PathProblem(address)) {
      findings.push_back(*std::move(problem));
      return findings;
    }
    findings.push_back(Ok(
        "socket", absl::StrCat(Readable(address.path), " is there and open to ",
                               UserName(geteuid()))));
  }
  int socket = -1;
  status =
      core::Dial(address, Clock::now() + std::chrono::milliseconds(timeout_ms),
                 nullptr, &socket);
  if (!status.ok()) {
    findings.push_back(DialProblem(address, status));
    return findings;
  }
  findings.push_back(Ok("connection", "somebody accepts it"));
  for (Finding& finding : Greet(socket, timeout_ms)) {
    findings.push_back(std::move(finding));
  }
  close(socket);
  return findings;
}

bool AnyProblem(const std::vector<Finding>& findings) {
  return std::any_of(
      findings.begin(), findings.end(),
      [](const Finding& finding) { return finding.kind == Kind::kProblem; });
}

}  // namespace mycelium::cli
