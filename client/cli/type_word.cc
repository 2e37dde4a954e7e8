#include "client/cli/type_word.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace mycelium::cli {
namespace {

bool IsIdentifier(absl::string_view word) {
  return !word.empty() && !absl::ascii_isdigit(word[0]) &&
         std::all_of(word.begin(), word.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
}

}  // namespace

std::optional<TypeWord> ParseTypeWord(const std::string& word) {
  uint32_t number;
  if (absl::SimpleAtoi(word, &number)) {
    if (number == 0 || number > UINT16_MAX) return std::nullopt;
    return TypeWord{static_cast<uint16_t>(number), ""};
  }
  for (const absl::string_view part : absl::StrSplit(word, '.')) {
    if (!IsIdentifier(part)) return std::nullopt;
  }
  return TypeWord{0, word};
}

}  // namespace mycelium::cli
