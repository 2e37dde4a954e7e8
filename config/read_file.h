// Reads a whole file, or a pipe to its end.  Thread-safe.
#ifndef MYCELIUM_CONFIG_READ_FILE_H_
#define MYCELIUM_CONFIG_READ_FILE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"

namespace mycelium {

// The message of an error does not name the file: "No such file or directory",
// "more than 1048576 bytes, allowed at most 1048576".
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_READ_FILE_H_
