// The configuration of mycelium-brokerd as plain values: read from a textproto
// file (proto/mycelium/config.proto), checked, printed, compared.
// Functions are thread-safe; a Config belongs to whoever holds it.
#ifndef MYCELIUM_CONFIG_CONFIG_H_
#define MYCELIUM_CONFIG_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "config/admin_rules.h"
#include "config/broker_limits.h"
#include "config/descriptor_sets.h"
#include "config/history_rules.h"
#include "config/limits.h"
#include "config/listen_url.h"
#include "config/schema_rules.h"

namespace mycelium {

// A file that is larger is not a configuration.
inline constexpr size_t kConfigBytesMax = 1 << 20;

struct Config {
  std::vector<Listener> listeners;  // empty: the default socket
  std::string name;                 // empty: the host's name
  bool allow_plaintext = false;
  int64_t drain_timeout_ms = kDrainTimeoutMsDefault;
  BrokerLimits limits;
  SchemaRules schema;
  std::vector<DescriptorSetFile> descriptor_sets;
  std::vector<HistoryRule> history;
  AdminRules admin;
  std::optional<Listener> metrics_listen;  // TCP; none: no HTTP

  bool operator==(const Config&) const = default;
};

// The configuration that `text` describes, checked as by ValidateConfig, with
// the descriptor sets that `read` gives.  The error holds a line for each thing
// that is wrong, in the order of the file:
//   brokerd.textproto:12:3: unknown field "lisen"
// After something that is not textproto, or not of its field's type, nothing
// more is read.
absl::StatusOr<Config> ParseConfig(absl::string_view text,
                                   absl::string_view file_name,
                                   const FileReader& read);

// The same for a file (or a pipe) of at most kConfigBytesMax.  A descriptor set
// with a relative path is looked for in the file's own folder.
absl::StatusOr<Config> LoadConfig(const std::string& path);

// Puts `urls` (each may be several, separated by commas) in the place of the
// listeners, if there are any; what the file says on the mode and group of the
// same place stays.  On an error `config` is as it was.
absl::Status ApplyListenFlags(const std::vector<std::string>& urls,
                              Config* config);

// Every rule that holds across fields, and every range: a line for each thing
// that is wrong.  To be called when something was changed after parsing.
absl::Status ValidateConfig(const Config& config);

// What is in force, every field, as textproto that ParseConfig reads back.
std::string PrintConfig(const Config& config);

// The names of the fields that differ, such as "listen" or
// "limits.sessions_max".  The order of listeners is no difference, and what
// descriptor sets differ in is their schemas.
std::vector<std::string> ChangedFields(const Config& a, const Config& b);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_CONFIG_H_
