// The types of enums and messages, which stand in both files.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_TYPES_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_TYPES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>

#include <string>
#include <vector>

#include "proto/plugin/ocaml_place.h"

namespace mycelium::plugin {

// Whether comments go with the code.
enum class Docs { kNone, kAll };

// `type t =` and its constructors.
void PrintEnumType(const OcamlSource& source,
                   const google::protobuf::EnumDescriptor& descriptor,
                   Docs docs, google::protobuf::io::Printer* printer);

// The types of the message's oneofs, and its record, `type t`.
void PrintRecordTypes(const OcamlPlace& place, Docs docs,
                      google::protobuf::io::Printer* printer);

void PrintLines(const std::vector<std::string>& lines,
                google::protobuf::io::Printer* printer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_TYPES_H_
