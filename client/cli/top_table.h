// What `mycelium top` shows: a broker's status and what happened since the one
// before.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_TOP_TABLE_H_
#define MYCELIUM_CLIENT_CLI_TOP_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

using TypeNames = std::map<uint32_t, std::string>;  // by type id

// Lines of at most `columns` characters (60 at least), without their newlines:
// the broker, its types, its sessions; both tables with the busiest first.
// `before` null, or of another epoch: without rates.
std::vector<std::string> TopTable(const wire::Status* before,
                                  const wire::Status& now,
                                  const TypeNames& names, size_t columns);

// The first `rows` of them; what is left out is counted in the last one.
std::vector<std::string> FitRows(std::vector<std::string> lines, size_t rows);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TOP_TABLE_H_
