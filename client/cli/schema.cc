#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/broker_access.h"
#include "client/cli/broker_schemas.h"
#include "client/cli/commands.h"
#include "client/cli/exit_code.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "client/cli/schema_files.h"
#include "client/cli/schema_text.h"

namespace mycelium::cli {
namespace {

constexpr char kHelp[] =
    R"help(usage: mycelium schema digest FILE... [-I DIR]...
       mycelium schema show [FILE...|DIGEST] [--canonical] [--output FILE]
                    [--format text|json] [-I DIR]... [--timeout_ms MS]
       mycelium schema check OLD NEW [-I DIR]...

Message types, as files or a broker know them.  FILE is a .proto file or what
protoc --include_imports --descriptor_set_out wrote; several are one schema, as
several are in one call of protoc.  DIGEST is "m1:" and the first digits of a
schema at the broker.

  digest  prints the schema's digest, the same that generated code holds
  show    lists the message types: id, full name, beginning of the fingerprint;
          without FILE and DIGEST of all schemas that the broker knows
  check   compares two versions: whether programs with NEW and with OLD read
          each other's messages, and nothing was removed without being reserved.
          Prints "compatible", or a line for each offence and exits with 1

  -I DIR           where .proto files import from, before the folder of each;
                   mycelium/options.proto and google/protobuf/*.proto need none
  --canonical      the text that the digest is the SHA-256 of
  --output FILE    writes the descriptor set there, too
  --format F       text, or json: one object a line (text)
  --timeout_ms MS  gives up after this time (5000)

  mycelium schema check old/chat.proto chat.proto
  mycelium schema show chat.proto --canonical | sha256sum
  mycelium schema show m1:2b5c1d9 --output chat.binpb
)help";

using Words = std::vector<std::string>;

absl::StatusOr<std::shared_ptr<const Schema>> ReadFiles(
    const Words& files, const Arguments& arguments) {
  return ReadSchemaFiles(files, arguments.Values("I"));
}

int RunDigest(const Words& files, const Arguments& arguments) {
  if (files.empty()) return FailUsage("schema", "digest: no FILE given");
  auto schema = ReadFiles(files, arguments);
  if (!schema.ok()) return Fail("schema", schema.status());
  std::printf("%s  %s\n", DigestText((*schema)->digest()).c_str(),
              Readable(absl::StrJoin(files, " ")).c_str());
  return FinishOutput("schema");
}

int RunCheck(const Words& files, const Arguments& arguments) {
  if (files.size() != 2) {
    return FailUsage("schema", absl::StrCat("check: ", files.size(),
                                            " files, allowed 2: OLD NEW"));
  }
  auto before = ReadFiles({files[0]}, arguments);
  if (!before.ok()) return Fail("schema", before.status());
  auto now = ReadFiles({files[1]}, arguments);
  if (!now.ok()) return Fail("schema", now.status());
  const std::string in_old = "in " + Readable(files[0]);
  const std::string in_new = "in " + Readable(files[1]);
  const std::vector<std::string> offences =
      BreakingChanges({**now, in_new}, {**before, in_old});
  for (const std::string& offence : offences) {
    std::printf("%s\n", offence.c_str());
  }
  if (offences.empty()) std::printf("compatible\n");
  const int code = FinishOutput("schema");
  return code != kDone || offences.empty() ? code : kFailed;
}

bool IsDigest(const std::string& word) { return word.starts_with("m1:"); }

// The schema at the broker whose digest begins like that.
absl::StatusOr<std::shared_ptr<const Schema>> FetchByDigest(
    const std::string& beginning) {
  absl::StatusOr<Client> client = ConnectAs("schema");
  if (!client.ok()) return client.status();
  const AdminCall call = AdminCallOf(&*client);
  const Timeout timeout;
  auto known = ListSchemas(call, 0, timeout);
  if (!known.ok()) return known.status();
  std::vector<Digest> found;
  for (const wire::KnownSchema& schema : *known) {
    const Digest digest = *ToDigest(schema.schema_digest());
    if (DigestText(digest).starts_with(beginning)) found.push_back(digest);
  }
  if (found.size() == 1) return FetchSchema(call, found[0], timeout);
  return absl::NotFoundError(
      absl::StrCat(Readable(beginning), ": ", found.size(), " of the ",
                   known->size(), " schemas that the broker knows, allowed 1"));
}

absl::Status WriteFile(const std::string& file, const std::string& bytes) {
  std::FILE* stream = std::fopen(file.c_str(), "we");
  bool written = stream != nullptr && std::fwrite(bytes.data(), 1, bytes.size(),
                                                  stream) == bytes.size();
  if (stream != nullptr) written = std::fclose(stream) == 0 && written;
  if (written) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--output ", Readable(file), ": ", std::strerror(errno)));
}

void Print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void PrintSchema(const wire::KnownSchema& schema) {
  Print(FLAGS_format == "json" ? SchemaJson(schema) : SchemaText(schema));
}

int ShowOne(const Words& words, const Arguments& arguments) {
  auto schema = IsDigest(words[0]) ? FetchByDigest(words[0])
                                   : ReadFiles(words, arguments);
  if (!schema.ok()) return Fail("schema", schema.status());
  if (arguments.Given("output")) {
    absl::Status written = WriteFile(FLAGS_output, (*schema)->descriptor_set());
    if (!written.ok()) return Fail("schema", written);
  }
  if (FLAGS_canonical) {
    Print((*schema)->CanonicalText());
  } else {
    PrintSchema(Describe(**schema));
  }
  return FinishOutput("schema");
}

int ShowAll(const Arguments& arguments) {
  if (FLAGS_canonical || arguments.Given("output")) {
    return FailUsage("schema",
                     "show: --canonical and --output go with FILE or DIGEST");
  }
  absl::StatusOr<Client> client = ConnectAs("schema");
  if (!client.ok()) return Fail("schema", client.status());
  auto known = ListSchemas(AdminCallOf(&*client), 0, Timeout());
  if (!known.ok()) return Fail("schema", known.status());
  for (const wire::KnownSchema& schema : *known) PrintSchema(schema);
  if (known->empty() && FLAGS_format == "text") {
    Print("the broker knows no schemas\n");
  }
  return FinishOutput("schema");
}

int RunShow(const Words& words, const Arguments& arguments) {
  if (words.empty()) return ShowAll(arguments);
  if (words.size() > 1 && std::any_of(words.begin(), words.end(), IsDigest)) {
    return FailUsage("schema", "show: allowed one DIGEST, without FILE");
  }
  return ShowOne(words, arguments);
}

int Run(const Arguments& arguments) {
  const std::string& what = arguments.words[0];
  const Words words(arguments.words.begin() + 1, arguments.words.end());
  if (what == "show") return RunShow(words, arguments);
  for (const char* flag : {"canonical", "output", "format"}) {
    if (!arguments.Given(flag)) continue;
    return FailUsage("schema", absl::StrCat("--", flag, " goes with show"));
  }
  if (what == "digest") return RunDigest(words, arguments);
  if (what == "check") return RunCheck(words, arguments);
  return FailUsage("schema", absl::StrCat("\"", Readable(what),
                                          "\": allowed digest, show or check"));
}

}  // namespace

Command SchemaCommand() {
  Command command = {
      .name = "schema",
      .summary = "compare message types, show what a broker knows",
      .help = kHelp,
      .arguments = 1,
      .optional = 1'000,
      .first = "digest, show or check",
      .flags = BrokerFlags("5000"),
      .run = Run};
  command.flags.insert(command.flags.begin(),
                       {{.name = "canonical"},
                        {.name = "output"},
                        {.name = "format", .choices = {"text", "json"}},
                        {.name = "I"}});
  return command;
}

}  // namespace mycelium::cli
