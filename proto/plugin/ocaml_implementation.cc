#include <string>
#include <vector>

#include "proto/plugin/generator.h"
#include "proto/plugin/ocaml_files.h"
#include "proto/plugin/ocaml_functions.h"
#include "proto/plugin/ocaml_text.h"
#include "proto/plugin/ocaml_types.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::io::Printer;

class Implementation {
 public:
  Implementation(const OcamlSource& source, const Schema* schema,
                 Printer* printer)
      : source_(source), schema_(schema), printer_(printer) {}

  void Print() {
    printer_->Print(
        "(* Made by protoc-gen-mycelium of $file$: do not edit. *)\n"
        "\n"
        "module $wire$ = Mycelium_wire\n",
        "file", source_.file.name(), "wire", source_.wire);
    if (schema_ != nullptr) PrintSchema();
    for (int i = 0; i < source_.file.enum_type_count(); ++i) {
      const EnumDescriptor& descriptor = *source_.file.enum_type(i);
      printer_->Print("\n");
      PrintEnum(descriptor, source_.names.Module(descriptor));
    }
    for (const OcamlUnit& unit : OcamlUnits(source_.file)) {
      printer_->Print("\n");
      if (unit.is_plain) {
        PrintMessage(unit, *unit.messages[0]);
      } else {
        PrintRecursiveUnit(unit);
      }
    }
  }

 private:
  void PrintSchema() {
    printer_->Print("\n(* $text$ *)\nlet schema_digest =\n", "text",
                    DigestText(schema_->digest()));
    PrintIndented(OcamlLiteral(schema_->digest()));
    printer_->Print(
        "\nlet schema =\n"
        "  $wire$.Schema.make ~digest:schema_digest ~descriptor_set:\n",
        "wire", source_.wire);
    printer_->Indent();
    PrintIndented(OcamlLiteral(schema_->descriptor_set()));
    printer_->Outdent();
  }

  void PrintIndented(const std::vector<std::string>& lines) {
    printer_->Indent();
    PrintLines(lines, printer_);
    printer_->Outdent();
  }

  void PrintEnum(const EnumDescriptor& descriptor, const std::string& module) {
    printer_->Print("module $module$ = struct\n", "module", module);
    printer_->Indent();
    PrintEnumType(source_, descriptor, Docs::kNone, printer_);
    printer_->Print("\nlet default = $name$\n", "name",
                    source_.names.Constructor(*descriptor.value(0)));
    for (int i = 0; i < descriptor.value_count(); ++i) {
      const EnumValueDescriptor& alias = *descriptor.value(i);
      if (!IsAlias(alias)) continue;
      printer_->Print("let $alias$ = $name$\n", "alias",
                      source_.names.Constructor(alias), "name",
                      source_.names.Constructor(
                          *descriptor.FindValueByNumber(alias.number())));
    }
    PrintEnumFunction(descriptor, "\nlet to_int = function\n",
                      "  | $name$ -> $number$\n",
                      "  | Unrecognized number -> number\n");
    PrintEnumFunction(descriptor, "\nlet of_int = function\n",
                      "  | $number$ -> $name$\n",
                      "  | number -> Unrecognized number\n");
    PrintEnumFunction(
        descriptor, "\nlet pp ppf = function\n",
        "  | $name$ -> Stdlib.Format.pp_print_string ppf \"$name$\"\n",
        "  | Unrecognized number ->\n"
        "      $wire$.Print.variant \"Unrecognized\" "
        "Stdlib.Format.pp_print_int\n"
        "        ppf number\n");
    printer_->Print(
        "\nlet scalar = $wire$.Scalar.enum ~of_int ~to_int ~pp\n"
        "let equal = scalar.equal\n",
        "wire", source_.wire);
    printer_->Outdent();
    printer_->Print("end\n");
  }

  void PrintEnumFunction(const EnumDescriptor& descriptor, const char* head,
                         const char* known, const char* unrecognized) {
    printer_->Print(head);
    for (int i = 0; i < descriptor.value_count(); ++i) {
      const EnumValueDescriptor& value = *descriptor.value(i);
      if (IsAlias(value)) continue;
      printer_->Print(known, "name", source_.names.Constructor(value), "number",
                      std::to_string(value.number()));
    }
    printer_->Print(unrecognized, "wire", source_.wire);
  }

  void PrintMessage(const OcamlUnit& unit, const Descriptor& message) {
    const OcamlPlace place(source_, unit, message, /*is_flat=*/false);
    printer_->Print("module $module$ = struct\n", "module",
                    source_.names.Module(message));
    printer_->Indent();
    for (int i = 0; i < message.enum_type_count(); ++i) {
      const EnumDescriptor& descriptor = *message.enum_type(i);
      PrintEnum(descriptor, source_.names.Module(descriptor));
      printer_->Print("\n");
    }
    for (const Descriptor* nested : InOrder(message)) {
      PrintMessage(unit, *nested);
      printer_->Print("\n");
    }
    PrintRecordTypes(place, Docs::kNone, printer_);
    PrintValues(place);
    printer_->Print("\n");
    PrintFields(place);
    PrintFunctions(unit, {&message}, /*is_flat=*/false);
    printer_->Print(
        "\nlet codec = $wire$.Codec.make ~fields ~read ~write ~equal ~pp\n",
        "wire", source_.wire);
    PrintCodecFunctions(message);
    printer_->Outdent();
    printer_->Print("end\n");
  }

  // The types come first, then the functions, then the modules, as in
  //   module rec Types : sig module A : sig type t = ... end ... end = Types
  //   let rec read_A r = ... and read_B r = ...
  //   module A = struct include Types.A ... end
  void PrintRecursiveUnit(const OcamlUnit& unit) {
    printer_->Print(
        "(* Messages that refer to each other: their types, then what reads,\n"
        "   writes, compares and prints them, then their modules. *)\n\n");
    const OcamlGroup messages = AllMessages(unit);
    for (const Descriptor* message : messages) {
      for (int i = 0; i < message->enum_type_count(); ++i) {
        const EnumDescriptor& descriptor = *message->enum_type(i);
        PrintEnum(descriptor, source_.names.FlatModule(descriptor));
        printer_->Print("\n");
      }
    }
    printer_->Print("module rec $types$ : sig\n", "types", source_.types);
    printer_->Indent();
    for (const Descriptor* message : messages) {
      if (message != messages[0]) printer_->Print("\n");
      printer_->Print("module $module$ : sig\n", "module",
                      source_.names.FlatModule(*message));
      printer_->Indent();
      PrintRecordTypes(OcamlPlace(source_, unit, *message, /*is_flat=*/true),
                       Docs::kNone, printer_);
      printer_->Outdent();
      printer_->Print("end\n");
    }
    printer_->Outdent();
    printer_->Print("end =\n  $types$\n", "types", source_.types);
    for (const Descriptor* message : messages) {
      printer_->Print("\n");
      PrintFields(OcamlPlace(source_, unit, *message, /*is_flat=*/true));
    }
    for (const OcamlGroup& group : RecursiveGroups(unit)) {
      PrintFunctions(unit, group, /*is_flat=*/true);
    }
    for (const Descriptor* message : unit.messages) {
      printer_->Print("\n");
      PrintModuleOfUnit(unit, *message);
    }
  }

  void PrintModuleOfUnit(const OcamlUnit& unit, const Descriptor& message) {
    const OcamlPlace place(source_, unit, message, /*is_flat=*/true);
    printer_->Print("module $module$ = struct\n", "module",
                    source_.names.Module(message));
    printer_->Indent();
    for (int i = 0; i < message.enum_type_count(); ++i) {
      const EnumDescriptor& descriptor = *message.enum_type(i);
      printer_->Print("module $module$ = $flat$\n\n", "module",
                      source_.names.Module(descriptor), "flat",
                      source_.names.FlatModule(descriptor));
    }
    for (const Descriptor* nested : Messages(message)) {
      PrintModuleOfUnit(unit, *nested);
      printer_->Print("\n");
    }
    printer_->Print("include $module$\n", "module", place.RecordModule());
    PrintValues(place);
    printer_->Print(
        "\n"
        "let equal = equal_$flat$\n"
        "let pp = pp_$flat$\n"
        "\n"
        "let codec =\n"
        "  $wire$.Codec.make ~fields:fields_$flat$ ~read:read_$flat$\n"
        "    ~write:write_$flat$ ~equal ~pp\n",
        "flat", source_.names.FlatModule(message), "wire", source_.wire);
    PrintCodecFunctions(message);
    printer_->Outdent();
    printer_->Print("end\n");
  }

  // `default` and `make`, within the module.
  void PrintValues(const OcamlPlace& place) {
    const std::vector<OcamlMember> members = OcamlMembers(place.message());
    if (members.empty()) {
      printer_->Print("\nlet default = ()\nlet make () = default\n");
      return;
    }
    std::vector<std::string> defaults, arguments, fields;
    for (const OcamlMember& member : members) {
      const std::string& field = source_.names.Field(member);
      const std::string value = field + " = " + place.Default(member);
      defaults.push_back(value);
      arguments.push_back("?" + (IsOption(member) ? field : "(" + value + ")"));
      fields.push_back(field);
    }
    printer_->Print("\n");
    PrintLines(OcamlList("let default : t = ", "{", defaults, "}"), printer_);
    printer_->Print("\n");
    PrintLines(OcamlArguments("let make", arguments, "() : t ="), printer_);
    PrintIndented(OcamlList("", "{", fields, "}"));
  }

  // The names of a message and of its fields.
  void PrintFields(const OcamlPlace& place) {
    const Descriptor& message = place.message();
    std::vector<std::string> names;
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      names.push_back("(" + std::to_string(field.number()) + ", \"" +
                      field.name() + "\")");
    }
    printer_->Print("let $fields$ =\n", "fields",
                    place.Function(message, "fields"));
    PrintIndented(OcamlList(
        source_.wire + ".Fields.make \"" + message.full_name() + "\" ", "[",
        names, "]"));
  }

  void PrintFunctions(const OcamlUnit& unit, const OcamlGroup& group,
                      bool is_flat) {
    const bool is_recursive = group.size() > 1 || RefersToItself(*group[0]);
    for (const auto print : {PrintRead, PrintWrite, PrintEqual, PrintPp}) {
      std::string let = is_recursive ? "let rec" : "let";
      for (const Descriptor* message : group) {
        printer_->Print("\n");
        print(OcamlPlace(source_, unit, *message, is_flat), let, printer_);
        let = "and";
      }
    }
  }

  void PrintCodecFunctions(const Descriptor& message) {
    printer_->Print(
        "let encode message = $wire$.Codec.encode codec message\n"
        "let decode bytes = $wire$.Codec.decode codec bytes\n",
        "wire", source_.wire);
    const Schema::MessageType* type =
        schema_ == nullptr ? nullptr : schema_->FindType(message.full_name());
    if (type == nullptr) return;
    printer_->Print(
        "let type_id = $type_id$\n"
        "\n"
        "let t =\n"
        "  $wire$.Message.make ~type_id ~schema codec ~fingerprint:\n",
        "type_id", std::to_string(type->type_id), "wire", source_.wire);
    printer_->Indent();
    PrintIndented(OcamlLiteral(type->fingerprint));
    printer_->Outdent();
  }

  const OcamlSource& source_;
  const Schema* const schema_;
  Printer* const printer_;
};

}  // namespace

void PrintImplementation(const OcamlSource& source, const Schema* schema,
                         Printer* printer) {
  Implementation(source, schema, printer).Print();
}

}  // namespace mycelium::plugin
