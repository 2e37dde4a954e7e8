#include "broker/request_faults.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "proto/frame.h"
#include "proto/schema.h"

namespace mycelium::broker {
namespace {

constexpr size_t kInstanceIdBytes = 16;

// Of a field that may be left out.
std::string SizeFault(const char* field, size_t bytes, size_t allowed) {
  if (bytes == 0 || bytes == allowed) return {};
  return absl::StrCat("hello: ", field, " of ", bytes, " bytes, allowed 0 or ",
                      allowed);
}

}  // namespace

std::string HelloFault(const wire::Hello& hello, wire::Code* code) {
  *code = wire::CODE_VERSION;
  if (hello.version_major() != kVersionMajor) {
    return absl::StrCat("hello: version_major ", hello.version_major(),
                        ", this broker speaks ", kVersionMajor);
  }
  *code = wire::CODE_INVALID_ARGUMENT;
  std::string fault =
      SizeFault("schema_digest", hello.schema_digest().size(), sizeof(Digest));
  if (fault.empty()) {
    fault =
        SizeFault("instance_id", hello.instance_id().size(), kInstanceIdBytes);
  }
  if (!fault.empty()) return fault;
  if (hello.name().size() > kClientNameBytesMax) {
    return absl::StrCat("hello: name of ", hello.name().size(),
                        " bytes, allowed ", kClientNameBytesMax);
  }
  *code = wire::CODE_OK;
  return {};
}

std::string SubscribeFault(const wire::Subscribe& request,
                           const BrokerLimits& limits, size_t subscriptions,
                           wire::Code* code) {
  const wire::Policy& policy = request.policy();
  *code = wire::CODE_INVALID_ARGUMENT;
  if (request.type_id() > std::numeric_limits<uint16_t>::max()) {
    return absl::StrCat("subscribe: type_id ", request.type_id(),
                        ", allowed 0 to 65535");
  }
  if (policy.queue_bytes_max() != 0 &&
      (policy.queue_bytes_max() < kQueueBytesMin ||
       policy.queue_bytes_max() > limits.queue_bytes_max_ceiling)) {
    return absl::StrCat("subscribe: queue_bytes_max ", policy.queue_bytes_max(),
                        ", allowed ", kQueueBytesMin, " to ",
                        limits.queue_bytes_max_ceiling);
  }
  if (policy.has_stall_ms_max() && policy.stall_ms_max() < -1) {
    return absl::StrCat("subscribe: stall_ms_max ", policy.stall_ms_max(),
                        ", allowed -1 and up");
  }
  if (!wire::Overflow_IsValid(policy.overflow())) {
    return absl::StrCat("subscribe: overflow ", policy.overflow(),
                        ", allowed 0 to ", wire::Overflow_MAX);
  }
  if (request.group().size() > kGroupNameBytesMax) {
    return absl::StrCat("subscribe: group of ", request.group().size(),
                        " bytes, allowed ", kGroupNameBytesMax);
  }
  if (request.responder() && !request.group().empty()) {
    return "subscribe: a responder with a group, allowed one of them";
  }
  std::string why;
  if (!request.topic_filter().empty() &&
      !ValidTopicFilter(request.topic_filter(), &why)) {
    return "subscribe: " + why;
  }
  if (subscriptions >= limits.subscriptions_per_session_max) {
    *code = wire::CODE_TOO_MANY_SUBSCRIPTIONS;
    return absl::StrCat("subscribe: ", subscriptions + 1,
                        " subscriptions, allowed ",
                        limits.subscriptions_per_session_max);
  }
  *code = wire::CODE_OK;
  return {};
}

}  // namespace mycelium::broker
