#include <cstdio>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/connection_state.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/frame_decoder.h"
#include "client/cli/frame_lines.h"
#include "client/cli/message_json.h"
#include "client/cli/payload_text.h"
#include "client/cli/stop_signal.h"
#include "client/cli/subscribe_flags.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/cpp/mycelium.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium sub TYPE|all [--topic FILTER] [--count N]
                    [--start WHEN] [--group NAME] [--policy POLICY]
                    [--queue_bytes B] [--stall_ms MS] [--overflow O]
                    [--format text|hex|json] [--raw] [--schema FILE]...
                    [-I DIR]... [--quiet] [--no_reconnect] [--timeout_ms MS]

Prints what is published with TYPE, a type id (1 to 65535) or a message's full
name, or with any type, one line a frame, until Ctrl-C.

  --topic FILTER   words between dots; * is any one word, > at the end any rest
  --count N        ends after N frames; 0: never (0)
  --start WHEN     where it begins, as far as the broker keeps a history:
                     now         with what is published from now on
                     last:N      the newest N of each type and topic
                     sequence:N  from #N of the type on
                     ago:S       what came in the last S seconds
                     time:T      what came since T: 2026-11-25T12:00:00Z
  --group NAME     shares the frames with all others of that group: each frame
                   goes to one of them, and to another one if that one ends
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
  --quiet          only frames, gaps and errors
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

Frames that were missed are told in their place, among the frames:
  text, hex        gap type 7: 12 frames #100..#111 (overflow)
                   gap: 5 frames (reconnect)          of several types
                   gap type 7: unknown from #51 (reconnect)
  json             {"gap":{"type":7,"frames":12,"first_sequence":100,
                   "last_sequence":111,"reason":"overflow"}}, "unknown":true if
                   more may be missing, and nobody can say
The reasons: overflow (this was too slow), conflated (newer ones of the same
topic took their place), reconnect, memory (the broker's own bound), deadlock.

How far this may lag behind, and what then happens:
  --policy balanced    publishers wait for a second, then the oldest frames are
                       dropped (the default)
           lossless    publishers wait for as long as it takes
           live        the oldest are dropped, nobody waits
           latest      the newest of each type and topic, nobody waits
           strict      publishers wait for a second, then this ends
  --queue_bytes B      of frames that wait for it (16777216)
  --stall_ms MS        how long publishers are held back when that is full; 0:
                       not at all, -1: without end
  --overflow O         what then happens: gap, conflate or disconnect

A connection that is lost is made again, and what was missed meanwhile is
printed if the broker keeps a history, or told as a gap.
  --no_reconnect       ends with exit code 3 instead

  mycelium sub chat.TextMessage --topic 'greetings.>'
  mycelium sub sensors.Reading --start last:1 --policy latest
  mycelium sub all --count 10 --format json
)help";

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
    unknown_ = unknown_ || gap.unknown;
    return Write(GapLines(format_, gap));
  }
  bool Flush() { return FlushOutput("sub"); }

  uint64_t frames() const { return frames_; }
  uint64_t missed() const { return missed_; }
  // Whether more may have been missed.
  bool unknown() const { return unknown_; }

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
  bool unknown_ = false;
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
  if (FLAGS_raw || LineFormatFlag() == LineFormat::kHex) return nullptr;
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
  Printer printer(LineFormatFlag(), decoder.get());
  absl::Status status;
  {
    StopThread stop(&signal, subscription);
    status = PrintAll(subscription, &printer);
  }
  int code = FinishOutput("sub");
  if (!status.ok()) code = Fail("sub", status);
  if (!FLAGS_quiet) {
    std::fprintf(stderr, "%llu frame%s, %llu%s in gaps\n",
                 static_cast<unsigned long long>(printer.frames()),
                 printer.frames() == 1 ? "" : "s",
                 static_cast<unsigned long long>(printer.missed()),
                 printer.unknown() ? " or more" : "");
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
  absl::StatusOr<core::Start> start = ParseStartWord(FLAGS_start, absl::Now());
  if (!start.ok()) return Fail("sub", start.status());
  absl::StatusOr<Wanted> wanted = FindWanted(arguments, *word);
  if (!wanted.ok()) return Fail("sub", wanted.status());
  SubscribeOptions options;
  options.type_id = wanted->type_id;
  options.topic_filter = FLAGS_topic;
  options.policy = PolicyOfFlags(arguments);
  options.group = FLAGS_group;
  options.start = *start;
  ClientOptions client_options;
  client_options.reconnect = !FLAGS_no_reconnect;
  if (!FLAGS_quiet) client_options.on_state = StatePrinter("sub");
  absl::StatusOr<Client> client =
      ConnectAs("sub", wanted->schema.get(), std::move(client_options));
  if (!client.ok()) return Fail("sub", client.status());
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
                     .run = Run};
  const std::vector<FlagRule> own = {
      {.name = "topic"},
      {.name = "count", .initial = "0", .min = 0, .max = 1e18},
      {.name = "start"},
      {.name = "group"}};
  const std::vector<FlagRule> others = {{.name = "quiet"},
                                        {.name = "no_reconnect"}};
  for (const std::vector<FlagRule>& rules :
       {own, PolicyFlags(), LineFlags(), others, SchemaFlags(),
        BrokerFlags("-1")}) {
    command.flags.insert(command.flags.end(), rules.begin(), rules.end());
  }
  return command;
}

}  // namespace mycelium::cli
