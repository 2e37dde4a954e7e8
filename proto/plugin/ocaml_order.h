// In which order the modules of a file's messages stand, since OCaml wants to
// have seen what is referred to.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_ORDER_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_ORDER_H_

#include <google/protobuf/descriptor.h>

#include <vector>

namespace mycelium::plugin {

using OcamlGroup = std::vector<const google::protobuf::Descriptor*>;

// Messages at the top of a file that must stand together, since they, or
// messages within them, refer to each other.
struct OcamlUnit {
  OcamlGroup messages;
  // It is one message, whose parts can stand one after the other: the messages
  // within it as InOrder has them, then its own record.
  bool is_plain = false;
};

// Each after those that it refers to.
std::vector<OcamlUnit> OcamlUnits(const google::protobuf::FileDescriptor& file);

// The messages within one of a plain unit, each after those that it refers to.
OcamlGroup InOrder(const google::protobuf::Descriptor& message);

// The messages of `unit` and all within them.
OcamlGroup AllMessages(const OcamlUnit& unit);
// The same: together those that refer to each other, each after those that it
// refers to.
std::vector<OcamlGroup> RecursiveGroups(const OcamlUnit& unit);
// Whether it has a field of its own type.
bool RefersToItself(const google::protobuf::Descriptor& message);

// Whether `inner`, which may be null, is `outer` or stands within it.
bool IsIn(const google::protobuf::Descriptor* inner,
          const google::protobuf::Descriptor& outer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_ORDER_H_
