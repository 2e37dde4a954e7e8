// Publishing.
#include <utility>

#include "client/c/handle.h"

namespace mycelium::c {
namespace {

core::Status Publish(mycelium_runtime* runtime, uint16_t type_id,
                     const char* topic, const void* bytes, size_t size,
                     int64_t timeout_ms) {
  std::span<const uint8_t> payload;
  core::Status status = ToPayload("publish", bytes, size, &payload);
  if (!status.ok()) return status;
  core::Client& client = *runtime->client;
  if (timeout_ms == 0) {
    return client.TryPublish(type_id, TextOrEmpty(topic), payload);
  }
  core::Deadline deadline;
  status = ToDeadline("publish", timeout_ms, &deadline);
  if (!status.ok()) return status;
  return client.Publish(type_id, TextOrEmpty(topic), payload, deadline);
}

}  // namespace
}  // namespace mycelium::c

using mycelium::c::Guard;
namespace core = mycelium::core;

mycelium_status mycelium_publish(mycelium_runtime* runtime, uint16_t type_id,
                                 const void* bytes, size_t size) {
  return Guard("publish", runtime, [&] {
    return mycelium::c::Publish(runtime, type_id, nullptr, bytes, size,
                                MYCELIUM_NO_TIMEOUT);
  });
}

mycelium_status mycelium_publish_topic(mycelium_runtime* runtime,
                                       uint16_t type_id, const char* topic,
                                       const void* bytes, size_t size,
                                       int64_t timeout_ms) {
  return Guard("publish", runtime, [&] {
    return mycelium::c::Publish(runtime, type_id, topic, bytes, size,
                                timeout_ms);
  });
}

mycelium_status mycelium_publish_acked(mycelium_runtime* runtime,
                                       uint16_t type_id, const char* topic,
                                       const void* bytes, size_t size,
                                       int64_t timeout_ms,
                                       mycelium_accepted_callback on_accepted,
                                       void* user_data) {
  return Guard("publish", runtime, [&]() -> core::Status {
    if (on_accepted == nullptr) {
      return mycelium::c::NullArgument("publish", "on_accepted", "a function");
    }
    std::span<const uint8_t> payload;
    core::Status status =
        mycelium::c::ToPayload("publish", bytes, size, &payload);
    core::Deadline deadline;
    if (status.ok()) {
      status = mycelium::c::ToDeadline("publish", timeout_ms, &deadline);
    }
    if (!status.ok()) return status;
    // As TryPublish has it.
    if (timeout_ms == 0) deadline = core::Deadline::min();
    const mycelium::c::CallingBack calling(runtime->origin.get());
    return runtime->client->PublishAcked(
        type_id, mycelium::c::TextOrEmpty(topic), payload, deadline,
        [origin = runtime->origin, on_accepted,
         user_data](const core::Status& how) noexcept {
          const mycelium::c::Within within(origin.get());
          on_accepted(mycelium::c::ToStatus(how.code), how.message.c_str(),
                      user_data);
        });
  });
}

mycelium_status mycelium_flush(mycelium_runtime* runtime, int64_t timeout_ms) {
  return Guard("flush", runtime, [&]() -> core::Status {
    core::Deadline deadline;
    const core::Status status =
        mycelium::c::ToDeadline("flush", timeout_ms, &deadline);
    return status.ok() ? runtime->client->Flush(deadline) : status;
  });
}
