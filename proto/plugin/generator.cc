#include "proto/plugin/generator.h"

#include <set>

#include "mycelium/options.pb.h"

namespace mycelium::plugin {

using google::protobuf::FileDescriptor;

uint16_t TypeId(const google::protobuf::Descriptor& message) {
  return static_cast<uint16_t>(
      message.options().GetExtension(mycelium::type_id));
}

bool IsWellKnown(const FileDescriptor& file) {
  return file.name().rfind("google/protobuf/", 0) == 0 &&
         file.syntax() == FileDescriptor::SYNTAX_PROTO3;
}

std::vector<const FileDescriptor*> FilesToWrite(const Input& input) {
  std::vector<const FileDescriptor*> files = input.files;
  std::set<const FileDescriptor*> seen(files.begin(), files.end());
  for (size_t i = 0; i < files.size(); ++i) {
    for (int j = 0; j < files[i]->dependency_count(); ++j) {
      const FileDescriptor* const import = files[i]->dependency(j);
      if (IsWellKnown(*import) && seen.insert(import).second) {
        files.push_back(import);
      }
    }
  }
  return files;
}

}  // namespace mycelium::plugin
