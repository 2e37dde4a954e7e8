// What the things of .proto files are called in Python.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_PYTHON_NAMES_H_
#define MYCELIUM_PROTO_PLUGIN_PYTHON_NAMES_H_

#include <google/protobuf/descriptor.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace mycelium::plugin {

// "dir.chat", of dir/chat.proto.  A well-known file's has no folder, lest it
// be looked for in the package google of others: google_protobuf_timestamp.
std::string PythonModule(const google::protobuf::FileDescriptor& file);
// "chat.proto:1:1: ...", if no program could import the module, or no longer
// the standard library's; else empty.
std::string FindModuleFault(const google::protobuf::FileDescriptor& file);

// The names of one file's classes and of what is in them.  A name that is
// Python's, or that the module needs itself, gets an underscore at its end, or
// more of them if that name is in the file already.
class PythonNames {
 public:
  explicit PythonNames(const google::protobuf::FileDescriptor& file);

  // Of a message or enum, "Outer_Inner": all stand at the top of the module, so
  // that each may refer to each.
  template <typename Descriptor>
  const std::string& Class(const Descriptor& type) const {
    return names_.at(&type);
  }
  // Of a field, or of an enum's value.
  template <typename Descriptor>
  const std::string& Attribute(const Descriptor& descriptor) const {
    return names_.at(&descriptor);
  }
  // "Inner", the attribute of Outer that is Outer_Inner.
  template <typename Descriptor>
  const std::string& Alias(const Descriptor& nested) const {
    return aliases_.at(&nested);
  }
  // Whether the class of `message` has an attribute of that name.
  bool HasAttribute(const google::protobuf::Descriptor& message,
                    const std::string& name) const {
    return attributes_.at(&message).count(name) > 0;
  }

 private:
  using Names = std::map<const void*, std::string>;  // by descriptor
  using Wanted = std::vector<std::pair<const void*, std::string>>;

  // The names assigned.
  template <typename IsReserved>
  static std::set<std::string> Assign(const Wanted& wanted,
                                      IsReserved is_reserved, Names* names);
  void CollectNested(const google::protobuf::Descriptor& message,
                     const std::string& prefix, Wanted* classes);
  void NameAttributes(const google::protobuf::Descriptor& message);
  void NameMembers(const google::protobuf::EnumDescriptor& type);

  Names names_;
  Names aliases_;
  std::map<const void*, std::set<std::string>> attributes_;  // by message
};

// How one module refers to classes, its own and others'.
class PythonReferences {
 public:
  explicit PythonReferences(const google::protobuf::FileDescriptor& module);

  const PythonNames& names() const { return NamesOf(module_); }
  // "Mixture_Inner", "_shapes.Point"
  template <typename Descriptor>
  std::string Class(const Descriptor& type) {
    return Prefix(*type.file()) + NamesOf(*type.file()).Class(type);
  }
  // Of the field's message or enum type, in a function or in the body of the
  // class of `scope`; empty: it has neither.
  std::string ClassOf(const google::protobuf::FieldDescriptor& field,
                      const google::protobuf::Descriptor* scope = nullptr);
  // Of one value of a field whose ClassOf is `class_name`: "Union[Color, int]".
  static std::string Annotation(const google::protobuf::FieldDescriptor& field,
                                const std::string& class_name);
  // The value that stands for none: "Color.UNSPECIFIED".
  std::string Zero(const google::protobuf::FieldDescriptor& field,
                   const std::string& class_name) const;
  // "_shapes._Color_of", which makes a Color of a number.
  std::string EnumReader(const google::protobuf::EnumDescriptor& type) {
    return Prefix(*type.file()) + "_" + NamesOf(*type.file()).Class(type) +
           "_of";
  }

  // What has been referred to: modules by alias, and classes that an attribute
  // of the same name hides, under another name.
  const std::map<std::string, std::string>& imports() const { return imports_; }
  const std::set<std::string>& hidden() const { return hidden_; }
  static std::string HiddenName(const std::string& name) {
    return "_" + name + "_class";
  }

 private:
  const PythonNames& NamesOf(
      const google::protobuf::FileDescriptor& file) const;
  // "_shapes.", or nothing for the module itself.
  std::string Prefix(const google::protobuf::FileDescriptor& file);

  const google::protobuf::FileDescriptor& module_;
  mutable std::map<const google::protobuf::FileDescriptor*, PythonNames> names_;
  std::map<std::string, std::string> imports_;
  std::set<std::string> hidden_;
};

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_PYTHON_NAMES_H_
