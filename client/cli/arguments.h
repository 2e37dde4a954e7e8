// The words of a command line: command, flags, arguments, in any order.
//
// gflags holds the flags, their types and values; names are checked here first,
// so that a wrong one gets one clear line.  Not thread-safe: main's own.
#ifndef MYCELIUM_CLIENT_CLI_ARGUMENTS_H_
#define MYCELIUM_CLIENT_CLI_ARGUMENTS_H_

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace mycelium::cli {

// A gflags flag that a command takes, with what it allows there.
struct FlagRule {
  std::string name = {};
  std::string initial = {};  // empty: the flag's own default
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  std::vector<std::string> choices = {};  // empty: any text
  // Text that may be left out: then the next word is a flag, "-", or none.
  bool value_optional = false;
  std::string also = {};  // another name, which is not listed
};

struct Arguments;

struct Command {
  std::string name = {};
  std::string summary = {};    // one line of `mycelium --help`
  std::string help = {};       // without name and summary
  size_t arguments = 0;        // how many it must have,
  size_t optional = 0;         // and how many more it may
  std::string first = "TYPE";  // what the first one is, for who forgets it
  std::vector<FlagRule> flags = {};
  int (*run)(const Arguments&) = nullptr;  // returns the exit code
};

struct Arguments {
  const Command* command = nullptr;  // of the list given to ParseArguments
  bool help = false;                 // --help, -h, help COMMAND
  bool version = false;
  std::vector<std::string> words;  // what is neither command nor flag
  // Flags that were set and their values, in the order of the command line.
  std::vector<std::pair<std::string, std::string>> given;

  bool Given(const std::string& flag) const;
  // Of a flag that may be set several times.
  std::vector<std::string> Values(const std::string& flag) const;
};

// Sets the flags.  `words` is argv without the program's name.  An error is
// the whole line for the user: "mycelium pub: unknown flag ...".
absl::StatusOr<Arguments> ParseArguments(const std::vector<Command>& commands,
                                         const std::vector<std::string>& words);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_ARGUMENTS_H_
