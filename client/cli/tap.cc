#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/admin_call.h"
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
#include "client/cli/tap_lines.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/cpp/mycelium.h"
#include "config/limits.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {
namespace {

// Between two questions while nothing comes.
constexpr int kPollMs = 50;
// While more waits.  The broker makes a page in some 100 us of its one thread:
// as fast as it could be read, pages would be half of its work.
constexpr int kPageMs = 10;
constexpr absl::Duration kAskTimeout = absl::Seconds(5);

constexpr char kHelp[] =
    R"help(usage: mycelium tap TYPE|all... [--topic FILTER]... [--count N]
                    [--format text|hex|json] [--raw] [--payload_bytes N]
                    [--schema FILE]... [-I DIR]... [--quiet] [--no_reconnect]
                    [--timeout_ms MS]

Prints a copy of the traffic, one line a frame, until Ctrl-C: what is published,
and also requests and their replies.  It holds nobody back: what is too much, or
comes while this is not read, is left out and told as a gap.  It takes at most
64 KiB each 10 ms from the broker, which spends little of its time on that.

  TYPE             type id (1 to 65535) or message's full name; several, or all
  --topic FILTER   words between dots; * is any one word, > at the end any rest;
                   several: what any of them takes.  Replies have no topic:
                   without this flag only
  --count N        ends after N frames; 0: never (0)
  --format F       text  time session (sender) kind, then as mycelium sub
                   hex   time session kind, then as mycelium sub
                   json  as mycelium sub, with "time", "session", "sender" and
                         "kind"
                   kind: publish, request, reply, error_reply; the session is
                   the sender's id, as mycelium status has it
  --payload_bytes N  prints at most so much of a payload, then raw; the broker
                   gives no more than 65536 (65536)
  --raw, --quiet, --schema, -I, --no_reconnect, --timeout_ms: as mycelium sub

What it has beyond mycelium sub all: who sent a frame and when the broker took
it, requests and replies, several types, and that it is no subscriber: it takes
nothing from a group, answers no request, counts in no statistics, and holds
nobody back.  What the broker itself answers a request with is not seen.  It
cannot look into the past, and frames pass up to 50 ms before they are printed.

Since it shows what everybody sends, it is for root, the broker's own user, and
whom its configuration names (admin).

  mycelium tap all
  mycelium tap chat.Question chat.Answer --format json
  mycelium tap all --topic 'sensors.>' --topic 'alarms.*'
)help";

// What is asked for, as the flags say.
absl::StatusOr<wire::AdminRequest> RequestOfFlags(const Arguments& arguments,
                                                  const Schema* schema,
                                                  const Timeout& timeout) {
  wire::AdminRequest request;
  wire::TapRequest* const tap = request.mutable_tap();
  bool all = false;
  for (const std::string& text : arguments.words) {
    all = all || text == "all";
    if (text == "all") continue;
    const std::optional<TypeWord> word = ParseTypeWord(text);
    if (!word) {
      return absl::InvalidArgumentError(
          absl::StrCat("TYPE \"", text, "\": ", kTypeWordsAllowed, ", or all"));
    }
    if (word->name.empty()) {
      tap->add_type_ids(word->type_id);
    } else if (schema != nullptr) {
      const Schema::MessageType* const type = schema->FindType(word->name);
      if (type == nullptr) {
        return absl::InvalidArgumentError(
            absl::StrCat(word->name, ": not in --schema"));
      }
      tap->add_type_ids(type->type_id);
    } else {
      const absl::StatusOr<TypeChoice> choice =
          ChooseTypeAtBroker(*word, "tap", timeout);
      if (!choice.ok()) return choice.status();
      tap->add_type_ids(choice->type->type_id);
    }
  }
  if (all) tap->clear_type_ids();
  for (std::string& filter : arguments.Values("topic")) {
    tap->add_topic_filters(std::move(filter));
  }
  tap->set_payload_bytes_max(static_cast<uint32_t>(FLAGS_payload_bytes));
  return request;
}

// Prints what a tap brings, and counts it.
class Printer {
 public:
  explicit Printer(FrameDecoder* decoder) : decoder_(decoder) {}

  // False: standard output takes no more.
  bool Print(const wire::Tap& tap) {
    if (tap.frames_missed() > 0) {
      missed_ += tap.frames_missed();
      Gap gap;
      gap.reason = GapReason::kOverflow;
      gap.ranges.push_back({.frames = tap.frames_missed()});
      Write(GapLines(LineFormatFlag(), gap));
    }
    for (const wire::TappedFrame& frame : tap.frames()) {
      if (full()) break;
      ++frames_;
      Write(TapLine(LineFormatFlag(), frame, decoder_));
    }
    return FlushOutput("tap");
  }
  // The connection was lost: nobody knows what has passed.
  void PrintLost() {
    unknown_ = true;
    Gap gap;
    gap.reason = GapReason::kReconnect;
    gap.unknown = true;
    Write(GapLines(LineFormatFlag(), gap));
  }
  bool full() const {
    return FLAGS_count > 0 && frames_ >= static_cast<uint64_t>(FLAGS_count);
  }
  void SayHowMuch() const {
    std::fprintf(
        stderr, "%llu frame%s, %llu%s in gaps\n",
        static_cast<unsigned long long>(frames_), frames_ == 1 ? "" : "s",
        static_cast<unsigned long long>(missed_), unknown_ ? " or more" : "");
  }

 private:
  // FlushOutput tells whether that went well.
  static void Write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }

  FrameDecoder* const decoder_;
  uint64_t frames_ = 0;
  uint64_t missed_ = 0;
  bool unknown_ = false;
};

// What the reading thread tells.
struct Link {
  std::atomic<bool> lost{false};    // since the last look
  std::atomic<bool> closed{false};  // for good
};

absl::Status Follow(const AdminCall& call, const wire::AdminRequest& request,
                    const StopSignal& signal, const Timeout& timeout,
                    Link* link, Printer* printer) {
  while (!printer->full()) {
    if (timeout.Left() == absl::ZeroDuration()) {
      return absl::DeadlineExceededError(
          absl::StrCat("--timeout_ms ", FLAGS_timeout_ms, " is over"));
    }
    const absl::StatusOr<wire::AdminReply> reply = Ask(
        call, request, std::min<absl::Duration>(kAskTimeout, timeout.Left()));
    int wait_ms = kPollMs;
    if (reply.ok()) {
      if (link->lost.exchange(false)) printer->PrintLost();
      if (!printer->Print(reply->tap())) return absl::OkStatus();
      if (reply->tap().more()) wait_ms = kPageMs;
    } else if (link->closed || FLAGS_no_reconnect ||
               absl::IsUnknown(reply.status())) {
      return reply.status();
    }
    if (signal.Wait(wait_ms)) return absl::OkStatus();
  }
  return absl::OkStatus();
}

int Run(const Arguments& arguments) {
  const Timeout timeout;
  const absl::StatusOr<std::shared_ptr<const Schema>> schema =
      SchemaOfFlags(arguments);
  if (!schema.ok()) return Fail("tap", schema.status());
  const absl::StatusOr<wire::AdminRequest> request =
      RequestOfFlags(arguments, schema->get(), timeout);
  if (!request.ok()) return Fail("tap", request.status());
  Link link;
  ClientOptions options;
  options.reconnect = !FLAGS_no_reconnect;
  options.on_state = [&link, print = StatePrinter("tap")](
                         State state, const core::Status& status) {
    if (state == State::kReconnecting) link.lost = true;
    if (state == State::kClosed) link.closed = true;
    if (!FLAGS_quiet) print(state, status);
  };
  absl::StatusOr<Client> client = ConnectAs("tap", nullptr, options);
  if (!client.ok()) return Fail("tap", client.status());
  const AdminCall call = AdminCallOf(&*client);
  // The first answer says whether this is allowed.
  const absl::StatusOr<wire::AdminReply> begun =
      Ask(call, *request, std::min(kAskTimeout, timeout.Left()));
  if (!begun.ok()) return Fail("tap", begun.status());
  StopSignal signal;
  if (!FLAGS_quiet) {
    std::fprintf(stderr, "tapping %s; Ctrl-C ends it\n",
                 Readable(client->broker().name).c_str());
  }
  std::unique_ptr<FrameDecoder> decoder;
  if (!FLAGS_raw && LineFormatFlag() != LineFormat::kHex) {
    decoder = *schema == nullptr
                  ? std::make_unique<FrameDecoder>(call)
                  : std::make_unique<FrameDecoder>(
                        std::make_shared<const MessageJson>(*schema));
  }
  Printer printer(decoder.get());
  const absl::Status status =
      Follow(call, *request, signal, timeout, &link, &printer);
  int code = FinishOutput("tap");
  if (!status.ok()) code = Fail("tap", status);
  if (!FLAGS_quiet) printer.SayHowMuch();
  return code;
}

}  // namespace

Command TapCommand() {
  Command command = {.name = "tap",
                     .summary = "print a copy of the traffic",
                     .help = kHelp,
                     .arguments = 1,
                     .optional = kTapFiltersMax - 1,
                     .run = Run};
  const std::vector<FlagRule> own = {
      {.name = "topic"},
      {.name = "count", .initial = "0", .min = 0, .max = 1e18},
      {.name = "payload_bytes",
       .initial = std::to_string(kAdminPageBytesMax),
       .min = 0,
       .max = kAdminPageBytesMax},
      {.name = "quiet"},
      {.name = "no_reconnect"}};
  for (const std::vector<FlagRule>& rules :
       {own, LineFlags(), SchemaFlags(), BrokerFlags("-1")}) {
    command.flags.insert(command.flags.end(), rules.begin(), rules.end());
  }
  return command;
}

}  // namespace mycelium::cli
