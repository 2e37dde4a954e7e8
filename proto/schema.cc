#include "proto/schema.h"

#include <sha2.h>

#include <algorithm>
#include <cstring>
#include <protozero/exception.hpp>
#include <set>
#include <tuple>
#include <utility>

#include "config/limits.h"
#include "proto/schema_definitions.h"

namespace mycelium {
namespace {

using schema_internal::Definition;
using schema_internal::DefinitionMap;
using schema_internal::Fault;
using schema_internal::Field;
using schema_internal::kCardinalityNames;
using schema_internal::kKindNames;

std::string Block(const std::string& name, const Definition& definition) {
  std::string text(kKindNames[static_cast<size_t>(definition.kind)]);
  text += " " + name + "\n";
  for (const Field& field : definition.fields) {
    text +=
        std::to_string(field.number) + " " + field.name + " " +
        std::string(kCardinalityNames[static_cast<size_t>(field.cardinality)]) +
        " " + field.TypeText();
    if (!field.oneof.empty()) text += " oneof " + field.oneof;
    text += "\n";
  }
  for (const auto& [number, value] : definition.values) {
    text += std::to_string(number) + " " + value + "\n";
  }
  return text;
}

// `name` and all that it refers to, sorted.
std::set<std::string_view> Closure(const DefinitionMap& all,
                                   const std::string& name) {
  std::set<std::string_view> found{name};
  std::vector<std::string_view> open{name};
  while (!open.empty()) {
    const Definition& definition = all.find(open.back())->second;
    open.pop_back();
    for (const Field& field : definition.fields) {
      if (field.refers() && found.insert(field.type_name).second) {
        open.push_back(field.type_name);
      }
    }
  }
  return found;
}

std::string TypeText(const DefinitionMap& all,
                     const Schema::MessageType& type) {
  std::string text = "mycelium message type 1\n" +
                     std::to_string(type.type_id) + " " + type.name + "\n";
  for (const std::string_view name : Closure(all, type.name)) {
    const auto it = all.find(name);
    text += Block(it->first, it->second);
  }
  return text;
}

std::string HexText(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string DigestText(const Digest& digest) { return "m1:" + HexText(digest); }

std::optional<Digest> ToDigest(std::string_view bytes) {
  Digest digest;
  if (bytes.size() != digest.size()) return std::nullopt;
  std::memcpy(digest.data(), bytes.data(), digest.size());
  return digest;
}

Digest Sha256(std::string_view bytes) {
  SHA2_CTX context;
  SHA256Init(&context);
  SHA256Update(&context, reinterpret_cast<const uint8_t*>(bytes.data()),
               bytes.size());
  Digest digest;
  SHA256Final(digest.data(), &context);
  return digest;
}

Schema::Schema(std::string descriptor_set,
               std::unique_ptr<Definitions> definitions)
    : descriptor_set_(std::move(descriptor_set)),
      definitions_(std::move(definitions)) {
  size_t canonical_bytes = 0;
  for (const auto& [name, definition] : definitions_->all) {
    if (definition.type_id == 0) continue;
    MessageType type{static_cast<uint16_t>(definition.type_id), name, {}};
    const std::string text = TypeText(definitions_->all, type);
    canonical_bytes += text.size();
    if (canonical_bytes > kSchemaCanonicalBytesMax) {
      throw Fault{"its canonical form is longer than " +
                  std::to_string(kSchemaCanonicalBytesMax) + " bytes"};
    }
    type.fingerprint = Sha256(text);
    types_.push_back(std::move(type));
  }
  std::sort(types_.begin(), types_.end(),
            [](const MessageType& a, const MessageType& b) {
              return std::tie(a.type_id, a.name) < std::tie(b.type_id, b.name);
            });
  for (size_t i = 1; i < types_.size(); ++i) {
    if (types_[i - 1].type_id == types_[i].type_id) {
      throw Fault{types_[i - 1].name + " and " + types_[i].name +
                  " both have the type_id " +
                  std::to_string(types_[i].type_id)};
    }
  }
  for (const MessageType& type : types_) {
    if (definitions_->all.at(type.name).reachable) continue;
    for (const std::string_view name : Closure(definitions_->all, type.name)) {
      definitions_->all.find(name)->second.reachable = true;
    }
  }
  // What no message type reaches says nothing, and may be most of it.
  std::erase_if(definitions_->all,
                [](const auto& named) { return !named.second.reachable; });
  digest_ = Sha256(CanonicalText());
}

Schema::~Schema() = default;

std::shared_ptr<const Schema> Schema::Parse(std::string_view descriptor_set,
                                            std::string* why) {
  try {
    auto definitions = std::make_unique<Definitions>();
    definitions->all = schema_internal::ReadDefinitions(descriptor_set);
    return std::shared_ptr<const Schema>(
        new Schema(std::string(descriptor_set), std::move(definitions)));
  } catch (const Fault& fault) {
    *why = "schema: " + fault.text;
  } catch (const protozero::exception&) {
    *why = "schema: " + std::to_string(descriptor_set.size()) +
           " bytes that are not a google.protobuf.FileDescriptorSet";
  }
  return nullptr;
}

const Schema::MessageType* Schema::FindType(uint16_t type_id) const {
  const auto it = std::lower_bound(
      types_.begin(), types_.end(), type_id,
      [](const MessageType& type, uint16_t id) { return type.type_id < id; });
  return it != types_.end() && it->type_id == type_id ? &*it : nullptr;
}

const Schema::MessageType* Schema::FindType(std::string_view name) const {
  const auto it = definitions_->all.find(name);
  if (it == definitions_->all.end() || it->second.type_id == 0) return nullptr;
  return FindType(static_cast<uint16_t>(it->second.type_id));
}

std::string Schema::CanonicalText() const {
  std::string text = "mycelium schema 1\n";
  for (const MessageType& type : types_) {
    text += std::to_string(type.type_id) + " " + type.name + " " +
            HexText(type.fingerprint) + "\n";
  }
  return text;
}

std::string Schema::CanonicalText(const MessageType& type) const {
  return TypeText(definitions_->all, type);
}

}  // namespace mycelium
