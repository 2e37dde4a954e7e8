#include "config/quote.h"

#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace mycelium {
namespace {

bool Continues(char byte) { return (byte & 0xc0) == 0x80; }

// How many bytes the character at the start of `text` takes; 0: it is not
// UTF-8.
size_t CharacterBytes(absl::string_view text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return 1;
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if (!Continues(text[i])) return 0;
  }
  const auto second = static_cast<uint8_t>(text[1]);
  const bool overlong =
      (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second >= 0xa0;
  const bool beyond_unicode = lead == 0xf4 && second >= 0x90;
  return overlong || surrogate || beyond_unicode ? 0 : bytes;
}

// U+0000 to U+001F and U+007F to U+009F.
bool IsControl(absl::string_view character) {
  const auto first = static_cast<uint8_t>(character[0]);
  if (character.size() == 1) return first < 0x20 || first == 0x7f;
  return first == 0xc2 && static_cast<uint8_t>(character[1]) < 0xa0;
}

std::string Escaped(absl::string_view text, bool with_quotes) {
  const bool cut = text.size() > kQuotedBytesMax;
  if (cut) {
    size_t bytes = kQuotedBytesMax;
    while (bytes > kQuotedBytesMax - 4 && Continues(text[bytes])) --bytes;
    text = text.substr(0, bytes);
  }
  const bool plain = PlainText(text);
  if (!with_quotes && plain) return absl::StrCat(text, cut ? "..." : "");
  const std::string escaped =
      plain ? absl::Utf8SafeCHexEscape(text) : absl::CHexEscape(text);
  const char* quote = with_quotes ? "\"" : "";
  return absl::StrCat(quote, escaped, cut ? "..." : "", quote);
}

}  // namespace

std::string Printable(absl::string_view text) { return Escaped(text, false); }

std::string Quote(absl::string_view text) { return Escaped(text, true); }

bool PlainText(absl::string_view text) {
  while (!text.empty()) {
    const size_t bytes = CharacterBytes(text);
    if (bytes == 0 || IsControl(text.substr(0, bytes))) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

}  // namespace mycelium
