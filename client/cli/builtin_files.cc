#include "client/cli/builtin_files.h"

#include "google/protobuf/any.pb.h"
#include "google/protobuf/api.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/empty.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/source_context.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/type.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "mycelium/options.pb.h"

namespace mycelium::cli {

namespace pb = google::protobuf;

const std::vector<const pb::FileDescriptor*>& BuiltinFiles() {
  static const auto& files = *new std::vector<const pb::FileDescriptor*>{
      pb::Any::descriptor()->file(),
      pb::Duration::descriptor()->file(),
      pb::Empty::descriptor()->file(),
      pb::FieldMask::descriptor()->file(),
      pb::FileDescriptorSet::descriptor()->file(),
      pb::SourceContext::descriptor()->file(),
      pb::Struct::descriptor()->file(),
      pb::Timestamp::descriptor()->file(),
      pb::Type::descriptor()->file(),
      pb::Api::descriptor()->file(),
      pb::DoubleValue::descriptor()->file(),
      mycelium::TypeIdRange::descriptor()->file(),
  };
  return files;
}

}  // namespace mycelium::cli
