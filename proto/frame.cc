#include "proto/frame.h"

#include <array>

#include "config/limits.h"

namespace mycelium {
namespace {

FrameStatus JudgeHeader(const FrameHeader& header, uint32_t frame_bytes_max) {
  if (header.body_bytes > frame_bytes_max) return FrameStatus::kTooLarge;
  if (header.type_id == 0) {
    if (header.kind == 0 || header.kind > kControlKindMax) {
      return FrameStatus::kUnknownKind;
    }
    return header.topic_bytes == 0 ? FrameStatus::kFrame
                                   : FrameStatus::kControlTopic;
  }
  constexpr auto kRedelivered =
      static_cast<uint8_t>(DataKind::kPublish) | kRedeliveredFlag;
  if (header.kind == 0 ||
      (header.kind > kDataKindMax && header.kind != kRedelivered)) {
    return FrameStatus::kUnknownKind;
  }
  return header.topic_bytes <= header.body_bytes ? FrameStatus::kFrame
                                                 : FrameStatus::kTopicTooLong;
}

// The length of the UTF-8 sequence that begins with `text[0]`, 0 if there is
// none.  Table 3-7 of the Unicode Standard (15.0): no overlong forms, no
// surrogates, nothing over U+10FFFF.
size_t Utf8SequenceBytes(std::string_view text) {
  const auto at = [text](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const auto tail = [&at](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const uint8_t low = lead == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = lead == 0xed ? 0x9f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const uint8_t low = lead == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
    return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

// What is wrong with `topic` as a topic, or, with `wildcards`, as a filter;
// empty if nothing is.
std::string_view TopicFault(std::string_view topic, bool wildcards) {
  if (topic.empty() || topic.size() > kTopicBytesMax) {
    return "allowed 1 to 255 bytes";
  }
  if (!ValidUtf8(topic)) return "not UTF-8";
  if (topic.find('\0') != std::string_view::npos) return "a NUL byte";
  while (true) {
    const size_t dot = topic.find('.');
    const std::string_view token = topic.substr(0, dot);
    if (token.empty()) return "an empty token between dots";
    if (token == "*" && !wildcards) return "wildcard \"*\" as a token";
    if (token == ">" && !wildcards) return "wildcard \">\" as a token";
    if (dot == std::string_view::npos) return {};
    if (token == ">") return "\">\" before the last token";
    topic.remove_prefix(dot + 1);
  }
}

}  // namespace

FrameStatus FrameReader::Next(std::span<const uint8_t> input,
                              FrameView* frame) const {
  if (input.size() < kHeaderBytes) return FrameStatus::kNeedMore;
  frame->header = LoadHeader(input.data());
  frame->bytes = input.data();
  const FrameStatus judged = JudgeHeader(frame->header, frame_bytes_max_);
  if (judged != FrameStatus::kFrame) return judged;
  if (input.size() < frame->frame_bytes()) return FrameStatus::kNeedMore;
  if (frame->header.topic_bytes != 0 && !ValidTopic(frame->topic())) {
    return FrameStatus::kTopicInvalid;
  }
  return FrameStatus::kFrame;
}

std::string DescribeFrameError(FrameStatus status, const FrameHeader& header,
                               uint32_t frame_bytes_max) {
  const auto number = [](uint64_t value) { return std::to_string(value); };
  switch (status) {
    case FrameStatus::kTooLarge:
      return "frame: body_bytes " + number(header.body_bytes) +
             ", frame_bytes_max " + number(frame_bytes_max);
    case FrameStatus::kTopicTooLong:
      return "frame: topic_bytes " + number(header.topic_bytes) +
             ", body_bytes " + number(header.body_bytes);
    case FrameStatus::kUnknownKind:
      return "frame: kind " + number(header.kind) + " of type " +
             number(header.type_id) + ", allowed 1 to " +
             number(header.type_id == 0 ? kControlKindMax : kDataKindMax);
    case FrameStatus::kControlTopic:
      return "frame: topic_bytes " + number(header.topic_bytes) +
             " in a control frame, allowed 0";
    case FrameStatus::kTopicInvalid:
      return "frame: topic of " + number(header.topic_bytes) +
             " bytes, allowed UTF-8 without NUL, empty tokens and wildcards";
    case FrameStatus::kFrame:
    case FrameStatus::kNeedMore:
      break;
  }
  return "frame: no error";
}

bool ValidTopic(std::string_view topic) {
  return TopicFault(topic, /*wildcards=*/false).empty();
}

bool ValidTopicFilter(std::string_view filter, std::string* why) {
  const std::string_view fault = TopicFault(filter, /*wildcards=*/true);
  if (fault.empty()) return true;
  *why = "topic filter: " + std::string(fault);
  if (filter.size() > kTopicBytesMax || filter.empty()) {
    *why = "topic filter: " + std::to_string(filter.size()) + " bytes, " +
           std::string(fault);
  }
  return false;
}

bool ValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t bytes = Utf8SequenceBytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string_view KindName(uint16_t type_id, uint8_t kind) {
  static constexpr std::array<std::string_view, kDataKindMax + 1> kData = {
      "unknown", "PUBLISH", "REQUEST", "REPLY", "ERROR_REPLY"};
  static constexpr std::array<std::string_view, kControlKindMax + 1> kControl =
      {"unknown",     "HELLO",        "WELCOME", "SUBSCRIBE", "SUBSCRIBED",
       "UNSUBSCRIBE", "UNSUBSCRIBED", "GAP",     "ACK",       "HOLD",
       "RELEASE",     "FLUSH",        "FLUSHED", "PING",      "PONG",
       "SCHEMA",      "CLOSE",        "ADMIN",   "CANCEL",    "ADDRESSEE"};
  if (type_id == 0) return kind <= kControlKindMax ? kControl[kind] : kData[0];
  kind &= static_cast<uint8_t>(~kRedeliveredFlag);
  return kind <= kDataKindMax ? kData[kind] : kData[0];
}

}  // namespace mycelium
