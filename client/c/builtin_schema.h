// The schema of mycelium_protocol.proto, as builtin_schema_writer writes it
// while the library is built.
#ifndef MYCELIUM_CLIENT_C_BUILTIN_SCHEMA_H_
#define MYCELIUM_CLIENT_C_BUILTIN_SCHEMA_H_

#include <cstddef>
#include <cstdint>

namespace mycelium::c {

extern const uint8_t kBuiltinSchemaDigest[32];
extern const uint8_t kBuiltinDescriptorSet[];
extern const size_t kBuiltinDescriptorSetBytes;

}  // namespace mycelium::c

#endif  // MYCELIUM_CLIENT_C_BUILTIN_SCHEMA_H_
