#include "proto/schema.h"

#include <sha2.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "config/limits.h"

namespace mycelium {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint32_t kNumberMax = (1 << 29) - 1;  // of a field
// (mycelium.type_id) of proto/mycelium/options.proto.
constexpr uint32_t kTypeIdOption = 51742;

// FieldDescriptorProto.Type.
constexpr uint8_t kGroup = 10;
constexpr uint8_t kMessage = 11;
constexpr uint8_t kEnum = 14;
constexpr std::array<std::string_view, 19> kTypeNames = {
    "",        "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
    "fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
    "enum",    "sfixed32", "sfixed64", "sint32", "sint64"};
// Types of the same number are the same bytes; 0: only what is equal.
constexpr std::array<uint8_t, 19> kWireGroups = {0, 0, 0, 1, 1, 1, 4, 3, 1, 0,
                                                 0, 0, 0, 1, 0, 3, 4, 2, 2};

enum class Cardinality : uint8_t { kImplicit, kOptional, kRequired, kRepeated };
constexpr std::array<std::string_view, 4> kCardinalityNames = {
    "implicit", "optional", "required", "repeated"};

struct Range {
  int64_t first;
  int64_t last;  // included
};

struct Field {
  uint32_t number = 0;
  uint8_t type = 0;
  Cardinality cardinality = Cardinality::kImplicit;
  std::string name;
  std::string oneof;      // empty: in none
  std::string type_name;  // full, of a message or enum

  bool refers() const { return !type_name.empty(); }
  std::string TypeText() const {
    return refers() ? std::string(kTypeNames[type]) + " " + type_name
                    : std::string(kTypeNames[type]);
  }
};

struct Definition {
  enum class Kind : uint8_t { kMessage, kMap, kEnum, kClosedEnum };

  Kind kind = Kind::kMessage;
  uint32_t type_id = 0;
  std::vector<Field> fields;                            // by number
  std::vector<std::pair<int32_t, std::string>> values;  // of an enum, sorted
  std::vector<Range> reserved;
  bool reachable = false;  // from a message type

  bool is_enum() const {
    return kind == Kind::kEnum || kind == Kind::kClosedEnum;
  }
};
constexpr std::array<std::string_view, 4> kKindNames = {"message", "map",
                                                        "enum", "closed enum"};

// By full name.
using DefinitionMap = std::map<std::string, Definition, std::less<>>;

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

// --- Reading descriptors
// ------------------------------------------------------

// What is wrong, without its subject.
struct Fault {
  std::string text;
};

// Names end up in the canonical form, which parts them by spaces.
bool ValidName(std::string_view name) {
  return !name.empty() && name.size() <= kSchemaNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

std::string TakeName(pbf_reader* reader, std::string_view what) {
  const protozero::data_view view = reader->get_view();
  const std::string_view name(view.data(), view.size());
  if (!ValidName(name)) {
    throw Fault{"a name of " + std::to_string(name.size()) + " bytes for " +
                std::string(what) + ", allowed 1 to " +
                std::to_string(kSchemaNameBytesMax) + " of A-Z a-z 0-9 _ ."};
  }
  return std::string(name);
}

// FileDescriptorProto and what is in it.
class FileReader {
 public:
  explicit FileReader(DefinitionMap* definitions) : definitions_(definitions) {}

  void Read(pbf_reader file) {
    // What stands inside is named by the package and judged by the syntax,
    // which may come behind it.
    std::string package, syntax = "proto2";
    for (pbf_reader reader = file; reader.next();) {
      if (reader.tag_and_type() == Text(2)) {
        package = TakeName(&reader, "a package") + ".";
      } else if (reader.tag_and_type() == Text(12)) {
        syntax = reader.get_string();
      } else {
        reader.skip();
      }
    }
    if (syntax != "proto2" && syntax != "proto3") {
      throw Fault{"a syntax that is neither proto2 nor proto3"};
    }
    proto3_ = syntax == "proto3";
    while (file.next()) {
      if (file.tag_and_type() == Text(4)) {
        ReadMessage(file.get_message(), package, 1);
      } else if (file.tag_and_type() == Text(5)) {
        ReadEnum(file.get_message(), package);
      } else {
        file.skip();
      }
    }
  }

 private:
  static constexpr uint32_t Text(uint32_t tag) {
    return protozero::tag_and_type(tag, pbf_wire_type::length_delimited);
  }
  static constexpr uint32_t Number(uint32_t tag) {
    return protozero::tag_and_type(tag, pbf_wire_type::varint);
  }

  void Add(std::string name, Definition definition) {
    if (!definitions_->emplace(name, std::move(definition)).second) {
      throw Fault{name + " is defined twice"};
    }
  }

  static std::string NameOf(pbf_reader definition, const std::string& scope) {
    std::string name;
    while (definition.next()) {
      if (definition.tag_and_type() == Text(1)) {
        name = TakeName(&definition, "a definition");
      } else {
        definition.skip();
      }
    }
    if (name.empty()) throw Fault{"a definition without a name"};
    // Else names within names could grow far beyond the bytes they came in.
    if (scope.size() + name.size() > kSchemaNameBytesMax) {
      throw Fault{"a full name of " +
                  std::to_string(scope.size() + name.size()) +
                  " bytes, allowed " + std::to_string(kSchemaNameBytesMax)};
    }
    return scope + name;
  }

  void ReadMessage(pbf_reader message, const std::string& scope, int depth) {
    if (depth > kSchemaNestingMax) {
      throw Fault{"messages nested deeper than " +
                  std::to_string(kSchemaNestingMax)};
    }
    const std::string name = NameOf(message, scope);
    Definition definition;
    std::vector<std::string> oneofs;
    std::vector<int32_t> oneof_of;  // of each field, -1: none
    while (message.next()) {
      switch (message.tag_and_type()) {
        case Text(2): {
          int32_t oneof = -1;
          definition.fields.push_back(ReadField(message.get_message(), &oneof));
          oneof_of.push_back(oneof);
          break;
        }
        case Text(3):
          ReadMessage(message.get_message(), name + ".", depth + 1);
          break;
        case Text(4):
          ReadEnum(message.get_message(), name + ".");
          break;
        case Text(7):
          ReadMessageOptions(message.get_message(), &definition);
          break;
        case Text(8):
          oneofs.push_back(NameOf(message.get_message(), ""));
          break;
        case Text(9):
          // ReservedRange.end is exclusive.
          definition.reserved.push_back(ReadRange(message.get_message(), 1));
          break;
        default:
          message.skip();
      }
    }
    for (size_t i = 0; i < oneof_of.size(); ++i) {
      if (oneof_of[i] < 0) continue;
      if (static_cast<size_t>(oneof_of[i]) >= oneofs.size()) {
        throw Fault{name + " has no oneof " + std::to_string(oneof_of[i])};
      }
      definition.fields[i].oneof = oneofs[oneof_of[i]];
    }
    SortFields(name, &definition.fields);
    Add(name, std::move(definition));
  }

  static void SortFields(const std::string& message,
                         std::vector<Field>* fields) {
    std::sort(
        fields->begin(), fields->end(),
        [](const Field& a, const Field& b) { return a.number < b.number; });
    for (size_t i = 1; i < fields->size(); ++i) {
      if ((*fields)[i - 1].number == (*fields)[i].number) {
        throw Fault{message + " has field " +
                    std::to_string((*fields)[i].number) + " twice"};
      }
    }
  }

  Field ReadField(pbf_reader reader, int32_t* oneof) {
    Field field;
    uint64_t number = 0, type = 0, label = 1;
    bool proto3_optional = false;
    while (reader.next()) {
      switch (reader.tag_and_type()) {
        case Text(1):
          field.name = TakeName(&reader, "a field");
          break;
        case Number(3):
          number = reader.get_uint64();
          break;
        case Number(4):
          label = reader.get_uint64();
          break;
        case Number(5):
          type = reader.get_uint64();
          break;
        case Text(6):
          field.type_name = reader.get_string();
          break;
        case Number(9):
          *oneof = static_cast<int32_t>(
              std::min<uint64_t>(reader.get_uint64(), INT32_MAX));
          break;
        case Number(17):
          proto3_optional = reader.get_bool();
          break;
        default:
          reader.skip();
      }
    }
    if (field.name.empty()) throw Fault{"a field without a name"};
    if (number == 0 || number > kNumberMax) {
      throw Fault{"field " + field.name + " has the number " +
                  std::to_string(number) + ", allowed 1 to " +
                  std::to_string(kNumberMax)};
    }
    if (type == 0 || type >= kTypeNames.size() || label == 0 || label > 3) {
      throw Fault{"field " + field.name + " has type " + std::to_string(type) +
                  " and label " + std::to_string(label) +
                  ", allowed 1 to 18 and 1 to 3"};
    }
    field.number = static_cast<uint32_t>(number);
    field.type = static_cast<uint8_t>(type);
    // A synthetic oneof is only how presence is written down.
    if (proto3_optional) *oneof = -1;
    field.cardinality = CardinalityOf(field, label, proto3_optional, *oneof);
    TakeTypeName(&field);
    return field;
  }

  Cardinality CardinalityOf(const Field& field, uint64_t label,
                            bool proto3_optional, int32_t oneof) const {
    if (label == 3) return Cardinality::kRepeated;
    if (label == 2) return Cardinality::kRequired;
    const bool explicit_presence = !proto3_ || proto3_optional || oneof >= 0 ||
                                   field.type == kMessage ||
                                   field.type == kGroup;
    return explicit_presence ? Cardinality::kOptional : Cardinality::kImplicit;
  }

  static void TakeTypeName(Field* field) {
    const bool refers = field->type == kGroup || field->type == kMessage ||
                        field->type == kEnum;
    if (!refers) {
      field->type_name.clear();
      return;
    }
    if (field->type_name.size() < 2 || field->type_name[0] != '.') {
      throw Fault{"field " + field->name +
                  " has no type name that begins with a dot"};
    }
    field->type_name.erase(0, 1);
    if (!ValidName(field->type_name)) {
      throw Fault{"field " + field->name + " has a type name of " +
                  std::to_string(field->type_name.size()) +
                  " bytes that no definition can have"};
    }
  }

  static void ReadMessageOptions(pbf_reader options, Definition* definition) {
    while (options.next()) {
      if (options.tag_and_type() == Number(7)) {  // map_entry
        if (options.get_bool()) definition->kind = Definition::Kind::kMap;
      } else if (options.tag_and_type() == Number(kTypeIdOption)) {
        const uint64_t type_id = options.get_uint64();
        if (type_id == 0 || type_id > UINT16_MAX) {
          throw Fault{"a type_id of " + std::to_string(type_id) +
                      ", allowed 1 to 65535"};
        }
        definition->type_id = static_cast<uint32_t>(type_id);
      } else {
        options.skip();
      }
    }
  }

  // `beyond`: how far its second number is behind the last that is meant.
  static Range ReadRange(pbf_reader reader, int64_t beyond) {
    Range range{0, 0};
    while (reader.next()) {
      if (reader.tag_and_type() == Number(1)) {
        range.first = reader.get_int32();
      } else if (reader.tag_and_type() == Number(2)) {
        range.last = int64_t{reader.get_int32()} - beyond;
      } else {
        reader.skip();
      }
    }
    return range;
  }

  void ReadEnum(pbf_reader reader, const std::string& scope) {
    const std::string name = NameOf(reader, scope);
    Definition definition;
    definition.kind =
        proto3_ ? Definition::Kind::kEnum : Definition::Kind::kClosedEnum;
    while (reader.next()) {
      if (reader.tag_and_type() == Text(2)) {
        pbf_reader value = reader.get_message();
        const std::string value_name = NameOf(value, "");
        int32_t number = 0;
        while (value.next()) {
          if (value.tag_and_type() == Number(2)) {
            number = value.get_int32();
          } else {
            value.skip();
          }
        }
        definition.values.emplace_back(number, value_name);
      } else if (reader.tag_and_type() == Text(4)) {
        // EnumReservedRange.end is inclusive.
        definition.reserved.push_back(ReadRange(reader.get_message(), 0));
      } else {
        reader.skip();
      }
    }
    std::sort(definition.values.begin(), definition.values.end());
    Add(name, std::move(definition));
  }

  DefinitionMap* const definitions_;
  bool proto3_ = false;
};

// Every type name is a definition of its kind.
void CheckReferences(const DefinitionMap& definitions) {
  for (const auto& [name, definition] : definitions) {
    for (const Field& field : definition.fields) {
      if (!field.refers()) continue;
      const auto it = definitions.find(field.type_name);
      if (it == definitions.end() ||
          it->second.is_enum() != (field.type == kEnum)) {
        throw Fault{name + "." + field.name + " refers to the " +
                    std::string(kTypeNames[field.type]) + " " +
                    field.type_name + ", which the descriptor set lacks"};
      }
    }
  }
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

// --- Schema
// -------------------------------------------------------------------

class Schema::Definitions {
 public:
  DefinitionMap all;

  // `name` and all that it refers to, sorted.
  std::set<std::string_view> Closure(const std::string& name) const {
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

  std::string TypeText(const MessageType& type) const {
    std::string text = "mycelium message type 1\n" +
                       std::to_string(type.type_id) + " " + type.name + "\n";
    for (const std::string_view name : Closure(type.name)) {
      const auto it = all.find(name);
      text += Block(it->first, it->second);
    }
    return text;
  }
};

Schema::Schema(std::string descriptor_set,
               std::unique_ptr<Definitions> definitions)
    : descriptor_set_(std::move(descriptor_set)),
      definitions_(std::move(definitions)) {
  size_t canonical_bytes = 0;
  for (const auto& [name, definition] : definitions_->all) {
    if (definition.type_id == 0) continue;
    MessageType type{static_cast<uint16_t>(definition.type_id), name, {}};
    const std::string text = definitions_->TypeText(type);
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
    for (const std::string_view name : definitions_->Closure(type.name)) {
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
    FileReader reader(&definitions->all);
    pbf_reader set(descriptor_set.data(), descriptor_set.size());
    while (set.next()) {
      if (set.tag_and_type() ==
          protozero::tag_and_type(1, pbf_wire_type::length_delimited)) {
        reader.Read(set.get_message());
      } else {
        set.skip();
      }
    }
    CheckReferences(definitions->all);
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
  return definitions_->TypeText(type);
}

// --- Comparing
// ----------------------------------------------------------------

// Collects what does not go together; used once.
class SchemaComparison {
 public:
  SchemaComparison(const NamedSchema& here, const NamedSchema& there,
                   size_t lines_max)
      : here_(here), there_(there), lines_max_(lines_max) {}

  void CompareBothWays() {
    CompareTypes();
    ForEachPair([this](const std::string& name, const Definition& here,
                       const Definition& there) {
      for (const Field& field : here.fields) {
        if (offences_.size() >= lines_max_) return;
        const Field* const other = FindField(there, field.number);
        if (other != nullptr) CompareFields(name, field, *other);
      }
    });
  }

  // What `there` had and `here` has no more.
  void FindRemovals() {
    for (const Schema::MessageType& type : there_.schema.types()) {
      if (here_.schema.FindType(type.type_id) != nullptr ||
          here_.schema.FindType(type.name) != nullptr) {
        continue;
      }
      Report("message type " + std::to_string(type.type_id) + ", " + type.name +
             ", is absent " + std::string(here_.where) + ", present " +
             std::string(there_.where) + " (MESSAGE_NO_DELETE)");
    }
    ForEachPair([this](const std::string& name, const Definition& here,
                       const Definition& there) {
      FindRemovedNumbers(name, here, there);
    });
  }

  std::vector<std::string> Take() { return std::move(offences_); }

 private:
  void Report(std::string offence) {
    if (offences_.size() < lines_max_) offences_.push_back(std::move(offence));
  }

  // "`subject` is `here` here, `there` at the broker (`rule`)".
  void Report(const std::string& subject, const std::string& here,
              const std::string& there, const std::string& rule) {
    Report(subject + " is " + here + " " + std::string(here_.where) + ", " +
           there + " " + std::string(there_.where) + " (" + rule + ")");
  }

  // Walks the smaller one: a schema may be compared with hundreds.
  template <typename Compare>
  void ForEachPair(Compare compare) {
    const DefinitionMap& ours = here_.schema.definitions_->all;
    const DefinitionMap& theirs = there_.schema.definitions_->all;
    const bool ours_lead = ours.size() < theirs.size();
    const DefinitionMap& larger = ours_lead ? theirs : ours;
    for (const auto& [name, definition] : ours_lead ? ours : theirs) {
      const auto other = larger.find(name);
      if (other == larger.end() ||
          other->second.is_enum() != definition.is_enum()) {
        continue;
      }
      compare(name, ours_lead ? definition : other->second,
              ours_lead ? other->second : definition);
    }
  }

  static const Field* FindField(const Definition& definition, uint32_t number) {
    const auto it = std::lower_bound(
        definition.fields.begin(), definition.fields.end(), number,
        [](const Field& field, uint32_t n) { return field.number < n; });
    return it != definition.fields.end() && it->number == number ? &*it
                                                                 : nullptr;
  }

  void CompareTypes() {
    const Schema& ours = here_.schema;
    const Schema& theirs = there_.schema;
    for (const Schema::MessageType& type :
         ours.types().size() < theirs.types().size() ? ours.types()
                                                     : theirs.types()) {
      const Schema::MessageType* here = ours.FindType(type.type_id);
      const Schema::MessageType* there = theirs.FindType(type.type_id);
      if (here != nullptr && there != nullptr && here->name != there->name) {
        Report("message type " + std::to_string(type.type_id), here->name,
               there->name, "MESSAGE_SAME_NAME");
      }
      here = ours.FindType(type.name);
      there = theirs.FindType(type.name);
      if (here != nullptr && there != nullptr &&
          here->type_id != there->type_id) {
        Report(type.name, "message type " + std::to_string(here->type_id),
               "message type " + std::to_string(there->type_id),
               "MESSAGE_SAME_TYPE_ID");
      }
    }
  }

  void CompareFields(const std::string& message, const Field& here,
                     const Field& there) {
    const auto report = [&](const std::string& ours, const std::string& theirs,
                            const std::string& rule) {
      Report(message + "." + here.name, ours, theirs,
             "field " + std::to_string(here.number) + ", " + rule);
    };
    if (!SameBytes(here, there)) {
      report(here.TypeText(), there.TypeText(), "FIELD_WIRE_COMPATIBLE_TYPE");
    }
    if (!SameCount(here.cardinality, there.cardinality)) {
      const auto name = [](const Field& f) {
        return std::string(
            kCardinalityNames[static_cast<size_t>(f.cardinality)]);
      };
      report(name(here), name(there), "FIELD_WIRE_COMPATIBLE_CARDINALITY");
    }
    if (here.oneof != there.oneof) {
      const auto place = [](const Field& f) {
        return f.oneof.empty() ? std::string("outside of any oneof")
                               : "in oneof " + f.oneof;
      };
      report(place(here), place(there), "FIELD_SAME_ONEOF");
    }
  }

  static bool SameBytes(const Field& a, const Field& b) {
    if (a.refers() || b.refers()) {
      return a.type == b.type && a.type_name == b.type_name;
    }
    return a.type == b.type || (kWireGroups[a.type] != 0 &&
                                kWireGroups[a.type] == kWireGroups[b.type]);
  }

  static bool SameCount(Cardinality a, Cardinality b) {
    const auto single = [](Cardinality c) {
      return c == Cardinality::kImplicit || c == Cardinality::kOptional;
    };
    return a == b || (single(a) && single(b));
  }

  static bool IsReserved(const Definition& definition, int64_t number) {
    return std::any_of(definition.reserved.begin(), definition.reserved.end(),
                       [number](const Range& range) {
                         return range.first <= number && number <= range.last;
                       });
  }

  void FindRemovedNumbers(const std::string& name, const Definition& here,
                          const Definition& there) {
    const std::string tail = " is absent and not reserved " +
                             std::string(here_.where) + ", present " +
                             std::string(there_.where) + " (";
    for (const Field& field : there.fields) {
      if (FindField(here, field.number) != nullptr ||
          IsReserved(here, field.number)) {
        continue;
      }
      Report(name + "." + field.name + tail + "field " +
             std::to_string(field.number) +
             ", FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED)");
    }
    for (const auto& [number, value] : there.values) {
      const bool kept = std::any_of(
          here.values.begin(), here.values.end(),
          [number = number](const auto& v) { return v.first == number; });
      if (kept || IsReserved(here, number)) continue;
      Report(name + "." + value + tail + "value " + std::to_string(number) +
             ", ENUM_VALUE_NO_DELETE_UNLESS_NUMBER_RESERVED)");
    }
  }

  const NamedSchema here_;
  const NamedSchema there_;
  const size_t lines_max_;
  std::vector<std::string> offences_;
};

std::vector<std::string> Incompatibilities(const NamedSchema& here,
                                           const NamedSchema& there,
                                           size_t lines_max) {
  SchemaComparison comparison(here, there, lines_max);
  comparison.CompareBothWays();
  return comparison.Take();
}

std::vector<std::string> BreakingChanges(const NamedSchema& now,
                                         const NamedSchema& before) {
  SchemaComparison comparison(now, before, SIZE_MAX);
  comparison.CompareBothWays();
  comparison.FindRemovals();
  return comparison.Take();
}

}  // namespace mycelium
