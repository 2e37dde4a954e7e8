// The descriptor set that generated code carries.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_DESCRIPTOR_SET_H_
#define MYCELIUM_PROTO_PLUGIN_DESCRIPTOR_SET_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

namespace mycelium::plugin {

// A serialized google.protobuf.FileDescriptorSet of `files` and all that they
// import, imported ones first, without comments.  mycelium/options.proto is
// left out, and descriptor.proto with it if nothing else imports it: they say
// nothing about messages, and are most of the bytes.
std::string EncodeDescriptorSet(
    const std::vector<const google::protobuf::FileDescriptor*>& files);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_DESCRIPTOR_SET_H_
