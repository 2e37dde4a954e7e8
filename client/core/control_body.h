// The bodies of control frames as a client reads and writes them
// (proto/mycelium/control.proto), without libprotobuf.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_CONTROL_BODY_H_
#define MYCELIUM_CLIENT_CORE_CONTROL_BODY_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/core/client.h"
#include "proto/frame.h"

namespace mycelium::core {

// mycelium.Code.  A newer broker may say others.
enum class CloseCode : int32_t {
  kOk = 0,
  kGoingAway = 1,
  kProtocol = 2,
  kVersion = 3,
  kFrameTooLarge = 4,
  kHelloTimeout = 5,
  kIdleTimeout = 6,
  kTooManySessions = 7,
  kTooManySubscriptions = 8,
  kSlowConsumer = 9,
  kInvalidArgument = 10,
  kSchema = 11,
  kDenied = 12,
  kInternal = 13,
  kUnsupported = 14,
  kTakenOver = 15,
};

// "CODE_IDLE_TIMEOUT"; "code 99" for one that is not known here.
std::string CodeName(CloseCode code);
StatusCode ToStatusCode(CloseCode code);

struct WelcomeBody {
  uint32_t version_major = 0;
  BrokerInfo broker;
  uint64_t idle_timeout_ms = 0;
  uint64_t publish_bytes_max = 0;  // 0: nothing said
  uint32_t resume_window_ms = 0;
  uint32_t reconnect_ms_min = 0;  // 0: nothing said
  uint32_t reconnect_ms_max = 0;
  bool resumed = false;  // the broker knows this instance
  uint64_t last_publish_id = 0;
};

struct TypeSequence {
  uint16_t type_id = 0;
  uint64_t sequence = 0;

  bool operator==(const TypeSequence&) const = default;
};

// What a subscription had before its connection ended.
struct ResumeBody {
  uint64_t epoch = 0;
  uint64_t frames = 0;  // given to it or told to it in gaps, since SUBSCRIBED
  std::vector<TypeSequence> seen;  // the last of each type
  uint32_t session_id = 0;         // in which its last SUBSCRIBED was read
};

// The last WELCOME that an instance has read.
struct LastWelcome {
  uint64_t epoch = 0;
  uint32_t session_id = 0;  // 0: none
};

struct SubscribedBody {
  uint32_t subscription_id = 0;
  CloseCode code = CloseCode::kOk;
  std::string reason;
  // Up to these counts frames are not for this subscription.
  std::vector<TypeSequence> starts;
};

struct UnsubscribedBody {
  uint32_t subscription_id = 0;
};

struct GapBody {
  uint32_t subscription_id = 0;
  Gap gap;
};

struct AckBody {
  uint64_t publish_id = 0;
};

struct AddresseeBody {
  uint32_t subscription_id = 0;  // 0: whoever takes type and topic
};

// The payload of ERROR_REPLY.
struct RequestErrorBody {
  StatusCode status = StatusCode::kUnknown;
  std::string message;
  bool from_broker = false;
};

struct HoldBody {
  uint16_t type_id = 0;  // 0: all types
  uint32_t by_session_id = 0;
  std::string by_name;
};

struct ReleaseBody {
  uint16_t type_id = 0;
};

struct SchemaBody {
  std::string schema_digest;
  std::string descriptor_set;
};

struct CloseBody {
  CloseCode code = CloseCode::kOk;
  std::string reason;
  uint32_t retry_after_ms = 0;
};

// False: `bytes` are not such a body (cut short, a number beyond its range, a
// string that is not UTF-8).  Unknown fields are ignored.
bool Decode(std::span<const uint8_t> bytes, WelcomeBody* body);
bool Decode(std::span<const uint8_t> bytes, SubscribedBody* body);
bool Decode(std::span<const uint8_t> bytes, UnsubscribedBody* body);
bool Decode(std::span<const uint8_t> bytes, GapBody* body);
bool Decode(std::span<const uint8_t> bytes, AckBody* body);
bool Decode(std::span<const uint8_t> bytes, AddresseeBody* body);
bool Decode(std::span<const uint8_t> bytes, RequestErrorBody* body);
bool Decode(std::span<const uint8_t> bytes, HoldBody* body);
bool Decode(std::span<const uint8_t> bytes, ReleaseBody* body);
bool Decode(std::span<const uint8_t> bytes, SchemaBody* body);
bool Decode(std::span<const uint8_t> bytes, CloseBody* body);

using Bytes = std::vector<uint8_t>;

// Whole frames.
Bytes EncodeHello(std::string_view name, std::string_view schema_digest,
                  std::string_view instance_id, const LastWelcome& last);
Bytes EncodeSchema(const EncodedSchema& schema);
Bytes EncodeSubscribe(uint64_t request_id, uint32_t subscription_id,
                      const SubscribeOptions& options, bool responder,
                      const ResumeBody* resume);
// Of a group's member: it has done with so many frames since SUBSCRIBED.
Bytes EncodeAck(uint32_t subscription_id, uint64_t frames);
Bytes EncodeUnsubscribe(uint64_t request_id, uint32_t subscription_id);
Bytes EncodeAdmin(uint64_t request_id, std::span<const uint8_t> request);
Bytes EncodeClose(CloseCode code, std::string_view reason);
// The payload of an ERROR_REPLY, not a frame.
std::string EncodeRequestError(const Status& status);
// REQUEST, REPLY or ERROR_REPLY.
Bytes EncodeData(DataKind kind, uint16_t type_id, std::string_view topic,
                 std::span<const uint8_t> payload, uint64_t id);
// FLUSH, PING, PONG or CANCEL.
Bytes EncodeEmpty(ControlKind kind, uint64_t id);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_CONTROL_BODY_H_
