// Writes one Python module for each file: dir/chat.proto becomes dir/chat.py.

#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "proto/plugin/generator.h"
#include "proto/plugin/python_message.h"
#include "proto/plugin/python_names.h"
#include "proto/plugin/python_wire.h"
#include "proto/plugin/python_writer.h"
#include "proto/plugin/validation.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::compiler::GeneratorContext;

constexpr char kWireHeading[] =
    "\n\n# --- Protobuf's encoding, in the same words in every module\n";

void CollectTypes(const Descriptor& message,
                  std::vector<const Descriptor*>* messages,
                  std::vector<const EnumDescriptor*>* enums) {
  for (int i = 0; i < message.enum_type_count(); ++i) {
    enums->push_back(message.enum_type(i));
  }
  for (int i = 0; i < message.nested_type_count(); ++i) {
    if (message.nested_type(i)->options().map_entry()) continue;
    CollectTypes(*message.nested_type(i), messages, enums);
  }
  messages->push_back(&message);
}

class ModuleWriter {
 public:
  // `schema` is null for a well-known file: its module is the same everywhere.
  ModuleWriter(const FileDescriptor& file, const Schema* schema)
      : file_(file), schema_(schema), references_(file) {
    for (int i = 0; i < file.enum_type_count(); ++i) {
      enums_.push_back(file.enum_type(i));
    }
    for (int i = 0; i < file.message_type_count(); ++i) {
      CollectTypes(*file.message_type(i), &messages_, &enums_);
    }
  }

  std::string Write() {
    WriteClasses();
    wire_ = WireSection(body_.text());
    WriteHead();
    WriteDescriptorSet();
    if (!wire_.empty()) body_.Append(kWireHeading);
    return head_.text() + body_.text() + wire_ + tail_.text();
  }

 private:
  void WriteClasses();
  // `Type` is what the names stand for.
  template <typename Type>
  void WriteHiddenNames(const std::vector<const Type*>& types);
  void WriteHead();
  void WriteImports();
  void WritePublicImports();
  void WriteDescriptorSet();

  const FileDescriptor& file_;
  const Schema* const schema_;
  PythonReferences references_;
  std::vector<const Descriptor*> messages_;  // nested ones first
  std::vector<const EnumDescriptor*> enums_;
  std::set<std::string> exported_;
  PythonWriter head_, body_, tail_;
  std::string wire_;
};

void ModuleWriter::WriteClasses() {
  PythonWriter messages;
  for (const Descriptor* message : messages_) {
    messages.Blank(2);
    WritePythonMessage(
        *message,
        schema_ == nullptr ? nullptr : schema_->FindType(message->full_name()),
        &references_, &messages);
    exported_.insert(references_.names().Class(*message));
  }
  for (const EnumDescriptor* type : enums_) {
    body_.Blank(2);
    WritePythonEnum(*type, references_.names(), &body_);
    exported_.insert(references_.names().Class(*type));
  }
  // The defaults of fields are enums, which are needed before the messages.
  WriteHiddenNames(enums_);
  body_.Append(messages.text());
  WriteHiddenNames(messages_);
}

template <typename Type>
void ModuleWriter::WriteHiddenNames(const std::vector<const Type*>& types) {
  bool first = true;
  for (const Type* type : types) {
    const std::string name = references_.names().Class(*type);
    if (references_.hidden().count(name) == 0) continue;
    if (first) body_.Blank(2);
    first = false;
    body_.Line(PythonReferences::HiddenName(name) + " = " + name);
  }
}

void ModuleWriter::WriteHead() {
  const std::string package =
      file_.package().empty() ? "" : ", package " + file_.package();
  head_.Docstring("Messages of " + file_.name() + package +
                  ".\n\nWritten by protoc-gen-mycelium: change the .proto file "
                  "instead.");
  head_.Blank();
  head_.Line("from __future__ import annotations");
  head_.Blank();
  WriteImports();
  WritePublicImports();
  std::vector<std::string> exported(exported_.begin(), exported_.end());
  if (schema_ != nullptr) {
    exported.push_back("SCHEMA_DESCRIPTOR_SET");
    exported.push_back("SCHEMA_DIGEST");
  }
  for (std::string& name : exported) name = "\"" + name + "\"";
  std::sort(exported.begin(), exported.end());
  head_.Blank();
  head_.Items("__all__ = [", exported, "]");
  if (schema_ == nullptr) return;
  head_.Blank();
  head_.Line("SCHEMA_DIGEST: bytes = bytes.fromhex(\"" +
             DigestText(schema_->digest()).substr(3) + "\")");
}

void ModuleWriter::WriteImports() {
  if (!messages_.empty()) head_.Line("import dataclasses");
  if (!enums_.empty()) head_.Line("import enum");
  if (wire_.find("struct.") != wire_.npos) head_.Line("import struct");
  const std::set<std::string> words = WordsOf(body_.text() + wire_);
  std::vector<std::string> typing;
  if (!messages_.empty()) typing.push_back("TYPE_CHECKING");
  for (const char* name : {"Callable", "ClassVar", "Dict", "List", "Optional",
                           "Tuple", "TypeVar", "Union"}) {
    if (words.count(name) > 0) typing.push_back(name);
  }
  if (!typing.empty()) head_.Import("typing", typing);
  if (!references_.imports().empty()) head_.Blank();
  for (const auto& [alias, module] : references_.imports()) {
    head_.Line("import " + module + " as " + alias);
  }
  if (messages_.empty()) return;
  head_.Blank();
  head_.Line("if TYPE_CHECKING:");
  head_.Line("    from typing_extensions import Self");
}

// The names that the files have which this one imports publicly.
void ModuleWriter::WritePublicImports() {
  std::map<std::string, std::set<std::string>> names;  // by module
  std::vector<const FileDescriptor*> open = {&file_};
  while (!open.empty()) {
    const FileDescriptor& file = *open.back();
    open.pop_back();
    for (int i = 0; i < file.public_dependency_count(); ++i) {
      open.push_back(file.public_dependency(i));
    }
    // mycelium/options.proto has nothing to offer.
    if (&file == &file_ || file.syntax() != FileDescriptor::SYNTAX_PROTO3) {
      continue;
    }
    const PythonNames file_names(file);
    for (int i = 0; i < file.message_type_count(); ++i) {
      names[PythonModule(file)].insert(file_names.Class(*file.message_type(i)));
    }
    for (int i = 0; i < file.enum_type_count(); ++i) {
      names[PythonModule(file)].insert(file_names.Class(*file.enum_type(i)));
    }
  }
  for (const auto& [module, classes] : names) {
    for (const std::string& name : classes) {
      if (!exported_.insert(name).second) continue;
      head_.Line("from " + module + " import " + name + " as " + name);
    }
  }
}

void ModuleWriter::WriteDescriptorSet() {
  if (schema_ == nullptr) return;
  tail_.Blank(2);
  tail_.Line("# A serialized google.protobuf.FileDescriptorSet.");
  tail_.Bytes("SCHEMA_DESCRIPTOR_SET: bytes = ", schema_->descriptor_set());
}

void WriteModule(const FileDescriptor& file, const Schema* schema,
                 GeneratorContext* out) {
  std::string path = PythonModule(file);
  std::replace(path.begin(), path.end(), '.', '/');
  const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> stream(
      out->Open(path + ".py"));
  google::protobuf::io::CodedOutputStream coded(stream.get());
  coded.WriteString(ModuleWriter(file, schema).Write());
}

}  // namespace

bool GeneratePython(const Input& input, GeneratorContext* out,
                    std::string* error) {
  for (const FileDescriptor* file : WithImports(input.files)) {
    const std::string fault = FindModuleFault(*file);
    if (!fault.empty()) *error += "\n" + fault;
  }
  if (!error->empty()) return false;
  for (const FileDescriptor* file : FilesToWrite(input)) {
    WriteModule(*file, IsWellKnown(*file) ? nullptr : input.schema.get(), out);
  }
  return true;
}

}  // namespace mycelium::plugin
