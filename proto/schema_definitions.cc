#include "proto/schema_definitions.h"

#include <algorithm>
#include <protozero/pbf_reader.hpp>

#include "config/limits.h"

namespace mycelium::schema_internal {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint32_t kNumberMax = (1 << 29) - 1;  // of a field
// (mycelium.type_id) of proto/mycelium/options.proto.
constexpr uint32_t kTypeIdOption = 51742;

// Not get_bool, which looks at a byte before it looks for the end.
bool TakeBool(pbf_reader* reader) { return reader->get_uint64() != 0; }

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
          proto3_optional = TakeBool(&reader);
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
        if (TakeBool(&options)) definition->kind = Definition::Kind::kMap;
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

}  // namespace

DefinitionMap ReadDefinitions(std::string_view descriptor_set) {
  DefinitionMap definitions;
  FileReader reader(&definitions);
  pbf_reader set(descriptor_set.data(), descriptor_set.size());
  while (set.next()) {
    if (set.tag_and_type() ==
        protozero::tag_and_type(1, pbf_wire_type::length_delimited)) {
      reader.Read(set.get_message());
    } else {
      set.skip();
    }
  }
  CheckReferences(definitions);
  return definitions;
}

}  // namespace mycelium::schema_internal
