// How OCaml code refers to types and functions, which depends on where it
// stands.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_PLACE_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_PLACE_H_

#include <google/protobuf/descriptor.h>

#include <string>

#include "proto/plugin/ocaml_names.h"
#include "proto/plugin/ocaml_order.h"

namespace mycelium::plugin {

// What is said by the .proto file and is not by OCaml's type, such as
// "[uint32]"; may be empty.
std::string ProtoType(const google::protobuf::FieldDescriptor& field);

// What the code of one file is made of.  Immutable.
struct OcamlSource {
  explicit OcamlSource(const google::protobuf::FileDescriptor& file);

  const google::protobuf::FileDescriptor& file;
  const OcamlNames names;
  // Modules that only the implementation has.
  const std::string wire;   // short for Mycelium_wire
  const std::string types;  // the types of messages that refer to each other
};

// Where code stands that belongs to `message`, which is one of `unit`.
class OcamlPlace {
 public:
  // is_flat: before the modules of the unit, which is not a plain one; else in
  // the module of `message`.
  OcamlPlace(const OcamlSource& source, const OcamlUnit& unit,
             const google::protobuf::Descriptor& message, bool is_flat)
      : source_(source), unit_(unit), message_(message), is_flat_(is_flat) {}

  const OcamlSource& source() const { return source_; }
  const google::protobuf::Descriptor& message() const { return message_; }
  bool is_flat() const { return is_flat_; }

  // The message's own type, `t` or `Types.Mixture_Inner.t`, and the module that
  // it stands in if the code stands before it.
  std::string RecordType() const;
  std::string RecordModule() const;
  // The type of a record's field, `Inner.t option`, and its default.
  std::string Type(const OcamlMember& member) const;
  // Of the argument that may be left out: without `option`.
  std::string ArgumentType(const OcamlMember& member) const;
  std::string Default(const OcamlMember& member) const;
  // The type of one value of the field.
  std::string ElementType(const google::protobuf::FieldDescriptor& field) const;

  // `Wire.Scalar.int64`, `Color.scalar`.
  // REQUIRES: the field is not a message.
  std::string Scalar(const google::protobuf::FieldDescriptor& field) const;
  // The function "read", "write", "equal" or "pp" of the message's type; of the
  // own message also "fields".
  std::string Function(const google::protobuf::Descriptor& message,
                       const std::string& function) const;

 private:
  bool IsInUnit(const google::protobuf::Descriptor* descriptor) const;
  // To the module of a message or an enum.
  template <typename Descriptor>
  std::string Path(const Descriptor& descriptor) const;

  const OcamlSource& source_;
  const OcamlUnit& unit_;
  const google::protobuf::Descriptor& message_;
  const bool is_flat_;
};

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_PLACE_H_
