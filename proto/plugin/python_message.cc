#include "proto/plugin/python_message.h"

#include <google/protobuf/descriptor.pb.h>

#include <string>
#include <vector>

#include "proto/plugin/python_codec.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;

// What the .proto file says of it, in front of it or behind it.
template <typename Descriptor>
std::string CommentOf(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (!descriptor.GetSourceLocation(&location)) return {};
  return location.leading_comments.empty() ? location.trailing_comments
                                           : location.leading_comments;
}

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r\n\f\v") == std::string::npos;
}

// The docstring behind an attribute: its comment and a `remark`, if any.
template <typename Descriptor>
void WriteAttributeDocstring(const Descriptor& descriptor,
                             const std::string& name, const std::string& remark,
                             PythonWriter* writer) {
  std::string text = CommentOf(descriptor);
  const auto add = [&text](const std::string& sentence) {
    text = IsBlank(text) ? sentence : text + "\n" + sentence;
  };
  if (!remark.empty()) add(remark);
  if (name != descriptor.name()) {
    add("`" + descriptor.name() + "` in the .proto file.");
  }
  if (!IsBlank(text)) writer->Docstring(text);
}

class MessageWriter {
 public:
  MessageWriter(const Descriptor& message, const Schema::MessageType* type,
                PythonReferences* references, PythonWriter* writer)
      : message_(message),
        type_(type),
        references_(*references),
        names_(references->names()),
        out_(*writer) {}

  void Write();

 private:
  void WriteConstants();
  void WriteField(const FieldDescriptor& field);
  void WritePublicMethods();
  void WriteWhich(const OneofDescriptor& oneof);
  void WriteTables();
  std::string TypeText(const FieldDescriptor& field) const;

  const Descriptor& message_;
  const Schema::MessageType* const type_;
  PythonReferences& references_;
  const PythonNames& names_;
  PythonWriter& out_;
};

void MessageWriter::Write() {
  out_.Line("@dataclasses.dataclass");
  out_.Line("class " + names_.Class(message_) + ":");
  out_.Indent();
  const std::string comment = CommentOf(message_);
  out_.Docstring(IsBlank(comment) ? "Message " + message_.full_name() + "."
                                  : comment);
  out_.Blank();
  WriteConstants();
  if (message_.field_count() > 0) out_.Blank();
  for (int i = 0; i < message_.field_count(); ++i) {
    WriteField(*message_.field(i));
  }
  WritePublicMethods();
  out_.Blank();
  WriteTables();
  out_.Blank();
  WritePythonCodec(message_, &references_, &out_);
  out_.Dedent();
}

void MessageWriter::WriteConstants() {
  if (type_ != nullptr) {
    out_.Line("TYPE_ID: ClassVar[int] = " + std::to_string(type_->type_id));
  }
  out_.Line("FULL_NAME: ClassVar[str] = \"" + message_.full_name() + "\"");
  if (type_ != nullptr) {
    out_.Line("FINGERPRINT: ClassVar[bytes] = bytes.fromhex(\"" +
              DigestText(type_->fingerprint).substr(3) + "\")");
  }
  bool first = true;
  const auto write_alias = [&](const auto& nested) {
    if (first) out_.Blank();
    first = false;
    out_.Line(names_.Alias(nested) + " = " + names_.Class(nested));
  };
  for (int i = 0; i < message_.enum_type_count(); ++i) {
    write_alias(*message_.enum_type(i));
  }
  for (int i = 0; i < message_.nested_type_count(); ++i) {
    const Descriptor& nested = *message_.nested_type(i);
    if (!nested.options().map_entry()) write_alias(nested);
  }
}

void MessageWriter::WriteField(const FieldDescriptor& field) {
  const std::string& name = names_.Attribute(field);
  const auto annotation = [this](const FieldDescriptor& value) {
    return references_.Annotation(value, references_.ClassOf(value, &message_));
  };
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    out_.Line(name + ": Dict[" + annotation(*entry.map_key()) + ", " +
              annotation(*entry.map_value()) +
              "] = dataclasses.field(default_factory=dict)");
  } else if (field.is_repeated()) {
    out_.Line(name + ": List[" + annotation(field) +
              "] = dataclasses.field(default_factory=list)");
  } else if (field.has_presence()) {
    out_.Line(name + ": Optional[" + annotation(field) + "] = None");
  } else {
    out_.Line(name + ": " + annotation(field) + " = " +
              references_.Zero(field, references_.ClassOf(field, &message_)));
  }
  const OneofDescriptor* const oneof = field.real_containing_oneof();
  WriteAttributeDocstring(
      field, name, oneof == nullptr ? "" : "Of oneof " + oneof->name() + ".",
      &out_);
}

void MessageWriter::WritePublicMethods() {
  for (const std::string_view line :
       {"",
        "def to_bytes(self) -> bytes:",
        "    \"\"\"Encodes the message as Protobuf does.",
        "",
        "    ValueError or TypeError: a field has a value that it can't have.",
        "    \"\"\"",
        "    try:",
        "        return self._encode(_DEPTH_MAX)",
        "    except _FAULTS:",
        "        _explain(self)",
        "        raise",
        "",
        "@classmethod",
        "def from_bytes(cls, data: Union[bytes, bytearray, memoryview]) -> "
        "Self:",
        "    \"\"\"Decodes a message; unknown fields are left out.",
        "",
        "    ValueError: `data` is no such message.",
        "    \"\"\"",
        "    if type(data) is not bytes:",
        "        data = bytes(memoryview(data))",
        "    message = cls()",
        "    message._merge(data, 0, len(data), _DEPTH_MAX)",
        "    return message"}) {
    out_.Line(line);
  }
  for (int i = 0; i < message_.real_oneof_decl_count(); ++i) {
    WriteWhich(*message_.oneof_decl(i));
  }
}

void MessageWriter::WriteWhich(const OneofDescriptor& oneof) {
  out_.Blank();
  out_.Line("def which_" + oneof.name() + "(self) -> Optional[str]:");
  out_.Indent();
  std::string comment = CommentOf(oneof);
  if (!IsBlank(comment)) comment += '\n';
  out_.Docstring("Names the one field of " + oneof.name() +
                 " that is set; None: none is.\n\n" + comment +
                 "ValueError: more than one is set.");
  out_.Line("return _which(self, self._ONEOFS[\"" + oneof.name() + "\"])");
  out_.Dedent();
}

// "optional int32", "map<string, message shapes.Point>"
std::string MessageWriter::TypeText(const FieldDescriptor& field) const {
  if (field.is_map()) {
    const Descriptor& entry = *field.message_type();
    return "map<" + TypeText(*entry.map_key()) + ", " +
           TypeText(*entry.map_value()) + ">";
  }
  std::string text;
  if (field.is_repeated()) {
    text = "repeated ";
  } else if (field.has_presence() &&
             !field.containing_type()->options().map_entry()) {
    text = "optional ";
  }
  text += field.type_name();
  if (field.message_type() != nullptr) {
    text += " " + field.message_type()->full_name();
  } else if (field.enum_type() != nullptr) {
    text += " " + field.enum_type()->full_name();
  }
  return text;
}

// What the errors say is read off these.
void MessageWriter::WriteTables() {
  std::vector<std::string> rows;
  for (int i = 0; i < message_.field_count(); ++i) {
    const FieldDescriptor& field = *message_.field(i);
    rows.push_back(std::to_string(field.number()) + ": (\"" +
                   names_.Attribute(field) + "\", \"" + TypeText(field) +
                   "\")");
  }
  const std::string head = "_FIELDS: ClassVar[Dict[int, Tuple[str, str]]] = {";
  if (rows.empty()) {
    out_.Line(head + "}");
  } else {
    out_.Items(head, rows, "}");
  }
  rows.clear();
  for (int i = 0; i < message_.real_oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *message_.oneof_decl(i);
    std::string row = "\"" + oneof.name() + "\": (";
    for (int j = 0; j < oneof.field_count(); ++j) {
      row +=
          (j == 0 ? "\"" : ", \"") + names_.Attribute(*oneof.field(j)) + "\"";
    }
    rows.push_back(row + (oneof.field_count() == 1 ? ",)" : ")"));
  }
  if (!rows.empty()) {
    out_.Items("_ONEOFS: ClassVar[Dict[str, Tuple[str, ...]]] = {", rows, "}");
  }
}

}  // namespace

void WritePythonMessage(const Descriptor& message,
                        const Schema::MessageType* type,
                        PythonReferences* references, PythonWriter* writer) {
  MessageWriter(message, type, references, writer).Write();
}

void WritePythonEnum(const EnumDescriptor& type, const PythonNames& names,
                     PythonWriter* writer) {
  const std::string& name = names.Class(type);
  writer->Line("class " + name + "(enum.IntEnum):");
  writer->Indent();
  const std::string comment = CommentOf(type);
  writer->Docstring(IsBlank(comment) ? "Enum " + type.full_name() + "."
                                     : comment);
  writer->Blank();
  for (int i = 0; i < type.value_count(); ++i) {
    const EnumValueDescriptor& value = *type.value(i);
    writer->Line(names.Attribute(value) + " = " +
                 std::to_string(value.number()));
    WriteAttributeDocstring(value, names.Attribute(value), "", writer);
  }
  writer->Dedent();
  writer->Blank(2);
  writer->Line("_" + name + "_members = {int(member): member for member in " +
               name + "}");
  writer->Blank(2);
  writer->Line("def _" + name + "_of(number: int) -> Union[" + name +
               ", int]:");
  writer->Indent();
  writer->Line("number = _to_int32(number)");
  writer->Line("return _" + name + "_members.get(number, number)");
  writer->Dedent();
}

}  // namespace mycelium::plugin
