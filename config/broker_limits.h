// The limits that a configuration may change, and the one list of their names
// and ranges, which parsing, checking, printing and comparing go through.
// Plain values; the list is immutable.
#ifndef MYCELIUM_CONFIG_BROKER_LIMITS_H_
#define MYCELIUM_CONFIG_BROKER_LIMITS_H_

#include <cstdint>
#include <span>
#include <string>

#include "config/limits.h"

namespace mycelium {

// config/limits.h says what each one bounds.
struct BrokerLimits {
  uint32_t frame_bytes_max = kFrameBytesMaxDefault;
  int64_t hello_timeout_ms = kHelloTimeoutMsDefault;
  uint32_t hello_bytes_max = kHelloBytesMaxDefault;
  uint32_t sessions_max = kSessionsMaxDefault;
  uint32_t sessions_per_uid_max = kSessionsPerUidMaxDefault;
  uint32_t sessions_per_address_max = kSessionsPerAddressMaxDefault;
  uint32_t subscriptions_per_session_max = kSubscriptionsPerSessionMaxDefault;
  int64_t idle_timeout_ms = kIdleTimeoutMsDefault;
  uint64_t queue_bytes_max = kQueueBytesMaxDefault;
  uint64_t queue_bytes_max_ceiling = kQueueBytesMaxCeilingDefault;
  int64_t stall_ms_max = kStallMsMaxDefault;  // 0: never, -1: without end
  uint64_t total_bytes_max = kTotalBytesMaxDefault;
  uint32_t schema_bytes_max = kSchemaBytesMaxDefault;
  uint32_t schemas_max = kSchemasMaxDefault;
  uint64_t schemas_bytes_max = kSchemasBytesMaxDefault;
  int64_t resume_window_ms = kResumeWindowMsDefault;  // 0: nothing is resumed
  uint32_t resume_instances_max = kResumeInstancesMaxDefault;
  int64_t reconnect_ms_min = kReconnectMsMinDefault;
  int64_t reconnect_ms_max = kReconnectMsMaxDefault;
  uint32_t requests_per_session_max = kRequestsPerSessionMaxDefault;
  int64_t deadlock_ms = kDeadlockMsDefault;

  bool operator==(const BrokerLimits&) const = default;
};

struct LimitField {
  const char* name;  // in LimitsConfig
  int64_t least;
  int64_t most;
  int64_t (*get)(const BrokerLimits&);
  void (*set)(BrokerLimits*, int64_t);  // REQUIRES: least <= value <= most
};

std::span<const LimitField> LimitFields();

inline constexpr int64_t kDrainTimeoutMsMax = 3'600'000;

// Empty, or "name: 0, allowed 1024 to 67108864".
std::string RangeError(const std::string& name, int64_t value, int64_t least,
                       int64_t most);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_BROKER_LIMITS_H_
