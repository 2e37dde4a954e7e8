#include "client/cli/payload_check.h"

#include <cstdint>
#include <string>

#include "google/protobuf/unknown_field_set.h"
#include "proto/frame.h"

namespace mycelium::cli {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr int kDepthMax = 100;  // as protobuf has it
constexpr size_t kVarintBytesMax = 10;
constexpr std::string_view kAnyPrefix = "type.googleapis.com/";

UnknownField::Type WireType(FieldDescriptor::Type type) {
  switch (type) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return UnknownField::TYPE_FIXED64;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return UnknownField::TYPE_FIXED32;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return UnknownField::TYPE_LENGTH_DELIMITED;
    case FieldDescriptor::TYPE_GROUP:
      return UnknownField::TYPE_GROUP;
    default:
      return UnknownField::TYPE_VARINT;
  }
}

// Numbers one after the other, without tags.
bool CheckPacked(UnknownField::Type type, std::string_view numbers) {
  if (type == UnknownField::TYPE_FIXED64) return numbers.size() % 8 == 0;
  if (type == UnknownField::TYPE_FIXED32) return numbers.size() % 4 == 0;
  size_t bytes = 0;  // of the varint so far
  for (const char byte : numbers) {
    if (++bytes > kVarintBytesMax) return false;
    if ((byte & 0x80) == 0) bytes = 0;
  }
  return bytes == 0;
}

class Checker {
 public:
  bool Check(const Descriptor& type, const std::string& payload, int depth) {
    UnknownFieldSet fields;
    if (depth > kDepthMax || !fields.ParseFromString(payload)) return false;
    for (int i = 0; i < fields.field_count(); ++i) {
      if (!CheckField(type, fields.field(i), depth)) return false;
    }
    return type.full_name() != "google.protobuf.Any" ||
           CheckAny(*type.file()->pool(), fields, depth);
  }

  bool has_unknown_fields() const { return has_unknown_fields_; }

 private:
  bool CheckField(const Descriptor& type, const UnknownField& value,
                  int depth) {
    const FieldDescriptor* field = type.FindFieldByNumber(value.number());
    const bool delimited = value.type() == UnknownField::TYPE_LENGTH_DELIMITED;
    if (field != nullptr && field->is_packable() && delimited) {
      return CheckPacked(WireType(field->type()), value.length_delimited());
    }
    if (field == nullptr || WireType(field->type()) != value.type()) {
      has_unknown_fields_ = true;
      return true;
    }
    switch (field->type()) {
      case FieldDescriptor::TYPE_STRING:
        return ValidUtf8(value.length_delimited());
      case FieldDescriptor::TYPE_MESSAGE:
        return Check(*field->message_type(), value.length_delimited(),
                     depth + 1);
      case FieldDescriptor::TYPE_GROUP:
        return false;  // JSON has nothing for it
      default:
        return true;
    }
  }

  bool CheckAny(const DescriptorPool& pool, const UnknownFieldSet& any,
                int depth) {
    std::string url, value;
    for (int i = 0; i < any.field_count(); ++i) {
      const UnknownField& field = any.field(i);
      if (field.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
      if (field.number() == 1) url = field.length_delimited();
      if (field.number() == 2) value = field.length_delimited();
    }
    if (!url.starts_with(kAnyPrefix)) return true;
    const Descriptor* type =
        pool.FindMessageTypeByName(url.substr(kAnyPrefix.size()));
    return type == nullptr || Check(*type, value, depth + 1);
  }

  bool has_unknown_fields_ = false;
};

}  // namespace

PayloadCheck CheckPayload(const Descriptor& type, std::string_view payload) {
  Checker checker;
  const bool is_message = checker.Check(type, std::string(payload), 0);
  return {is_message, checker.has_unknown_fields()};
}

}  // namespace mycelium::cli
