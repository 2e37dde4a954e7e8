// The descriptor sets that a configuration names: read, parsed, and held
// against each other.  Thread-safe.
#ifndef MYCELIUM_CONFIG_DESCRIPTOR_SETS_H_
#define MYCELIUM_CONFIG_DESCRIPTOR_SETS_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/broker_limits.h"
#include "config/schema_rules.h"

namespace mycelium {

// Gives the contents of a file that a configuration names.  Its error's message
// does not name the file.
using FileReader =
    std::function<absl::StatusOr<std::string>(const std::string& path)>;

// The error: `schema.descriptor_set: "chat.binpb": No such file or directory`.
absl::StatusOr<DescriptorSetFile> LoadDescriptorSet(const std::string& path,
                                                    const FileReader& read);

// Why `files` can't all be known to a broker, each time with the one to blame.
struct DescriptorSetProblem {
  size_t index;
  std::string text;
};
std::vector<DescriptorSetProblem> FindDescriptorSetProblems(
    const std::vector<DescriptorSetFile>& files, const BrokerLimits& limits);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_DESCRIPTOR_SETS_H_
