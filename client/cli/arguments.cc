#include "client/cli/arguments.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "gflags/gflags.h"

namespace mycelium::cli {
namespace {

struct Setting {
  std::string name;                  // as gflags has it
  std::string typed;                 // as the user wrote it, without a value
  std::optional<std::string> value;  // nullopt: the next word
};

// What the words are, before anything is checked against the command.
struct Sorted {
  std::vector<std::string> words;
  std::vector<Setting> settings;
  std::string unknown;    // the first flag that no command has
  std::string valueless;  // a flag that stands last and needs a value
};

const FlagRule* FindRule(const Command& command, const std::string& name) {
  for (const FlagRule& rule : command.flags) {
    if (rule.name == name || (!name.empty() && rule.also == name)) return &rule;
  }
  return nullptr;
}

// The first command's that has it.
const FlagRule* FindRule(const std::vector<Command>& commands,
                         const std::string& name) {
  for (const Command& command : commands) {
    const FlagRule* rule = FindRule(command, name);
    if (rule != nullptr) return rule;
  }
  return nullptr;
}

bool KnownFlag(const std::vector<Command>& commands, const std::string& name) {
  return name == "help" || name == "version" || FindRule(commands, name);
}

std::string TypeOf(const std::string& name) {
  gflags::CommandLineFlagInfo info;
  return gflags::GetCommandLineFlagInfo(name.c_str(), &info) ? info.type : "";
}

// "-" and what does not begin with a dash are no flags.
bool IsFlag(const std::string& word) {
  return word.size() > 1 && word[0] == '-';
}

// The flag that `word` sets, with the value that it holds itself.
Setting Split(const std::vector<Command>& commands, const std::string& word) {
  size_t equals = word.find('=');
  Setting setting;
  setting.typed = word.substr(0, equals);
  setting.name = setting.typed.substr(
      std::min(word.find_first_not_of('-'), setting.typed.size()));
  if (word == "-h") setting.name = "help";
  // "-Iproto", as compilers take it.
  if (!KnownFlag(commands, setting.name) && word[1] != '-' &&
      KnownFlag(commands, word.substr(1, 1))) {
    return {word.substr(1, 1), word.substr(0, 2), word.substr(2)};
  }
  bool negated = !KnownFlag(commands, setting.name) &&
                 absl::StartsWith(setting.name, "no") &&
                 TypeOf(setting.name.substr(2)) == "bool";
  if (negated) setting.name.erase(0, 2);
  const FlagRule* rule = FindRule(commands, setting.name);
  if (rule != nullptr) setting.name = rule->name;
  if (equals != std::string::npos) {
    setting.value = word.substr(equals + 1);
  } else if (TypeOf(setting.name) == "bool") {
    setting.value = negated ? "false" : "true";
  }
  return setting;
}

Sorted Sort(const std::vector<Command>& commands,
            const std::vector<std::string>& words) {
  Sorted sorted;
  bool flags_end = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (flags_end || !IsFlag(word)) {
      sorted.words.push_back(word);
      continue;
    }
    if (word == "--") {
      flags_end = true;
      continue;
    }
    Setting setting = Split(commands, word);
    if (!KnownFlag(commands, setting.name)) {
      if (sorted.unknown.empty()) sorted.unknown = setting.typed;
      continue;
    }
    if (!setting.value) {
      bool absent =
          i + 1 == words.size() || IsFlag(words[i + 1]) || words[i + 1] == "-";
      if (absent && FindRule(commands, setting.name)->value_optional) {
        setting.value = "";
      } else if (i + 1 == words.size()) {
        sorted.valueless = setting.typed;
        break;
      } else {
        setting.value = words[++i];
      }
    }
    sorted.settings.push_back(std::move(setting));
  }
  return sorted;
}

std::string FlagNames(const Command& command) {
  return absl::StrJoin(
      command.flags, " ", [](std::string* out, const FlagRule& rule) {
        absl::StrAppend(out, rule.name.size() == 1 ? "-" : "--", rule.name);
      });
}

std::string CommandNames(const std::vector<Command>& commands) {
  return absl::StrJoin(commands, " ",
                       [](std::string* out, const Command& command) {
                         absl::StrAppend(out, command.name);
                       });
}

const Command* FindCommand(const std::vector<Command>& commands,
                           const std::string& name) {
  for (const Command& command : commands) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string TypeText(const std::string& type) {
  if (type == "bool") return "true or false";
  return type == "double" ? "a number" : "a whole number";
}

// Empty: the value is set.
std::string Set(const FlagRule& rule, const Setting& setting) {
  auto refuse = [&](const std::string& allowed) {
    return absl::StrCat(setting.typed, " ", *setting.value, ": allowed ",
                        allowed);
  };
  std::string type = TypeOf(rule.name);
  if (gflags::SetCommandLineOption(rule.name.c_str(), setting.value->c_str())
          .empty()) {
    return refuse(TypeText(type));
  }
  if (type == "string") {
    if (rule.choices.empty() ||
        std::find(rule.choices.begin(), rule.choices.end(), *setting.value) !=
            rule.choices.end()) {
      return "";
    }
    return refuse(absl::StrJoin(rule.choices, ", "));
  }
  if (type == "bool") return "";
  std::string held;
  gflags::GetCommandLineOption(rule.name.c_str(), &held);
  double number = std::strtod(held.c_str(), nullptr);
  if (number >= rule.min && number <= rule.max) return "";
  if (rule.max == std::numeric_limits<double>::infinity()) {
    return refuse(absl::StrCat(rule.min, " or more"));
  }
  return refuse(absl::StrCat(static_cast<int64_t>(rule.min), " to ",
                             static_cast<int64_t>(rule.max)));
}

// "mycelium help" and "mycelium help pub"; for any other command nothing.
std::string TakeHelp(std::vector<std::string>* words, Arguments* arguments) {
  if (words->empty() || words->front() != "help") return "";
  arguments->help = true;
  words->erase(words->begin());
  if (words->size() > 1) {
    return absl::StrCat("help: ", words->size(), " arguments, allowed 0 to 1");
  }
  return "";
}

std::string CheckCount(const Command& command,
                       const std::vector<std::string>& words) {
  size_t most = command.arguments + command.optional;
  if (words.size() < command.arguments) {
    return absl::StrCat("no ", command.first, " given, see mycelium help ",
                        command.name);
  }
  if (words.size() <= most) return "";
  return absl::StrCat("unexpected argument \"", words[most],
                      "\", see mycelium help ", command.name);
}

std::string Apply(const Sorted& sorted, Arguments* arguments) {
  const Command& command = *arguments->command;
  if (!sorted.unknown.empty()) {
    return absl::StrCat("unknown flag \"", sorted.unknown, "\", allowed ",
                        FlagNames(command));
  }
  for (const FlagRule& rule : command.flags) {
    if (rule.initial.empty()) continue;
    gflags::SetCommandLineOptionWithMode(
        rule.name.c_str(), rule.initial.c_str(), gflags::SET_FLAGS_DEFAULT);
  }
  for (const Setting& setting : sorted.settings) {
    const FlagRule* rule = FindRule(command, setting.name);
    if (rule == nullptr) {
      return absl::StrCat("unknown flag \"", setting.typed, "\", allowed ",
                          FlagNames(command));
    }
    std::string error = Set(*rule, setting);
    if (!error.empty()) return error;
    arguments->given.emplace_back(setting.name, *setting.value);
  }
  if (!sorted.valueless.empty()) {
    return absl::StrCat(sorted.valueless, ": no value");
  }
  return CheckCount(command, arguments->words);
}

absl::Status Usage(const std::string& prefix, const std::string& error) {
  return absl::InvalidArgumentError(absl::StrCat(prefix, ": ", error));
}

}  // namespace

bool Arguments::Given(const std::string& flag) const {
  return !Values(flag).empty();
}

std::vector<std::string> Arguments::Values(const std::string& flag) const {
  std::vector<std::string> values;
  for (const auto& [name, value] : given) {
    if (name == flag) values.push_back(value);
  }
  return values;
}

absl::StatusOr<Arguments> ParseArguments(
    const std::vector<Command>& commands,
    const std::vector<std::string>& words) {
  Arguments arguments;
  Sorted sorted = Sort(commands, words);
  for (auto at = sorted.settings.begin(); at != sorted.settings.end();) {
    bool help = at->name == "help";
    if (!help && at->name != "version") {
      ++at;
      continue;
    }
    (help ? arguments.help : arguments.version) = true;
    at = sorted.settings.erase(at);
  }
  std::string error = TakeHelp(&sorted.words, &arguments);
  if (!error.empty()) return Usage("mycelium", error);
  if (!sorted.words.empty()) {
    arguments.command = FindCommand(commands, sorted.words.front());
  }
  if (arguments.command == nullptr) {
    if (!sorted.unknown.empty()) {
      return Usage("mycelium", absl::StrCat("unknown flag \"", sorted.unknown,
                                            "\", see mycelium --help"));
    }
    if (!sorted.words.empty()) {
      return Usage("mycelium",
                   absl::StrCat("unknown command \"", sorted.words.front(),
                                "\", allowed ", CommandNames(commands)));
    }
    if (arguments.help || arguments.version) return arguments;
    return Usage("mycelium",
                 absl::StrCat("no command, allowed ", CommandNames(commands)));
  }
  arguments.words.assign(sorted.words.begin() + 1, sorted.words.end());
  if (arguments.help || arguments.version) return arguments;
  error = Apply(sorted, &arguments);
  if (!error.empty()) {
    return Usage(absl::StrCat("mycelium ", arguments.command->name), error);
  }
  return arguments;
}

}  // namespace mycelium::cli
