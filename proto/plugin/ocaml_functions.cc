#include "proto/plugin/ocaml_functions.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <map>
#include <vector>

#include "proto/plugin/ocaml_text.h"
#include "proto/plugin/ocaml_types.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::Printer;
using Variables = std::map<std::string, std::string>;

// The code for one field of the record that is not a oneof.
struct FieldCode {
  const char* start;   // what its variable holds at first, in `read`
  const char* read;    // what the variable becomes by one value
  const char* result;  // what the field becomes of the variable
  const char* write;
  const char* equal;
  const char* pp;
};

constexpr FieldCode kImplicit = {
    "$default$",
    "$read$ r",
    "!$variable$",
    "$wire$.Scalar.write_implicit $scalar$ w $fields$ $number$ m.$field$",
    "$equal$",
    "$pp$"};

constexpr FieldCode kOptional = {
    "None",
    "Some ($read$ r)",
    "!$variable$",
    "$wire$.Scalar.write_option $scalar$ w $fields$ $number$ m.$field$",
    "Stdlib.Option.equal $equal$",
    "($wire$.Print.option $pp$)"};

constexpr FieldCode kMessage = {
    "$wire$.Reader.none",
    "$wire$.Reader.occurrence r !$variable$",
    "$wire$.Reader.merged_option r $read$ !$variable$",
    "$wire$.Writer.delimited_option w $number$ $write$ m.$field$",
    "Stdlib.Option.equal $equal$",
    "($wire$.Print.option $pp$)"};

constexpr FieldCode kList = {
    "[]",
    "$read$ r :: !$variable$",
    "Stdlib.List.rev !$variable$",
    "$wire$.Scalar.write_list $scalar$ w $fields$ $number$ m.$field$",
    "Stdlib.List.equal $equal$",
    "($wire$.Print.list $pp$)"};

constexpr FieldCode kPackedList = {
    kList.start,
    kList.read,
    kList.result,
    "$wire$.Scalar.write_packed $scalar$ w $fields$ $number$ m.$field$",
    kList.equal,
    kList.pp};

constexpr FieldCode kMessageList = {
    kList.start,  "$wire$.Reader.message r $read$ :: !$variable$",
    kList.result, "$wire$.Writer.delimited_list w $number$ $write$ m.$field$",
    kList.equal,  kList.pp};

constexpr FieldCode kMap = {
    "[]",
    "$wire$.Entries.read r $key$ $scalar$ :: !$variable$",
    "$wire$.Entries.of_occurrences $key$ !$variable$",
    "$wire$.Entries.write w $fields$ $number$ $key$ $scalar$ m.$field$",
    "$wire$.Entries.equal $key$ $equal$",
    "($wire$.Print.entries $key$.pp $pp$)"};

constexpr FieldCode kMessageMap = {
    kMap.start,
    "$wire$.Entries.read_message r $key$ $read$ :: !$variable$",
    kMap.result,
    "$wire$.Entries.write_messages w $fields$ $number$ $key$ $write$ m.$field$",
    kMap.equal,
    kMap.pp};

bool IsMessage(const FieldDescriptor& field) {
  return field.message_type() != nullptr;
}

const FieldCode& CodeOf(const FieldDescriptor& field) {
  if (field.is_map()) {
    return IsMessage(*field.message_type()->map_value()) ? kMessageMap : kMap;
  }
  if (field.is_repeated()) {
    if (IsMessage(field)) return kMessageList;
    return field.is_packed() ? kPackedList : kList;
  }
  if (IsMessage(field)) return kMessage;
  return field.has_presence() ? kOptional : kImplicit;
}

std::string Tag(const FieldDescriptor& field, WireFormatLite::WireType type) {
  return std::to_string(WireFormatLite::MakeTag(field.number(), type));
}

// What the code of one field, also of a oneof's, is filled with.
Variables FieldVariables(const OcamlPlace& place,
                         const FieldDescriptor& field) {
  const auto type = static_cast<WireFormatLite::FieldType>(field.type());
  Variables variables = {
      {"number", std::to_string(field.number())},
      {"tag", Tag(field, WireFormatLite::WireTypeForFieldType(type))},
      {"packed_tag", Tag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)},
      {"fields", place.Function(place.message(), "fields")},
      {"wire", place.source().wire}};
  const FieldDescriptor* value = &field;
  if (field.is_map()) {
    value = field.message_type()->map_value();
    variables["key"] = place.Scalar(*field.message_type()->map_key());
  }
  if (!IsMessage(*value)) variables["scalar"] = place.Scalar(*value);
  for (const char* function : {"read", "write", "equal", "pp"}) {
    variables[function] = IsMessage(*value)
                              ? place.Function(*value->message_type(), function)
                              : variables["scalar"] + "." + function;
  }
  if (field.real_containing_oneof() != nullptr) {
    variables["constructor"] = place.source().names.Constructor(field);
  }
  return variables;
}

// The same of a member, a oneof or a field.
Variables MemberVariables(const OcamlPlace& place, const OcamlMember& member) {
  Variables variables;
  if (member.field != nullptr) variables = FieldVariables(place, *member.field);
  variables["wire"] = place.source().wire;
  variables["field"] = place.source().names.Field(member);
  variables["variable"] = place.source().names.Variable(member);
  variables["default"] = place.Default(member);
  return variables;
}

std::string Filled(const char* text, const Variables& variables) {
  std::string filled;
  google::protobuf::io::StringOutputStream output(&filled);
  Printer(&output, '$').Print(variables, text);
  return filled;
}

// "let write_Inner w (m : Types.Inner.t) =", where `parameters` stands for what
// is between the name and "=".
void PrintHead(const OcamlPlace& place, const std::string& let,
               const std::string& function, const char* parameters,
               Printer* printer) {
  printer->Print("$let$ $function$ ", "let", let, "function",
                 place.Function(place.message(), function));
  printer->Print(parameters, "type", place.RecordType());
  printer->Print(" =\n");
  printer->Indent();
  if (place.is_flat() && place.message().field_count() > 0) {
    printer->Print("let open $module$ in\n", "module", place.RecordModule());
  }
}

void PrintReadOfField(const FieldDescriptor& field, const Variables& variables,
                      Printer* printer) {
  printer->Print(variables, "| $tag$ -> $variable$ := ");
  printer->Print(variables, CodeOf(field).read);
  printer->Print("\n");
  if (field.is_packable()) {
    printer->Print(variables,
                   "| $packed_tag$ -> $variable$ := $wire$.Reader.packed r "
                   "$read$ !$variable$\n");
  }
}

void PrintReadOfOneof(const OcamlPlace& place, const OneofDescriptor& oneof,
                      const Variables& variables, Printer* printer) {
  for (int i = 0; i < oneof.field_count(); ++i) {
    const FieldDescriptor& field = *oneof.field(i);
    const Variables own = FieldVariables(place, field);
    printer->Print(own, "| $tag$ -> ");
    printer->Print(variables, "$variable$ := ");
    printer->Print(
        own, IsMessage(field)
                 ? "$wire$.Oneof.message r $read$ (fun m -> $constructor$ m)"
                 : "$wire$.Oneof.value ($constructor$ ($read$ r))");
    printer->Print(variables, " !$variable$\n");
  }
}

void PrintWriteOfOneof(const OcamlPlace& place,
                       const std::vector<const FieldDescriptor*>& fields,
                       Printer* printer) {
  const OneofDescriptor& oneof = *fields[0]->real_containing_oneof();
  printer->Print("(match m.$field$ with\n", "field",
                 place.source().names.Field({nullptr, &oneof}));
  printer->Indent();
  for (const FieldDescriptor* field : fields) {
    const Variables variables = FieldVariables(place, *field);
    printer->Print(variables, "| Some ($constructor$ v) -> ");
    printer->Print(
        variables,
        IsMessage(*field)
            ? "$wire$.Writer.delimited w $number$ $write$ v\n"
            : "$wire$.Scalar.write $scalar$ w $fields$ $number$ v\n");
  }
  const bool are_all = static_cast<int>(fields.size()) == oneof.field_count();
  printer->Print(are_all ? "| None -> ())" : "| _ -> ())");
  printer->Outdent();
}

void PrintEqualOfOneof(const OcamlPlace& place, const OneofDescriptor& oneof,
                       const Variables& variables, Printer* printer) {
  printer->Print(variables,
                 "(match (a.$field$, b.$field$) with\n"
                 "  | None, None -> true\n");
  printer->Indent();
  for (int i = 0; i < oneof.field_count(); ++i) {
    printer->Print(
        FieldVariables(place, *oneof.field(i)),
        "| Some ($constructor$ a), Some ($constructor$ b) -> $equal$ a b\n");
  }
  printer->Print("| _ -> false)");
  printer->Outdent();
}

void PrintPpOfOneof(const OcamlPlace& place, const OneofDescriptor& oneof,
                    const Variables& variables, Printer* printer) {
  printer->Print(variables,
                 "$wire$.Print.field \"$field$\"\n"
                 "  ($wire$.Print.option (fun ppf -> function\n");
  for (int i = 0; i < oneof.field_count(); ++i) {
    printer->Print(FieldVariables(place, *oneof.field(i)),
                   "    | $constructor$ v -> $wire$.Print.variant "
                   "\"$constructor$\" $pp$ ppf v\n");
  }
  printer->Print(variables, "  )) m.$field$");
}

// "; { sender = !sender; }" after the loop of `read`.
void PrintResult(const OcamlPlace& place,
                 const std::vector<OcamlMember>& members, Printer* printer) {
  if (members.empty()) {
    printer->Print("\n");
    return;
  }
  printer->Print(";\n");
  std::vector<std::string> fields;
  for (const OcamlMember& member : members) {
    const char* const result = member.oneof != nullptr
                                   ? "$wire$.Oneof.finish !$variable$"
                                   : CodeOf(*member.field).result;
    const Variables variables = MemberVariables(place, member);
    fields.push_back(variables.at("field") + " = " + Filled(result, variables));
  }
  PrintLines(OcamlList("", "{", fields, "}"), printer);
}

// The fields that are written together, in the order in which they are: from
// the last to the first.  Those of a oneof between which no others are stand
// together.
std::vector<std::vector<const FieldDescriptor*>> WrittenFields(
    const google::protobuf::Descriptor& message) {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < message.field_count(); ++i) {
    fields.push_back(message.field(i));
  }
  std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) {
    return a->number() > b->number();
  });
  std::vector<std::vector<const FieldDescriptor*>> groups;
  const OneofDescriptor* last = nullptr;
  for (const FieldDescriptor* field : fields) {
    const OneofDescriptor* const oneof = field->real_containing_oneof();
    if (oneof == nullptr || oneof != last) groups.emplace_back();
    groups.back().push_back(field);
    last = oneof;
  }
  return groups;
}

}  // namespace

void PrintRead(const OcamlPlace& place, const std::string& let,
               Printer* printer) {
  const std::vector<OcamlMember> members = OcamlMembers(place.message());
  PrintHead(place, let, "read", "r : $type$", printer);
  for (const OcamlMember& member : members) {
    const Variables variables = MemberVariables(place, member);
    printer->Print(variables, "let $variable$ = ref ");
    printer->Print(variables, member.oneof != nullptr
                                  ? "$wire$.Oneof.absent"
                                  : CodeOf(*member.field).start);
    printer->Print(" in\n");
  }
  printer->Print("while $wire$.Reader.next r $fields$ do\n", "wire",
                 place.source().wire, "fields",
                 place.Function(place.message(), "fields"));
  printer->Indent();
  if (!members.empty()) {
    printer->Print("match $wire$.Reader.tag r with\n", "wire",
                   place.source().wire);
  }
  for (const OcamlMember& member : members) {
    const Variables variables = MemberVariables(place, member);
    if (member.oneof != nullptr) {
      PrintReadOfOneof(place, *member.oneof, variables, printer);
    } else {
      PrintReadOfField(*member.field, variables, printer);
    }
  }
  printer->Print("$case$$wire$.Reader.skip r\n", "case",
                 members.empty() ? "" : "| _ -> ", "wire", place.source().wire);
  printer->Outdent();
  printer->Print("done");
  PrintResult(place, members, printer);
  printer->Outdent();
}

void PrintWrite(const OcamlPlace& place, const std::string& let,
                Printer* printer) {
  if (place.message().field_count() == 0) {
    PrintHead(place, let, "write", "_ ()", printer);
    printer->Print("()\n");
  } else {
    PrintHead(place, let, "write", "w (m : $type$)", printer);
    const char* separator = "";
    for (const auto& fields : WrittenFields(place.message())) {
      printer->Print(separator);
      separator = ";\n";
      if (fields[0]->real_containing_oneof() != nullptr) {
        PrintWriteOfOneof(place, fields, printer);
      } else {
        printer->Print(MemberVariables(place, {fields[0], nullptr}),
                       CodeOf(*fields[0]).write);
      }
    }
    printer->Print("\n");
  }
  printer->Outdent();
}

void PrintEqual(const OcamlPlace& place, const std::string& let,
                Printer* printer) {
  if (place.message().field_count() == 0) {
    PrintHead(place, let, "equal", "() ()", printer);
    printer->Print("true");
  } else {
    PrintHead(place, let, "equal", "(a : $type$) (b : $type$)", printer);
  }
  const char* separator = "";
  for (const OcamlMember& member : OcamlMembers(place.message())) {
    const Variables variables = MemberVariables(place, member);
    printer->Print(separator);
    separator = "\n&& ";
    if (member.oneof != nullptr) {
      PrintEqualOfOneof(place, *member.oneof, variables, printer);
    } else {
      printer->Print(variables, CodeOf(*member.field).equal);
      printer->Print(variables, " a.$field$ b.$field$");
    }
  }
  printer->Print("\n");
  printer->Outdent();
}

void PrintPp(const OcamlPlace& place, const std::string& let,
             Printer* printer) {
  if (place.message().field_count() == 0) {
    PrintHead(place, let, "pp", "ppf ()", printer);
    printer->Print("Stdlib.Format.pp_print_string ppf \"()\"\n");
    printer->Outdent();
    return;
  }
  PrintHead(place, let, "pp", "ppf (m : $type$)", printer);
  printer->Print("$wire$.Print.record ppf [\n", "wire", place.source().wire);
  printer->Indent();
  for (const OcamlMember& member : OcamlMembers(place.message())) {
    const Variables variables = MemberVariables(place, member);
    if (member.oneof != nullptr) {
      PrintPpOfOneof(place, *member.oneof, variables, printer);
    } else {
      printer->Print(variables, "$wire$.Print.field \"$field$\" ");
      printer->Print(variables, CodeOf(*member.field).pp);
      printer->Print(variables, " m.$field$");
    }
    printer->Print(";\n");
  }
  printer->Outdent();
  printer->Print("]\n");
  printer->Outdent();
}

}  // namespace mycelium::plugin
