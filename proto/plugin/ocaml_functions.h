// The functions behind a message's codec: they read, write, compare and print
// its record.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_FUNCTIONS_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_FUNCTIONS_H_

#include <google/protobuf/io/printer.h>

#include <string>

#include "proto/plugin/ocaml_place.h"

namespace mycelium::plugin {

// Each begins with `let`, which is "let", "let rec" or "and".
void PrintRead(const OcamlPlace& place, const std::string& let,
               google::protobuf::io::Printer* printer);
void PrintWrite(const OcamlPlace& place, const std::string& let,
                google::protobuf::io::Printer* printer);
void PrintEqual(const OcamlPlace& place, const std::string& let,
                google::protobuf::io::Printer* printer);
void PrintPp(const OcamlPlace& place, const std::string& let,
             google::protobuf::io::Printer* printer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_FUNCTIONS_H_
