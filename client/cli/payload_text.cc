#include "client/cli/payload_text.h"

#include <array>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "proto/frame.h"

namespace mycelium::cli {
namespace {

// The code point at the front of valid UTF-8; *bytes is what it takes.
uint32_t FirstCodePoint(std::string_view text, size_t* bytes) {
  auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  uint32_t lead = at(0);
  *bytes = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (*bytes == 1) return lead;
  uint32_t point = lead & (0xffu >> (*bytes + 1));
  for (size_t i = 1; i < *bytes; ++i) point = point << 6 | (at(i) & 0x3fu);
  return point;
}

// Whether a terminal acts on it instead of showing it, or shows its neighbours
// in another order.
bool Obeyed(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e ||
         point == 0x200f || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0xfeff;
}

void AppendEscaped(uint32_t point, std::string* out) {
  switch (point) {
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default:
      if (point < 0x80) {
        absl::StrAppendFormat(out, "\\x%02x", point);
      } else {
        absl::StrAppendFormat(out, "\\u%04x", point);
      }
  }
}

absl::string_view Absl(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

std::string Readable(std::string_view bytes) {
  if (!ValidUtf8(bytes)) return absl::StrCat("0x", Hex(bytes));
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    size_t length;
    uint32_t point = FirstCodePoint(bytes, &length);
    if (point == '\\') {
      out.append("\\\\");
    } else if (Obeyed(point)) {
      AppendEscaped(point, &out);
    } else {
      out.append(bytes.substr(0, length));
    }
    bytes.remove_prefix(length);
  }
  return out;
}

std::string Shortened(std::string_view bytes, size_t bytes_max) {
  std::string readable = Readable(bytes);
  if (readable.size() <= bytes_max) return readable;
  size_t end = bytes_max - 1;
  // Not in the middle of a character.
  while (end > 0 && (readable[end] & 0xc0) == 0x80) --end;
  return readable.substr(0, end) + "~";
}

std::string ReadableJson(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  while (!json.empty()) {
    size_t length;
    uint32_t point = FirstCodePoint(json, &length);
    if (Obeyed(point)) {
      absl::StrAppendFormat(&out, "\\u%04x", point);
    } else {
      out.append(json.substr(0, length));
    }
    json.remove_prefix(length);
  }
  return out;
}

std::string Hex(std::string_view bytes) {
  return absl::BytesToHexString(Absl(bytes));
}

std::optional<std::string> FromHex(std::string_view text) {
  std::string digits;
  for (char c : text) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) {
      if (digits.size() % 2 != 0) return std::nullopt;
      continue;
    }
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    digits.push_back(c);
  }
  if (digits.size() % 2 != 0) return std::nullopt;
  return absl::HexStringToBytes(digits);
}

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      default:
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
          absl::StrAppendFormat(&out, "\\u%04x", static_cast<uint8_t>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
  return out;
}

std::string HumanBytes(uint64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1023.5 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  if (value < 9.95) return absl::StrFormat("%.2g %s", value, kUnits[unit]);
  return absl::StrFormat("%.0f %s", value, kUnits[unit]);
}

std::string HumanCount(uint64_t count) {
  if (count < 1'000'000) return absl::StrCat(count);
  constexpr std::array kUnits = {"M", "G", "T", "P", "E"};
  auto value = static_cast<double>(count) / 1e6;
  size_t unit = 0;
  for (; value >= 999.5 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  if (value < 99.95) return absl::StrFormat("%.3g%s", value, kUnits[unit]);
  return absl::StrFormat("%.0f%s", value, kUnits[unit]);
}

}  // namespace mycelium::cli
