#include "client/core/arguments.h"

#include <string>
#include <utility>

#include "config/limits.h"
#include "proto/frame.h"
#include "proto/schema.h"

namespace mycelium::core {
namespace {

Status Refused(std::string words) {
  return {StatusCode::kInvalidArgument, std::move(words)};
}

Status CheckFrame(std::string_view what, uint16_t type_id,
                  std::string_view topic, uint64_t payload_bytes,
                  uint32_t frame_bytes_max) {
  if (type_id == 0)
    return Refused(std::string(what) + ": type_id 0, allowed 1 to 65535");
  if (!topic.empty() && !ValidTopic(topic)) {
    return Refused(std::string(what) + ": topic of " +
                   std::to_string(topic.size()) +
                   " bytes, allowed 1 to 255 bytes of UTF-8 without NUL, empty "
                   "tokens and wildcards");
  }
  const uint64_t body_bytes = topic.size() + payload_bytes;
  if (body_bytes > frame_bytes_max) {
    return Refused(std::string(what) + ": body_bytes " +
                   std::to_string(body_bytes) + ", frame_bytes_max " +
                   std::to_string(frame_bytes_max));
  }
  return {};
}

}  // namespace

Status CheckPublishInFull(uint16_t type_id, std::string_view topic,
                          uint64_t payload_bytes, uint32_t frame_bytes_max) {
  return CheckFrame("publish", type_id, topic, payload_bytes, frame_bytes_max);
}

Status CheckRequest(uint16_t type_id, std::string_view topic,
                    uint64_t payload_bytes, uint32_t frame_bytes_max) {
  return CheckFrame("request", type_id, topic, payload_bytes, frame_bytes_max);
}

Status CheckRespond(const SubscribeOptions& options,
                    const RequestHandler& on_request) {
  if (on_request == nullptr) {
    return Refused("respond: no callback, allowed with one");
  }
  if (!options.group.empty()) {
    return Refused("respond: a responder with a group, allowed one of them");
  }
  if (options.start.from != Start::From::kNow) {
    return Refused("respond: a responder with start, allowed without one");
  }
  return CheckSubscribe(options);
}

Status CheckSubscribe(const SubscribeOptions& options) {
  std::string why;
  if (!options.topic_filter.empty() &&
      !ValidTopicFilter(options.topic_filter, &why)) {
    return Refused("subscribe: " + why);
  }
  const Policy& policy = options.policy;
  if (policy.queue_bytes_max < kQueueBytesMin) {
    return Refused("subscribe: queue_bytes_max " +
                   std::to_string(policy.queue_bytes_max) +
                   ", allowed at least " + std::to_string(kQueueBytesMin));
  }
  if (policy.stall_ms_max < -1) {
    return Refused("subscribe: stall_ms_max " +
                   std::to_string(policy.stall_ms_max) +
                   ", allowed -1 and more");
  }
  if (options.group.size() > kGroupNameBytesMax) {
    return Refused("subscribe: group of " +
                   std::to_string(options.group.size()) + " bytes, allowed " +
                   std::to_string(kGroupNameBytesMax));
  }
  return {};
}

Status CheckQueueBytesMax(const Policy& policy) {
  if (policy.queue_bytes_max <= kQueueBytesMaxCeilingDefault) return {};
  return Refused("subscribe: queue_bytes_max " +
                 std::to_string(policy.queue_bytes_max) +
                 ", queue_bytes_max_ceiling " +
                 std::to_string(kQueueBytesMaxCeilingDefault));
}

Status CheckSchema(const EncodedSchema& schema) {
  if (schema.digest.empty() && schema.descriptor_set.empty()) return {};
  if (schema.digest.size() == Digest{}.size()) return {};
  return {StatusCode::kInvalidArgument,
          "connect: schema digest of " + std::to_string(schema.digest.size()) +
              " bytes, allowed " + std::to_string(Digest{}.size())};
}

}  // namespace mycelium::core
