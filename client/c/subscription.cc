// Subscribing.
#include <utility>
#include <variant>

#include "client/c/handle.h"

namespace mycelium::c {
namespace {

core::Status BadNumber(const char* subject, const char* what, int64_t seen,
                       int64_t last) {
  return InvalidArgument(std::string(subject) + ": " + what + " " +
                         std::to_string(seen) + ", allowed 0 to " +
                         std::to_string(last));
}

core::Policy ToPolicy(const mycelium_policy& policy) {
  return {policy.queue_bytes_max, policy.stall_ms_max,
          static_cast<core::Overflow>(policy.overflow)};
}

mycelium_policy ToPolicy(const core::Policy& policy) {
  return {policy.queue_bytes_max, policy.stall_ms_max,
          static_cast<mycelium_overflow>(policy.overflow)};
}

core::Status CheckCallbacks(const mycelium_subscribe_options& options) {
  if (options.on_message == nullptr && options.on_gap != nullptr) {
    return InvalidArgument(
        "subscribe: on_gap without on_message, allowed with it; mycelium_next "
        "gives gaps too");
  }
  if (options.on_batch_end == nullptr) return {};
  if (options.on_message == nullptr ||
      options.delivery != MYCELIUM_DELIVERY_QUEUED) {
    return InvalidArgument(
        "subscribe: on_batch_end of a direct or pulled subscription, allowed "
        "with on_message and MYCELIUM_DELIVERY_QUEUED");
  }
  return {};
}

core::Handler ToHandler(const std::shared_ptr<Origin>& origin,
                        const mycelium_subscribe_options& options) {
  core::Handler handler;
  void* const user_data = options.user_data;
  if (const auto on_message = options.on_message; on_message != nullptr) {
    handler.on_message = [origin, on_message,
                          user_data](const core::Message& message) noexcept {
      const Within within(origin.get());
      on_message(MessageInC(message).get(), user_data);
    };
  }
  if (const auto on_gap = options.on_gap; on_gap != nullptr) {
    handler.on_gap = [origin, on_gap,
                      user_data](const core::Gap& gap) noexcept {
      const Within within(origin.get());
      on_gap(GapInC(gap).get(), user_data);
    };
  }
  if (const auto on_batch_end = options.on_batch_end; on_batch_end != nullptr) {
    handler.on_batch_end = [origin, on_batch_end, user_data]() noexcept {
      const Within within(origin.get());
      on_batch_end(user_data);
    };
  }
  return handler;
}

core::Status Subscribe(mycelium_runtime* runtime,
                       const mycelium_subscribe_options* options,
                       mycelium_subscription** subscription) {
  if (subscription == nullptr) {
    return NullArgument("subscribe", "subscription", "where the handle goes");
  }
  mycelium_subscribe_options given;
  mycelium_subscribe_options_init(&given);
  core::Status status =
      CopyStruct("subscribe", options, kFirstSubscribeOptionsBytes, &given);
  core::SubscribeOptions wanted;
  if (status.ok()) status = ToSubscribeOptions("subscribe", given, &wanted);
  if (status.ok()) status = CheckCallbacks(given);
  if (!status.ok()) return status;
  auto handle = std::make_unique<mycelium_subscription>();
  handle->origin = runtime->origin;
  status = runtime->client->Subscribe(wanted, ToHandler(runtime->origin, given),
                                      &handle->core);
  if (status.ok()) *subscription = handle.release();
  return status;
}

}  // namespace

core::Status ToSubscribeOptions(const char* subject,
                                const mycelium_subscribe_options& given,
                                core::SubscribeOptions* options) {
  const auto is_past = [](auto value, auto last) {
    return static_cast<unsigned>(value) > static_cast<unsigned>(last);
  };
  if (is_past(given.policy.overflow, MYCELIUM_OVERFLOW_DISCONNECT)) {
    return BadNumber(subject, "overflow", given.policy.overflow,
                     MYCELIUM_OVERFLOW_DISCONNECT);
  }
  if (is_past(given.delivery, MYCELIUM_DELIVERY_QUEUED)) {
    return BadNumber(subject, "delivery", given.delivery,
                     MYCELIUM_DELIVERY_QUEUED);
  }
  if (is_past(given.start, MYCELIUM_START_TIME)) {
    return BadNumber(subject, "start", given.start, MYCELIUM_START_TIME);
  }
  *options = {.type_id = given.type_id,
              .topic_filter = std::string(TextOrEmpty(given.topic_filter)),
              .policy = ToPolicy(given.policy),
              .delivery = static_cast<core::Delivery>(given.delivery),
              .group = std::string(TextOrEmpty(given.group)),
              .start = {static_cast<core::Start::From>(given.start),
                        given.start_value}};
  return {};
}

}  // namespace mycelium::c

namespace core = mycelium::core;
using mycelium::c::Guard;

mycelium_status mycelium_subscribe_options_set_defaults(
    mycelium_subscribe_options* options, size_t struct_bytes) {
  return Guard([&] {
    mycelium_subscribe_options defaults = {};
    defaults.policy = mycelium_policy_of(MYCELIUM_BALANCED);
    return mycelium::c::SetDefaults("subscribe", defaults,
                                    mycelium::c::kFirstSubscribeOptionsBytes,
                                    struct_bytes, options);
  });
}

mycelium_policy mycelium_policy_of(mycelium_policy_name policy_name) {
  switch (policy_name) {
    case MYCELIUM_LOSSLESS:
      return mycelium::c::ToPolicy(core::Policy::Lossless());
    case MYCELIUM_LIVE:
      return mycelium::c::ToPolicy(core::Policy::Live());
    case MYCELIUM_LATEST:
      return mycelium::c::ToPolicy(core::Policy::Latest());
    case MYCELIUM_STRICT:
      return mycelium::c::ToPolicy(core::Policy::Strict());
    case MYCELIUM_BALANCED:
      break;
  }
  return mycelium::c::ToPolicy(core::Policy::Balanced());
}

mycelium_status mycelium_subscribe(mycelium_runtime* runtime, uint16_t type_id,
                                   mycelium_message_callback callback,
                                   void* user_data,
                                   mycelium_subscription** subscription) {
  return Guard("subscribe", runtime, [&]() -> core::Status {
    if (callback == nullptr) {
      return mycelium::c::NullArgument("subscribe", "callback", "a function");
    }
    mycelium_subscribe_options options;
    mycelium_subscribe_options_init(&options);
    options.type_id = type_id;
    options.on_message = callback;
    options.user_data = user_data;
    return mycelium::c::Subscribe(runtime, &options, subscription);
  });
}

mycelium_status mycelium_subscribe_with(
    mycelium_runtime* runtime, const mycelium_subscribe_options* options,
    mycelium_subscription** subscription) {
  return Guard("subscribe", runtime, [&] {
    return mycelium::c::Subscribe(runtime, options, subscription);
  });
}

mycelium_status mycelium_unsubscribe(mycelium_subscription* subscription) {
  if (subscription == nullptr) return MYCELIUM_OK;
  return Guard("unsubscribe", subscription, [&]() -> core::Status {
    subscription->core->Unsubscribe();
    delete subscription;
    return {};
  });
}

mycelium_status mycelium_next(mycelium_subscription* subscription,
                              int64_t timeout_ms, mycelium_item* item) {
  return Guard("next", subscription, [&]() -> core::Status {
    if (item == nullptr) {
      return mycelium::c::NullArgument("next", "item", "where it goes");
    }
    core::Deadline deadline;
    core::Status status =
        mycelium::c::ToDeadline("next", timeout_ms, &deadline);
    if (!status.ok()) return status;
    status = subscription->core->Next(deadline, &subscription->item);
    if (!status.ok()) return status;
    *item = {nullptr, nullptr};
    if (const auto* const message =
            std::get_if<core::Message>(&subscription->item)) {
      subscription->message.Set(*message);
      item->message = subscription->message.get();
    } else {
      subscription->gap.Set(std::get<core::Gap>(subscription->item));
      item->gap = subscription->gap.get();
    }
    return {};
  });
}
