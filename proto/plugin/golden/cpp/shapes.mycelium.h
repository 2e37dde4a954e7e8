// Made by protoc-gen-mycelium from shapes.proto.  Do not edit.
//
// What client/cpp/mycelium.h has to know of the message types to
// publish and subscribe to them as they are; the classes are protobuf's
// own.
#ifndef SHAPES_MYCELIUM_H_
#define SHAPES_MYCELIUM_H_

#include <cstdint>
#include <string_view>

#include "client/cpp/message_traits.h"
#include "shapes.pb.h"

namespace mycelium::generated {

// All message types of the .proto files that were named in one call of
// protoc, and of what they import:
// m1:21f9103f2bdd148572fc783654aa0faa074f8d573359ab2c8b8137a5d20286b7
struct shapes_proto {
  static constexpr MessageDigest kDigest = {
      0x21, 0xf9, 0x10, 0x3f, 0x2b, 0xdd, 0x14, 0x85,
      0x72, 0xfc, 0x78, 0x36, 0x54, 0xaa, 0x0f, 0xaa,
      0x07, 0x4f, 0x8d, 0x57, 0x33, 0x59, 0xab, 0x2c,
      0x8b, 0x81, 0x37, 0xa5, 0xd2, 0x02, 0x86, 0xb7};
  // A google.protobuf.FileDescriptorSet.
  static std::string_view DescriptorSet();
};

}  // namespace mycelium::generated

namespace mycelium {

template <>
struct MessageTraits<::shapes::Point> {
  using Schema = generated::shapes_proto;
  static constexpr uint16_t kTypeId = 210;
  static constexpr std::string_view kName = "shapes.Point";
  static constexpr MessageDigest kFingerprint = {
      0x53, 0xaa, 0xf2, 0xc0, 0x27, 0x94, 0x5d, 0x8a,
      0x17, 0x15, 0x39, 0x82, 0x89, 0x81, 0xfb, 0x6e,
      0x4a, 0x4c, 0x86, 0x7e, 0x0d, 0x39, 0x26, 0x32,
      0xcc, 0x3f, 0x79, 0x51, 0xcd, 0x2a, 0x47, 0x83};
};

}  // namespace mycelium

#endif  // SHAPES_MYCELIUM_H_
