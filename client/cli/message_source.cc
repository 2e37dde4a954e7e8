#include "client/cli/message_source.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/type_choice.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

// No frame holds more than the ceiling: what is larger is not read further.
absl::Status ReadAll(const Source& source, std::string* text) {
  char buffer[64 << 10];
  while (text->size() <= kFrameBytesMaxCeiling) {
    size_t bytes = fread(buffer, 1, sizeof buffer, source.file.get());
    text->append(buffer, bytes);
    if (bytes > 0) continue;
    if (ferror(source.file.get())) return ReadError(source, errno);
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(source.name, ": more than ", kFrameBytesMaxCeiling,
                   " bytes, which no frame may hold"));
}

}  // namespace

std::vector<FlagRule> PayloadFlags() {
  return {{.name = "json", .value_optional = true},
          {.name = "data"},
          {.name = "hex"},
          {.name = "file"}};
}

absl::StatusOr<std::string> Target::Payload(std::string text,
                                            const std::string& place) const {
  if (json == nullptr) return text;
  absl::StatusOr<std::string> payload = json->Parse(*type, text);
  if (payload.ok()) return payload;
  return absl::Status(payload.status().code(),
                      absl::StrCat(place, ": ", payload.status().message()));
}

absl::StatusOr<Target> FindTarget(const Arguments& arguments,
                                  const TypeWord& word, bool json,
                                  const std::string& command,
                                  const Timeout& timeout) {
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      SchemaOfFlags(arguments);
  if (!schema.ok()) return schema.status();
  if (*schema == nullptr && !json && word.name.empty()) {
    return Target{.type_id = word.type_id};
  }
  absl::StatusOr<TypeChoice> choice =
      *schema == nullptr ? ChooseTypeAtBroker(word, command, timeout)
                         : ChooseType(word, *std::move(schema));
  if (!choice.ok()) return choice.status();
  Target target = {choice->type->type_id, choice->schema, choice->type,
                   nullptr};
  if (json) target.json = std::make_shared<const MessageJson>(choice->schema);
  return target;
}

absl::Status OpenSource(const Arguments& arguments, Source* source) {
  if (!arguments.Given("file")) {
    source->file.reset(stdin);
    return absl::OkStatus();
  }
  source->name = FLAGS_file;
  source->file.reset(fopen(FLAGS_file.c_str(), "re"));
  if (source->file != nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--file ", FLAGS_file, ": ", strerror(errno)));
}

absl::Status ReadError(const Source& source, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat(source.name, ": ", strerror(error)));
}

absl::Status CheckPayloadFlags(const Arguments& arguments) {
  bool dash = arguments.words.size() > 1;
  if (dash && arguments.words[1] != "-") {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument \"", arguments.words[1],
                     "\": the payload is given with --data"));
  }
  int text =
      arguments.Given("data") + arguments.Given("hex") + !FLAGS_json.empty();
  int sources = text + arguments.Given("file") + dash;
  if (sources > 1) {
    return absl::InvalidArgumentError(
        "more than one payload: allowed one of --json TEXT, --data, --hex, "
        "--file and -");
  }
  if (arguments.Given("json") && FLAGS_json.empty() && text > 0) {
    return absl::InvalidArgumentError(
        "--json without TEXT goes with standard input and --file only");
  }
  if (sources == 0 && isatty(STDIN_FILENO)) {
    return absl::InvalidArgumentError(
        "no payload: --json TEXT, --data TEXT, --hex H, --file F, or - for "
        "standard input");
  }
  return absl::OkStatus();
}

absl::Status ReadText(const Arguments& arguments, std::string* text,
                      std::string* place) {
  if (!FLAGS_json.empty()) {
    *text = FLAGS_json;
    *place = "--json";
    return absl::OkStatus();
  }
  if (arguments.Given("data")) {
    *text = FLAGS_data;
    return absl::OkStatus();
  }
  if (arguments.Given("hex")) {
    std::optional<std::string> bytes = FromHex(FLAGS_hex);
    if (!bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("--hex ", FLAGS_hex, ": allowed pairs of hex digits"));
    }
    *text = *std::move(bytes);
    return absl::OkStatus();
  }
  Source source;
  absl::Status status = OpenSource(arguments, &source);
  *place = source.name;
  return status.ok() ? ReadAll(source, text) : status;
}

}  // namespace mycelium::cli
