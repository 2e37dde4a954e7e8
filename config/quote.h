// How a value of unknown origin stands in an error line: on one line, readable,
// and not longer than a line should be.  Pure and thread-safe.
#ifndef MYCELIUM_CONFIG_QUOTE_H_
#define MYCELIUM_CONFIG_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace mycelium {

// What is longer is cut, and ends in "...".
inline constexpr size_t kQuotedBytesMax = 120;

// `text` with what can't be printed as \n or \x07, cut to kQuotedBytesMax.
std::string Printable(absl::string_view text);

// The same between double quotes.
std::string Quote(absl::string_view text);

// Whether `text` is UTF-8 without control characters: fit for a log, for a
// terminal and for a Protobuf string.
bool PlainText(absl::string_view text);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_QUOTE_H_
