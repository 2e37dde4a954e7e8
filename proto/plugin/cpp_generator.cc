// C++: for chat.proto the traits of its message types in chat.mycelium.h, and
// the schema's descriptor set in chat.mycelium.cc.  The classes are those of
// protoc --cpp_out.
#include <google/protobuf/compiler/cpp/names.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "proto/plugin/generator.h"

namespace mycelium::plugin {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FileDescriptor;
using google::protobuf::compiler::GeneratorContext;
using google::protobuf::io::Printer;

using Variables = std::map<std::string, std::string>;

std::string WithoutEnding(const FileDescriptor& file) {
  const std::string& name = file.name();
  return name.substr(0, name.size() - std::string(".proto").size());
}

// "chat/v1.proto" -> "chat_v1_proto".
std::string Identifier(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return text;
}

// Four lines of eight bytes.
std::string DigestBytes(const Digest& digest, const std::string& indent) {
  std::string text;
  for (size_t i = 0; i < digest.size(); ++i) {
    if (i % 8 == 0 && i > 0) text += "\n" + indent;
    absl::StrAppendFormat(&text, "0x%02x", digest[i]);
    if (i + 1 < digest.size()) text += i % 8 == 7 ? "," : ", ";
  }
  return text;
}

// A string literal in lines of at most 80 characters.
std::string Literal(absl::string_view bytes, const std::string& indent) {
  std::string text, line;
  for (const char byte : bytes) {
    const std::string escaped = absl::CEscape(absl::string_view(&byte, 1));
    if (indent.size() + line.size() + escaped.size() > 76) {
      text += indent + "\"" + line + "\"\n";
      line.clear();
    }
    line += escaped;
  }
  return text + indent + "\"" + line + "\"";
}

void CollectTypes(const Descriptor& message,
                  std::vector<const Descriptor*>* types) {
  if (TypeId(message) != 0) types->push_back(&message);
  for (int i = 0; i < message.nested_type_count(); ++i) {
    CollectTypes(*message.nested_type(i), types);
  }
}

void PrintTraits(const Descriptor& message, const Input& input,
                 const Variables& of_file, Printer* out) {
  Variables variables = of_file;
  variables["class"] =
      google::protobuf::compiler::cpp::QualifiedClassName(&message);
  variables["name"] = message.full_name();
  variables["type_id"] = std::to_string(TypeId(message));
  variables["fingerprint"] = DigestBytes(
      input.schema->FindType(TypeId(message))->fingerprint, "      ");
  out->Print(variables,
             "\n"
             "template <>\n"
             "struct MessageTraits<$class$> {\n"
             "  using Schema = generated::$schema$;\n"
             "  static constexpr uint16_t kTypeId = $type_id$;\n"
             "  static constexpr std::string_view kName = \"$name$\";\n"
             "  static constexpr MessageDigest kFingerprint = {\n"
             "      $fingerprint$};\n"
             "};\n");
}

Variables OfFile(const FileDescriptor& file, const Input& input) {
  const std::string base = WithoutEnding(file);
  std::string guard = Identifier(base) + "_MYCELIUM_H_";
  std::transform(guard.begin(), guard.end(), guard.begin(), ::toupper);
  return {
      {"file", file.name()},
      {"base", base},
      {"guard", guard},
      {"schema", Identifier(file.name())},
      {"digest", DigestBytes(input.schema->digest(), "      ")},
      {"digest_text", DigestText(input.schema->digest())},
      {"descriptor_set", Literal(input.schema->descriptor_set(), "      ")}};
}

void PrintHeader(const FileDescriptor& file, const Input& input,
                 const Variables& variables, Printer* out) {
  out->Print(
      variables,
      "// Made by protoc-gen-mycelium from $file$.  Do not edit.\n"
      "//\n"
      "// What client/cpp/mycelium.h has to know of the message types to\n"
      "// publish and subscribe to them as they are; the classes are "
      "protobuf's\n"
      "// own.\n"
      "#ifndef $guard$\n"
      "#define $guard$\n"
      "\n"
      "#include <cstdint>\n"
      "#include <string_view>\n"
      "\n"
      "#include \"client/cpp/message_traits.h\"\n"
      "#include \"$base$.pb.h\"\n"
      "\n"
      "namespace mycelium::generated {\n"
      "\n"
      "// All message types of the .proto files that were named in one call "
      "of\n"
      "// protoc, and of what they import:\n"
      "// $digest_text$\n"
      "struct $schema$ {\n"
      "  static constexpr MessageDigest kDigest = {\n"
      "      $digest$};\n"
      "  // A google.protobuf.FileDescriptorSet.\n"
      "  static std::string_view DescriptorSet();\n"
      "};\n"
      "\n"
      "}  // namespace mycelium::generated\n");
  std::vector<const Descriptor*> types;
  for (int i = 0; i < file.message_type_count(); ++i) {
    CollectTypes(*file.message_type(i), &types);
  }
  if (!types.empty()) {
    out->Print("\nnamespace mycelium {\n");
    for (const Descriptor* type : types) {
      PrintTraits(*type, input, variables, out);
    }
    out->Print("\n}  // namespace mycelium\n");
  }
  out->Print(variables, "\n#endif  // $guard$\n");
}

void PrintSource(const Variables& variables, Printer* out) {
  out->Print(variables,
             "// Made by protoc-gen-mycelium from $file$.  Do not edit.\n"
             "#include \"$base$.mycelium.h\"\n"
             "\n"
             "namespace mycelium::generated {\n"
             "\n"
             "std::string_view $schema$::DescriptorSet() {\n"
             "  static constexpr char kBytes[] =\n"
             "$descriptor_set$;\n"
             "  return {kBytes, sizeof(kBytes) - 1};\n"
             "}\n"
             "\n"
             "}  // namespace mycelium::generated\n");
}

}  // namespace

bool GenerateCpp(const Input& input, GeneratorContext* context, std::string*) {
  for (const FileDescriptor* file : input.files) {
    const Variables variables = OfFile(*file, input);
    const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> header(
        context->Open(variables.at("base") + ".mycelium.h"));
    Printer header_printer(header.get(), '$');
    PrintHeader(*file, input, variables, &header_printer);
    const std::unique_ptr<google::protobuf::io::ZeroCopyOutputStream> source(
        context->Open(variables.at("base") + ".mycelium.cc"));
    Printer source_printer(source.get(), '$');
    PrintSource(variables, &source_printer);
  }
  return true;
}

}  // namespace mycelium::plugin
