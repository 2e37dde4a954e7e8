#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/broker_schemas.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/socket_check.h"
#include "client/cli/status_call.h"
#include "client/cli/status_check.h"
#include "client/cli/type_choice.h"
#include "client/cpp/mycelium.h"
#include "proto/schema.h"

namespace mycelium::cli {
namespace {

using Kind = Finding::Kind;

constexpr size_t kDifferencesMax = 20;
// Each connection is one; a program with fewer is soon at its end.
constexpr rlim_t kOwnDescriptorsMin = 256;

constexpr char kHelp[] =
    R"help(usage: mycelium doctor [--schema FILE]... [-I DIR]... [--timeout_ms MS]

Finds out what keeps a client from working with the broker, and says what to do.
A line for each thing that was looked at:
  ok           subject: what was seen
  problem      subject: what was seen
               try: what to do or to type
  not checked  subject: why not

  --schema FILE    whether clients with these message types are let in: compares
                   them with each schema that the broker knows, and names the
                   message and the field; registers nothing there
  -I DIR           where .proto files import from
  --timeout_ms MS  for each step (5000)

url, socket, permission, connection, greeting, version, schema and files of this
process are for everybody.  Sessions, memory, queues, held publishers, the
broker's files and its clock come from its status: for root, the broker's own
user, and whom its configuration names (admin).

Exit code 0: no problem, 1: at least one.
)help";

void Print(const Finding& finding) {
  const char* kind = finding.kind == Kind::kOk        ? "ok"
                     : finding.kind == Kind::kProblem ? "problem"
                                                      : "not checked";
  // What has several lines stands below each other.
  const auto indented = [](const std::string& text) {
    return absl::StrReplaceAll(text, {{"\n", "\n             "}});
  };
  std::printf("%-12s %s: %s\n", kind, finding.subject.c_str(),
              indented(finding.text).c_str());
  if (finding.kind == Kind::kProblem && !finding.remedy.empty()) {
    std::printf("             try: %s\n", indented(finding.remedy).c_str());
  }
}

Finding CheckOwnDescriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return {Kind::kNotChecked, "own files", "the system does not say", ""};
  }
  const std::string text = absl::StrCat("programs started here may open ",
                                        limit.rlim_cur == RLIM_INFINITY
                                            ? "any number"
                                            : absl::StrCat(limit.rlim_cur));
  if (limit.rlim_cur >= kOwnDescriptorsMin) {
    return {Kind::kOk, "own files", text, ""};
  }
  return {Kind::kProblem, "own files", text, "ulimit -n 1024"};
}

// Each schema that somebody is held to.
Finding CheckSchema(const AdminCall& call, const Schema& schema) {
  const Timeout timeout;
  const auto known = ListSchemas(call, 0, timeout);
  if (!known.ok()) {
    return {Kind::kNotChecked, "schema", std::string(known.status().message()),
            ""};
  }
  size_t compared = 0;
  for (const wire::KnownSchema& at_broker : *known) {
    if (at_broker.sessions() == 0 && at_broker.source().empty()) continue;
    const std::optional<Digest> digest = ToDigest(at_broker.schema_digest());
    if (!digest) continue;
    const auto fetched = FetchSchema(call, *digest, timeout);
    if (absl::IsUnknown(fetched.status())) continue;  // forgotten meanwhile
    if (!fetched.ok()) {
      return {Kind::kNotChecked, "schema",
              std::string(fetched.status().message()), ""};
    }
    ++compared;
    const std::string from =
        at_broker.source().empty()
            ? absl::StrCat(at_broker.sessions(), " clients")
            : Readable(at_broker.source());
    const std::vector<std::string> differences = Incompatibilities(
        {schema, "here"}, {**fetched, "at the broker"}, kDifferencesMax);
    if (differences.empty()) continue;
    return {Kind::kProblem, "schema",
            absl::StrCat(DigestText(schema.digest()), " does not go with ",
                         DigestText(*digest), " of ", from, ":\n",
                         absl::StrJoin(differences, "\n")),
            "the same .proto files on both sides, or the rules of "
            "proto/SCHEMA.md for what may change"};
  }
  return {Kind::kOk, "schema",
          absl::StrCat(DigestText(schema.digest()), " goes with the ", compared,
                       " in use at the broker"),
          ""};
}

std::vector<Finding> CheckBroker(const Schema* schema) {
  absl::StatusOr<Client> client = ConnectAs("doctor");
  if (!client.ok()) {
    return {{Kind::kProblem, "connection",
             std::string(client.status().message()), "mycelium doctor again"}};
  }
  const AdminCall call = AdminCallOf(&*client);
  std::vector<Finding> findings;
  if (schema != nullptr) findings.push_back(CheckSchema(call, *schema));
  const auto status = AskStatus(call, Timeout());
  if (!status.ok()) {
    findings.push_back({Kind::kNotChecked, "limits",
                        std::string(status.status().message()), ""});
    return findings;
  }
  const auto unix_ms = static_cast<uint64_t>(absl::ToUnixMillis(absl::Now()));
  for (Finding& finding : CheckStatus(*status, unix_ms)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

int Run(const Arguments& arguments) {
  const auto schema = SchemaOfFlags(arguments);
  if (!schema.ok()) return Fail("doctor", schema.status());
  std::vector<Finding> findings =
      CheckSocket(UrlInForce(), static_cast<int>(FLAGS_timeout_ms));
  findings.insert(findings.begin() + 1, CheckOwnDescriptors());
  const auto connected = [](const Finding& finding) {
    return finding.kind == Kind::kProblem && finding.subject != "own files";
  };
  if (std::none_of(findings.begin(), findings.end(), connected)) {
    for (Finding& finding : CheckBroker(schema->get())) {
      findings.push_back(std::move(finding));
    }
  }
  for (const Finding& finding : findings) Print(finding);
  const bool problem = AnyProblem(findings);
  if (!problem) std::puts("nothing to do");
  const int code = FinishOutput("doctor");
  return code == kDone && problem ? kFailed : code;
}

}  // namespace

Command DoctorCommand() {
  Command command = {.name = "doctor",
                     .summary = "say what is wrong, and what to do",
                     .help = kHelp,
                     .flags = SchemaFlags(),
                     .run = Run};
  command.flags.push_back({.name = "url"});
  command.flags.push_back(
      {.name = "timeout_ms", .initial = "5000", .min = 10, .max = 6e5});
  return command;
}

}  // namespace mycelium::cli
