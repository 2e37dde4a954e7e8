// What a configuration says about schemas, as the broker takes it over.  Plain
// values; standard library only.
#ifndef MYCELIUM_CONFIG_SCHEMA_RULES_H_
#define MYCELIUM_CONFIG_SCHEMA_RULES_H_

#include <memory>
#include <optional>
#include <string>

#include "proto/schema.h"

namespace mycelium {

// A file that the configuration names.
struct DescriptorSetFile {
  std::string path;                      // as it is written there
  std::shared_ptr<const Schema> schema;  // what it holds; not null

  bool operator==(const DescriptorSetFile& other) const {
    return path == other.path &&
           schema->descriptor_set() == other.schema->descriptor_set();
  }
};

// config.proto says what each one means.
struct SchemaRules {
  std::optional<bool> open;
  bool required = false;

  // Whether a client may bring message types that nobody knows yet.
  bool OpenFor(bool is_local) const { return open.value_or(is_local); }

  bool operator==(const SchemaRules&) const = default;
};

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_SCHEMA_RULES_H_
