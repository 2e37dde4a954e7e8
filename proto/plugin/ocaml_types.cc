#include "proto/plugin/ocaml_types.h"

#include <strings.h>

#include "proto/plugin/ocaml_text.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;
using google::protobuf::io::Printer;
using Lines = std::vector<std::string>;

// What a line with its comment may take.
constexpr size_t kColumns = 72;

// A constructor or a field, and its comment behind or below it.
void PrintItem(const std::string& item, const Lines& doc, Printer* printer) {
  const bool fits = doc.size() == 1 && item.size() + doc[0].size() <= kColumns;
  printer->Print("$item$$doc$\n", "item", item, "doc",
                 fits ? "  " + doc[0] : "");
  if (fits) return;
  printer->Indent();
  printer->Indent();
  PrintLines(doc, printer);
  printer->Outdent();
  printer->Outdent();
}

template <typename Named>
Lines DocOf(const Named& descriptor, const std::string& note, Docs docs) {
  return docs == Docs::kNone ? Lines() : OcamlDoc(Comments(descriptor), note);
}

// What its comment adds: what the .proto file calls it, but for the case of
// letters, and its type there.
std::string Note(const std::string& ocaml_name, const std::string& proto_name,
                 const std::string& proto_type) {
  std::string note;
  if (strcasecmp(ocaml_name.c_str(), proto_name.c_str()) != 0) {
    note = "[" + proto_name + "] in the .proto file";
  }
  if (!note.empty() && !proto_type.empty()) note += ", ";
  return note + proto_type;
}

// `type` is "type" or "and".
void PrintOneofType(const OcamlPlace& place, const OneofDescriptor& oneof,
                    const std::string& type, Docs docs, Printer* printer) {
  const OcamlSource& source = place.source();
  PrintLines(DocOf(oneof, "", docs), printer);
  printer->Print("$type$ $name$ =\n", "type", type, "name",
                 source.names.Type(oneof));
  printer->Indent();
  for (int i = 0; i < oneof.field_count(); ++i) {
    const FieldDescriptor& field = *oneof.field(i);
    const std::string& name = source.names.Constructor(field);
    const std::string note = Note(name, field.name(), ProtoType(field));
    PrintItem("| " + name + " of " + place.ElementType(field),
              DocOf(field, note, docs), printer);
  }
  printer->Outdent();
  printer->Print("\n");
}

bool HasOneofOfItself(const Descriptor& message) {
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor& field = *message.field(i);
    if (field.real_containing_oneof() != nullptr &&
        field.message_type() == &message) {
      return true;
    }
  }
  return false;
}

}  // namespace

void PrintLines(const Lines& lines, Printer* printer) {
  for (const std::string& line : lines) {
    printer->Print("$line$\n", "line", line);
  }
}

void PrintEnumType(const OcamlSource& source, const EnumDescriptor& descriptor,
                   Docs docs, Printer* printer) {
  printer->Print("type t =\n");
  printer->Indent();
  for (int i = 0; i < descriptor.value_count(); ++i) {
    const EnumValueDescriptor& value = *descriptor.value(i);
    if (IsAlias(value)) continue;
    const std::string& name = source.names.Constructor(value);
    const std::string number = std::to_string(value.number());
    PrintItem("| " + name, DocOf(value, Note(name, value.name(), number), docs),
              printer);
  }
  PrintItem("| Unrecognized of int", {}, printer);
  printer->Outdent();
}

void PrintRecordTypes(const OcamlPlace& place, Docs docs, Printer* printer) {
  const OcamlSource& source = place.source();
  const std::vector<OcamlMember> members = OcamlMembers(place.message());
  const std::string next = HasOneofOfItself(place.message()) ? "and" : "type";
  std::string type = "type";
  for (const OcamlMember& member : members) {
    if (member.oneof == nullptr) continue;
    PrintOneofType(place, *member.oneof, type, docs, printer);
    type = next;
  }
  if (members.empty()) {
    printer->Print("type t = unit\n");
    return;
  }
  std::vector<std::string> items;
  std::vector<Lines> item_docs;
  bool has_docs = false;
  for (const OcamlMember& member : members) {
    const std::string& name = source.names.Field(member);
    items.push_back(name + " : " + place.Type(member));
    item_docs.emplace_back();
    if (member.field == nullptr) continue;
    const FieldDescriptor& field = *member.field;
    const std::string note = Note(name, field.name(), ProtoType(field));
    item_docs.back() = DocOf(field, note, docs);
    has_docs = has_docs || !item_docs.back().empty();
  }
  if (!has_docs) {
    PrintLines(OcamlList(type + " t = ", "{", items, "}"), printer);
    return;
  }
  printer->Print("$type$ t = {\n", "type", type);
  printer->Indent();
  for (size_t i = 0; i < items.size(); ++i) {
    PrintItem(items[i] + ";", item_docs[i], printer);
  }
  printer->Outdent();
  printer->Print("}\n");
}

}  // namespace mycelium::plugin
