#include <cstdio>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/frame_decoder.h"
#include "client/cli/frame_lines.h"
#include "client/cli/message_json.h"
#include "client/cli/message_source.h"
#include "client/cli/type_choice.h"
#include "client/cli/type_word.h"
#include "client/core/client.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium request TYPE [--topic T]
                    [--json [TEXT]] [--data TEXT | --hex H | --file F | -]
                    [--format text|hex|json] [--raw]
                    [--schema FILE]... [-I DIR]... [--timeout_ms MS]

Asks one of those that respond to TYPE (see mycelium help reply), the least busy
one, and prints the reply.  TYPE, the payload and the schema are given as to
mycelium pub.

  --topic T        words between dots; responders may choose by them
  --format F       text  name message, or type (size) payload
                   hex   type payload
                   json  {"type":8,"name":"chat.Answer","bytes":5,
                         "message":{...}}; see mycelium help sub
  --raw            the payload as it is, no message
  --timeout_ms MS  gives up after this time; -1: never (5000)

Exit code 5 if nobody responds to this type and topic, 4 if the time is over, 1
if the responder says that it failed or all are busy, 3 if it or the broker was
lost before it answered: it may have done what it was asked.

  mycelium request chat.Question --json '{"text":"what is the answer?"}'
)help";

// A reply, on its way from the client's thread.
struct Reply {
  core::Status status;
  uint16_t type_id = 0;
  std::string payload;
};

absl::StatusOr<Reply> AwaitReply(core::Client* client, const Target& target,
                                 const std::string& payload,
                                 const Timeout& timeout) {
  auto promise = std::make_shared<std::promise<Reply>>();
  std::future<Reply> future = promise->get_future();
  const core::Status asked = client->Request(
      target.type_id,
      {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()},
      {.topic = FLAGS_topic, .deadline = timeout.End()},
      [promise](const core::Status& status, const core::Message* message) {
        Reply reply;
        reply.status = status;
        if (message != nullptr) {
          reply.type_id = message->type_id;
          reply.payload.assign(message->payload.begin(),
                               message->payload.end());
        }
        promise->set_value(std::move(reply));
      },
      nullptr);
  if (!asked.ok()) return ToAbsl(asked);
  return future.get();
}

std::string ReplyLine(const Reply& reply, FrameDecoder* decoder) {
  core::Message message;
  message.type_id = reply.type_id;
  message.kind = DataKind::kReply;
  message.payload = {reinterpret_cast<const uint8_t*>(reply.payload.data()),
                     reply.payload.size()};
  const LineFormat format = LineFormatFlag();
  if (FLAGS_raw || format == LineFormat::kHex) {
    return FrameLine(format, message);
  }
  return FrameLine(format, message,
                   decoder->Decode(reply.type_id, reply.payload));
}

// What an answer that is none means to the shell, whoever gave it.
int FailRequest(const core::Status& status) {
  int code = Fail("request", ToAbsl(status));
  if (status.code == core::StatusCode::kNotFound) return kNobody;
  return code == kUsage ? kFailed : code;
}

int Run(const Arguments& arguments) {
  std::optional<TypeWord> word = ParseTypeWord(arguments.words[0]);
  if (!word) {
    return FailUsage("request", absl::StrCat("TYPE \"", arguments.words[0],
                                             "\": ", kTypeWordsAllowed));
  }
  std::string text, place;
  absl::Status status = CheckPayloadFlags(arguments);
  if (status.ok()) status = ReadText(arguments, &text, &place);
  if (!status.ok()) return Fail("request", status);
  const Timeout timeout;
  absl::StatusOr<Target> target =
      FindTarget(arguments, *word, arguments.Given("json"), "request", timeout);
  if (!target.ok()) return Fail("request", target.status());
  absl::StatusOr<std::string> payload = target->Payload(std::move(text), place);
  if (!payload.ok()) return Fail("request", payload.status());
  std::unique_ptr<core::Client> client;
  // A request is not sent again: without its connection it has failed.
  status = ConnectCoreAs("request", target->schema.get(), {.reconnect = false},
                         &client);
  if (!status.ok()) return Fail("request", status);
  absl::StatusOr<Reply> reply =
      AwaitReply(client.get(), *target, *payload, timeout);
  if (!reply.ok()) return Fail("request", reply.status());
  if (!reply->status.ok()) return FailRequest(reply->status);
  // The reply may be of a type that only the broker knows.
  FrameDecoder decoder =
      arguments.Given("schema")
          ? FrameDecoder(std::make_shared<const MessageJson>(target->schema))
          : FrameDecoder(AdminCallOf(client.get()));
  std::fputs(ReplyLine(*reply, &decoder).c_str(), stdout);
  return FinishOutput("request");
}

}  // namespace

Command RequestCommand() {
  Command command = {.name = "request",
                     .summary = "ask who responds, and print the reply",
                     .help = kHelp,
                     .arguments = 1,
                     .optional = 1,
                     .flags = {{.name = "topic"}},
                     .run = Run};
  for (const std::vector<FlagRule>& rules :
       {PayloadFlags(), LineFlags(), SchemaFlags(), BrokerFlags("5000")}) {
    command.flags.insert(command.flags.end(), rules.begin(), rules.end());
  }
  return command;
}

}  // namespace mycelium::cli
