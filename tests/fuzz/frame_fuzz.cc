// Any bytes as what a session receives: FrameReader, the transition table, and
// topics and filters.
//
// The first byte of an input chooses the receiver (bit 0: client), its state
// (bits 1 and 2) and its frame_bytes_max (bits 3 and 4); the rest is the
// stream. In a frame with a topic, the lines of the payload are filters.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/subscription_index.h"
#include "config/limits.h"
#include "proto/frame.h"
#include "proto/handshake.h"

namespace mycelium {
namespace {

constexpr std::array<uint32_t, 4> kFrameBytesMax = {
    64, 1024, kHelloBytesMaxDefault, kFrameBytesMaxDefault};
constexpr std::array kStates = {SessionState::kGreeting, SessionState::kOpen,
                                SessionState::kClosed,
                                SessionState::kSchemaAsked};

void Require(bool condition) {
  if (!condition) std::abort();
}

// Begins with `subject`, is short and has nothing unprintable.
void RequireReadable(std::string_view text, std::string_view subject) {
  Require(text.starts_with(subject));
  Require(text.size() > subject.size() && text.size() < 200);
  for (const char byte : text) Require(byte >= 0x20 && byte < 0x7f);
}

// A session does not know its frame before it is there, and knows a bad header
// as soon as that is there.
void RequireSamePrefixes(const FrameReader& reader,
                         std::span<const uint8_t> frame, FrameStatus status) {
  const bool whole =
      status == FrameStatus::kFrame || status == FrameStatus::kTopicInvalid;
  const size_t known_at = whole ? frame.size() : kHeaderBytes;
  for (size_t size = 0; size < std::min<size_t>(known_at, 600); ++size) {
    FrameView view;
    Require(reader.Next(frame.first(size), &view) == FrameStatus::kNeedMore);
  }
}

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

// The index must find what TopicMatches finds, each filter once.
void FuzzFilters(std::string_view topic, std::string_view lines) {
  std::vector<SubscriptionIndex::Entry> entries;
  std::vector<uint32_t> expected, found;
  std::string why;
  for (const std::string_view filter : Lines(lines)) {
    if (!filter.empty() && !ValidTopicFilter(filter, &why)) {
      RequireReadable(why, "topic filter: ");
      Require(!ValidTopic(filter));
      continue;
    }
    const auto number = static_cast<uint32_t>(entries.size());
    entries.push_back({filter, number});
    if (TopicMatches(filter, topic)) expected.push_back(number);
  }
  SubscriptionIndex(entries).Match(topic, &found);
  std::sort(found.begin(), found.end());
  Require(found == expected);
}

void FuzzTopic(const FrameView& frame) {
  const std::string_view topic = frame.topic();
  const auto payload = frame.payload();
  if (!topic.empty()) {
    std::string why;
    Require(ValidTopic(topic) && ValidTopicFilter(topic, &why));
    Require(TopicMatches(topic, topic) && TopicMatches(">", topic));
  }
  FuzzFilters(topic,
              {reinterpret_cast<const char*>(payload.data()), payload.size()});
}

void FuzzStream(Role role, SessionState state, const FrameReader& reader,
                std::span<const uint8_t> input) {
  while (true) {
    FrameView frame;
    const FrameStatus status = reader.Next(input, &frame);
    if (status == FrameStatus::kNeedMore) return;
    const FrameHeader& header = frame.header;
    if (status != FrameStatus::kFrame) {
      RequireSamePrefixes(
          reader,
          input.first(status == FrameStatus::kTopicInvalid ? frame.frame_bytes()
                                                           : kHeaderBytes),
          status);
      RequireReadable(
          DescribeFrameError(status, header, reader.frame_bytes_max()),
          "frame: ");
      return;
    }
    Require(header.body_bytes <= reader.frame_bytes_max());
    Require(frame.frame_bytes() <= input.size());
    Require(frame.payload().data() + frame.payload().size() ==
            input.data() + frame.frame_bytes());
    Require(KindName(header.type_id, header.kind) != "unknown");
    RequireSamePrefixes(reader, input.first(frame.frame_bytes()), status);
    const Transition transition =
        OnFrame(role, state, header.type_id, header.kind);
    if (!transition.allowed) {
      RequireReadable(
          DescribeForbidden(role, state, header.type_id, header.kind),
          "protocol: ");
      return;
    }
    state = transition.next;
    if (header.type_id != 0) FuzzTopic(frame);
    input = input.subspan(frame.frame_bytes());
  }
}

}  // namespace
}  // namespace mycelium

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mycelium;  // NOLINT
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  FuzzStream((choice & 1) == 0 ? Role::kBroker : Role::kClient,
             kStates[choice >> 1 & 3],
             FrameReader(kFrameBytesMax[choice >> 3 & 3]),
             std::span(data, size).subspan(1));
  return 0;
}
