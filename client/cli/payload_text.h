// Bytes of unknown origin as text for terminals and programs, and back.
// Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_PAYLOAD_TEXT_H_
#define MYCELIUM_CLIENT_CLI_PAYLOAD_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace mycelium::cli {

// UTF-8 as it is, but what a terminal would obey (control characters,
// directions of writing) as \n, \x1b or \u202e, and a backslash as two.  What
// is not UTF-8: 0x and hex digits.
std::string Readable(std::string_view bytes);
// The same, or its beginning and "~": at most `bytes_max` bytes.
std::string Shortened(std::string_view bytes, size_t bytes_max);
// JSON with what a terminal would obey as \u202e: the same JSON.
// REQUIRES: ValidUtf8(json).
std::string ReadableJson(std::string_view json);

std::string Hex(std::string_view bytes);
// Pairs of digits, with or without spaces between them; nullopt: something
// else.
std::optional<std::string> FromHex(std::string_view text);

// A JSON string with its quotes.  REQUIRES: ValidUtf8(text).
std::string JsonString(std::string_view text);

// "12 B", "1.5 KiB", "16 MiB".
std::string HumanBytes(uint64_t bytes);
// "999999", "1.2M", "34G": six characters at most.
std::string HumanCount(uint64_t count);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_PAYLOAD_TEXT_H_
