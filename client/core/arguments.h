// Whether the arguments of a publish, a request or a subscription can be, in
// the same words for every carrier.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_ARGUMENTS_H_
#define MYCELIUM_CLIENT_CORE_ARGUMENTS_H_

#include <cstdint>
#include <string_view>

#include "client/core/client.h"

namespace mycelium::core {

// kInvalidArgument, or kOk.
Status CheckPublishInFull(uint16_t type_id, std::string_view topic,
                          uint64_t payload_bytes, uint32_t frame_bytes_max);
// The same; a publish without a topic costs no call.
inline Status CheckPublish(uint16_t type_id, std::string_view topic,
                           uint64_t payload_bytes, uint32_t frame_bytes_max) {
  if (type_id != 0 && topic.empty() && payload_bytes <= frame_bytes_max)
      [[likely]] {
    return {};
  }
  return CheckPublishInFull(type_id, topic, payload_bytes, frame_bytes_max);
}
Status CheckRequest(uint16_t type_id, std::string_view topic,
                    uint64_t payload_bytes, uint32_t frame_bytes_max);
Status CheckRespond(const SubscribeOptions& options,
                    const RequestHandler& on_request);
// A digest of 32 bytes with its descriptor set, or neither.
Status CheckSchema(const EncodedSchema& schema);
// Beside what the broker itself may refuse.
// Of a bus, which has no broker to say so.
Status CheckQueueBytesMax(const Policy& policy);
Status CheckSubscribe(const SubscribeOptions& options);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_ARGUMENTS_H_
