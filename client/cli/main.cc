// mycelium: the command-line tool.
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/version.h"
#include "client/cli/arguments.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"

namespace mycelium::cli {
namespace {

constexpr char kCommonHelp[] =
    R"(
Every command takes
  --url URL  unix:/path, tcp://host:port, inproc: (within this process only);
             without it $MYCELIUM_URL, or else the default socket:
             /run/mycelium/brokerd.sock for root,
             $XDG_RUNTIME_DIR/mycelium/brokerd.sock for others

Exit codes
  0  done
  1  the operation failed at the broker, or was refused
  2  the command line is wrong
  3  no connection to the broker, or it was lost
  4  --timeout_ms came first
  5  nobody answers this request
)";

void PrintHelp(const std::vector<Command>& commands, FILE* out) {
  std::fputs(
      "usage: mycelium COMMAND [ARGUMENT]... [--FLAG VALUE]...\n"
      "Sends and receives messages through mycelium-brokerd.\n\n",
      out);
  for (const Command& command : commands) {
    std::fprintf(out, "  %-7s %s\n", command.name.c_str(),
                 command.summary.c_str());
  }
  std::fputs(
      "\nmycelium help COMMAND says more; mycelium --version prints the "
      "version.\n",
      out);
  std::fputs(kCommonHelp, out);
}

int Main(const std::vector<std::string>& words) {
  // A write to a reader that has left then fails, and says so.
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<Command> commands = {
      PubCommand(),    SubCommand(),   RequestCommand(), ReplyCommand(),
      SchemaCommand(), PingCommand(),  StatusCommand(),  TopCommand(),
      TapCommand(),    DrainCommand(), ReloadCommand(),  DoctorCommand(),
      BenchCommand()};
  if (words.empty()) {
    PrintHelp(commands, stderr);
    return kUsage;
  }
  absl::StatusOr<Arguments> arguments = ParseArguments(commands, words);
  if (!arguments.ok()) {
    std::fprintf(stderr, "%s\n",
                 std::string(arguments.status().message()).c_str());
    return kUsage;
  }
  if (arguments->version) {
    std::printf("mycelium %s\n", kVersion);
    return FinishOutput("--version");
  }
  if (arguments->help) {
    if (arguments->command == nullptr) {
      PrintHelp(commands, stdout);
    } else {
      std::printf("%s%s", arguments->command->help.c_str(), kCommonHelp);
    }
    return FinishOutput("--help");
  }
  return arguments->command->run(*arguments);
}

}  // namespace
}  // namespace mycelium::cli

int main(int argc, char** argv) {
  return mycelium::cli::Main(std::vector<std::string>(argv + 1, argv + argc));
}
