// How frames, objects and gaps stand in a client's queues: as on the wire, the
// first byte 8-aligned, with two kinds of their own.  An object stands behind
// its header, before the topic; a gap is a control frame.
//
// Pure.
#ifndef MYCELIUM_CLIENT_CORE_QUEUED_FRAME_H_
#define MYCELIUM_CLIENT_CORE_QUEUED_FRAME_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <new>
#include <span>
#include <string_view>
#include <vector>

#include "client/core/client.h"
#include "proto/frame.h"

namespace mycelium::core {

constexpr uint64_t StrideBytes(uint64_t body_bytes) {
  return (kHeaderBytes + body_bytes + 7) & ~uint64_t{7};
}

// A frame of this kind has an Object behind its header, and then the topic.
inline constexpr uint8_t kObjectFlag = 0x80;
static_assert(alignof(Object) <= 8, "frames are 8-aligned");

inline bool HasObject(const FrameHeader& header) {
  return (header.kind & kObjectFlag) != 0;
}
inline Object* ObjectOf(const uint8_t* frame) {
  return std::launder(
      reinterpret_cast<Object*>(const_cast<uint8_t*>(frame + kHeaderBytes)));
}
// What the frame of an object counts as.
inline uint64_t ObjectBodyBytes(uint64_t topic_bytes, uint64_t encoded_bytes) {
  return topic_bytes + std::max<uint64_t>(encoded_bytes, sizeof(Object));
}
// At `to`, behind the header.
inline void StoreBody(std::string_view topic, std::span<const uint8_t> payload,
                      uint8_t* to) {
  if (!topic.empty()) {
    std::memcpy(to, topic.data(), topic.size());
    to += topic.size();
  }
  if (!payload.empty()) std::memcpy(to, payload.data(), payload.size());
}
inline void StoreObject(std::string_view topic, const Object& object,
                        uint8_t* to) {
  new (to) Object(object);
  if (!topic.empty()) {
    std::memcpy(to + sizeof(Object), topic.data(), topic.size());
  }
}

// Of a frame that has an object, or as on the wire.
std::string_view QueuedTopic(const FrameView& frame);
Message ToMessage(const FrameView& frame);

std::vector<uint8_t> QueuedGapBody(const Gap& gap);
FrameHeader QueuedGapHeader(uint64_t body_bytes);
void LoadQueuedGap(const FrameView& frame, Gap* gap);

// Frames that were dropped and not told yet.
class Losses {
 public:
  bool empty() const { return by_type_.empty() && !unknown_; }
  void Add(const Gap::Range& lost);
  // A queued frame, or what a queued gap tells.
  void AddFrame(const FrameView& frame);
  Gap Take(GapReason reason);

 private:
  std::map<uint16_t, Gap::Range> by_type_;
  bool unknown_ = false;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_QUEUED_FRAME_H_
