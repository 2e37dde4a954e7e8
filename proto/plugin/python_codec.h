// Writes the encoder and the decoder of one message's Python class.  Not
// thread-safe.
#ifndef MYCELIUM_PROTO_PLUGIN_PYTHON_CODEC_H_
#define MYCELIUM_PROTO_PLUGIN_PYTHON_CODEC_H_

#include <google/protobuf/descriptor.h>

#include "proto/plugin/python_names.h"
#include "proto/plugin/python_writer.h"

namespace mycelium::plugin {

// The methods _encode, _merge, and those that _merge needs, in the body of the
// message's class.
void WritePythonCodec(const google::protobuf::Descriptor& message,
                      PythonReferences* references, PythonWriter* writer);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_PYTHON_CODEC_H_
