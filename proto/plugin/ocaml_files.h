// The two files that are written for a .proto file: what its .mli and its .ml
// say.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_FILES_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_FILES_H_

#include <google/protobuf/io/printer.h>

#include "proto/plugin/ocaml_place.h"
#include "proto/schema.h"

namespace mycelium::plugin {

// Null: without the schema, and without message types.
void PrintInterface(const OcamlSource& source, const Schema* schema,
                    google::protobuf::io::Printer* printer);
void PrintImplementation(const OcamlSource& source, const Schema* schema,
                         google::protobuf::io::Printer* printer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_FILES_H_
