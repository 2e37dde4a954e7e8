// Schemas for people and for programs.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_SCHEMA_TEXT_H_
#define MYCELIUM_CLIENT_CLI_SCHEMA_TEXT_H_

#include <string>

#include "proto/mycelium/admin.pb.h"
#include "proto/schema.h"

namespace mycelium::cli {

// As a broker lists it, but with no number: nobody's.
wire::KnownSchema Describe(const Schema& schema);

// The digest and a line for each type.
std::string SchemaText(const wire::KnownSchema& schema);

// One object on one line.
std::string SchemaJson(const wire::KnownSchema& schema);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SCHEMA_TEXT_H_
