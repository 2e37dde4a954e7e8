// protoc --mycelium_out=ocaml:FOLDER: a .ml and a .mli for each file, and for
// each of the well-known ones that it imports.

#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "proto/plugin/generator.h"
#include "proto/plugin/ocaml_files.h"
#include "proto/plugin/ocaml_names.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::FileDescriptor;
using google::protobuf::compiler::GeneratorContext;
using google::protobuf::io::Printer;
using google::protobuf::io::ZeroCopyOutputStream;

// A line for each file whose name makes no module of its own.
std::string ModuleFaults(const std::vector<const FileDescriptor*>& files) {
  std::string faults;
  std::map<std::string, const FileDescriptor*> modules;
  for (const FileDescriptor* file : files) {
    const std::string module = OcamlModule(*file);
    const auto [other, is_new] = modules.emplace(module, file);
    std::string fault;
    if (module[0] < 'A' || module[0] > 'Z') {
      fault = " does not begin with a letter";
    } else if (const std::string library = OcamlLibraryOf(module);
               !library.empty()) {
      fault = " would hide " + library + "'s";
    } else if (!is_new) {
      fault = " is that of " + other->second->name() + " already";
    } else {
      continue;
    }
    faults += "\n" + file->name() + ":1:1: the OCaml module " + module + fault +
              ", allowed another file name";
  }
  return faults;
}

using PrintFile = void(const OcamlSource& source, const Schema* schema,
                       Printer* printer);

void WriteFile(const std::string& name, PrintFile* print,
               const OcamlSource& source, const Schema* schema,
               GeneratorContext* context) {
  const std::unique_ptr<ZeroCopyOutputStream> output(context->Open(name));
  Printer printer(output.get(), '$');
  print(source, schema, &printer);
}

}  // namespace

bool GenerateOcaml(const Input& input, GeneratorContext* context,
                   std::string* error) {
  const std::vector<const FileDescriptor*> files = FilesToWrite(input);
  *error = ModuleFaults(files);
  if (!error->empty()) return false;
  for (const FileDescriptor* file : files) {
    const OcamlSource source(*file);
    const Schema* const schema =
        IsWellKnown(*file) ? nullptr : input.schema.get();
    const std::string name = OcamlFile(*file);
    WriteFile(name + ".mli", PrintInterface, source, schema, context);
    WriteFile(name + ".ml", PrintImplementation, source, schema, context);
  }
  return true;
}

}  // namespace mycelium::plugin
