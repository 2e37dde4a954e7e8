#include "client/core/session.h"

#include <utility>

#include "config/limits.h"

namespace mycelium::core {
namespace {

using Event = Session::Event;

Event Malformed(uint8_t kind) {
  return Session::ProtocolError{"protocol: body of " +
                                std::string(KindName(0, kind)) +
                                " is cut short, out of range or not UTF-8"};
}

template <typename Body>
Event Decoded(const FrameView& frame) {
  Body body;
  if (!Decode(frame.payload(), &body)) return Malformed(frame.header.kind);
  return body;
}

// The first half of a header: everything but the id.
uint64_t LoadShape(const uint8_t* frame) {
  uint64_t shape;
  std::memcpy(&shape, frame, sizeof shape);
  return shape;
}

}  // namespace

size_t Session::Next(std::span<const uint8_t> input, Event* event) {
  FrameView frame;
  const FrameStatus status = reader_.Next(input, &frame);
  if (status == FrameStatus::kNeedMore) {
    *event = NeedMore{input.size() < kHeaderBytes ? 0 : frame.frame_bytes()};
    return 0;
  }
  if (status != FrameStatus::kFrame) {
    *event = ProtocolError{
        DescribeFrameError(status, frame.header, reader_.frame_bytes_max())};
    return input.size();
  }
  const FrameHeader& header = frame.header;
  const Transition transition =
      OnFrame(Role::kClient, state_, header.type_id, header.kind);
  if (!transition.allowed) {
    *event = ProtocolError{
        DescribeForbidden(Role::kClient, state_, header.type_id, header.kind)};
    return input.size();
  }
  state_ = transition.next;
  if (header.type_id != 0) {
    const size_t bytes = RunBytes(input, frame);
    *event = FrameRun{input.first(bytes)};
    return bytes;
  }
  *event = OnControl(frame);
  return frame.frame_bytes();
}

// A frame whose header is as the first one's up to the length of its body
// needs no other check than that length, and that its topic is the same.
size_t Session::RunBytes(std::span<const uint8_t> input,
                         const FrameView& first) const {
  const std::string_view topic = first.topic();
  const uint64_t shape = LoadShape(first.bytes);
  size_t at = first.frame_bytes();
  while (input.size() - at >= kHeaderBytes) {
    const uint8_t* const bytes = input.data() + at;
    uint64_t body_bytes = first.header.body_bytes;
    if (const uint64_t other = LoadShape(bytes); other != shape) {
      if ((other ^ shape) >> 32 != 0) break;
      body_bytes = other & 0xffffffff;
      if (body_bytes > reader_.frame_bytes_max()) break;
      if (body_bytes < topic.size()) break;
    }
    const size_t frame_bytes = kHeaderBytes + body_bytes;
    if (input.size() - at < frame_bytes) break;
    if (!topic.empty() &&
        std::memcmp(bytes + kHeaderBytes, topic.data(), topic.size()) != 0) {
      break;
    }
    at += frame_bytes;
  }
  return at;
}

Event Session::OnControl(const FrameView& frame) {
  const uint64_t id = frame.header.id;
  switch (static_cast<ControlKind>(frame.header.kind)) {
    case ControlKind::kWelcome:
      return OnWelcome(frame.payload());
    case ControlKind::kSubscribed: {
      SubscribedBody body;
      if (!Decode(frame.payload(), &body)) break;
      return Subscribed{id, std::move(body)};
    }
    case ControlKind::kUnsubscribed:
      return Decoded<UnsubscribedBody>(frame);
    case ControlKind::kGap:
      return Decoded<GapBody>(frame);
    case ControlKind::kAck:
      return Decoded<AckBody>(frame);
    case ControlKind::kHold:
      return Decoded<HoldBody>(frame);
    case ControlKind::kRelease:
      return Decoded<ReleaseBody>(frame);
    case ControlKind::kFlushed:
      return Flushed{id};
    case ControlKind::kPing:
      return Ping{id};
    case ControlKind::kPong:
      return Pong{id};
    case ControlKind::kCancel:
      return Cancel{id};
    case ControlKind::kAddressee:
      return Decoded<AddresseeBody>(frame);
    case ControlKind::kAdmin:
      return AdminReply{id, frame.payload()};
    case ControlKind::kClose:
      return Decoded<CloseBody>(frame);
    case ControlKind::kSchema:
      return Decoded<SchemaBody>(frame);
    case ControlKind::kHello:
    case ControlKind::kSubscribe:
    case ControlKind::kUnsubscribe:
    case ControlKind::kFlush:
      break;  // OnFrame allows none of these to a client
  }
  return Malformed(frame.header.kind);
}

Event Session::OnWelcome(std::span<const uint8_t> body) {
  WelcomeBody welcome;
  welcome.broker.frame_bytes_max = 0;
  if (!Decode(body, &welcome)) {
    return Malformed(static_cast<uint8_t>(ControlKind::kWelcome));
  }
  if (welcome.version_major != kVersionMajor) {
    return ProtocolError{
        "protocol: version " + std::to_string(welcome.version_major) +
        " at the broker, " + std::to_string(kVersionMajor) + " here"};
  }
  const uint32_t frame_bytes_max = welcome.broker.frame_bytes_max;
  if (frame_bytes_max == 0 || frame_bytes_max > kFrameBytesMaxCeiling) {
    return ProtocolError{
        "protocol: frame_bytes_max " + std::to_string(frame_bytes_max) +
        " in WELCOME, allowed 1 to " + std::to_string(kFrameBytesMaxCeiling)};
  }
  reader_ = FrameReader(frame_bytes_max);
  return welcome;
}

}  // namespace mycelium::core
