#include "proto/plugin/ocaml_files.h"
#include "proto/plugin/ocaml_text.h"
#include "proto/plugin/ocaml_types.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::io::Printer;

constexpr char kFileDoc[] =
    R"((** Made by protoc-gen-mycelium of [$file$]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)
)";

constexpr char kSchemaValues[] = R"(
val schema_digest : string
(** 32 bytes, which name the message types of all files that protoc was given
    together. *)

val schema : Mycelium_wire.Schema.t
(** The same with what it is the digest of. *)
)";

void PrintEnum(const OcamlSource& source, const EnumDescriptor& descriptor,
               Printer* printer) {
  PrintLines(
      OcamlDoc(Comments(descriptor), "[" + descriptor.full_name() + "]."),
      printer);
  printer->Print("module $module$ : sig\n", "module",
                 source.names.Module(descriptor));
  printer->Indent();
  PrintEnumType(source, descriptor, Docs::kAll, printer);
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const EnumValueDescriptor& alias = *descriptor.value(i);
    if (!IsAlias(alias)) continue;
    printer->Print(
        "\nval $alias$ : t\n"
        "(** [$name$], another name of {!$constructor$}. *)\n",
        "alias", source.names.Constructor(alias), "name", alias.name(),
        "constructor",
        source.names.Constructor(
            *descriptor.FindValueByNumber(alias.number())));
  }
  printer->Print("\ninclude Mycelium_wire.Generated.Enum with type t := t\n");
  printer->Outdent();
  printer->Print("end\n");
}

void PrintMake(const OcamlPlace& place, Printer* printer) {
  std::vector<std::string> arguments;
  for (const OcamlMember& member : OcamlMembers(place.message())) {
    arguments.push_back("?" + place.source().names.Field(member) + ":" +
                        place.ArgumentType(member) + " ->");
  }
  printer->Print("\n");
  PrintLines(OcamlArguments("val make :", arguments, "unit -> t"), printer);
  printer->Print("(** What is left out has its default. *)\n");
}

// `module` is "module", "module rec" or "and".
void PrintMessage(const OcamlSource& source, const OcamlUnit& unit,
                  const Descriptor& message, const std::string& module,
                  const Schema* schema, Printer* printer) {
  const Schema::MessageType* const type =
      schema == nullptr ? nullptr : schema->FindType(message.full_name());
  std::string note = "[" + message.full_name() + "]";
  if (type != nullptr) note += ", type id " + std::to_string(type->type_id);
  PrintLines(OcamlDoc(Comments(message), note + "."), printer);
  printer->Print("$module$ $name$ : sig\n", "module", module, "name",
                 source.names.Module(message));
  printer->Indent();
  for (int i = 0; i < message.enum_type_count(); ++i) {
    PrintEnum(source, *message.enum_type(i), printer);
    printer->Print("\n");
  }
  for (const Descriptor* nested :
       unit.is_plain ? InOrder(message) : Messages(message)) {
    PrintMessage(source, unit, *nested, "module", schema, printer);
    printer->Print("\n");
  }
  const OcamlPlace place(source, unit, message, false);
  PrintRecordTypes(place, Docs::kAll, printer);
  PrintMake(place, printer);
  printer->Print("\ninclude Mycelium_wire.Generated.$kind$ with type t := t\n",
                 "kind", type != nullptr ? "Message_type" : "Message");
  printer->Outdent();
  printer->Print("end\n");
}

}  // namespace

void PrintInterface(const OcamlSource& source, const Schema* schema,
                    Printer* printer) {
  printer->Print(kFileDoc, "file", source.file.name());
  if (schema != nullptr) printer->Print(kSchemaValues);
  for (int i = 0; i < source.file.enum_type_count(); ++i) {
    printer->Print("\n");
    PrintEnum(source, *source.file.enum_type(i), printer);
  }
  for (const OcamlUnit& unit : OcamlUnits(source.file)) {
    std::string module = unit.is_plain ? "module" : "module rec";
    for (const Descriptor* message : unit.messages) {
      printer->Print("\n");
      PrintMessage(source, unit, *message, module, schema, printer);
      module = "and";
    }
  }
}

}  // namespace mycelium::plugin
