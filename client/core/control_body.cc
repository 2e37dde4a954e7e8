#include "client/core/control_body.h"

#include <array>
#include <limits>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

namespace mycelium::core {
namespace {

using protozero::pbf_reader;
using protozero::pbf_wire_type;

constexpr uint32_t Field(uint32_t tag, pbf_wire_type type) {
  return protozero::tag_and_type(tag, type);
}
constexpr uint32_t Number(uint32_t tag) {
  return Field(tag, pbf_wire_type::varint);
}
constexpr uint32_t Text(uint32_t tag) {
  return Field(tag, pbf_wire_type::length_delimited);
}

template <typename Integer>
bool Take(pbf_reader* reader, Integer* value) {
  const uint64_t wide = reader->get_uint64();
  *value = static_cast<Integer>(wide);
  return wide <= std::numeric_limits<Integer>::max();
}

// Not get_bool, which looks at a byte before it looks for the end.
bool Take(pbf_reader* reader, bool* value) {
  *value = reader->get_uint64() != 0;
  return true;
}

bool Take(pbf_reader* reader, CloseCode* code) {
  *code = static_cast<CloseCode>(reader->get_enum());
  return true;
}

bool Take(pbf_reader* reader, std::string* text) {
  *text = reader->get_string();
  return ValidUtf8(*text);
}

// Reads a message field by field.  `field` takes a known one and says whether
// it is in order, or skips it.
template <typename TakeField>
bool ReadFields(pbf_reader reader, TakeField take_field) {
  while (reader.next()) {
    if (!take_field(&reader)) return false;
  }
  return true;
}

template <typename TakeField>
bool ReadBody(std::span<const uint8_t> bytes, TakeField take_field) {
  try {
    return ReadFields(
        pbf_reader(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
        take_field);
  } catch (const protozero::exception&) {
    return false;
  }
}

bool Skip(pbf_reader* reader) {
  reader->skip();
  return true;
}

bool TakeLimits(pbf_reader reader, WelcomeBody* body) {
  return ReadFields(reader, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->broker.frame_bytes_max);
      case Number(4):
        return Take(field, &body->idle_timeout_ms);
      case Number(5):
        return Take(field, &body->publish_bytes_max);
      case Number(6):
        return Take(field, &body->resume_window_ms);
      case Number(7):
        return Take(field, &body->reconnect_ms_min);
      case Number(8):
        return Take(field, &body->reconnect_ms_max);
      default:
        return Skip(field);
    }
  });
}

bool Take(pbf_reader* reader, std::vector<TypeSequence>* all) {
  TypeSequence& one = all->emplace_back();
  return ReadFields(reader->get_message(), [&one](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &one.type_id);
      case Number(2):
        return Take(field, &one.sequence);
      default:
        return Skip(field);
    }
  });
}

bool TakeRange(pbf_reader reader, Gap* gap) {
  Gap::Range range;
  const bool valid = ReadFields(reader, [&range](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &range.type_id);
      case Number(2):
        return Take(field, &range.frames);
      case Number(3):
        return Take(field, &range.first_sequence);
      case Number(4):
        return Take(field, &range.last_sequence);
      default:
        return Skip(field);
    }
  });
  gap->ranges.push_back(range);
  return valid && range.first_sequence <= range.last_sequence;
}

GapReason ToGapReason(int32_t reason) {
  const bool known =
      reason >= 0 && reason <= static_cast<int32_t>(GapReason::kDeadlock);
  return known ? static_cast<GapReason>(reason) : GapReason::kUnspecified;
}

Bytes EncodeFrame(ControlKind kind, uint64_t id, std::string_view body) {
  Bytes frame(kHeaderBytes + body.size());
  StoreHeader({.body_bytes = static_cast<uint32_t>(body.size()),
               .type_id = 0,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = 0,
               .id = id},
              frame.data());
  if (!body.empty()) {
    std::memcpy(frame.data() + kHeaderBytes, body.data(), body.size());
  }
  return frame;
}

protozero::data_view View(std::string_view text) {
  return {text.data(), text.size()};
}

void AddStart(const Start& start, protozero::pbf_writer* subscribe) {
  std::string body;
  protozero::pbf_writer writer(body);
  switch (start.from) {
    case Start::From::kNow:
      break;
    case Start::From::kLast:
      writer.add_uint32(1, static_cast<uint32_t>(start.value));
      break;
    case Start::From::kSequence:
      writer.add_uint64(2, start.value);
      break;
    case Start::From::kTime:
      writer.add_uint64(3, start.value);
      break;
  }
  subscribe->add_message(7, body);
}

void AddResume(const ResumeBody& resume, protozero::pbf_writer* subscribe) {
  std::string body;
  protozero::pbf_writer writer(body);
  writer.add_uint64(1, resume.epoch);
  writer.add_uint64(2, resume.frames);
  for (const TypeSequence& seen : resume.seen) {
    std::string one;
    protozero::pbf_writer sequence(one);
    sequence.add_uint32(1, seen.type_id);
    sequence.add_uint64(2, seen.sequence);
    writer.add_message(3, one);
  }
  if (resume.session_id != 0) writer.add_uint32(4, resume.session_id);
  subscribe->add_message(8, body);
}

}  // namespace

std::string CodeName(CloseCode code) {
  static constexpr std::array<const char*, 16> kNames = {
      "CODE_OK",
      "CODE_GOING_AWAY",
      "CODE_PROTOCOL",
      "CODE_VERSION",
      "CODE_FRAME_TOO_LARGE",
      "CODE_HELLO_TIMEOUT",
      "CODE_IDLE_TIMEOUT",
      "CODE_TOO_MANY_SESSIONS",
      "CODE_TOO_MANY_SUBSCRIPTIONS",
      "CODE_SLOW_CONSUMER",
      "CODE_INVALID_ARGUMENT",
      "CODE_SCHEMA",
      "CODE_DENIED",
      "CODE_INTERNAL",
      "CODE_UNSUPPORTED",
      "CODE_TAKEN_OVER"};
  const auto number = static_cast<int32_t>(code);
  if (number < 0 || static_cast<size_t>(number) >= kNames.size()) {
    return "code " + std::to_string(number);
  }
  return kNames[static_cast<size_t>(number)];
}

StatusCode ToStatusCode(CloseCode code) {
  switch (code) {
    case CloseCode::kOk:
      return StatusCode::kOk;
    case CloseCode::kVersion:
    case CloseCode::kSchema:
      return StatusCode::kFailedPrecondition;
    case CloseCode::kFrameTooLarge:
    case CloseCode::kInvalidArgument:
      return StatusCode::kInvalidArgument;
    case CloseCode::kTooManySessions:
    case CloseCode::kTooManySubscriptions:
      return StatusCode::kResourceExhausted;
    case CloseCode::kDenied:
      return StatusCode::kPermissionDenied;
    case CloseCode::kProtocol:
    case CloseCode::kInternal:
      return StatusCode::kInternal;
    case CloseCode::kUnsupported:
      return StatusCode::kUnimplemented;
    case CloseCode::kTakenOver:
      return StatusCode::kAborted;
    case CloseCode::kGoingAway:
    case CloseCode::kHelloTimeout:
    case CloseCode::kIdleTimeout:
    case CloseCode::kSlowConsumer:
      return StatusCode::kUnavailable;
  }
  return StatusCode::kUnknown;
}

bool Decode(std::span<const uint8_t> bytes, WelcomeBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->version_major);
      case Number(4):
        return Take(field, &body->broker.session_id);
      case Number(5):
        return Take(field, &body->broker.epoch);
      case Text(6):
        return Take(field, &body->broker.version);
      case Text(7):
        return Take(field, &body->broker.name);
      case Text(8):
        return TakeLimits(field->get_message(), body);
      case Number(9):
        return Take(field, &body->resumed);
      case Number(10):
        return Take(field, &body->last_publish_id);
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, SubscribedBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->subscription_id);
      case Number(2):
        return Take(field, &body->code);
      case Text(3):
        return Take(field, &body->reason);
      case Text(4):
        return Take(field, &body->starts);
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, UnsubscribedBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    return field->tag_and_type() == Number(1)
               ? Take(field, &body->subscription_id)
               : Skip(field);
  });
}

bool Decode(std::span<const uint8_t> bytes, GapBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->subscription_id);
      case Number(2):
        body->gap.reason = ToGapReason(field->get_enum());
        return true;
      case Text(3):
        return TakeRange(field->get_message(), &body->gap);
      case Number(4):
        return Take(field, &body->gap.unknown);
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, AckBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    return field->tag_and_type() == Number(1) ? Take(field, &body->publish_id)
                                              : Skip(field);
  });
}

bool Decode(std::span<const uint8_t> bytes, AddresseeBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    return field->tag_and_type() == Number(1)
               ? Take(field, &body->subscription_id)
               : Skip(field);
  });
}

bool Decode(std::span<const uint8_t> bytes, RequestErrorBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1): {
        // An error that calls itself none, or something unheard of.
        const uint32_t number = field->get_uint32();
        if (number >= 1 && number <= 16) {
          body->status = static_cast<StatusCode>(number);
        }
        return true;
      }
      case Text(2):
        return Take(field, &body->message);
      case Number(3):
        return Take(field, &body->from_broker);
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, HoldBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->type_id);
      case Number(2):
        return Take(field, &body->by_session_id);
      case Text(3):
        return Take(field, &body->by_name);
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, ReleaseBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    return field->tag_and_type() == Number(1) ? Take(field, &body->type_id)
                                              : Skip(field);
  });
}

bool Decode(std::span<const uint8_t> bytes, SchemaBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Text(1):
        body->schema_digest = field->get_bytes();
        return true;
      case Text(2):
        body->descriptor_set = field->get_bytes();
        return true;
      default:
        return Skip(field);
    }
  });
}

bool Decode(std::span<const uint8_t> bytes, CloseBody* body) {
  return ReadBody(bytes, [body](pbf_reader* field) {
    switch (field->tag_and_type()) {
      case Number(1):
        return Take(field, &body->code);
      case Text(2):
        return Take(field, &body->reason);
      case Number(3):
        return Take(field, &body->retry_after_ms);
      default:
        return Skip(field);
    }
  });
}

Bytes EncodeHello(std::string_view name, std::string_view schema_digest,
                  std::string_view instance_id, const LastWelcome& last) {
  std::string body;
  protozero::pbf_writer hello(body);
  hello.add_uint32(1, kVersionMajor);
  if (kVersionMinor != 0) hello.add_uint32(2, kVersionMinor);
  if (!name.empty()) hello.add_string(4, View(name));
  if (!schema_digest.empty()) hello.add_bytes(5, View(schema_digest));
  if (!instance_id.empty()) hello.add_bytes(6, View(instance_id));
  if (last.session_id != 0) {
    hello.add_uint64(7, last.epoch);
    hello.add_uint32(8, last.session_id);
  }
  return EncodeFrame(ControlKind::kHello, kHelloMagic, body);
}

Bytes EncodeSchema(const EncodedSchema& schema) {
  std::string body;
  protozero::pbf_writer writer(body);
  writer.add_bytes(1, schema.digest);
  writer.add_bytes(2, schema.descriptor_set);
  return EncodeFrame(ControlKind::kSchema, 0, body);
}

Bytes EncodeSubscribe(uint64_t request_id, uint32_t subscription_id,
                      const SubscribeOptions& options, bool responder,
                      const ResumeBody* resume) {
  std::string body;
  protozero::pbf_writer subscribe(body);
  subscribe.add_uint32(1, subscription_id);
  if (options.type_id != 0) subscribe.add_uint32(2, options.type_id);
  if (!options.topic_filter.empty()) {
    subscribe.add_string(3, View(options.topic_filter));
  }
  std::string policy_body;
  protozero::pbf_writer policy(policy_body);
  policy.add_uint64(1, options.policy.queue_bytes_max);
  policy.add_sint64(2, options.policy.stall_ms_max);
  if (options.policy.overflow != Overflow::kGap) {
    policy.add_enum(3, static_cast<int32_t>(options.policy.overflow));
  }
  subscribe.add_message(4, policy_body);
  if (!options.group.empty()) subscribe.add_string(5, View(options.group));
  if (responder) subscribe.add_bool(6, true);
  if (resume != nullptr) {
    AddResume(*resume, &subscribe);
  } else if (options.start.from != Start::From::kNow) {
    AddStart(options.start, &subscribe);
  }
  return EncodeFrame(ControlKind::kSubscribe, request_id, body);
}

Bytes EncodeAck(uint32_t subscription_id, uint64_t frames) {
  std::string body;
  protozero::pbf_writer ack(body);
  ack.add_uint32(2, subscription_id);
  ack.add_uint64(3, frames);
  return EncodeFrame(ControlKind::kAck, 0, body);
}

Bytes EncodeUnsubscribe(uint64_t request_id, uint32_t subscription_id) {
  std::string body;
  protozero::pbf_writer(body).add_uint32(1, subscription_id);
  return EncodeFrame(ControlKind::kUnsubscribe, request_id, body);
}

Bytes EncodeAdmin(uint64_t request_id, std::span<const uint8_t> request) {
  return EncodeFrame(
      ControlKind::kAdmin, request_id,
      {reinterpret_cast<const char*>(request.data()), request.size()});
}

Bytes EncodeClose(CloseCode code, std::string_view reason) {
  std::string body;
  protozero::pbf_writer close(body);
  close.add_enum(1, static_cast<int32_t>(code));
  if (!reason.empty()) close.add_string(2, View(reason));
  return EncodeFrame(ControlKind::kClose, 0, body);
}

std::string EncodeRequestError(const Status& status) {
  std::string body;
  protozero::pbf_writer error(body);
  error.add_uint32(1, static_cast<uint32_t>(status.code));
  if (!status.message.empty()) error.add_string(2, View(status.message));
  return body;
}

Bytes EncodeData(DataKind kind, uint16_t type_id, std::string_view topic,
                 std::span<const uint8_t> payload, uint64_t id) {
  const size_t body_bytes = topic.size() + payload.size();
  Bytes frame(kHeaderBytes + body_bytes);
  StoreHeader({.body_bytes = static_cast<uint32_t>(body_bytes),
               .type_id = type_id,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = static_cast<uint8_t>(topic.size()),
               .id = id},
              frame.data());
  uint8_t* const body = frame.data() + kHeaderBytes;
  if (!topic.empty()) std::memcpy(body, topic.data(), topic.size());
  if (!payload.empty()) {
    std::memcpy(body + topic.size(), payload.data(), payload.size());
  }
  return frame;
}

Bytes EncodeEmpty(ControlKind kind, uint64_t id) {
  return EncodeFrame(kind, id, {});
}

}  // namespace mycelium::core
