// TYPE as pub and sub take it.
#ifndef MYCELIUM_CLIENT_CLI_TYPE_ID_H_
#define MYCELIUM_CLIENT_CLI_TYPE_ID_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"

namespace mycelium::cli {

// 1 to 65535; nullopt: anything else.
inline std::optional<uint16_t> ParseTypeId(const std::string& word) {
  uint32_t number;
  if (!absl::SimpleAtoi(word, &number) || number == 0 || number > UINT16_MAX) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(number);
}

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TYPE_ID_H_
