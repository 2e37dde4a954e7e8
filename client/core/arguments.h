// Whether the arguments of a publish or a subscription can be, in the same
// words for every carrier.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_ARGUMENTS_H_
#define MYCELIUM_CLIENT_CORE_ARGUMENTS_H_

#include <cstdint>
#include <string_view>

#include "client/core/client.h"

namespace mycelium::core {

// kInvalidArgument, or kOk.
Status CheckPublish(uint16_t type_id, std::string_view topic,
                    uint64_t payload_bytes, uint32_t frame_bytes_max);
// A digest of 32 bytes with its descriptor set, or neither.
Status CheckSchema(const EncodedSchema& schema);
// Beside what the broker itself may refuse.
Status CheckSubscribe(const SubscribeOptions& options);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_ARGUMENTS_H_
