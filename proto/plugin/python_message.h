// Writes the Python classes of messages and enums.  Not thread-safe.
#ifndef MYCELIUM_PROTO_PLUGIN_PYTHON_MESSAGE_H_
#define MYCELIUM_PROTO_PLUGIN_PYTHON_MESSAGE_H_

#include <google/protobuf/descriptor.h>

#include "proto/plugin/python_names.h"
#include "proto/plugin/python_writer.h"
#include "proto/schema.h"

namespace mycelium::plugin {

// A dataclass.  `type` is null if it is no message type.
void WritePythonMessage(const google::protobuf::Descriptor& message,
                        const Schema::MessageType* type,
                        PythonReferences* references, PythonWriter* writer);
// An enum.IntEnum, and what makes its members of numbers.
void WritePythonEnum(const google::protobuf::EnumDescriptor& type,
                     const PythonNames& names, PythonWriter* writer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_PYTHON_MESSAGE_H_
