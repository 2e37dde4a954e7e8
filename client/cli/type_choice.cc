#include "client/cli/type_choice.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/broker_schemas.h"
#include "client/cli/payload_text.h"
#include "client/cli/schema_files.h"

namespace mycelium::cli {
namespace {

constexpr size_t kNamesShown = 10;

const Schema::MessageType* Find(const TypeWord& word, const Schema& schema) {
  return word.name.empty() ? schema.FindType(word.type_id)
                           : schema.FindType(word.name);
}

// Somebody is held to it.
bool InForce(const wire::KnownSchema& schema) {
  return schema.sessions() > 0 || !schema.source().empty();
}

bool Has(const wire::KnownSchema& schema, const TypeWord& word) {
  return std::any_of(schema.types().begin(), schema.types().end(),
                     [&](const wire::KnownMessageType& type) {
                       return word.name.empty() ? type.type_id() == word.type_id
                                                : type.name() == word.name;
                     });
}

// "chat.Answer, chat.Question"; "no message types".
std::string NamesText(const std::set<std::string>& names) {
  if (names.empty()) return "no message types";
  std::string text;
  size_t shown = 0;
  for (const std::string& name : names) {
    if (++shown > kNamesShown) break;
    absl::StrAppend(&text, text.empty() ? "" : ", ", Readable(name));
  }
  if (names.size() <= kNamesShown) return text;
  return absl::StrCat(text, " and ", names.size() - kNamesShown, " more");
}

}  // namespace

std::vector<FlagRule> SchemaFlags() {
  return {{.name = "schema"}, {.name = "I"}};
}

absl::StatusOr<std::shared_ptr<const Schema>> SchemaOfFlags(
    const Arguments& arguments) {
  const std::vector<std::string> files = arguments.Values("schema");
  if (files.empty()) return nullptr;
  return ReadSchemaFiles(files, arguments.Values("I"));
}

absl::StatusOr<TypeChoice> ChooseType(const TypeWord& word,
                                      std::shared_ptr<const Schema> schema) {
  const Schema::MessageType* type = Find(word, *schema);
  if (type != nullptr) return TypeChoice{std::move(schema), type};
  std::set<std::string> names;
  for (const Schema::MessageType& known : schema->types()) {
    names.insert(known.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      word.text(), ": not in --schema, which has ", NamesText(names)));
}

absl::StatusOr<TypeChoice> ChooseTypeAtBroker(const TypeWord& word,
                                              const std::string& command,
                                              const Timeout& timeout) {
  absl::StatusOr<Client> client = ConnectAs(command);
  if (!client.ok()) return client.status();
  const AdminCall call = AdminCallOf(&*client);
  absl::StatusOr<std::vector<wire::KnownSchema>> known =
      ListSchemas(call, 0, timeout);
  if (!known.ok()) return known.status();
  // Those of the past come last.
  std::stable_partition(known->begin(), known->end(),
                        [](const auto& schema) { return !InForce(schema); });
  const auto newest =
      std::find_if(known->rbegin(), known->rend(),
                   [&](const auto& schema) { return Has(schema, word); });
  if (newest == known->rend()) {
    std::set<std::string> names;
    for (const wire::KnownSchema& schema : *known) {
      for (const auto& type : schema.types()) names.insert(type.name());
    }
    return absl::NotFoundError(
        absl::StrCat(word.text(), ": unknown to the broker, which knows ",
                     NamesText(names), "; --schema FILE brings it"));
  }
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      FetchSchema(call, *ToDigest(newest->schema_digest()), timeout);
  if (!schema.ok()) return schema.status();
  return ChooseType(word, *std::move(schema));
}

}  // namespace mycelium::cli
