// Writes the schema of mycelium_protocol.proto as C++ to standard output.  Has
// it from the generated code, so that the library itself does without protobuf.
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "mycelium_protocol.mycelium.h"

namespace {

using Schema = mycelium::generated::mycelium_protocol_proto;

template <typename Bytes>
void Write(const char* name, const Bytes& bytes) {
  std::printf("const uint8_t %s[] = {", name);
  size_t count = 0;
  for (const auto byte : bytes) {
    std::printf("%s%d,", count++ % 16 == 0 ? "\n" : " ",
                static_cast<uint8_t>(byte));
  }
  std::printf("};\n");
}

}  // namespace

int main() {
  std::printf(
      "#include \"client/c/builtin_schema.h\"\nnamespace mycelium::c {\n");
  Write("kBuiltinSchemaDigest", Schema::kDigest);
  Write("kBuiltinDescriptorSet", Schema::DescriptorSet());
  std::printf(
      "const size_t kBuiltinDescriptorSetBytes = sizeof "
      "kBuiltinDescriptorSet;\n}\n");
}
