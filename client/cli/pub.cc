#include <stdio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/type_id.h"
#include "client/cpp/mycelium.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium pub TYPE [--topic T] [--data TEXT | --hex H | --file F | -]
                    [--count N] [--lines] [--verbose] [--timeout_ms MS]

Publishes a message of type id TYPE, 1 to 65535.  Exit code 0 means that the
broker has accepted it.

The payload is one of:
  --data TEXT      these bytes
  --hex H          hex digits, spaces allowed between bytes: "00 ff 10"
  --file F         what the file holds
  -                standard input, to its end; also without any of these when
                   standard input is not a terminal

  --lines          each line of standard input or of the file is one message,
                   without its newline, published as soon as it is read
  --topic T        words between dots: greetings.en
  --count N        publishes it N times (1)
  --verbose        says what was published
  --timeout_ms MS  gives up after this time; -1: never (-1)

  mycelium pub 7 --topic greetings.en --data hello
  tail -f log | mycelium pub 8 --lines
)help";

// What was published, for --verbose.
struct Sent {
  uint64_t frames = 0;
  uint64_t bytes = 0;
};

class Publisher {
 public:
  Publisher(Client* client, uint16_t type_id)
      : client_(client), type_id_(type_id) {}

  absl::Status Publish(std::string_view payload) {
    absl::Status status =
        client_->Publish(type_id_, FLAGS_topic, payload, timeout_.Left());
    if (status.ok()) ++sent_.frames, sent_.bytes += payload.size();
    return status;
  }
  absl::Status Flush() { return client_->Flush(timeout_.Left()); }
  const Sent& sent() const { return sent_; }

 private:
  Client* client_;
  uint16_t type_id_;
  Timeout timeout_;
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

absl::StatusOr<Source> OpenSource(const Arguments& arguments) {
  Source source;
  if (!arguments.Given("file")) {
    source.file.reset(stdin);
    return source;
  }
  source.name = FLAGS_file;
  source.file.reset(fopen(FLAGS_file.c_str(), "re"));
  if (source.file == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("--file ", FLAGS_file, ": ", strerror(errno)));
  }
  return source;
}

// No frame holds more than the ceiling: what is larger is not read further.
absl::StatusOr<std::string> ReadAll(const Source& source) {
  std::string payload;
  char buffer[64 << 10];
  while (payload.size() <= kFrameBytesMaxCeiling) {
    size_t bytes = fread(buffer, 1, sizeof buffer, source.file.get());
    payload.append(buffer, bytes);
    if (bytes > 0) continue;
    if (ferror(source.file.get())) return ReadError(source, errno);
    return payload;
  }
  return absl::ResourceExhaustedError(
      absl::StrCat(source.name, ": more than ", kFrameBytesMaxCeiling,
                   " bytes, which no frame may hold"));
}

absl::Status PublishLines(const Source& source, Publisher* publisher) {
  char* line = nullptr;
  size_t capacity = 0;
  absl::Status status;
  for (;;) {
    ssize_t bytes = getline(&line, &capacity, source.file.get());
    if (bytes < 0) break;
    std::string_view payload(line, static_cast<size_t>(bytes));
    if (payload.ends_with('\n')) payload.remove_suffix(1);
    status = publisher->Publish(payload);
    if (!status.ok()) break;
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
  int text = arguments.Given("data") + arguments.Given("hex");
  int sources = text + arguments.Given("file") + dash;
  if (sources > 1) {
    return absl::InvalidArgumentError(
        "more than one payload: allowed one of --data, --hex, --file and -");
  }
  if (sources == 0 && isatty(STDIN_FILENO)) {
    return absl::InvalidArgumentError(
        "no payload: --data TEXT, --hex H, --file F, or - for standard input");
  }
  if (FLAGS_lines && (text > 0 || arguments.Given("count"))) {
    return absl::InvalidArgumentError(
        "--lines goes with standard input and --file only, without --count");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> PayloadOf(const Arguments& arguments) {
  if (arguments.Given("data")) return FLAGS_data;
  if (arguments.Given("hex")) {
    std::optional<std::string> bytes = FromHex(FLAGS_hex);
    if (bytes) return *bytes;
    return absl::InvalidArgumentError(
        absl::StrCat("--hex ", FLAGS_hex, ": allowed pairs of hex digits"));
  }
  absl::StatusOr<Source> source = OpenSource(arguments);
  if (!source.ok()) return source.status();
  return ReadAll(*source);
}

absl::StatusOr<Sent> PublishAll(const Arguments& arguments, uint16_t type_id) {
  Source source;
  std::string payload;
  // The payload first: a broker is not kept waiting for somebody who types.
  if (FLAGS_lines) {
    absl::StatusOr<Source> opened = OpenSource(arguments);
    if (!opened.ok()) return opened.status();
    source = *std::move(opened);
  } else {
    absl::StatusOr<std::string> read = PayloadOf(arguments);
    if (!read.ok()) return read.status();
    payload = *std::move(read);
  }
  absl::StatusOr<Client> client = ConnectAs("pub");
  if (!client.ok()) return client.status();
  Publisher publisher(&*client, type_id);
  absl::Status status;
  if (FLAGS_lines) status = PublishLines(source, &publisher);
  for (int64_t i = 0; !FLAGS_lines && status.ok() && i < FLAGS_count; ++i) {
    status = publisher.Publish(payload);
  }
  if (status.ok()) status = publisher.Flush();
  if (!status.ok()) return status;
  return publisher.sent();
}

int Run(const Arguments& arguments) {
  std::optional<uint16_t> type_id = ParseTypeId(arguments.words[0]);
  if (!type_id) {
    return FailUsage("pub", absl::StrCat("type id \"", arguments.words[0],
                                         "\": allowed 1 to 65535"));
  }
  absl::Status sources = CheckSources(arguments);
  if (!sources.ok()) return Fail("pub", sources);
  absl::StatusOr<Sent> sent = PublishAll(arguments, *type_id);
  if (!sent.ok()) return Fail("pub", sent.status());
  if (FLAGS_verbose) {
    bool one = sent->frames == 1;
    printf("published %llu %s of %llu bytes%s to type %u\n",
           static_cast<unsigned long long>(sent->frames),
           one ? "frame" : "frames",
           static_cast<unsigned long long>(sent->bytes), one ? "" : " in all",
           *type_id);
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
                     .flags = BrokerFlags("-1"),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "topic"},
       {.name = "data"},
       {.name = "hex"},
       {.name = "file"},
       {.name = "lines"},
       {.name = "count", .initial = "1", .min = 1, .max = 1e12},
       {.name = "verbose"}});
  return command;
}

}  // namespace mycelium::cli
