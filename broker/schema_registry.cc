#include "broker/schema_registry.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mycelium::broker {
namespace {

constexpr char kSubject[] = "schema: ";

}  // namespace

// Of a refusal: each once, and not more than anybody reads.
class SchemaRegistry::Lines {
 public:
  explicit Lines(const std::string& subject) : subject_(subject) {}

  void Add(std::string line) {
    const auto [it, is_new] = found_.insert(std::move(line));
    if (!is_new || found_.size() > kSchemaOffencesMax) return;
    if (!text_.empty()) text_ += "\n";
    text_ += subject_ + *it;
  }
  bool full() const { return found_.size() >= kSchemaOffencesFoundMax; }

  std::string Text() const {
    if (found_.size() <= kSchemaOffencesMax) return text_;
    return text_ + "\n" + subject_ + "and " + (full() ? "at least " : "") +
           std::to_string(found_.size() - kSchemaOffencesMax) + " more";
  }

 private:
  const std::string subject_;
  std::set<std::string> found_;
  std::string text_;
};

bool SchemaRegistry::Configure(const std::vector<DescriptorSetFile>& files,
                               std::string* why) {
  why->clear();
  std::set<Digest> added;
  uint64_t bytes = 0;
  for (const DescriptorSetFile& file : files) {
    if (Find(file.schema->digest()) != nullptr ||
        !added.insert(file.schema->digest()).second) {
      continue;
    }
    bytes += file.schema->descriptor_set().size();
    *why = Offences(*file.schema, /*open=*/true,
                    "schema.descriptor_set: \"" + file.path + "\": ");
    if (!why->empty()) return false;
  }
  // Limits that are below what is known hold for what comes.
  if (!added.empty()) *why = LackOfRoom(added.size(), bytes);
  if (!why->empty()) return false;
  for (const DescriptorSetFile& file : files) {
    const auto it = by_digest_.find(file.schema->digest());
    if (it == by_digest_.end()) {
      Add(file.schema, file.path);
    } else if (it->second->source.empty()) {
      it->second->source = file.path;
    }
  }
  return true;
}

const KnownSchema* SchemaRegistry::Find(const Digest& digest) const {
  const auto it = by_digest_.find(digest);
  return it == by_digest_.end() ? nullptr : it->second;
}

const KnownSchema* SchemaRegistry::Hold(const Digest& digest) {
  const auto it = by_digest_.find(digest);
  if (it == by_digest_.end()) return nullptr;
  ++it->second->sessions;
  return it->second;
}

const KnownSchema* SchemaRegistry::Admit(const Digest& named,
                                         std::string_view descriptor_set,
                                         bool open, std::string* why) {
  // Two sessions may have been asked before either of them has told.
  if (const KnownSchema* const known = Hold(named); known != nullptr) {
    return known;
  }
  if (descriptor_set.size() > limits_.schema_bytes_max) {
    *why = std::string(kSubject) + "descriptor set of " +
           std::to_string(descriptor_set.size()) + " bytes, schema_bytes_max " +
           std::to_string(limits_.schema_bytes_max);
    return nullptr;
  }
  std::shared_ptr<const Schema> schema = Schema::Parse(descriptor_set, why);
  if (schema == nullptr) return nullptr;
  if (schema->digest() != named) {
    *why = std::string(kSubject) + "the descriptor set has the digest " +
           DigestText(schema->digest()) + ", HELLO named " + DigestText(named);
    return nullptr;
  }
  *why = Offences(*schema, open, kSubject);
  if (why->empty()) *why = LackOfRoom(1, descriptor_set.size());
  if (!why->empty()) return nullptr;
  KnownSchema* const known = Add(std::move(schema), "");
  known->sessions = 1;
  return known;
}

bool SchemaRegistry::Release(const KnownSchema* known) {
  KnownSchema& held = by_number_.at(known->number);
  if (--held.sessions > 0 || !held.source.empty()) return false;
  bytes_ -= held.schema->descriptor_set().size();
  by_digest_.erase(held.schema->digest());
  KeepAsPast(std::move(by_number_.extract(held.number).mapped()));
  return true;
}

void SchemaRegistry::AddAway(const KnownSchema* known, int change) {
  by_number_.at(known->number).away += static_cast<uint32_t>(change);
}

void SchemaRegistry::ErasePast(const Digest& digest) {
  std::erase_if(past_, [&](const auto& past) {
    return past.second.schema->digest() == digest;
  });
}

void SchemaRegistry::KeepAsPast(KnownSchema known) {
  const uint64_t number = known.number;
  past_.emplace(number, std::move(known));
  uint64_t bytes = 0;
  for (const auto& [n, past] : past_) {
    bytes += past.schema->descriptor_set().size();
  }
  while (past_.size() > kPastSchemasMax || bytes > kPastSchemasBytesMax) {
    bytes -= past_.begin()->second.schema->descriptor_set().size();
    past_.erase(past_.begin());
  }
}

KnownSchema* SchemaRegistry::Add(std::shared_ptr<const Schema> schema,
                                 std::string source) {
  KnownSchema& known = by_number_[++last_number_];
  known = {last_number_, std::move(schema), std::move(source), 0};
  ErasePast(known.schema->digest());
  by_digest_.emplace(known.schema->digest(), &known);
  bytes_ += known.schema->descriptor_set().size();
  return &known;
}

std::string SchemaRegistry::Offences(const Schema& schema, bool open,
                                     const std::string& subject) const {
  Lines lines(subject);
  for (const auto& [number, known] : by_number_) {
    for (std::string& line :
         Incompatibilities({schema, "here"}, {*known.schema, where_},
                           kSchemaOffencesFoundMax)) {
      lines.Add(std::move(line));
    }
    if (lines.full()) break;
  }
  if (!open) FindUnknownTypes(schema, &lines);
  return lines.Text();
}

void SchemaRegistry::FindUnknownTypes(const Schema& schema,
                                      Lines* lines) const {
  std::vector<bool> known_ids(size_t{UINT16_MAX} + 1);
  for (const auto& [number, known] : by_number_) {
    for (const auto& type : known.schema->types()) {
      known_ids[type.type_id] = true;
    }
  }
  for (const Schema::MessageType& type : schema.types()) {
    if (lines->full()) return;
    // A known name under another id has been reported as that.
    if (known_ids[type.type_id] || HasType(type.name)) continue;
    lines->Add(type.name + " (type " + std::to_string(type.type_id) +
               ") is not known " + where_ +
               ", which learns types only where "
               "schema.open is true");
  }
}

bool SchemaRegistry::HasType(const std::string& name) const {
  return std::any_of(by_number_.begin(), by_number_.end(), [&](const auto& k) {
    return k.second.schema->FindType(name) != nullptr;
  });
}

std::string SchemaRegistry::LackOfRoom(uint64_t schemas, uint64_t bytes) const {
  if (by_number_.size() + schemas > limits_.schemas_max) {
    return kSubject + std::to_string(by_number_.size()) + " schemas are known" +
           (schemas > 1 ? ", " + std::to_string(schemas) + " more" : "") +
           ", schemas_max " + std::to_string(limits_.schemas_max);
  }
  if (bytes_ + bytes > limits_.schemas_bytes_max) {
    return kSubject + std::to_string(bytes_) + " bytes of schemas are known, " +
           std::to_string(bytes) + " more, schemas_bytes_max " +
           std::to_string(limits_.schemas_bytes_max);
  }
  return {};
}

}  // namespace mycelium::broker
