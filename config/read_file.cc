#include "config/read_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace mycelium {
namespace {

// Closes a descriptor at the end of its scope.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

absl::Status SystemError() {
  return {absl::ErrnoToStatusCode(errno), strerror(errno)};
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t bytes_max) {
  const OpenFile file(path);
  if (file.descriptor() < 0) return SystemError();
  std::string text;
  char part[64 << 10];
  // One byte more than is allowed is enough to know.
  while (text.size() <= bytes_max) {
    const ssize_t bytes = read(file.descriptor(), part, sizeof part);
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes < 0) return SystemError();
    if (bytes == 0) return text;
    text.append(part, static_cast<size_t>(bytes));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "more than ", bytes_max, " bytes, allowed at most ", bytes_max));
}

}  // namespace mycelium
