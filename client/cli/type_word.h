// TYPE as pub and sub take it.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_TYPE_WORD_H_
#define MYCELIUM_CLIENT_CLI_TYPE_WORD_H_

#include <cstdint>
#include <optional>
#include <string>

namespace mycelium::cli {

// "7", or "chat.TextMessage".
struct TypeWord {
  uint16_t type_id = 0;  // 0: there is a name
  std::string name;

  std::string text() const {
    return name.empty() ? "type " + std::to_string(type_id) : name;
  }
};

inline constexpr char kTypeWordsAllowed[] =
    "allowed 1 to 65535, or a message's full name such as chat.TextMessage";

// nullopt: neither 1 to 65535 nor what may be a message's full name.
std::optional<TypeWord> ParseTypeWord(const std::string& word);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TYPE_WORD_H_
