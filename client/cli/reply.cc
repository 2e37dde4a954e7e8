#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
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
#include "client/cli/message_source.h"
#include "client/cli/payload_text.h"
#include "client/cli/shell_command.h"
#include "client/cli/stop_signal.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/core/client.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium reply TYPE [--topic FILTER]
                    (--json TEXT | --data TEXT | --hex H | --file F |
                     --echo | --exec COMMAND [--json]) [--reply_type TYPE]
                    [--count N] [--format text|hex|json] [--raw] [--quiet]
                    [--schema FILE]... [-I DIR]... [--timeout_ms MS]

Responds to requests of TYPE (see mycelium help request) until Ctrl-C, one after
the other, and prints each as a line.  Several that respond share the requests.

  --topic FILTER      responds to these topics only; see mycelium help sub
What it replies:
  --json, --data, --hex, --file  the same each time; see mycelium help pub
  --echo              what the request holds
  --exec COMMAND      what COMMAND prints; /bin/sh runs it with the request's
                      payload as standard input, its topic in $MYCELIUM_TOPIC,
                      its type id in $MYCELIUM_TYPE.  If it does not end with 0
                      the requester is told that it has failed
  --exec .. --json    the same, and both payloads are JSON
  --reply_type TYPE   the type of the replies (that of the requests)
  --count N           ends after N requests; 0: never (0)
  --format, --raw     how requests are printed: as by mycelium sub, but without
                      a sequence
  --quiet             only errors
  --timeout_ms MS     ends with exit code 4 after this time; -1: never (-1)

  mycelium reply chat.Question --reply_type chat.Answer --json '{"text":"42"}'
  mycelium reply 7 --exec 'tr a-z A-Z'
)help";

// What it takes to answer.
struct Answers {
  Target request;
  Target reply;
  std::string payload;  // unless --echo or --exec
};

absl::StatusOr<std::string> Execute(const Answers& answers,
                                    const core::Message& request,
                                    std::string payload) {
  if (answers.request.json != nullptr) {
    absl::StatusOr<MessageJson::Printed> printed =
        answers.request.json->Print(*answers.request.type, payload);
    if (!printed.ok()) return printed.status();
    payload = std::move(printed->json);
  }
  absl::StatusOr<std::string> output =
      RunShell(FLAGS_exec, payload,
               {{"MYCELIUM_TOPIC", std::string(request.topic)},
                {"MYCELIUM_TYPE", absl::StrCat(request.type_id)}});
  if (!output.ok()) return output;
  return answers.reply.Payload(*std::move(output), "--exec");
}

absl::StatusOr<std::string> Answer(const Answers& answers,
                                   const core::Message& request) {
  std::string payload(request.payload.begin(), request.payload.end());
  if (FLAGS_echo) return payload;
  if (!FLAGS_exec.empty()) {
    return Execute(answers, request, std::move(payload));
  }
  return answers.payload;
}

core::Status ToCore(const absl::Status& status) {
  return {static_cast<core::StatusCode>(status.code()),
          std::string(status.message())};
}

// Answers on the subscription's own thread; Run waits on another one.
class Responder {
 public:
  Responder(const Answers& answers, StopSignal* stop)
      : answers_(answers), stop_(stop) {}

  absl::Status Start(bool schema_of_flags) {
    core::ClientOptions options;
    options.on_state = [this, print = StatePrinter("reply")](
                           core::State state, const core::Status& status) {
      if (!FLAGS_quiet) print(state, status);
      if (state == core::State::kClosed) End(status);
    };
    absl::Status status = ConnectCoreAs("reply", answers_.request.schema.get(),
                                        std::move(options), &client_);
    if (!status.ok()) return status;
    decoder_ =
        schema_of_flags
            ? std::make_unique<FrameDecoder>(
                  std::make_shared<const MessageJson>(answers_.request.schema))
            : std::make_unique<FrameDecoder>(AdminCallOf(client_.get()));
    core::SubscribeOptions subscribe;
    subscribe.type_id = answers_.request.type_id;
    subscribe.topic_filter = FLAGS_topic;
    subscribe.delivery = core::Delivery::kQueued;
    return ToAbsl(client_->Respond(
        subscribe,
        [this](const core::Message& request,
               std::unique_ptr<core::Respondent> respondent) {
          Respond(request, respondent.get());
        },
        &subscription_));
  }

  // Behind it nothing is answered any more.
  absl::Status Finish() {
    core::Status end;
    {
      std::lock_guard lock(mutex_);
      end = end_;
    }
    subscription_->Unsubscribe();
    client_->Close();
    return ToAbsl(end);
  }

  std::string broker_name() const { return client_->broker().name; }
  uint64_t answered() const { return answered_; }
  uint64_t failed() const { return failed_; }

 private:
  void Respond(const core::Message& request, core::Respondent* respondent) {
    if (FLAGS_count > 0 && answered_ == static_cast<uint64_t>(FLAGS_count)) {
      return;  // destroyed without an answer: the requester is told
    }
    if (!FLAGS_quiet && !PrintRequest(request)) return stop_->Raise();
    absl::StatusOr<std::string> payload = Answer(answers_, request);
    core::Status status;
    if (payload.ok()) {
      status = respondent->Reply(
          answers_.reply.type_id,
          {reinterpret_cast<const uint8_t*>(payload->data()), payload->size()});
    } else {
      ++failed_;
      Fail("reply", payload.status());
      status = respondent->Fail(ToCore(payload.status()));
    }
    // The requester has been told, or has left.
    if (!status.ok() && !FLAGS_quiet) Fail("reply", ToAbsl(status));
    if (++answered_ == static_cast<uint64_t>(FLAGS_count)) stop_->Raise();
  }

  bool PrintRequest(const core::Message& request) {
    const LineFormat format = LineFormatFlag();
    Decoded decoded;
    if (!FLAGS_raw && format != LineFormat::kHex) {
      decoded = decoder_->Decode(
          request.type_id,
          {reinterpret_cast<const char*>(request.payload.data()),
           request.payload.size()});
    }
    std::fputs(FrameLine(format, request, decoded).c_str(), stdout);
    return FlushOutput("reply");
  }

  // Nothing comes any more.
  void End(const core::Status& status) {
    {
      std::lock_guard lock(mutex_);
      end_ = status;
    }
    stop_->Raise();
  }

  const Answers& answers_;
  StopSignal* const stop_;
  std::mutex mutex_;
  core::Status end_;  // why the connection has ended by itself
  std::atomic<uint64_t> answered_{0};
  std::atomic<uint64_t> failed_{0};
  std::unique_ptr<FrameDecoder> decoder_;
  std::unique_ptr<core::Client> client_;
  std::shared_ptr<core::Subscription> subscription_;
};

// --exec with --json, which then has no TEXT.
bool ExecutesJson(const Arguments& arguments) {
  return arguments.Given("exec") && arguments.Given("json") &&
         FLAGS_json.empty();
}

absl::Status CheckFlags(const Arguments& arguments) {
  const int sources = !FLAGS_json.empty() + arguments.Given("data") +
                      arguments.Given("hex") + arguments.Given("file") +
                      FLAGS_echo + arguments.Given("exec");
  if (sources == 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      sources == 0 ? "no reply" : "more than one reply",
      ": allowed one of --json TEXT, --data, --hex, --file, --echo and "
      "--exec"));
}

absl::StatusOr<Answers> FindAnswers(const Arguments& arguments,
                                    const TypeWord& request_word) {
  TypeWord reply_word = request_word;
  if (!FLAGS_reply_type.empty()) {
    std::optional<TypeWord> word = ParseTypeWord(FLAGS_reply_type);
    if (!word) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--reply_type ", FLAGS_reply_type, ": ", kTypeWordsAllowed));
    }
    reply_word = *word;
  }
  const Timeout timeout;
  absl::StatusOr<Target> request = FindTarget(
      arguments, request_word, ExecutesJson(arguments), "reply", timeout);
  if (!request.ok()) return request.status();
  absl::StatusOr<Target> reply = FindTarget(
      arguments, reply_word, arguments.Given("json"), "reply", timeout);
  if (!reply.ok()) return reply.status();
  Answers answers = {*std::move(request), *std::move(reply), ""};
  if (FLAGS_echo || arguments.Given("exec")) return answers;
  std::string text, place;
  absl::Status status = ReadText(arguments, &text, &place);
  if (!status.ok()) return status;
  absl::StatusOr<std::string> payload =
      answers.reply.Payload(std::move(text), place);
  if (!payload.ok()) return payload.status();
  answers.payload = *std::move(payload);
  return answers;
}

int WaitForTheEnd(const StopSignal& stop, Responder* responder) {
  const bool stopped = stop.Wait(static_cast<int>(FLAGS_timeout_ms));
  absl::Status status = responder->Finish();
  if (!stopped) {
    status = absl::DeadlineExceededError(
        absl::StrCat("--timeout_ms ", FLAGS_timeout_ms, " is over"));
  }
  if (!FLAGS_quiet) {
    std::fprintf(stderr, "%llu request%s, %llu failed\n",
                 static_cast<unsigned long long>(responder->answered()),
                 responder->answered() == 1 ? "" : "s",
                 static_cast<unsigned long long>(responder->failed()));
  }
  return status.ok() ? FinishOutput("reply") : Fail("reply", status);
}

int Run(const Arguments& arguments) {
  std::optional<TypeWord> word = ParseTypeWord(arguments.words[0]);
  if (!word) {
    return FailUsage("reply", absl::StrCat("TYPE \"", arguments.words[0],
                                           "\": ", kTypeWordsAllowed));
  }
  absl::Status status = CheckFlags(arguments);
  if (!status.ok()) return Fail("reply", status);
  absl::StatusOr<Answers> answers = FindAnswers(arguments, *word);
  if (!answers.ok()) return Fail("reply", answers.status());
  StopSignal stop;
  Responder responder(*answers, &stop);
  status = responder.Start(arguments.Given("schema"));
  if (!status.ok()) return Fail("reply", status);
  if (!FLAGS_quiet) {
    std::fprintf(stderr, "responding to %s at %s; Ctrl-C ends it\n",
                 word->text().c_str(),
                 Readable(responder.broker_name()).c_str());
  }
  return WaitForTheEnd(stop, &responder);
}

}  // namespace

Command ReplyCommand() {
  Command command = {.name = "reply",
                     .summary = "respond to requests",
                     .help = kHelp,
                     .arguments = 1,
                     .flags = {{.name = "topic"}},
                     .run = Run};
  const std::vector<FlagRule> own = {
      {.name = "echo"},
      {.name = "exec"},
      {.name = "reply_type"},
      {.name = "count", .initial = "0", .min = 0, .max = 1e18},
      {.name = "quiet"}};
  for (const std::vector<FlagRule>& rules :
       {PayloadFlags(), own, LineFlags(), SchemaFlags(), BrokerFlags("-1")}) {
    command.flags.insert(command.flags.end(), rules.begin(), rules.end());
  }
  return command;
}

}  // namespace mycelium::cli
