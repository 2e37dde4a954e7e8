// Made by protoc-gen-mycelium from mycelium_protocol.proto.  Do not edit.
#include "mycelium_protocol.mycelium.h"

namespace mycelium::generated {

std::string_view mycelium_protocol_proto::DescriptorSet() {
  static constexpr char kBytes[] =
      "\n\326\001\n\027mycelium_protocol.proto\022\004chat\"c\n\013TextMessag"
      "e\022\026\n\006sender\030\001 \001(\tR\006sender\022\030\n\007content"
      "\030\002 \001(\tR\007content\022\034\n\ttimestamp\030\003 \001(\003R\t"
      "timestamp:\004\360\241\031\001\"$\n\010Question\022\022\n\004text\030"
      "\001 \001(\tR\004text:\004\360\241\031\002\"\"\n\006Answer\022\022\n"
      "\004text\030\001 \001(\tR\004text:\004\360\241\031\003b\006proto3";
  return {kBytes, sizeof(kBytes) - 1};
}

}  // namespace mycelium::generated
