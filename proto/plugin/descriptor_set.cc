#include "proto/plugin/descriptor_set.h"

#include <google/protobuf/descriptor.pb.h>

#include <set>

namespace mycelium::plugin {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::FileDescriptorProto;

bool IsOptionsFile(const FileDescriptor& file) {
  return file.name() == "mycelium/options.proto";
}

void Add(const FileDescriptor& file, std::set<const FileDescriptor*>* seen,
         google::protobuf::FileDescriptorSet* set) {
  if (IsOptionsFile(file) || !seen->insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) {
    Add(*file.dependency(i), seen, set);
  }
  FileDescriptorProto* const proto = set->add_file();
  file.CopyTo(proto);
  // protoc gives them to a plugin, a parser by itself does not.
  file.CopyJsonNameTo(proto);
  // The imports are listed anew, since public ones are named by their place.
  proto->clear_dependency();
  proto->clear_public_dependency();
  proto->clear_weak_dependency();
  std::set<const FileDescriptor*> is_public;
  for (int i = 0; i < file.public_dependency_count(); ++i) {
    is_public.insert(file.public_dependency(i));
  }
  for (int i = 0; i < file.dependency_count(); ++i) {
    const FileDescriptor* const import = file.dependency(i);
    if (IsOptionsFile(*import)) continue;
    if (is_public.count(import) > 0) {
      proto->add_public_dependency(proto->dependency_size());
    }
    proto->add_dependency(import->name());
  }
}

}  // namespace

std::string EncodeDescriptorSet(
    const std::vector<const FileDescriptor*>& files) {
  google::protobuf::FileDescriptorSet set;
  std::set<const FileDescriptor*> seen;
  for (const FileDescriptor* file : files) Add(*file, &seen, &set);
  return set.SerializeAsString();
}

}  // namespace mycelium::plugin
