// Any bytes as a configuration file and as a listen url: an error that can be
// shown, or a value that survives being printed and read again.  The file of a
// descriptor set holds the hex digits that are its path.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "config/config.h"
#include "config/listen_url.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// Each line begins with `subject`, is short and has nothing unprintable.
void RequireReadable(const absl::Status& status, absl::string_view subject) {
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    Require(line.substr(0, subject.size()) == subject);
    Require(line.size() > subject.size() && line.size() < 3000);
    for (const char byte : line) Require(byte >= 0x20 || byte < 0);
  }
}

absl::StatusOr<std::string> FromHex(const std::string& path) {
  if (path.size() % 2 != 0 ||
      !std::all_of(path.begin(), path.end(), absl::ascii_isxdigit)) {
    return absl::NotFoundError("No such file or directory");
  }
  return absl::HexStringToBytes(path);
}

void FuzzFile(absl::string_view text) {
  const absl::StatusOr<mycelium::Config> config =
      mycelium::ParseConfig(text, "f", FromHex);
  if (!config.ok()) {
    RequireReadable(config.status(), "f:");
    return;
  }
  Require(mycelium::ValidateConfig(*config).ok());
  const absl::StatusOr<mycelium::Config> again =
      mycelium::ParseConfig(mycelium::PrintConfig(*config), "f", FromHex);
  Require(again.ok() && *again == *config);
  Require(mycelium::ChangedFields(*config, *again).empty());
}

void FuzzUrl(absl::string_view url) {
  const absl::StatusOr<mycelium::Listener> listener =
      mycelium::ParseListenUrl(url);
  if (!listener.ok()) {
    RequireReadable(listener.status(), "\"");
    return;
  }
  const absl::StatusOr<mycelium::Listener> again =
      mycelium::ParseListenUrl(listener->url);
  Require(again.ok() && *again == *listener);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  FuzzFile(text);
  FuzzUrl(text);
  return 0;
}
