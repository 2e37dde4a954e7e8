// Made by protoc-gen-mycelium from mycelium_protocol.proto.  Do not edit.
//
// What client/cpp/mycelium.h has to know of the message types to
// publish and subscribe to them as they are; the classes are protobuf's
// own.
#ifndef MYCELIUM_PROTOCOL_MYCELIUM_H_
#define MYCELIUM_PROTOCOL_MYCELIUM_H_

#include <cstdint>
#include <string_view>

#include "client/cpp/message_traits.h"
#include "mycelium_protocol.pb.h"

namespace mycelium::generated {

// All message types of the .proto files that were named in one call of
// protoc, and of what they import:
// m1:4a43e4d4142db1c8e4ba330ae14667c938e72be8a85e6d78411b5c19f783b173
struct mycelium_protocol_proto {
  static constexpr MessageDigest kDigest = {
      0x4a, 0x43, 0xe4, 0xd4, 0x14, 0x2d, 0xb1, 0xc8,
      0xe4, 0xba, 0x33, 0x0a, 0xe1, 0x46, 0x67, 0xc9,
      0x38, 0xe7, 0x2b, 0xe8, 0xa8, 0x5e, 0x6d, 0x78,
      0x41, 0x1b, 0x5c, 0x19, 0xf7, 0x83, 0xb1, 0x73};
  // A google.protobuf.FileDescriptorSet.
  static std::string_view DescriptorSet();
};

}  // namespace mycelium::generated

namespace mycelium {

template <>
struct MessageTraits<::chat::TextMessage> {
  using Schema = generated::mycelium_protocol_proto;
  static constexpr uint16_t kTypeId = 1;
  static constexpr std::string_view kName = "chat.TextMessage";
  static constexpr MessageDigest kFingerprint = {
      0xed, 0x18, 0x7b, 0xda, 0xad, 0xf1, 0x1d, 0xe3,
      0x6c, 0xf1, 0xd4, 0x21, 0xeb, 0xc4, 0x04, 0x2a,
      0x78, 0x2b, 0x65, 0xc8, 0x62, 0x3b, 0x8e, 0xe3,
      0x72, 0xdc, 0xdf, 0xda, 0xef, 0xd9, 0x87, 0x18};
};

template <>
struct MessageTraits<::chat::Question> {
  using Schema = generated::mycelium_protocol_proto;
  static constexpr uint16_t kTypeId = 2;
  static constexpr std::string_view kName = "chat.Question";
  static constexpr MessageDigest kFingerprint = {
      0xd4, 0x67, 0x46, 0x7a, 0xac, 0x14, 0x04, 0x09,
      0xb6, 0x91, 0x9e, 0xe5, 0xe5, 0x2d, 0xe7, 0x24,
      0xbe, 0xab, 0x6a, 0xf6, 0x5e, 0x26, 0xec, 0x8a,
      0xae, 0x27, 0xfa, 0xbd, 0x91, 0x06, 0xdd, 0xdc};
};

template <>
struct MessageTraits<::chat::Answer> {
  using Schema = generated::mycelium_protocol_proto;
  static constexpr uint16_t kTypeId = 3;
  static constexpr std::string_view kName = "chat.Answer";
  static constexpr MessageDigest kFingerprint = {
      0x1d, 0x06, 0x08, 0x09, 0xf5, 0x2b, 0x5a, 0xb8,
      0x61, 0x0a, 0x6d, 0xbd, 0x59, 0x7d, 0x8e, 0xc9,
      0xf0, 0x3e, 0x6f, 0xd0, 0x4e, 0x5b, 0x27, 0x35,
      0x90, 0xd1, 0xfb, 0x5a, 0xbf, 0x62, 0x3e, 0xa4};
};

}  // namespace mycelium

#endif  // MYCELIUM_PROTOCOL_MYCELIUM_H_
