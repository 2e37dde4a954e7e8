// Any descriptor set and any payload as `mycelium sub` shows them, and any text
// as `mycelium pub --json` takes it: an error, or one line of UTF-8.
//
// Input: the bytes of the descriptor set (32 bits, little-endian), the
// descriptor set, the payload or text.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "client/cli/message_json.h"
#include "proto/frame.h"
#include "proto/schema.h"

namespace {

using mycelium::Schema;

void Require(bool condition) {
  if (!condition) std::abort();
}

void RequireOneLine(std::string_view text) {
  Require(!text.empty() && mycelium::ValidUtf8(text));
  Require(text.find('\n') == text.npos);
}

void FuzzType(const mycelium::cli::MessageJson& json,
              const Schema::MessageType& type, std::string_view bytes) {
  const auto printed = json.Print(type, bytes);
  RequireOneLine(printed.ok() ? printed->json
                              : std::string(printed.status().message()));
  const auto payload = json.Parse(type, bytes);
  if (!payload.ok()) {
    RequireOneLine(std::string(payload.status().message()));
    return;
  }
  // What comes from JSON is a message, though not always one that goes back:
  // an Any may hold what JSON could not say.
  const auto again = json.Print(type, *payload);
  Require(again.ok() || again.status().message() != "not a " + type.name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  uint32_t set_bytes = 0;
  if (size < sizeof set_bytes) return 0;
  std::memcpy(&set_bytes, data, sizeof set_bytes);
  const std::string_view rest(
      reinterpret_cast<const char*>(data) + sizeof set_bytes,
      size - sizeof set_bytes);
  std::string why;
  const auto schema = Schema::Parse(rest.substr(0, set_bytes), &why);
  if (schema == nullptr) return 0;
  const mycelium::cli::MessageJson json(schema);
  for (const Schema::MessageType& type : schema->types()) {
    FuzzType(json, type, rest.substr(std::min<size_t>(set_bytes, rest.size())));
  }
  return 0;
}
