// What a .proto file must keep so that Mycelium can carry its messages:
// proto3, type ids in range, one message each, and within the ranges that
// packages have reserved.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_VALIDATION_H_
#define MYCELIUM_PROTO_PLUGIN_VALIDATION_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace mycelium::plugin {

// `files` with all that they import, each once, imported ones first.
std::vector<const google::protobuf::FileDescriptor*> WithImports(
    const std::vector<const google::protobuf::FileDescriptor*>& files);

// A line for each fault, "chat.proto:12:3: ...", in the order of the files.
std::vector<std::string> FindFaults(
    const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_VALIDATION_H_
