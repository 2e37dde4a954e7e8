#include <stdio.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/connection_state.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/message_source.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/core/client.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium pub TYPE [--topic T]
                    [--json [TEXT]] [--data TEXT | --hex H | --file F | -]
                    [--schema FILE]... [-I DIR]... [--count N] [--lines]
                    [--ack] [--no_reconnect] [--verbose] [--timeout_ms MS]

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
  --ack            each message is acknowledged by itself, without waiting in
                   between; how many were accepted is said on standard error
  --verbose        says what was published
  --timeout_ms MS  gives up after this time; -1: never (-1)

A connection that is lost is made again, and what the broker had not accepted is
sent again, once.  If the broker was restarted meanwhile nobody can say whether
it had accepted the last messages: they are not sent again, their number is
said, and the exit code is 1.
  --no_reconnect   ends with exit code 3 instead

  mycelium pub 7 --topic greetings.en --data hello
  mycelium pub chat.TextMessage --json '{"sender":"cli","content":"hi"}'
  tail -f log | mycelium pub chat.TextMessage --json --lines
)help";

// What became of the messages; counted on the client's thread, too.
struct Outcome {
  uint64_t frames = 0;                // published
  uint64_t bytes = 0;                 // of them
  std::atomic<uint64_t> accepted{0};  // with --ack
  std::atomic<uint64_t> maybe_accepted{0};
  std::atomic<uint64_t> not_accepted{0};
};

class Publisher {
 public:
  Publisher(uint16_t type_id, const Timeout& timeout)
      : type_id_(type_id), timeout_(timeout) {}

  absl::Status Connect(const Schema* schema) {
    core::ClientOptions options;
    options.reconnect = !FLAGS_no_reconnect;
    options.on_state = StatePrinter("pub");
    options.on_unaccepted = [outcome = outcome_](auto frames) {
      // Those of --ack are counted one by one.
      if (FLAGS_ack) return;
      const auto maybe = static_cast<uint64_t>(
          std::count_if(frames.begin(), frames.end(),
                        [](const auto& f) { return f.maybe_accepted; }));
      outcome->maybe_accepted += maybe;
      outcome->not_accepted += frames.size() - maybe;
    };
    return ConnectCoreAs("pub", schema, std::move(options), &client_);
  }

  absl::Status Publish(std::string_view payload) {
    const std::span<const uint8_t> bytes = {
        reinterpret_cast<const uint8_t*>(payload.data()), payload.size()};
    const core::Status status =
        FLAGS_ack
            ? client_->PublishAcked(type_id_, FLAGS_topic, bytes,
                                    timeout_.End(), CountAnswer())
            : client_->Publish(type_id_, FLAGS_topic, bytes, timeout_.End());
    if (status.ok()) ++outcome_->frames, outcome_->bytes += payload.size();
    return ToAbsl(status);
  }

  // Behind it nothing is on its way any more.
  absl::Status Finish() {
    absl::Status status = ToAbsl(client_->Flush(timeout_.End()));
    client_->Close();
    return status;
  }

  const Outcome& outcome() const { return *outcome_; }

 private:
  std::function<void(const core::Status&)> CountAnswer() {
    return [outcome = outcome_](const core::Status& status) {
      if (status.ok()) {
        ++outcome->accepted;
      } else if (status.code == core::StatusCode::kAborted) {
        ++outcome->maybe_accepted;
      } else {
        ++outcome->not_accepted;
      }
    };
  }

  const uint16_t type_id_;
  const Timeout timeout_;
  const std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
  std::unique_ptr<core::Client> client_;
};

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
  absl::Status payload = CheckPayloadFlags(arguments);
  if (!payload.ok()) return payload;
  const bool text =
      arguments.Given("data") || arguments.Given("hex") || !FLAGS_json.empty();
  if (FLAGS_lines && (text || arguments.Given("count"))) {
    return absl::InvalidArgumentError(
        "--lines goes with standard input and --file only, without --count");
  }
  return absl::OkStatus();
}

// Says what was published, whatever came of it; the exit code.
int Report(const TypeWord& word, const Outcome& outcome, absl::Status status) {
  const bool one = outcome.frames == 1;
  if (FLAGS_verbose && status.ok()) {
    printf("published %llu %s of %llu bytes%s to %s\n",
           static_cast<unsigned long long>(outcome.frames),
           one ? "frame" : "frames",
           static_cast<unsigned long long>(outcome.bytes), one ? "" : " in all",
           word.text().c_str());
  }
  if (FLAGS_ack) {
    fprintf(stderr, "%s\n",
            absl::StrCat(outcome.accepted.load(), " accepted, ",
                         outcome.maybe_accepted + outcome.not_accepted,
                         " not accepted")
                .c_str());
  }
  const uint64_t given_back = outcome.maybe_accepted + outcome.not_accepted;
  if (given_back > 0 && status.ok()) {
    status = absl::AbortedError(absl::StrCat(
        given_back, given_back == 1 ? " frame" : " frames",
        " not sent again: ", outcome.maybe_accepted.load(),
        " may have been accepted, ", outcome.not_accepted.load(), " have not"));
  }
  return status.ok() ? FinishOutput("pub") : Fail("pub", status);
}

absl::Status PublishAll(const Source& source, const Target& target,
                        const std::string& payload, Publisher* publisher) {
  absl::Status status = publisher->Connect(target.schema.get());
  if (!status.ok()) return status;
  if (FLAGS_lines) status = PublishLines(source, target, publisher);
  for (int64_t i = 0; !FLAGS_lines && status.ok() && i < FLAGS_count; ++i) {
    status = publisher->Publish(payload);
  }
  // What was published is accepted or told also when a later line is none.
  const absl::Status finished = publisher->Finish();
  return status.ok() ? finished : status;
}

int Run(const Arguments& arguments) {
  std::optional<TypeWord> word = ParseTypeWord(arguments.words[0]);
  if (!word) {
    return FailUsage("pub", absl::StrCat("TYPE \"", arguments.words[0],
                                         "\": ", kTypeWordsAllowed));
  }
  // The payload first: a broker is not kept waiting for somebody who types.
  Source source;
  std::string text, place;
  absl::Status status = CheckSources(arguments);
  if (status.ok()) {
    status = FLAGS_lines ? OpenSource(arguments, &source)
                         : ReadText(arguments, &text, &place);
  }
  if (!status.ok()) return Fail("pub", status);
  const Timeout timeout;
  absl::StatusOr<Target> target =
      FindTarget(arguments, *word, arguments.Given("json"), "pub", timeout);
  if (!target.ok()) return Fail("pub", target.status());
  absl::StatusOr<std::string> payload = text;
  if (!FLAGS_lines) payload = target->Payload(std::move(text), place);
  if (!payload.ok()) return Fail("pub", payload.status());
  Publisher publisher(target->type_id, timeout);
  status = PublishAll(source, *target, *payload, &publisher);
  return Report(*word, publisher.outcome(), status);
}

}  // namespace

Command PubCommand() {
  Command command = {.name = "pub",
                     .summary = "publish a message",
                     .help = kHelp,
                     .arguments = 1,
                     .optional = 1,
                     .flags = {{.name = "topic"}},
                     .run = Run};
  const std::vector<FlagRule> own = {
      {.name = "lines"},
      {.name = "count", .initial = "1", .min = 1, .max = 1e12},
      {.name = "ack"},
      {.name = "no_reconnect"},
      {.name = "verbose"}};
  for (const std::vector<FlagRule>& rules :
       {PayloadFlags(), own, SchemaFlags(), BrokerFlags("-1")}) {
    command.flags.insert(command.flags.end(), rules.begin(), rules.end());
  }
  return command;
}

}  // namespace mycelium::cli
