#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/frame_decoder.h"
#include "client/cli/frame_lines.h"
#include "client/cli/message_json.h"
#include "client/cli/payload_text.h"
#include "client/cli/stop_signal.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/cpp/mycelium.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium sub TYPE|all [--topic FILTER] [--count N]
                    [--format text|hex|json] [--raw] [--schema FILE]...
                    [-I DIR]... [--quiet] [--timeout_ms MS]
                    [--queue_bytes_max B] [--stall_ms_max MS]

Prints what is published with TYPE, a type id (1 to 65535) or a message's full
name, or with any type, one line a frame, until Ctrl-C.

  --topic FILTER   words between dots; * is any one word, > at the end any rest
  --count N        ends after N frames; 0: never (0)
  --format F       text  name topic #sequence message
                         type topic #sequence (size) payload
                         "-" without a topic; the message as JSON; in topic and
                         payload \n, \x1b, \u202e for what can't be printed, \\
                         for a backslash; 0x.. if the payload is not UTF-8
                   hex   type topic sequence payload
                   json  {"type":1,"name":"chat.TextMessage","topic":"a.b",
                         "sequence":12,"bytes":5,"message":{...}}; without a
                         message "text":"hello", or "base64" if the payload is
                         not UTF-8
  --raw            payloads as they are, no messages
  --quiet          no first and no last line on standard error
  --timeout_ms MS  ends with exit code 4 after this time; -1: never (-1)

A payload is shown as a message, in proto3's JSON without fields that have their
default value, if a schema has its type: the newest at the broker, which is
asked for types and fields that are not known yet, at most once a second for
each type, or
  --schema FILE    .proto files or descriptor sets; see mycelium help schema
  -I DIR           where .proto files import from
Otherwise it is shown raw; what is no message of its type with the reason:
chat.TextMessage greetings.en #3 (2 B, not a chat.TextMessage) 0x0aff.

With a name or --schema the broker checks the schema when the tool connects, and
refuses one that its other clients could not be understood with.  With a type id
or all the session has none, which a broker may refuse, too (schema.required).

Frames that were missed are told in their place: "gap type 7: 12 frames
#100..#111 (overflow)" on standard error, {"gap":{...}} among the frames in
json.  How far this may lag behind:
  --queue_bytes_max B  of frames that wait for it (16777216)
  --stall_ms_max MS    how long publishers are held back when that is full,
                       before frames are dropped; 0: not at all, -1: without
                       end (1000)

  mycelium sub chat.TextMessage --topic 'greetings.>'
  mycelium sub all --count 10 --format json
)help";

LineFormat FormatFlag() {
  if (FLAGS_format == "json") return LineFormat::kJson;
  return FLAGS_format == "hex" ? LineFormat::kHex : LineFormat::kText;
}

// Prints what a subscription brings.
class Printer {
 public:
  // `decoder` null: payloads as they are.
  Printer(LineFormat format, FrameDecoder* decoder)
      : format_(format), decoder_(decoder) {}

  // False: standard output takes no more.
  bool Print(const Item& item) {
    if (const auto* message = std::get_if<Message>(&item)) {
      ++frames_;
      return Write(FrameLine(format_, *message, Decode(*message)));
    }
    const Gap& gap = std::get<Gap>(item);
    missed_ += gap.frames();
    std::string lines = GapLines(format_, gap);
    if (format_ == LineFormat::kJson) return Write(lines);
    // In the place of the frames, also where both streams are one terminal.
    bool written = Flush();
    std::fputs(lines.c_str(), stderr);
    return written;
  }
  bool Flush() { return FlushOutput("sub"); }

  uint64_t frames() const { return frames_; }
  uint64_t missed() const { return missed_; }

 private:
  Decoded Decode(const Message& message) {
    if (decoder_ == nullptr) return {};
    return decoder_->Decode(
        message.type_id, {reinterpret_cast<const char*>(message.payload.data()),
                          message.payload.size()});
  }
  bool Write(const std::string& text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ||
           Flush();
  }

  const LineFormat format_;
  FrameDecoder* const decoder_;
  uint64_t frames_ = 0;
  uint64_t missed_ = 0;
};

// Ends a subscription when a StopSignal comes.  On a thread of its own: a pull
// that waits can't be woken by a signal.
class StopThread {
 public:
  StopThread(StopSignal* signal, Subscription* subscription)
      : signal_(signal), thread_([signal, subscription] {
          signal->Wait(-1);
          subscription->Unsubscribe();
        }) {}
  ~StopThread() {
    signal_->Raise();
    thread_.join();
  }

 private:
  StopSignal* signal_;
  std::thread thread_;
};

absl::Status PrintAll(Subscription* subscription, Printer* printer) {
  Timeout timeout;
  auto wanted = static_cast<uint64_t>(FLAGS_count);
  while (wanted == 0 || printer->frames() < wanted) {
    absl::StatusOr<Item> item = subscription->Next(absl::ZeroDuration());
    if (absl::IsDeadlineExceeded(item.status())) {
      if (!printer->Flush()) break;
      item = subscription->Next(timeout.Left());
    }
    if (absl::IsCancelled(item.status())) break;
    if (absl::IsDeadlineExceeded(item.status())) {
      return absl::DeadlineExceededError(
          absl::StrCat("--timeout_ms ", FLAGS_timeout_ms, " is over"));
    }
    if (!item.ok()) return item.status();
    if (!printer->Print(*item)) break;
  }
  return absl::OkStatus();
}

// What is subscribed to.
struct Wanted {
  TypeWord word;
  uint16_t type_id = 0;                  // 0: all types
  std::shared_ptr<const Schema> schema;  // null: a session without one
  bool schema_of_flags = false;
};

absl::StatusOr<Wanted> FindWanted(const Arguments& arguments,
                                  const TypeWord& word) {
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      SchemaOfFlags(arguments);
  if (!schema.ok()) return schema.status();
  Wanted wanted = {word, word.type_id, *schema, *schema != nullptr};
  if (word.name.empty()) return wanted;
  absl::StatusOr<TypeChoice> choice =
      *schema == nullptr ? ChooseTypeAtBroker(word, "sub", Timeout())
                         : ChooseType(word, *schema);
  if (!choice.ok()) return choice.status();
  wanted.type_id = choice->type->type_id;
  wanted.schema = choice->schema;
  return wanted;
}

void SayWhatIsSubscribed(const BrokerInfo& broker, const Wanted& wanted) {
  std::string type = wanted.type_id == 0 ? "all types" : wanted.word.text();
  std::string topic = FLAGS_topic.empty()
                          ? ""
                          : absl::StrCat(", topic ", Readable(FLAGS_topic));
  std::fprintf(stderr, "subscribed to %s%s at %s; Ctrl-C ends it\n",
               type.c_str(), topic.c_str(), Readable(broker.name).c_str());
}

// Null: payloads are printed as they are.
std::unique_ptr<FrameDecoder> MakeDecoder(const Wanted& wanted,
                                          Client* client) {
  if (FLAGS_raw || FormatFlag() == LineFormat::kHex) return nullptr;
  if (!wanted.schema_of_flags) {
    return std::make_unique<FrameDecoder>(AdminCallOf(client));
  }
  return std::make_unique<FrameDecoder>(
      std::make_shared<const MessageJson>(wanted.schema));
}

int Subscribed(Client* client, Subscription* subscription,
               const Wanted& wanted) {
  StopSignal signal;
  if (!FLAGS_quiet) SayWhatIsSubscribed(client->broker(), wanted);
  std::unique_ptr<FrameDecoder> decoder = MakeDecoder(wanted, client);
  Printer printer(FormatFlag(), decoder.get());
  absl::Status status;
  {
    StopThread stop(&signal, subscription);
    status = PrintAll(subscription, &printer);
  }
  int code = FinishOutput("sub");
  if (!status.ok()) code = Fail("sub", status);
  if (!FLAGS_quiet) {
    std::fprintf(stderr, "%llu frame%s, %llu in gaps\n",
                 static_cast<unsigned long long>(printer.frames()),
                 printer.frames() == 1 ? "" : "s",
                 static_cast<unsigned long long>(printer.missed()));
  }
  return code;
}

int Run(const Arguments& arguments) {
  std::optional<TypeWord> word = arguments.words[0] == "all"
                                     ? TypeWord{}
                                     : ParseTypeWord(arguments.words[0]);
  if (!word) {
    return FailUsage("sub", absl::StrCat("TYPE \"", arguments.words[0], "\": ",
                                         kTypeWordsAllowed, ", or all"));
  }
  absl::StatusOr<Wanted> wanted = FindWanted(arguments, *word);
  if (!wanted.ok()) return Fail("sub", wanted.status());
  absl::StatusOr<Client> client = ConnectAs("sub", wanted->schema.get());
  if (!client.ok()) return Fail("sub", client.status());
  SubscribeOptions options;
  options.type_id = wanted->type_id;
  options.topic_filter = FLAGS_topic;
  options.policy = {static_cast<uint64_t>(FLAGS_queue_bytes_max),
                    FLAGS_stall_ms_max};
  absl::StatusOr<Subscription> subscription = client->Subscribe(options);
  if (!subscription.ok()) return Fail("sub", subscription.status());
  return Subscribed(&*client, &*subscription, *wanted);
}

}  // namespace

Command SubCommand() {
  Command command = {.name = "sub",
                     .summary = "print what is published",
                     .help = kHelp,
                     .arguments = 1,
                     .flags = SchemaFlags(),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "topic"},
       {.name = "count", .initial = "0", .min = 0, .max = 1e18},
       {.name = "format", .choices = {"text", "hex", "json"}},
       {.name = "raw"},
       {.name = "quiet"},
       {.name = "queue_bytes_max",
        .min = static_cast<double>(kQueueBytesMin),
        .max = 1e15},
       {.name = "stall_ms_max", .min = -1, .max = 1e9}});
  for (FlagRule& rule : BrokerFlags("-1")) command.flags.push_back(rule);
  return command;
}

}  // namespace mycelium::cli
