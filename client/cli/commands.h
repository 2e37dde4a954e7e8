// The commands of the tool, one file each: pub.cc, sub.cc, request.cc,
// reply.cc, schema.cc, ping.cc, status.cc, top.cc, tap.cc, drain.cc,
// reload.cc, doctor.cc, bench.cc.
#ifndef MYCELIUM_CLIENT_CLI_COMMANDS_H_
#define MYCELIUM_CLIENT_CLI_COMMANDS_H_

#include "client/cli/arguments.h"

namespace mycelium::cli {

Command PubCommand();
Command SubCommand();
Command RequestCommand();
Command ReplyCommand();
Command SchemaCommand();
Command PingCommand();
Command StatusCommand();
Command TopCommand();
Command TapCommand();
Command DrainCommand();
Command ReloadCommand();
Command DoctorCommand();
Command BenchCommand();

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_COMMANDS_H_
