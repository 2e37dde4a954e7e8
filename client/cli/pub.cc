#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/message_json.h"
#include "client/cli/payload_text.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/cpp/mycelium.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium pub TYPE [--topic T]
                    [--json [TEXT]] [--data TEXT | --hex H | --file F | -]
                    [--schema FILE]... [-I DIR]... [--count N] [--lines]
                    [--verbose] [--timeout_ms MS]

Publishes a message.  TYPE is a type id, 1 to 65535, or a message's full name.
Exit code 0 means that the broker has accepted it.

The payload is one of:
  --json TEXT      the message that this JSON stands for, by proto3's mapping:
                   '{"sender":"cli","sentAt":"5"}'; names as in the .proto file
                   are taken, too.  A field that the message lacks is an error
  --data TEXT      these bytes
  --hex H          hex digits, spaces allowed between bytes: "00 ff 10"
  --file F         what the file holds
  -                standard input, to its end; also without any of these when
                   standard input is not a terminal
  --json without TEXT: the file or standard input holds JSON.

What a name means and what JSON becomes is said by a schema, the newest at the
broker that has TYPE, or
  --schema FILE    .proto files or descriptor sets; see mycelium help schema
  -I DIR           where .proto files import from
With a schema, the broker checks it when the tool connects, and refuses one that
its other clients could not be understood with: then each line of the error is
one offence.  A type id with a raw payload needs no schema.

  --lines          each line of standard input or of the file is one message,
                   without its newline, published as soon as it is read
  --topic T        words between dots: greetings.en
  --count N        publishes it N times (1)
  --verbose        says what was published
  --timeout_ms MS  gives up after this time; -1: never (-1)

  mycelium pub 7 --topic greetings.en --data hello
  mycelium pub chat.TextMessage --json '{"sender":"cli","content":"hi"}'
  tail -f log | mycelium pub chat.TextMessage --json --lines
)help";

// What TYPE stands for.
struct Target {
  uint16_t type_id = 0;
  std::shared_ptr<const Schema> schema = {};  // null: a session without one
  const Schema::MessageType* type = nullptr;
  std::shared_ptr<const MessageJson> json = {};  // null: payloads are raw

  // What `text`, which stands in `place`, becomes.
  absl::StatusOr<std::string> Payload(std::string text,
                                      const std::string& place) const {
    if (json == nullptr) return text;
    absl::StatusOr<std::string> payload = json->Parse(*type, text);
    if (payload.ok()) return payload;
    return absl::Status(payload.status().code(),
                        absl::StrCat(place, ": ", payload.status().message()));
  }
};

// What was published, for --verbose.
struct Sent {
  uint64_t frames = 0;
  uint64_t bytes = 0;
};

class Publisher {
 public:
  Publisher(Client client, uint16_t type_id, const Timeout& timeout)
      : client_(std::move(client)), type_id_(type_id), timeout_(timeout) {}

  absl::Status Publish(std::string_view payload) {
    absl::Status status =
        client_.Publish(type_id_, FLAGS_topic, payload, timeout_.Left());
    if (status.ok()) ++sent_.frames, sent_.bytes += payload.size();
    return status;
  }
  absl::Status Flush() { return client_.Flush(timeout_.Left()); }
  const Sent& sent() const { return sent_; }

 private:
  Client client_;
  const uint16_t type_id_;
  const Timeout timeout_;
  Sent sent_;
};

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};
using File = std::unique_ptr<FILE, CloseFile>;

// Where the payload comes from when it is not on the command line.
struct Source {
  std::string name = "standard input";
  File file;
};

absl::Status ReadError(const Source& source, int error) {
  return absl::FailedPreconditionError(
      absl::StrCat(source.name, ": ", strerror(error)));
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

absl::Status PublishLines(const Source& source, const Target& target,
                          Publisher* publisher) {
  char* line = nullptr;
  size_t capacity = 0;
  absl::Status status;
  for (uint64_t number = 1; status.ok(); ++number) {
    ssize_t bytes = getline(&line, &capacity, source.file.get());
    if (bytes < 0) break;
    std::string text(line, static_cast<size_t>(bytes));
    if (text.ends_with('\n')) text.pop_back();
    absl::StatusOr<std::string> payload =
        target.Payload(std::move(text), absl::StrCat(source.name, ":", number));
    status = payload.ok() ? publisher->Publish(*payload) : payload.status();
  }
  if (status.ok() && ferror(source.file.get())) {
    status = ReadError(source, errno);
  }
  free(line);
  return status;
}

absl::Status CheckSources(const Arguments& arguments) {
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
  if (FLAGS_lines && (text > 0 || arguments.Given("count"))) {
    return absl::InvalidArgumentError(
        "--lines goes with standard input and --file only, without --count");
  }
  return absl::OkStatus();
}

// *place: where it stands.
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

absl::StatusOr<Target> FindTarget(const Arguments& arguments,
                                  const TypeWord& word,
                                  const Timeout& timeout) {
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      SchemaOfFlags(arguments);
  if (!schema.ok()) return schema.status();
  const bool json = arguments.Given("json");
  if (*schema == nullptr && !json && word.name.empty()) {
    return Target{.type_id = word.type_id};
  }
  absl::StatusOr<TypeChoice> choice =
      *schema == nullptr ? ChooseTypeAtBroker(word, "pub", timeout)
                         : ChooseType(word, *std::move(schema));
  if (!choice.ok()) return choice.status();
  Target target = {choice->type->type_id, choice->schema, choice->type,
                   nullptr};
  if (json) target.json = std::make_shared<const MessageJson>(choice->schema);
  return target;
}

absl::StatusOr<Sent> PublishAll(const Arguments& arguments,
                                const TypeWord& word) {
  // The payload first: a broker is not kept waiting for somebody who types.
  Source source;
  std::string text, place;
  absl::Status status = FLAGS_lines ? OpenSource(arguments, &source)
                                    : ReadText(arguments, &text, &place);
  if (!status.ok()) return status;
  const Timeout timeout;
  absl::StatusOr<Target> target = FindTarget(arguments, word, timeout);
  if (!target.ok()) return target.status();
  absl::StatusOr<std::string> payload;
  if (!FLAGS_lines) {
    payload = target->Payload(std::move(text), place);
    if (!payload.ok()) return payload.status();
  }
  absl::StatusOr<Client> client = ConnectAs("pub", target->schema.get());
  if (!client.ok()) return client.status();
  Publisher publisher(*std::move(client), target->type_id, timeout);
  if (FLAGS_lines) status = PublishLines(source, *target, &publisher);
  for (int64_t i = 0; !FLAGS_lines && status.ok() && i < FLAGS_count; ++i) {
    status = publisher.Publish(*payload);
  }
  if (status.ok()) status = publisher.Flush();
  if (!status.ok()) return status;
  return publisher.sent();
}

int Run(const Arguments& arguments) {
  std::optional<TypeWord> word = ParseTypeWord(arguments.words[0]);
  if (!word) {
    return FailUsage("pub", absl::StrCat("TYPE \"", arguments.words[0],
                                         "\": ", kTypeWordsAllowed));
  }
  absl::Status sources = CheckSources(arguments);
  if (!sources.ok()) return Fail("pub", sources);
  absl::StatusOr<Sent> sent = PublishAll(arguments, *word);
  if (!sent.ok()) return Fail("pub", sent.status());
  if (FLAGS_verbose) {
    bool one = sent->frames == 1;
    printf("published %llu %s of %llu bytes%s to %s\n",
           static_cast<unsigned long long>(sent->frames),
           one ? "frame" : "frames",
           static_cast<unsigned long long>(sent->bytes), one ? "" : " in all",
           word->text().c_str());
  }
  return FinishOutput("pub");
}

}  // namespace

Command PubCommand() {
  Command command = {.name = "pub",
                     .summary = "publish a message",
                     .help = kHelp,
                     .arguments = 1,
                     .optional = 1,
                     .flags = SchemaFlags(),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "topic"},
       {.name = "json", .value_optional = true},
       {.name = "data"},
       {.name = "hex"},
       {.name = "file"},
       {.name = "lines"},
       {.name = "count", .initial = "1", .min = 1, .max = 1e12},
       {.name = "verbose"}});
  for (FlagRule& rule : BrokerFlags("-1")) command.flags.push_back(rule);
  return command;
}

}  // namespace mycelium::cli
