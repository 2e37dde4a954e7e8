// What protoc-gen-mycelium makes its files of, and the generators, one for each
// language.  Pure: text goes to protoc through the GeneratorContext.
#ifndef MYCELIUM_PROTO_PLUGIN_GENERATOR_H_
#define MYCELIUM_PROTO_PLUGIN_GENERATOR_H_

#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/descriptor.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/schema.h"

namespace mycelium::plugin {

// One call of protoc.
struct Input {
  std::vector<const google::protobuf::FileDescriptor*> files;  // to generate
  // Of `files` and all that they import; has its descriptor set in the form
  // that generated code holds.
  std::shared_ptr<const Schema> schema;
};

// The message's type id; 0: it is no message type.
uint16_t TypeId(const google::protobuf::Descriptor& message);
// One of protobuf's own files, but descriptor.proto, which is proto2.  Its code
// is the same in every call.
bool IsWellKnown(const google::protobuf::FileDescriptor& file);
// input.files and, although protoc does not ask for them, the well-known ones
// that they import.
std::vector<const google::protobuf::FileDescriptor*> FilesToWrite(
    const Input& input);
// Its comment in the .proto file, without the slashes; lines end with '\n'.
template <typename Descriptor>
std::string LeadingComment(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  return location.leading_comments;
}
// "chat.proto:12:3", where it stands; "chat.proto" if that is not known.
template <typename Descriptor>
std::string Place(const google::protobuf::FileDescriptor& file,
                  const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return file.name();
  return file.name() + ":" + std::to_string(location.start_line + 1) + ":" +
         std::to_string(location.start_column + 1);
}

// Each writes the files of its language for input.files.  False and *error, a
// line for each thing that it can't express: "chat.proto:3:1: ...".
using GenerateFunction = bool(const Input& input,
                              google::protobuf::compiler::GeneratorContext* out,
                              std::string* error);
GenerateFunction GenerateCpp;
GenerateFunction GeneratePython;
GenerateFunction GenerateOcaml;

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_GENERATOR_H_
