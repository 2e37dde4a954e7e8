// Which message type TYPE means, and the schema that has it: of the files of
// --schema or, without that flag, the newest at the broker that anybody uses,
// or else has used.
#ifndef MYCELIUM_CLIENT_CLI_TYPE_CHOICE_H_
#define MYCELIUM_CLIENT_CLI_TYPE_CHOICE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli/arguments.h"
#include "client/cli/broker_access.h"
#include "client/cli/type_word.h"
#include "proto/schema.h"

namespace mycelium::cli {

// The flags of the commands that take TYPE: --schema and -I.
std::vector<FlagRule> SchemaFlags();

// Null without --schema.
absl::StatusOr<std::shared_ptr<const Schema>> SchemaOfFlags(
    const Arguments& arguments);

struct TypeChoice {
  std::shared_ptr<const Schema> schema;
  const Schema::MessageType* type;  // of `schema`
};

// InvalidArgument: `schema` has no such type.
absl::StatusOr<TypeChoice> ChooseType(const TypeWord& word,
                                      std::shared_ptr<const Schema> schema);

// Asks over a connection of its own, without a schema, as `command`.
// NotFound: no schema at the broker has it.
absl::StatusOr<TypeChoice> ChooseTypeAtBroker(const TypeWord& word,
                                              const std::string& command,
                                              const Timeout& timeout);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TYPE_CHOICE_H_
