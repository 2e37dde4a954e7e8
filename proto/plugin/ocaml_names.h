// What the things of .proto files are called in OCaml.
//
// A name keeps its letters where OCaml lets it.  What must begin with a capital
// letter gets one (if it begins with an underscore: an X); a field that begins
// with one is put in lower case as a whole.  A name that OCaml has reserved, or
// that is taken where it stands, gets an underscore at its end.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_NAMES_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace mycelium::plugin {

// "dir/chat.proto" is the module Dir_chat, in dir_chat.ml and dir_chat.mli.
std::string OcamlFile(const google::protobuf::FileDescriptor& file);
std::string OcamlModule(const google::protobuf::FileDescriptor& file);
// Whose module `module` is: "the standard library", "Mycelium"; empty:
// nobody's.
std::string OcamlLibraryOf(const std::string& module);

// What is a field of the record: a field by itself, or a oneof.
struct OcamlMember {
  const google::protobuf::FieldDescriptor* field;  // null: a oneof
  const google::protobuf::OneofDescriptor* oneof;  // null: a field

  const std::string& proto_name() const {
    return field != nullptr ? field->full_name() : oneof->full_name();
  }
};
bool IsOption(const OcamlMember& member);
// In the order of declaration.
std::vector<OcamlMember> OcamlMembers(
    const google::protobuf::Descriptor& message);
// Whether an earlier value of the enum has the same number.
bool IsAlias(const google::protobuf::EnumValueDescriptor& value);
// Without those that protoc makes for the entries of maps.
std::vector<const google::protobuf::Descriptor*> Messages(
    const google::protobuf::FileDescriptor& file);
std::vector<const google::protobuf::Descriptor*> Messages(
    const google::protobuf::Descriptor& message);

// The names in one file and in those that it imports.  Immutable.
class OcamlNames {
 public:
  explicit OcamlNames(const google::protobuf::FileDescriptor& file);

  // Of a message or an enum, where it stands: "Inner".
  template <typename Descriptor>
  const std::string& Module(const Descriptor& descriptor) const {
    return modules_.at(descriptor.full_name());
  }
  // Of the same, put at the top of the one file: "Mixture_Inner".
  template <typename Descriptor>
  const std::string& FlatModule(const Descriptor& descriptor) const {
    return flat_modules_.at(descriptor.full_name());
  }
  // `name`, or what comes next to it, that is no module's.
  std::string FreeModule(std::string name) const;

  // In the record.
  const std::string& Field(const OcamlMember& member) const {
    return fields_.at(member.proto_name());
  }
  // What holds it while a message is read.
  std::string Variable(const OcamlMember& member) const;
  const std::string& Type(
      const google::protobuf::OneofDescriptor& oneof) const {
    return types_.at(oneof.full_name());
  }
  // Of a oneof's field, or of an enum's value; for an alias, a variable.
  template <typename Descriptor>
  const std::string& Constructor(const Descriptor& descriptor) const {
    return constructors_.at(descriptor.full_name());
  }

 private:
  using Names = std::map<std::string, std::string>;  // by full name

  template <typename Scope>
  void AddScope(const Scope& scope, std::set<std::string> taken);
  template <typename Scope>
  void AddFlatModules(const Scope& scope, const std::string& prefix);
  void AddEnum(const google::protobuf::EnumDescriptor& descriptor);
  void AddMessage(const google::protobuf::Descriptor& message);

  Names modules_;
  Names flat_modules_;
  Names fields_;
  Names types_;
  Names constructors_;
  std::set<std::string> all_modules_;
};

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_NAMES_H_
