#include "proto/plugin/ocaml_names.h"

#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <iterator>

#include "proto/plugin/validation.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::OneofDescriptor;

// Up to OCaml 5.3.
constexpr const char* kKeywords[] = {
    "and",         "as",        "asr",      "assert", "begin",   "class",
    "constraint",  "do",        "done",     "downto", "effect",  "else",
    "end",         "exception", "external", "false",  "for",     "fun",
    "function",    "functor",   "if",       "in",     "include", "inherit",
    "initializer", "land",      "lazy",     "let",    "lor",     "lsl",
    "lsr",         "lxor",      "match",    "method", "mod",     "module",
    "mutable",     "new",       "nonrec",   "object", "of",      "open",
    "or",          "private",   "rec",      "sig",    "struct",  "then",
    "to",          "true",      "try",      "type",   "val",     "virtual",
    "when",        "while",     "with",     "_"};

// What the types of records are made of.
constexpr const char* kTypes[] = {"t",    "bool",   "float",  "int", "int64",
                                  "list", "option", "string", "unit"};

// What Generated.Enum and the functions behind it have.
constexpr const char* kEnumValues[] = {"default", "equal",  "of_int",
                                       "pp",      "scalar", "to_int"};

// Up to OCaml 5.4, with Unix, which Mycelium's client needs.
constexpr const char* kStandardModules[] = {
    "Arg",       "Array",      "ArrayLabels", "Atomic",       "Bigarray",
    "Bool",      "Buffer",     "Bytes",       "BytesLabels",  "Callback",
    "Char",      "Complex",    "Condition",   "Digest",       "Domain",
    "Dynarray",  "Effect",     "Either",      "Ephemeron",    "Filename",
    "Float",     "Format",     "Fun",         "Gc",           "Genlex",
    "Hashtbl",   "Iarray",     "In_channel",  "Int",          "Int32",
    "Int64",     "Lazy",       "Lexing",      "List",         "ListLabels",
    "Map",       "Marshal",    "MoreLabels",  "Mutex",        "Nativeint",
    "Obj",       "Oo",         "Option",      "Out_channel",  "Pair",
    "Parsing",   "Pervasives", "Pqueue",      "Printexc",     "Printf",
    "Queue",     "Random",     "Repr",        "Result",       "Scanf",
    "Semaphore", "Seq",        "Set",         "Stack",        "StdLabels",
    "Stdlib",    "Stream",     "String",      "StringLabels", "Sys",
    "Type",      "Uchar",      "Unit",        "Unix",         "UnixLabels",
    "Weak"};

template <size_t kCount>
std::set<std::string> Set(const char* const (&names)[kCount]) {
  return {names, names + kCount};
}

char Upper(char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; }

std::string Capitalized(std::string name) {
  name[0] = Upper(name[0]);
  return name[0] == '_' ? "X" + name : name;
}

std::string Uncapitalized(std::string name) {
  if (Lower(name[0]) == name[0]) return name;
  std::transform(name.begin(), name.end(), name.begin(), Lower);
  return name;
}

std::string Take(std::string name, std::set<std::string>* taken) {
  while (!taken->insert(name).second) name += '_';
  return name;
}

// What code of this file refers to that stands in no module of it.
std::set<std::string> ModulesAround(const FileDescriptor& file) {
  std::set<std::string> modules = {"Mycelium_wire", "Stdlib"};
  for (const FileDescriptor* import : WithImports({&file})) {
    if (import != &file) modules.insert(OcamlModule(*import));
  }
  return modules;
}

template <typename Scope>
std::vector<const Descriptor*> MessagesOf(const Scope& scope, int count,
                                          const Descriptor* (Scope::*at)(int)
                                              const) {
  std::vector<const Descriptor*> messages;
  for (int i = 0; i < count; ++i) {
    const Descriptor* const message = (scope.*at)(i);
    if (!message->options().map_entry()) messages.push_back(message);
  }
  return messages;
}

}  // namespace

std::string OcamlFile(const FileDescriptor& file) {
  std::string name = file.name().substr(0, file.name().rfind('.'));
  for (char& c : name) {
    const bool is_digit = c >= '0' && c <= '9';
    if (Upper(c) == Lower(c) && !is_digit) c = '_';
  }
  return name;
}

std::string OcamlModule(const FileDescriptor& file) {
  std::string name = OcamlFile(file);
  name[0] = Upper(name[0]);
  return name;
}

std::string OcamlLibraryOf(const std::string& module) {
  if (std::find(std::begin(kStandardModules), std::end(kStandardModules),
                module) != std::end(kStandardModules)) {
    return "the standard library";
  }
  const bool is_ours = module == "Mycelium" || module == "Mycelium_wire";
  return is_ours ? "Mycelium" : "";
}

bool IsAlias(const EnumValueDescriptor& value) {
  return value.type()->FindValueByNumber(value.number()) != &value;
}

bool IsOption(const OcamlMember& member) {
  return member.oneof != nullptr ||
         (member.field->has_presence() && !member.field->is_repeated());
}

std::vector<OcamlMember> OcamlMembers(const Descriptor& message) {
  std::vector<OcamlMember> members;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* const field = message.field(i);
    const OneofDescriptor* const oneof = field->real_containing_oneof();
    if (oneof == nullptr) {
      members.push_back({field, nullptr});
    } else if (oneof->field(0) == field) {
      members.push_back({nullptr, oneof});
    }
  }
  return members;
}

std::vector<const Descriptor*> Messages(const FileDescriptor& file) {
  return MessagesOf(file, file.message_type_count(),
                    &FileDescriptor::message_type);
}

std::vector<const Descriptor*> Messages(const Descriptor& message) {
  return MessagesOf(message, message.nested_type_count(),
                    &Descriptor::nested_type);
}

OcamlNames::OcamlNames(const FileDescriptor& file) {
  all_modules_ = ModulesAround(file);
  for (const FileDescriptor* each : WithImports({&file})) {
    AddScope(*each, ModulesAround(*each));
  }
  AddFlatModules(file, "");
}

std::string OcamlNames::FreeModule(std::string name) const {
  while (all_modules_.count(name) > 0) name += '_';
  return name;
}

std::string OcamlNames::Variable(const OcamlMember& member) const {
  // The names that are used while it is in scope.
  const std::string& name = Field(member);
  const bool hides_another = name == "r" || name == "ref" ||
                             name.rfind("read", 0) == 0 ||
                             name.rfind("fields", 0) == 0;
  return hides_another ? name + "'" : name;
}

// No module has the name of one that stands around it, so that a path always
// means what it says.
template <typename Scope>
void OcamlNames::AddScope(const Scope& scope, std::set<std::string> taken) {
  const auto add_module = [&](const auto& descriptor) {
    const std::string name = Take(Capitalized(descriptor.name()), &taken);
    modules_[descriptor.full_name()] = name;
    all_modules_.insert(name);
  };
  for (int i = 0; i < scope.enum_type_count(); ++i) {
    add_module(*scope.enum_type(i));
    AddEnum(*scope.enum_type(i));
  }
  const std::vector<const Descriptor*> messages = Messages(scope);
  for (const Descriptor* message : messages) {
    add_module(*message);
    AddMessage(*message);
  }
  for (const Descriptor* message : messages) AddScope(*message, taken);
}

template <typename Scope>
void OcamlNames::AddFlatModules(const Scope& scope, const std::string& prefix) {
  const auto add_flat_module = [&](const auto& descriptor) {
    std::string name = prefix + Module(descriptor);
    if (!prefix.empty()) {
      name = FreeModule(name);
      all_modules_.insert(name);
    }
    flat_modules_[descriptor.full_name()] = name;
  };
  for (int i = 0; i < scope.enum_type_count(); ++i) {
    add_flat_module(*scope.enum_type(i));
  }
  for (const Descriptor* message : Messages(scope)) {
    add_flat_module(*message);
    AddFlatModules(*message, prefix + Module(*message) + "_");
  }
}

void OcamlNames::AddEnum(const EnumDescriptor& descriptor) {
  std::set<std::string> constructors = {"Unrecognized"};
  std::set<std::string> variables = Set(kKeywords);
  variables.merge(Set(kEnumValues));
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const EnumValueDescriptor& value = *descriptor.value(i);
    constructors_[value.full_name()] =
        IsAlias(value) ? Take(Uncapitalized(value.name()), &variables)
                       : Take(Capitalized(value.name()), &constructors);
  }
}

void OcamlNames::AddMessage(const Descriptor& message) {
  std::set<std::string> fields = Set(kKeywords);
  std::set<std::string> types = Set(kKeywords);
  types.merge(Set(kTypes));
  std::set<std::string> constructors = {"None", "Some"};
  for (const OcamlMember& member : OcamlMembers(message)) {
    const std::string name = Uncapitalized(
        member.field != nullptr ? member.field->name() : member.oneof->name());
    fields_[member.proto_name()] = Take(name, &fields);
    if (member.oneof == nullptr) continue;
    types_[member.oneof->full_name()] = Take(name, &types);
    for (int i = 0; i < member.oneof->field_count(); ++i) {
      const FieldDescriptor& field = *member.oneof->field(i);
      constructors_[field.full_name()] =
          Take(Capitalized(field.name()), &constructors);
    }
  }
}

}  // namespace mycelium::plugin
