#include "config/broker_limits.h"

#include <type_traits>

#include "absl/strings/str_cat.h"

namespace mycelium {
namespace {

template <auto kMember>
constexpr LimitField Field(const char* name, int64_t least, int64_t most) {
  return {name, least, most,
          [](const BrokerLimits& limits) {
            return static_cast<int64_t>(limits.*kMember);
          },
          [](BrokerLimits* limits, int64_t value) {
            using Value = std::remove_reference_t<decltype(limits->*kMember)>;
            limits->*kMember = static_cast<Value>(value);
          }};
}

// Ranges keep out what can only be a slip (a unit mistaken, a digit lost), and
// what the code can't do.
constexpr int64_t kCountMax = 1'000'000;
constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kMemoryBytesMax = int64_t{1} << 40;
// A HELLO with a full name, a digest and an instance id takes 200.
constexpr int64_t kHelloBytesLeast = 256;

using L = BrokerLimits;
constexpr LimitField kFields[] = {
    Field<&L::frame_bytes_max>("frame_bytes_max", 1024, kFrameBytesMaxCeiling),
    Field<&L::hello_timeout_ms>("hello_timeout_ms", 10, 600'000),
    Field<&L::hello_bytes_max>("hello_bytes_max", kHelloBytesLeast, 64 << 10),
    Field<&L::sessions_max>("sessions_max", 1, kCountMax),
    Field<&L::sessions_per_uid_max>("sessions_per_uid_max", 1, kCountMax),
    Field<&L::sessions_per_address_max>("sessions_per_address_max", 1,
                                        kCountMax),
    Field<&L::subscriptions_per_session_max>("subscriptions_per_session_max", 1,
                                             kCountMax),
    Field<&L::idle_timeout_ms>("idle_timeout_ms", 100, kDayMs),
    Field<&L::queue_bytes_max>("queue_bytes_max", kQueueBytesMin,
                               kMemoryBytesMax),
    Field<&L::queue_bytes_max_ceiling>("queue_bytes_max_ceiling",
                                       kQueueBytesMin, kMemoryBytesMax),
    Field<&L::stall_ms_max>("stall_ms_max", -1, kDayMs),
    Field<&L::total_bytes_max>("total_bytes_max", 1 << 20, kMemoryBytesMax),
    Field<&L::schema_bytes_max>("schema_bytes_max", 1024,
                                kSchemaBytesMaxCeiling),
    Field<&L::schemas_max>("schemas_max", 1, kSchemasMaxCeiling),
    Field<&L::schemas_bytes_max>("schemas_bytes_max", 1024, 1 << 30),
    Field<&L::resume_window_ms>("resume_window_ms", 0, 3'600'000),
    Field<&L::resume_instances_max>("resume_instances_max", 0, kCountMax),
    Field<&L::reconnect_ms_min>("reconnect_ms_min", 1, 600'000),
    Field<&L::reconnect_ms_max>("reconnect_ms_max", 1, 600'000),
    Field<&L::requests_per_session_max>("requests_per_session_max", 1,
                                        kCountMax),
    Field<&L::deadlock_ms>("deadlock_ms", 100, kDayMs),
};

}  // namespace

std::span<const LimitField> LimitFields() { return kFields; }

std::string RangeError(const std::string& name, int64_t value, int64_t least,
                       int64_t most) {
  if (least <= value && value <= most) return {};
  return absl::StrCat(name, ": ", value, ", allowed ", least, " to ", most);
}

}  // namespace mycelium
