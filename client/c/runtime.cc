// Runtimes.
#include <algorithm>
#include <chrono>
#include <utility>

#include "client/c/builtin_schema.h"
#include "client/c/handle.h"
#include "config/limits.h"
#include "proto/schema.h"

namespace mycelium::c {
namespace {

using std::chrono::milliseconds;

// Of the structs' first versions.
constexpr size_t kFirstConnectOptionsBytes =
    offsetof(mycelium_connect_options, user_data) + sizeof(void*);
constexpr size_t kFirstBrokerInfoBytes =
    offsetof(mycelium_broker_info, frame_bytes_max) + sizeof(uint32_t);
constexpr size_t kFirstCountersBytes =
    offsetof(mycelium_counters, replies_late) + sizeof(uint64_t);

// A connect_timeout that never comes and yet can be added to the time of now.
constexpr milliseconds kNever = std::chrono::hours(24 * 365 * 100);

std::string_view BuiltinDigest() {
  return {reinterpret_cast<const char*>(kBuiltinSchemaDigest),
          sizeof kBuiltinSchemaDigest};
}

std::string TextOf(std::string_view digest) {
  return DigestText(*ToDigest(digest));
}

core::Status ToSchema(const mycelium_connect_options& given,
                      core::EncodedSchema* schema) {
  if (given.descriptor_set == nullptr && given.descriptor_set_bytes != 0) {
    return NullArgument("connect", "descriptor_set",
                        "so with descriptor_set_bytes 0 only");
  }
  if (given.schema_digest == nullptr) {
    if (given.descriptor_set_bytes == 0) return {};
    return NullArgument("connect", "schema_digest",
                        "so without a descriptor_set only");
  }
  schema->digest.assign(reinterpret_cast<const char*>(given.schema_digest),
                        MYCELIUM_SCHEMA_DIGEST_BYTES);
  if (given.descriptor_set_bytes != 0) {
    schema->descriptor_set.assign(
        reinterpret_cast<const char*>(given.descriptor_set),
        given.descriptor_set_bytes);
    return {};
  }
  if (schema->digest != BuiltinDigest()) {
    return InvalidArgument("connect: schema digest " + TextOf(schema->digest) +
                           " without a descriptor_set, allowed without one " +
                           TextOf(BuiltinDigest()));
  }
  schema->descriptor_set.assign(
      reinterpret_cast<const char*>(kBuiltinDescriptorSet),
      kBuiltinDescriptorSetBytes);
  return {};
}

core::Status BadNumber(const char* what, int64_t seen, const char* allowed) {
  return InvalidArgument(std::string("connect: ") + what + " " +
                         std::to_string(seen) + ", allowed " + allowed);
}

core::Status ToTimes(const mycelium_connect_options& given,
                     core::ClientOptions* options) {
  if (given.connect_timeout_ms < MYCELIUM_NO_TIMEOUT) {
    return BadNumber("connect_timeout_ms", given.connect_timeout_ms,
                     "0 and more, and MYCELIUM_NO_TIMEOUT");
  }
  if (given.reconnect_ms_min < 0) {
    return BadNumber("reconnect_ms_min", given.reconnect_ms_min, "0 and more");
  }
  if (given.reconnect_ms_max < 0) {
    return BadNumber("reconnect_ms_max", given.reconnect_ms_max, "0 and more");
  }
  const auto clamped = [](int64_t ms) {
    return std::min(milliseconds(ms), kNever);
  };
  options->connect_timeout = given.connect_timeout_ms == MYCELIUM_NO_TIMEOUT
                                 ? kNever
                                 : clamped(given.connect_timeout_ms);
  options->reconnect_min = clamped(given.reconnect_ms_min);
  options->reconnect_max = clamped(given.reconnect_ms_max);
  return {};
}

// Topics end with a NUL, which they do not have in their frames.
void GiveBack(std::span<const core::UnacceptedFrame> unaccepted,
              mycelium_unaccepted_callback callback, void* user_data) {
  std::vector<mycelium_unaccepted> frames;
  std::vector<std::string> topics;
  frames.reserve(unaccepted.size());
  topics.reserve(unaccepted.size());
  for (const core::UnacceptedFrame& each : unaccepted) {
    const std::string& topic = topics.emplace_back(each.topic);
    frames.push_back({each.type_id,
                      static_cast<uint8_t>(each.maybe_accepted ? 1 : 0),
                      topic.c_str(), topic.size(), each.payload.data(),
                      each.payload.size()});
  }
  callback(frames.data(), frames.size(), user_data);
}

void SetCallbacks(const mycelium_connect_options& given,
                  const std::shared_ptr<Origin>& origin,
                  core::ClientOptions* options) {
  void* const user_data = given.user_data;
  if (const auto on_state = given.on_state; on_state != nullptr) {
    options->on_state = [origin, on_state, user_data](
                            core::State state,
                            const core::Status& why) noexcept {
      const Within within(origin.get());
      on_state(static_cast<mycelium_state>(state), ToStatus(why.code),
               why.message.c_str(), user_data);
    };
  }
  if (const auto on_unaccepted = given.on_unaccepted;
      on_unaccepted != nullptr) {
    options->on_unaccepted =
        [origin, on_unaccepted,
         user_data](std::span<const core::UnacceptedFrame> frames) noexcept {
          const Within within(origin.get());
          GiveBack(frames, on_unaccepted, user_data);
        };
  }
}

core::Status Connect(const char* url, const mycelium_connect_options* options,
                     mycelium_runtime* runtime) {
  mycelium_connect_options given;
  mycelium_connect_options_init(&given);
  core::Status status;
  if (options != nullptr) {
    status = CopyStruct("connect", options, kFirstConnectOptionsBytes, &given);
  }
  core::ClientOptions wanted;
  if (status.ok()) status = ToSchema(given, &wanted.schema);
  if (status.ok()) status = ToTimes(given, &wanted);
  if (!status.ok()) return status;
  wanted.name = TextOrEmpty(given.name);
  wanted.publish_bytes_max = given.publish_bytes_max;
  wanted.reconnect = given.reconnect != 0;
  SetCallbacks(given, runtime->origin, &wanted);
  status = core::Client::Connect(TextOrEmpty(url), wanted, &runtime->client);
  runtime->schema_digest = std::move(wanted.schema.digest);
  return status;
}

void Close(mycelium_runtime* runtime, const Within& within) {
  Origin* const origin = runtime->origin.get();
  {
    const CallingBack calling(origin);
    runtime->client->Close();
  }
  // One that comes from a callback, or from another call's, must not wait for
  // itself.
  if (!within.IsNested()) origin->AwaitCalls();
}

// What does not fit is cut between two characters.
template <size_t size>
void CopyText(const std::string& text, char (&into)[size]) {
  size_t bytes = std::min(text.size(), size - 1);
  if (bytes < text.size()) {
    while (bytes != 0 && (text[bytes] & 0xc0) == 0x80) --bytes;
  }
  std::memcpy(into, text.data(), bytes);
  into[bytes] = '\0';
}

}  // namespace
}  // namespace mycelium::c

namespace core = mycelium::core;
using mycelium::c::Guard;

mycelium_status mycelium_connect_options_set_defaults(
    mycelium_connect_options* options, size_t struct_bytes) {
  return Guard([&] {
    const core::ClientOptions cores;
    mycelium_connect_options defaults = {};
    defaults.connect_timeout_ms = cores.connect_timeout.count();
    defaults.publish_bytes_max = cores.publish_bytes_max;
    defaults.reconnect = cores.reconnect ? 1 : 0;
    return mycelium::c::SetDefaults("connect", defaults,
                                    mycelium::c::kFirstConnectOptionsBytes,
                                    struct_bytes, options);
  });
}

mycelium_runtime* mycelium_runtime_create(void) {
  return mycelium_runtime_connect("inproc:", nullptr);
}

mycelium_runtime* mycelium_runtime_connect(
    const char* url, const mycelium_connect_options* options) {
  mycelium_runtime* connected = nullptr;
  const mycelium_status status = Guard([&] {
    auto runtime = std::make_unique<mycelium_runtime>();
    runtime->origin = std::make_shared<mycelium::c::Origin>();
    core::Status how = mycelium::c::Connect(url, options, runtime.get());
    if (how.ok()) connected = runtime.release();
    return how;
  });
  return status == MYCELIUM_OK ? connected : nullptr;
}

mycelium_status mycelium_runtime_close(mycelium_runtime* runtime) {
  return Guard("close", runtime,
               [&](const mycelium::c::Within& within) -> core::Status {
                 mycelium::c::Close(runtime, within);
                 return {};
               });
}

mycelium_status mycelium_runtime_destroy(mycelium_runtime* runtime) {
  if (runtime == nullptr) return MYCELIUM_OK;
  return Guard(
      "destroy", runtime,
      [&](const mycelium::c::Within& within) -> core::Status {
        if (within.IsNested()) {
          return {core::StatusCode::kFailedPrecondition,
                  "destroy: within a callback or a call of this runtime, "
                  "allowed outside of them; mycelium_runtime_close is allowed "
                  "here"};
        }
        mycelium::c::Close(runtime, within);
        delete runtime;
        return {};
      });
}

mycelium_status mycelium_verify_schema_digest(mycelium_runtime* runtime,
                                              const uint8_t* digest,
                                              size_t digest_bytes) {
  return Guard("schema", runtime, [&]() -> core::Status {
    if (digest == nullptr) {
      return mycelium::c::NullArgument("schema", "digest", "its bytes");
    }
    if (digest_bytes != MYCELIUM_SCHEMA_DIGEST_BYTES) {
      return mycelium::c::InvalidArgument(
          "schema: digest_bytes " + std::to_string(digest_bytes) +
          ", allowed " + std::to_string(MYCELIUM_SCHEMA_DIGEST_BYTES));
    }
    const std::string_view seen(reinterpret_cast<const char*>(digest),
                                digest_bytes);
    const bool has_own = !runtime->schema_digest.empty();
    const std::string_view allowed =
        has_own ? std::string_view(runtime->schema_digest)
                : mycelium::c::BuiltinDigest();
    if (seen == allowed) return {};
    return {core::StatusCode::kFailedPrecondition,
            "schema: digest " + mycelium::c::TextOf(seen) + ", allowed " +
                mycelium::c::TextOf(allowed) +
                (has_own ? " (of this runtime)" : " (of the library)")};
  });
}

const uint8_t* mycelium_builtin_schema_digest(void) {
  return mycelium::c::kBuiltinSchemaDigest;
}

mycelium_status mycelium_ping(mycelium_runtime* runtime, int64_t timeout_ms) {
  return Guard("ping", runtime, [&]() -> core::Status {
    core::Deadline deadline;
    const core::Status status =
        mycelium::c::ToDeadline("ping", timeout_ms, &deadline);
    return status.ok() ? runtime->client->Ping(deadline) : status;
  });
}

mycelium_status mycelium_runtime_broker_info(mycelium_runtime* runtime,
                                             mycelium_broker_info* info) {
  return Guard("broker_info", runtime, [&]() -> core::Status {
    if (info == nullptr) {
      return mycelium::c::NullArgument("broker_info", "info",
                                       "a struct with its struct_bytes");
    }
    const core::BrokerInfo broker = runtime->client->broker();
    mycelium_broker_info ours = {};
    mycelium::c::CopyText(broker.name, ours.name);
    mycelium::c::CopyText(broker.version, ours.version);
    ours.epoch = broker.epoch;
    ours.session_id = broker.session_id;
    ours.frame_bytes_max = broker.frame_bytes_max;
    return mycelium::c::FillStruct("broker_info", ours,
                                   mycelium::c::kFirstBrokerInfoBytes, info);
  });
}

mycelium_status mycelium_runtime_counters(mycelium_runtime* runtime,
                                          mycelium_counters* counters) {
  return Guard("counters", runtime, [&]() -> core::Status {
    if (counters == nullptr) {
      return mycelium::c::NullArgument("counters", "counters",
                                       "a struct with its struct_bytes");
    }
    const core::ClientCounters seen = runtime->client->counters();
    const mycelium_counters ours = {
        0,
        seen.frames_published,
        seen.frames_accepted,
        seen.frames_resent,
        seen.frames_unaccepted,
        seen.frames_received,
        seen.frames_missed,
        seen.gaps,
        seen.reconnects,
        seen.replies_late,
    };
    return mycelium::c::FillStruct("counters", ours,
                                   mycelium::c::kFirstCountersBytes, counters);
  });
}
