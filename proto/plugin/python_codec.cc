#include "proto/plugin/python_codec.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::OneofDescriptor;

enum WireType { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

WireType WireTypeOf(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return kFixed64;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return kFixed32;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return kLength;
    default:
      return kVarint;
  }
}

uint32_t TagOf(const FieldDescriptor& field, WireType wire_type) {
  return static_cast<uint32_t>(field.number()) << 3 | wire_type;
}

// The bytes in front of a value, as a literal.
std::string TagLiteral(const FieldDescriptor& field) {
  std::string bytes;
  uint32_t tag = TagOf(field, field.is_packed() ? kLength : WireTypeOf(field));
  for (; tag > 127; tag >>= 7) bytes += static_cast<char>((tag & 127) | 128);
  return HexLiteral(bytes + static_cast<char>(tag));
}

bool IsZigzag(const FieldDescriptor& field) {
  return field.type() == FieldDescriptor::TYPE_SINT32 ||
         field.type() == FieldDescriptor::TYPE_SINT64;
}

bool IsFloating(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_FLOAT ||
         field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE;
}

// What a varint may be.
std::string Limits(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_INT64:
      return "_INT64";
    case FieldDescriptor::TYPE_UINT32:
    case FieldDescriptor::TYPE_SINT32:
      return "_UINT32";
    case FieldDescriptor::TYPE_UINT64:
    case FieldDescriptor::TYPE_SINT64:
      return "_UINT64";
    default:
      return "_INT32";
  }
}

// The format of a fixed number in Python's module struct.
std::string StructCode(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE:
      return "d";
    case FieldDescriptor::TYPE_FLOAT:
      return "f";
    case FieldDescriptor::TYPE_FIXED32:
      return "I";
    case FieldDescriptor::TYPE_FIXED64:
      return "Q";
    case FieldDescriptor::TYPE_SFIXED32:
      return "i";
    default:
      return "q";
  }
}

std::vector<const FieldDescriptor*> FieldsByNumber(const Descriptor& message) {
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < message.field_count(); ++i) {
    fields.push_back(message.field(i));
  }
  std::sort(fields.begin(), fields.end(),
            [](const FieldDescriptor* a, const FieldDescriptor* b) {
              return a->number() < b->number();
            });
  return fields;
}

class CodecWriter {
 public:
  CodecWriter(const Descriptor& message, PythonReferences* references,
              PythonWriter* writer)
      : message_(message),
        fields_(FieldsByNumber(message)),
        references_(*references),
        out_(*writer) {}

  void WriteEncode();
  void WriteMerge();

 private:
  // What to do with the value after one tag.
  struct Branch {
    uint32_t tag;
    std::vector<std::string> lines;
  };
  using Branches = std::map<WireType, std::vector<Branch>>;

  std::string Self(const FieldDescriptor& field) const {
    return "self." + references_.names().Attribute(field);
  }

  std::string Encoder(const FieldDescriptor& field, const std::string& depth);
  void WriteEncodeField(const FieldDescriptor& field);
  void WriteEncodeMap(const FieldDescriptor& field);
  void WriteEncodeRepeated(const FieldDescriptor& field);
  void WriteEncodeSingle(const FieldDescriptor& field);
  void WriteEncodeFloating(const FieldDescriptor& field);
  void WritePutVarint(const FieldDescriptor& field);
  void WritePutData(const FieldDescriptor& field);

  std::string Decoded(const FieldDescriptor& field);
  std::string Converter(const FieldDescriptor& field);
  std::vector<std::string> DecodeLines(const FieldDescriptor& field);
  std::string DecodePackedLine(const FieldDescriptor& field);
  void WriteClear(const OneofDescriptor& oneof);
  void WriteMergeEntry(const FieldDescriptor& map);
  void WriteLoop(const Branches& branches);
  void WriteBranches(const std::vector<Branch>& branches);

  const Descriptor& message_;
  const std::vector<const FieldDescriptor*> fields_;
  PythonReferences& references_;
  PythonWriter& out_;
};

// --- Encoding ---------------------------------------------------------------

void CodecWriter::WriteEncode() {
  out_.Line("def _encode(self, depth: int) -> bytes:");
  out_.Indent();
  for (int i = 0; i < message_.real_oneof_decl_count(); ++i) {
    const OneofDescriptor& oneof = *message_.oneof_decl(i);
    if (oneof.field_count() == 1) continue;
    std::string members;
    for (int j = 0; j < oneof.field_count(); ++j) {
      members += (j == 0 ? "" : ", ") + Self(*oneof.field(j));
    }
    out_.Line("_expect_one(" + members + ")");
  }
  if (fields_.empty()) {
    out_.Line("return b\"\"");
  } else {
    out_.Line("out: List[bytes] = []");
    out_.Line("put = out.append");
    for (const FieldDescriptor* field : fields_) WriteEncodeField(*field);
    out_.Line("return b\"\".join(out)");
  }
  out_.Dedent();
}

// A function that encodes one value; `depth`: how many levels it may have.
std::string CodecWriter::Encoder(const FieldDescriptor& field,
                                 const std::string& depth) {
  if (field.message_type() != nullptr) {
    return "lambda message: _message(message, " +
           references_.Class(*field.message_type()) + ", " + depth + ")";
  }
  if (field.enum_type() != nullptr) return "_int32";
  return std::string("_") + field.type_name();
}

void CodecWriter::WriteEncodeField(const FieldDescriptor& field) {
  if (field.is_map()) {
    WriteEncodeMap(field);
  } else if (field.is_repeated()) {
    WriteEncodeRepeated(field);
  } else {
    WriteEncodeSingle(field);
  }
}

void CodecWriter::WriteEncodeMap(const FieldDescriptor& field) {
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  out_.Line("_put_map(put, " + TagLiteral(field) + ", " + Self(field) +
            ", depth, " + TagLiteral(key) + ", " + Encoder(key, "") + ", " +
            TagLiteral(value) + ", " + Encoder(value, "depth - 1") + ")");
}

void CodecWriter::WriteEncodeRepeated(const FieldDescriptor& field) {
  const std::string head = "put, " + TagLiteral(field) + ", ";
  if (!field.is_packed()) {
    out_.Line("_put_each(" + head + Self(field) + ", " +
              Encoder(field, "depth") + ")");
    return;
  }
  std::string data;
  if (WireTypeOf(field) != kVarint) {
    data = "_numbers(" + Self(field) + ", \"" + StructCode(field) + "\")";
  } else if (field.type() == FieldDescriptor::TYPE_BOOL) {
    data = "_bools(" + Self(field) + ")";
  } else {
    data = (IsZigzag(field) ? "_zigzags(" : "_varints(") + Self(field) + ", " +
           Limits(field) + ")";
  }
  out_.Line("_put_packed(" + head + data + ")");
}

void CodecWriter::WriteEncodeSingle(const FieldDescriptor& field) {
  if (IsFloating(field) && !field.has_presence()) {
    WriteEncodeFloating(field);
    return;
  }
  std::string condition = " != 0:";
  if (field.has_presence()) {
    condition = " is not None:";
  } else if (field.type() == FieldDescriptor::TYPE_BOOL) {
    condition = " is not False:";
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    condition = " != " + references_.Zero(field, "") + ":";
  }
  out_.Line("if " + Self(field) + condition);
  out_.Indent();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    WritePutData(field);
  } else if (WireTypeOf(field) == kVarint &&
             field.type() != FieldDescriptor::TYPE_BOOL) {
    WritePutVarint(field);
  } else {
    out_.Line("put(" + TagLiteral(field) + ")");
    out_.Line(field.message_type() == nullptr
                  ? "put(" + Encoder(field, "") + "(" + Self(field) + "))"
                  : "put(_message(" + Self(field) + ", " +
                        references_.ClassOf(field) + ", depth))");
  }
  out_.Dedent();
}

void CodecWriter::WriteEncodeFloating(const FieldDescriptor& field) {
  const std::string type = field.type_name();
  out_.Line("packed = _" + type + "(" + Self(field) + ")");
  out_.Line(type == "float" ? "if packed != _ZERO_FLOAT:"
                            : "if packed != _ZERO_DOUBLE:");
  out_.Line("    put(" + TagLiteral(field) + ")");
  out_.Line("    put(packed)");
}

void CodecWriter::WritePutVarint(const FieldDescriptor& field) {
  out_.Line("number = " +
            (IsZigzag(field) ? "_zigzag(" + Self(field) + ")" : Self(field)));
  out_.Line("put(" + TagLiteral(field) + ")");
  out_.Line("put(_BYTE[number] if 0 <= number < 128 else _varint(number, " +
            Limits(field) + "))");
}

void CodecWriter::WritePutData(const FieldDescriptor& field) {
  if (field.type() == FieldDescriptor::TYPE_STRING) {
    out_.Line("data = " + Self(field) + ".encode()");
  } else {
    out_.Line("data = " + Self(field));
    out_.Line("if not isinstance(data, bytes):");
    out_.Line("    raise TypeError");
  }
  out_.Line("size = len(data)");
  out_.Line("put(" + TagLiteral(field) + ")");
  out_.Line("put(_BYTE[size] if size < 128 else _varint(size, _SIZE))");
  out_.Line("put(data)");
}

// --- Decoding ---------------------------------------------------------------

void CodecWriter::WriteMerge() {
  for (int i = 0; i < message_.real_oneof_decl_count(); ++i) {
    WriteClear(*message_.oneof_decl(i));
  }
  Branches branches;
  for (const FieldDescriptor* field : fields_) {
    const WireType wire_type = WireTypeOf(*field);
    branches[wire_type].push_back(
        {TagOf(*field, wire_type), DecodeLines(*field)});
    // Packed or not, a decoder takes both.
    if (field->is_packable()) {
      branches[kLength].push_back(
          {TagOf(*field, kLength), {DecodePackedLine(*field)}});
    }
  }
  out_.Blank();
  out_.Line(
      "def _merge(self, data: bytes, pos: int, end: int, depth: int) -> None:");
  out_.Indent();
  out_.Line("tag = 0");
  out_.Line("try:");
  out_.Indent();
  WriteLoop(branches);
  out_.Dedent();
  for (const char* line :
       {"except (IndexError, UnicodeDecodeError, _Malformed) as error:",
        "    name, fields = self.FULL_NAME, self._FIELDS",
        "    raise _malformed(name, fields, tag, pos, end, error) from None"}) {
    out_.Line(line);
  }
  out_.Dedent();
  for (const FieldDescriptor* field : fields_) {
    if (field->is_map()) WriteMergeEntry(*field);
  }
}

// What makes a field's value of the `number` of a varint.
std::string CodecWriter::Converter(const FieldDescriptor& field) {
  if (field.enum_type() != nullptr) {
    return references_.EnumReader(*field.enum_type());
  }
  if (field.type() == FieldDescriptor::TYPE_BOOL) return "bool";
  return std::string("_to_") + field.type_name();
}

// The value that stands in `data` from `pos` to `stop`, or in `number`.
std::string CodecWriter::Decoded(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_STRING:
      return "data[pos:stop].decode()";
    case FieldDescriptor::TYPE_BYTES:
      return "data[pos:stop]";
    case FieldDescriptor::TYPE_INT64:
      return "number";
    case FieldDescriptor::TYPE_UINT32:
      return "number & 0xFFFFFFFF";
    case FieldDescriptor::TYPE_UINT64:
      return "number & 0xFFFFFFFFFFFFFFFF";
    case FieldDescriptor::TYPE_BOOL:
      return "number != 0";
    default:
      break;
  }
  if (WireTypeOf(field) == kVarint) return Converter(field) + "(number)";
  return std::string("_read_") + field.type_name() + "(data, pos)[0]";
}

std::vector<std::string> CodecWriter::DecodeLines(
    const FieldDescriptor& field) {
  const std::string self = Self(field);
  if (field.is_map()) {
    return {"self._merge_" + field.name() + "(data, pos, stop, depth - 1)"};
  }
  const bool is_message = field.message_type() != nullptr;
  const std::string fresh =
      is_message ? references_.Class(*field.message_type()) + "()" : "";
  if (field.is_repeated()) {
    if (!is_message) return {self + ".append(" + Decoded(field) + ")"};
    return {self + ".append(" + fresh + ")",
            self + "[-1]._merge(data, pos, stop, depth - 1)"};
  }
  std::vector<std::string> lines;
  const std::string indent = is_message ? "    " : "";
  if (is_message) lines.push_back("if " + self + " is None:");
  if (field.real_containing_oneof() != nullptr) {
    lines.push_back(indent + "self._clear_" +
                    field.real_containing_oneof()->name() + "()");
  }
  lines.push_back(indent + self + " = " +
                  (is_message ? fresh : Decoded(field)));
  if (is_message) {
    lines.push_back(self + "._merge(data, pos, stop, depth - 1)");
  }
  return lines;
}

std::string CodecWriter::DecodePackedLine(const FieldDescriptor& field) {
  if (WireTypeOf(field) != kVarint) {
    return "_read_numbers(" + Self(field) + ", data, pos, stop, \"" +
           StructCode(field) + "\")";
  }
  const std::string numbers = "_read_varints(data, pos, stop)";
  return Self(field) + ".extend(" +
         (field.type() == FieldDescriptor::TYPE_INT64
              ? numbers
              : "map(" + Converter(field) + ", " + numbers + ")") +
         ")";
}

void CodecWriter::WriteClear(const OneofDescriptor& oneof) {
  out_.Blank();
  out_.Line("def _clear_" + oneof.name() + "(self) -> None:");
  out_.Indent();
  for (int i = 0; i < oneof.field_count(); ++i) {
    out_.Line(Self(*oneof.field(i)) + " = None");
  }
  out_.Dedent();
}

// Of a map, whose entries are messages of a key and a value.
void CodecWriter::WriteMergeEntry(const FieldDescriptor& map) {
  out_.Blank();
  out_.Line("def _merge_" + map.name() +
            "(self, data: bytes, pos: int, end: int, depth: int) -> None:");
  out_.Indent();
  Branches branches;
  for (int i = 0; i < map.message_type()->field_count(); ++i) {
    const FieldDescriptor& field = *map.message_type()->field(i);
    const std::string class_name = references_.ClassOf(field);
    const std::string zero = references_.Zero(field, class_name);
    if (field.enum_type() != nullptr) {
      out_.Line(field.name() + ": " +
                references_.Annotation(field, class_name) + " = " + zero);
    } else {
      out_.Line(field.name() + " = " + zero);
    }
    branches[WireTypeOf(field)].push_back(
        {TagOf(field, WireTypeOf(field)),
         {field.message_type() != nullptr
              ? field.name() + "._merge(data, pos, stop, depth - 1)"
              : field.name() + " = " + Decoded(field)}});
  }
  WriteLoop(branches);
  out_.Line(Self(map) + "[key] = value");
  out_.Dedent();
}

// Goes from field to field; of each wire type it first finds where the value
// ends, so that a field which is not known is passed over.
void CodecWriter::WriteLoop(const Branches& branches) {
  const auto write = [this](std::initializer_list<std::string_view> lines) {
    for (const std::string_view line : lines) out_.Line(line);
  };
  write({"if depth < 0:", "    raise _Malformed(_TOO_DEEP)",
         "while pos < end:", "    tag = data[pos]", "    pos += 1",
         "    if tag > 127:", "        tag, pos = _read_tag(data, pos, tag)"});
  out_.Indent();
  if (branches.empty()) out_.Line("pos = _skip(data, pos, tag, depth)");
  std::string_view keyword = "if";
  for (const WireType wire_type : {kLength, kVarint, kFixed64, kFixed32}) {
    const auto found = branches.find(wire_type);
    if (found == branches.end()) continue;
    out_.Line(std::string(keyword) +
              " tag & 7 == " + std::to_string(wire_type) + ":");
    keyword = "elif";
    out_.Indent();
    if (wire_type == kVarint) {
      write({"number = data[pos]", "pos += 1", "if number > 127:",
             "    number, pos = _read_varint(data, pos, number)"});
      WriteBranches(found->second);
    } else {
      if (wire_type == kLength) {
        write({"size = data[pos]", "pos += 1",
               "if size > 127:", "    size, pos = _read_size(data, pos, size)",
               "stop = pos + size"});
      } else {
        out_.Line(wire_type == kFixed64 ? "stop = pos + 8" : "stop = pos + 4");
      }
      write({"if stop > end:", "    raise IndexError"});
      WriteBranches(found->second);
      out_.Line("pos = stop");
    }
    out_.Dedent();
  }
  if (!branches.empty()) {
    write({"else:", "    pos = _skip(data, pos, tag, depth)"});
  }
  out_.Dedent();
  write({"if pos > end:", "    raise IndexError"});
}

void CodecWriter::WriteBranches(const std::vector<Branch>& branches) {
  std::string_view keyword = "if";
  for (const Branch& branch : branches) {
    out_.Line(std::string(keyword) + " tag == " + std::to_string(branch.tag) +
              ":");
    keyword = "elif";
    out_.Indent();
    for (const std::string& line : branch.lines) out_.Line(line);
    out_.Dedent();
  }
  out_.Line("elif tag < 8:");
  out_.Line("    raise _Malformed(_NUMBER_0)");
}

}  // namespace

void WritePythonCodec(const Descriptor& message, PythonReferences* references,
                      PythonWriter* writer) {
  CodecWriter codec(message, references, writer);
  codec.WriteEncode();
  codec.WriteMerge();
}

}  // namespace mycelium::plugin
