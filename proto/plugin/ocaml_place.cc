#include "proto/plugin/ocaml_place.h"

#include <algorithm>
#include <type_traits>

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;

const Descriptor* Home(const Descriptor& message) { return &message; }
const Descriptor* Home(const EnumDescriptor& descriptor) {
  return descriptor.containing_type();
}

std::string ScalarType(const FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
    case FieldDescriptor::CPPTYPE_UINT64:
      return "int64";
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return "float";
    case FieldDescriptor::CPPTYPE_BOOL:
      return "bool";
    case FieldDescriptor::CPPTYPE_STRING:
      return "string";
    default:
      return "int";
  }
}

std::string ScalarDefault(const FieldDescriptor& field) {
  const std::string type = ScalarType(field);
  if (type == "int64") return "0L";
  if (type == "float") return "0.";
  if (type == "bool") return "false";
  if (type == "string") return "\"\"";
  return "0";
}

bool OcamlSaysAsMuch(const FieldDescriptor& field) {
  return field.message_type() != nullptr || field.enum_type() != nullptr ||
         field.type() == FieldDescriptor::TYPE_DOUBLE ||
         field.type_name() == ScalarType(field);
}

}  // namespace

std::string ProtoType(const FieldDescriptor& field) {
  if (!field.is_map()) {
    if (field.type() == FieldDescriptor::TYPE_FLOAT) return "[float], 32 bits";
    if (OcamlSaysAsMuch(field)) return {};
    return std::string("[") + field.type_name() + "]";
  }
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  const auto name = [](const FieldDescriptor& part) -> std::string {
    if (part.message_type() != nullptr) return part.message_type()->full_name();
    if (part.enum_type() != nullptr) return part.enum_type()->full_name();
    return part.type_name();
  };
  return "[map<" + name(key) + ", " + name(value) + ">]";
}

OcamlSource::OcamlSource(const FileDescriptor& file)
    : file(file),
      names(file),
      wire(names.FreeModule("Wire")),
      types(names.FreeModule("Types")) {}

std::string OcamlPlace::RecordType() const {
  return is_flat_ ? RecordModule() + ".t" : "t";
}

std::string OcamlPlace::RecordModule() const { return Path(message_); }

std::string OcamlPlace::Type(const OcamlMember& member) const {
  return ArgumentType(member) + (IsOption(member) ? " option" : "");
}

std::string OcamlPlace::ArgumentType(const OcamlMember& member) const {
  if (member.oneof != nullptr) return source_.names.Type(*member.oneof);
  const FieldDescriptor& field = *member.field;
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return "(" + ElementType(*entry.map_key()) + " * " +
           ElementType(*entry.map_value()) + ") list";
  }
  return ElementType(field) + (field.is_repeated() ? " list" : "");
}

std::string OcamlPlace::Default(const OcamlMember& member) const {
  if (IsOption(member)) return "None";
  if (member.field->is_repeated()) return "[]";
  if (member.field->enum_type() != nullptr) {
    return Path(*member.field->enum_type()) + ".default";
  }
  return ScalarDefault(*member.field);
}

std::string OcamlPlace::ElementType(const FieldDescriptor& field) const {
  if (field.message_type() != nullptr) {
    if (field.message_type() == &message_) return RecordType();
    return Path(*field.message_type()) + ".t";
  }
  if (field.enum_type() != nullptr) return Path(*field.enum_type()) + ".t";
  return ScalarType(field);
}

std::string OcamlPlace::Scalar(const FieldDescriptor& field) const {
  if (field.enum_type() != nullptr) return Path(*field.enum_type()) + ".scalar";
  return source_.wire + ".Scalar." + field.type_name();
}

std::string OcamlPlace::Function(const Descriptor& message,
                                 const std::string& function) const {
  if (is_flat_ && IsInUnit(&message)) {
    return function + "_" + source_.names.FlatModule(message);
  }
  if (&message == &message_) return function;
  return Path(message) + ".codec." + function;
}

bool OcamlPlace::IsInUnit(const Descriptor* descriptor) const {
  return std::any_of(
      unit_.messages.begin(), unit_.messages.end(),
      [&](const Descriptor* message) { return IsIn(descriptor, *message); });
}

template <typename Named>
std::string OcamlPlace::Path(const Named& descriptor) const {
  const OcamlNames& names = source_.names;
  if (is_flat_ && IsInUnit(Home(descriptor))) {
    const bool is_message = std::is_same_v<Named, Descriptor>;
    return (is_message ? source_.types + "." : "") +
           names.FlatModule(descriptor);
  }
  // The modules that the code stands in are not named, but for those of a unit
  // that is not plain: what they hold is seen only from the top.
  const bool is_relative = unit_.is_plain || IsIn(Home(descriptor), message_);
  std::string path = names.Module(descriptor);
  for (const Descriptor* outer = descriptor.containing_type();
       outer != nullptr && !(is_relative && IsIn(&message_, *outer));
       outer = outer->containing_type()) {
    path = names.Module(*outer) + "." + path;
  }
  if (descriptor.file() == &source_.file) return path;
  return OcamlModule(*descriptor.file()) + "." + path;
}

}  // namespace mycelium::plugin
