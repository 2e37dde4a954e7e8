// Requests and those who answer them.
#include <utility>

#include "client/c/handle.h"

namespace mycelium::c {
namespace {

struct Asked {
  uint16_t type_id;
  const char* topic;
  const void* bytes;
  size_t size;
  int64_t timeout_ms;
  bool wait;
};

core::Status Request(mycelium_runtime* runtime, const Asked& asked,
                     mycelium_reply_callback on_reply, void* user_data,
                     uint64_t* call) {
  if (on_reply == nullptr) {
    return NullArgument("request", "on_reply", "a function");
  }
  std::span<const uint8_t> payload;
  core::RequestOptions options = {.topic = TextOrEmpty(asked.topic),
                                  .wait = asked.wait};
  core::Status status = ToPayload("request", asked.bytes, asked.size, &payload);
  if (status.ok()) {
    status = ToDeadline("request", asked.timeout_ms, &options.deadline);
  }
  if (!status.ok()) return status;
  const CallingBack calling(runtime->origin.get());
  return runtime->client->Request(
      asked.type_id, payload, options,
      [origin = runtime->origin, on_reply, user_data](
          const core::Status& how, const core::Message* reply) noexcept {
        const Within within(origin.get());
        if (reply == nullptr) {
          on_reply(ToStatus(how.code), how.message.c_str(), nullptr, user_data);
        } else {
          on_reply(MYCELIUM_OK, "", MessageInC(*reply).get(), user_data);
        }
      },
      call);
}

core::RequestHandler ToHandler(const std::shared_ptr<Origin>& origin,
                               mycelium_request_callback on_request,
                               void* user_data) {
  return [origin, on_request, user_data](
             const core::Message& request,
             std::unique_ptr<core::Respondent> respondent) noexcept {
    auto* const handle = new mycelium_respondent{origin, std::move(respondent)};
    const Within within(origin.get());
    on_request(MessageInC(request).get(), handle, user_data);
  };
}

core::Status Respond(mycelium_runtime* runtime,
                     const mycelium_subscribe_options* options,
                     mycelium_request_callback on_request,
                     mycelium_subscription** subscription) {
  if (on_request == nullptr) {
    return NullArgument("respond", "on_request", "a function");
  }
  if (subscription == nullptr) {
    return NullArgument("respond", "subscription", "where the handle goes");
  }
  mycelium_subscribe_options given;
  mycelium_subscribe_options_init(&given);
  core::Status status =
      CopyStruct("respond", options, kFirstSubscribeOptionsBytes, &given);
  if (!status.ok()) return status;
  if (given.on_message != nullptr || given.on_gap != nullptr ||
      given.on_batch_end != nullptr) {
    return InvalidArgument(
        "respond: on_message, on_gap or on_batch_end is set, allowed "
        "on_request alone");
  }
  core::SubscribeOptions wanted;
  status = ToSubscribeOptions("respond", given, &wanted);
  if (!status.ok()) return status;
  auto handle = std::make_unique<mycelium_subscription>();
  handle->origin = runtime->origin;
  status = runtime->client->Respond(
      wanted, ToHandler(runtime->origin, on_request, given.user_data),
      &handle->core);
  if (status.ok()) *subscription = handle.release();
  return status;
}

// Answers and releases; what cannot be an answer the requester is told as an
// error.
template <typename Answer>
mycelium_status Respond(mycelium_respondent* handle, Answer answer) {
  return Guard("reply", handle, [&]() -> core::Status {
    const std::unique_ptr<mycelium_respondent> respondent(handle);
    core::Status status = answer(respondent->core.get());
    if (status.code != core::StatusCode::kInvalidArgument) return status;
    const core::Status told = respondent->core->Fail(status);
    return told.ok() ? status : told;
  });
}

}  // namespace
}  // namespace mycelium::c

namespace core = mycelium::core;
using mycelium::c::Guard;

mycelium_status mycelium_request(mycelium_runtime* runtime, uint16_t type_id,
                                 const char* topic, const void* bytes,
                                 size_t size, int64_t timeout_ms,
                                 mycelium_reply_callback on_reply,
                                 void* user_data, uint64_t* call) {
  return Guard("request", runtime, [&] {
    return mycelium::c::Request(
        runtime, {type_id, topic, bytes, size, timeout_ms, /*wait=*/false},
        on_reply, user_data, call);
  });
}

mycelium_status mycelium_request_wait(mycelium_runtime* runtime,
                                      uint16_t type_id, const char* topic,
                                      const void* bytes, size_t size,
                                      int64_t timeout_ms,
                                      mycelium_reply_callback on_reply,
                                      void* user_data) {
  return Guard("request", runtime, [&] {
    return mycelium::c::Request(
        runtime, {type_id, topic, bytes, size, timeout_ms, /*wait=*/true},
        on_reply, user_data, nullptr);
  });
}

mycelium_status mycelium_cancel(mycelium_runtime* runtime, uint64_t call) {
  return Guard("cancel", runtime, [&]() -> core::Status {
    const mycelium::c::CallingBack calling(runtime->origin.get());
    runtime->client->Cancel(call);
    return {};
  });
}

mycelium_status mycelium_respond(mycelium_runtime* runtime,
                                 const mycelium_subscribe_options* options,
                                 mycelium_request_callback on_request,
                                 mycelium_subscription** subscription) {
  return Guard("respond", runtime, [&] {
    return mycelium::c::Respond(runtime, options, on_request, subscription);
  });
}

mycelium_status mycelium_reply(mycelium_respondent* respondent,
                               uint16_t type_id, const void* bytes,
                               size_t size) {
  return mycelium::c::Respond(
      respondent, [&](core::Respondent* to) -> core::Status {
        std::span<const uint8_t> payload;
        const core::Status status =
            mycelium::c::ToPayload("reply", bytes, size, &payload);
        return status.ok() ? to->Reply(type_id, payload) : status;
      });
}

mycelium_status mycelium_fail(mycelium_respondent* respondent,
                              mycelium_status status, const char* error) {
  return mycelium::c::Respond(respondent, [&](core::Respondent* to) {
    const bool is_known =
        status >= MYCELIUM_OK && status <= MYCELIUM_UNAUTHENTICATED;
    return to->Fail({is_known ? static_cast<core::StatusCode>(status)
                              : core::StatusCode::kUnknown,
                     std::string(mycelium::c::TextOrEmpty(error))});
  });
}

int mycelium_respondent_cancelled(const mycelium_respondent* respondent) {
  bool cancelled = false;
  // What fails is no answer to be waited for.
  const mycelium_status status =
      Guard("reply", respondent, [&]() -> core::Status {
        cancelled = respondent->core->cancelled();
        return {};
      });
  return status == MYCELIUM_OK && !cancelled ? 0 : 1;
}
