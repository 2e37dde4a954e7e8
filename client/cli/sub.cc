#include <cstdio>
#include <optional>
#include <thread>
#include <variant>

#include "absl/strings/str_cat.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/frame_lines.h"
#include "client/cli/payload_text.h"
#include "client/cli/stop_signal.h"
#include "client/cli/type_id.h"
#include "client/cpp/mycelium.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium sub TYPE|all [--topic FILTER] [--count N]
                    [--format text|hex|json] [--quiet] [--timeout_ms MS]
                    [--queue_bytes_max B] [--stall_ms_max MS]

Prints what is published with type id TYPE (1 to 65535) or with any, one line a
frame, until Ctrl-C.

  --topic FILTER   words between dots; * is any one word, > at the end any rest
  --count N        ends after N frames; 0: never (0)
  --format F       text  type topic #sequence (size) payload
                         "-" without a topic; \n, \x1b, \u202e for what can't be
                         printed, \\ for a backslash; 0x.. if it is not UTF-8
                   hex   type topic sequence payload
                   json  {"type":7,"topic":"a.b","sequence":12,"bytes":5,
                         "text":"hello"}; "base64" in place of "text" if the
                         payload is not UTF-8
  --quiet          no first and no last line on standard error
  --timeout_ms MS  ends with exit code 4 after this time; -1: never (-1)

Frames that were missed are told in their place: "gap type 7: 12 frames
#100..#111 (overflow)" on standard error, {"gap":{...}} among the frames in
json.  How far this may lag behind:
  --queue_bytes_max B  of frames that wait for it (16777216)
  --stall_ms_max MS    how long publishers are held back when that is full,
                       before frames are dropped; 0: not at all, -1: without
                       end (1000)

  mycelium sub 7 --topic 'greetings.>'
  mycelium sub all --count 10 --format json
)help";

LineFormat FormatFlag() {
  if (FLAGS_format == "json") return LineFormat::kJson;
  return FLAGS_format == "hex" ? LineFormat::kHex : LineFormat::kText;
}

// Prints what a subscription brings.
class Printer {
 public:
  explicit Printer(LineFormat format) : format_(format) {}

  // False: standard output takes no more.
  bool Print(const Item& item) {
    if (const auto* message = std::get_if<Message>(&item)) {
      ++frames_;
      return Write(FrameLine(format_, *message));
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
  bool Write(const std::string& text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ||
           Flush();
  }

  LineFormat format_;
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

void SayWhatIsSubscribed(const BrokerInfo& broker, uint16_t type_id) {
  std::string type =
      type_id == 0 ? "all types" : absl::StrCat("type ", type_id);
  std::string topic = FLAGS_topic.empty()
                          ? ""
                          : absl::StrCat(", topic ", Readable(FLAGS_topic));
  std::fprintf(stderr, "subscribed to %s%s at %s; Ctrl-C ends it\n",
               type.c_str(), topic.c_str(), Readable(broker.name).c_str());
}

int Subscribed(Client* client, Subscription* subscription, uint16_t type_id) {
  StopSignal signal;
  if (!FLAGS_quiet) SayWhatIsSubscribed(client->broker(), type_id);
  Printer printer(FormatFlag());
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
  std::optional<uint16_t> type_id = ParseTypeId(arguments.words[0]);
  if (arguments.words[0] == "all") type_id = 0;
  if (!type_id) {
    return FailUsage("sub", absl::StrCat("type id \"", arguments.words[0],
                                         "\": allowed 1 to 65535, or all"));
  }
  absl::StatusOr<Client> client = ConnectAs("sub");
  if (!client.ok()) return Fail("sub", client.status());
  SubscribeOptions options;
  options.type_id = *type_id;
  options.topic_filter = FLAGS_topic;
  options.policy = {static_cast<uint64_t>(FLAGS_queue_bytes_max),
                    FLAGS_stall_ms_max};
  absl::StatusOr<Subscription> subscription = client->Subscribe(options);
  if (!subscription.ok()) return Fail("sub", subscription.status());
  return Subscribed(&*client, &*subscription, *type_id);
}

}  // namespace

Command SubCommand() {
  Command command = {.name = "sub",
                     .summary = "print what is published",
                     .help = kHelp,
                     .arguments = 1,
                     .flags = BrokerFlags("-1"),
                     .run = Run};
  command.flags.insert(
      command.flags.begin(),
      {{.name = "topic"},
       {.name = "count", .initial = "0", .min = 0, .max = 1e18},
       {.name = "format", .choices = {"text", "hex", "json"}},
       {.name = "quiet"},
       {.name = "queue_bytes_max",
        .min = static_cast<double>(kQueueBytesMin),
        .max = 1e15},
       {.name = "stall_ms_max", .min = -1, .max = 1e9}});
  return command;
}

}  // namespace mycelium::cli
