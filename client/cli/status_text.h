// A broker's status for people and for programs.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_STATUS_TEXT_H_
#define MYCELIUM_CLIENT_CLI_STATUS_TEXT_H_

#include <string>

#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

// For 80 columns.
std::string StatusTables(const mycelium::wire::Status& status);

// One object on one line, with the names of admin.proto; every field is there,
// 64-bit numbers are numbers, but for epoch, a string, and a schema's digest is
// "m1:...".
std::string StatusJson(const mycelium::wire::Status& status);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_STATUS_TEXT_H_
