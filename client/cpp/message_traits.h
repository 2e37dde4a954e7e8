// What generated code (protoc --mycelium_out=cpp:DIR) tells the C++ client of a
// message type.  Standard library only.
#ifndef MYCELIUM_CLIENT_CPP_MESSAGE_TRAITS_H_
#define MYCELIUM_CLIENT_CPP_MESSAGE_TRAITS_H_

#include <array>
#include <concepts>
#include <cstdint>
#include <string_view>

namespace mycelium {

// A SHA-256; proto/SCHEMA.md says of what.
using MessageDigest = std::array<uint8_t, 32>;

// Specialised for each message with a type id:
//   kTypeId       uint16_t, 1..65535
//   kName         full name, "chat.TextMessage"
//   kFingerprint  MessageDigest of the message and all that it refers to
//   Schema        kDigest and DescriptorSet() of the schema that it belongs to
template <typename T>
struct MessageTraits;

template <typename T>
concept TypedMessage = requires {
  { MessageTraits<T>::kTypeId } -> std::convertible_to<uint16_t>;
};

}  // namespace mycelium

#endif  // MYCELIUM_CLIENT_CPP_MESSAGE_TRAITS_H_
