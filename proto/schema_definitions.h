// What a descriptor set says: its definitions by their full names.  Plain
// values, for schema.cc and schema_comparison.cc alone.
#ifndef MYCELIUM_PROTO_SCHEMA_DEFINITIONS_H_
#define MYCELIUM_PROTO_SCHEMA_DEFINITIONS_H_

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/schema.h"

namespace mycelium {
namespace schema_internal {

// Of a FieldDescriptorProto.Type.
inline constexpr uint8_t kGroup = 10;
inline constexpr uint8_t kMessage = 11;
inline constexpr uint8_t kEnum = 14;
inline constexpr std::array<std::string_view, 19> kTypeNames = {
    "",        "double",   "float",    "int64",  "uint64",  "int32", "fixed64",
    "fixed32", "bool",     "string",   "group",  "message", "bytes", "uint32",
    "enum",    "sfixed32", "sfixed64", "sint32", "sint64"};
enum class Cardinality : uint8_t { kImplicit, kOptional, kRequired, kRepeated };
inline constexpr std::array<std::string_view, 4> kCardinalityNames = {
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
inline constexpr std::array<std::string_view, 4> kKindNames = {
    "message", "map", "enum", "closed enum"};

// By full name.
using DefinitionMap = std::map<std::string, Definition, std::less<>>;

// What is wrong with a descriptor set, without a subject in front.
struct Fault {
  std::string text;
};

// The definitions of a serialized FileDescriptorSet; each type name in them is
// one of a definition.  Throws Fault, or protozero::exception for what is no
// FileDescriptorSet.
DefinitionMap ReadDefinitions(std::string_view descriptor_set);

}  // namespace schema_internal

class Schema::Definitions {
 public:
  schema_internal::DefinitionMap all;
};

}  // namespace mycelium

#endif  // MYCELIUM_PROTO_SCHEMA_DEFINITIONS_H_
