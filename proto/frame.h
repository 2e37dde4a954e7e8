// The frame: a 16-byte header, a topic, a payload.  Layout and rules:
// proto/WIRE.md.  No I/O, no clock, no allocation; C++20 standard library only.
#ifndef MYCELIUM_PROTO_FRAME_H_
#define MYCELIUM_PROTO_FRAME_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace mycelium {

static_assert(
    std::endian::native == std::endian::little,
    "the wire is little-endian, and so is every machine that Mycelium runs on");

inline constexpr uint32_t kHeaderBytes = 16;
inline constexpr uint32_t kVersionMajor = 1;
inline constexpr uint32_t kVersionMinor = 0;
// The header id of HELLO: "MYCELIUM" as it stands on the wire.
inline constexpr uint64_t kHelloMagic = 0x4d55494c4543594d;

// The kind of a frame with a type id from 1 up.
enum class DataKind : uint8_t {
  kPublish = 1,
  kRequest = 2,
  kReply = 3,
  kErrorReply = 4
};

// The kind of a frame with type id 0.
enum class ControlKind : uint8_t {
  kHello = 1,
  kWelcome = 2,
  kSubscribe = 3,
  kSubscribed = 4,
  kUnsubscribe = 5,
  kUnsubscribed = 6,
  kGap = 7,
  kAck = 8,
  kHold = 9,
  kRelease = 10,
  kFlush = 11,
  kFlushed = 12,
  kPing = 13,
  kPong = 14,
  kSchema = 15,
  kClose = 16,
  kAdmin = 17,
  kCancel = 18,
  kAddressee = 19,
};
inline constexpr uint8_t kDataKindMax = 4;
inline constexpr uint8_t kControlKindMax = 19;
// Beside PUBLISH, from a broker to a client: another member of the group may
// have had the frame.
inline constexpr uint8_t kRedeliveredFlag = 0x40;

// As it lies in memory on the wire; trivially copyable.
struct FrameHeader {
  uint32_t body_bytes;  // topic + payload
  uint16_t type_id;     // 0: control
  uint8_t kind;         // DataKind or ControlKind
  uint8_t topic_bytes;
  uint64_t id;
};
static_assert(sizeof(FrameHeader) == kHeaderBytes);

// `bytes` holds at least kHeaderBytes; no alignment is needed.
inline FrameHeader LoadHeader(const uint8_t* bytes) {
  FrameHeader header;
  std::memcpy(&header, bytes, kHeaderBytes);
  return header;
}
inline void StoreHeader(const FrameHeader& header, uint8_t* bytes) {
  std::memcpy(bytes, &header, kHeaderBytes);
}
// Everything of a header but its id, in one number.
inline uint64_t LoadShape(const uint8_t* frame) {
  uint64_t shape;
  std::memcpy(&shape, frame, sizeof shape);
  return shape;
}
inline uint64_t LoadId(const uint8_t* frame) {
  uint64_t id;
  std::memcpy(&id, frame + 8, sizeof id);
  return id;
}
inline void StoreId(uint64_t id, uint8_t* frame) {
  std::memcpy(frame + 8, &id, sizeof id);
}

// A whole frame within somebody else's bytes.
struct FrameView {
  FrameHeader header;
  const uint8_t* bytes;  // the frame's first byte

  uint64_t frame_bytes() const {
    return uint64_t{kHeaderBytes} + header.body_bytes;
  }
  std::string_view topic() const {
    return {reinterpret_cast<const char*>(bytes) + kHeaderBytes,
            header.topic_bytes};
  }
  std::span<const uint8_t> payload() const {
    return {bytes + kHeaderBytes + header.topic_bytes,
            size_t{header.body_bytes} - header.topic_bytes};
  }
};

enum class FrameStatus {
  kFrame,         // *frame is whole and its header is in order
  kNeedMore,      // no error so far
  kTooLarge,      // body_bytes over frame_bytes_max
  kTopicTooLong,  // topic_bytes over body_bytes
  kUnknownKind,   // a kind that no frame has
  kControlTopic,  // a control frame with a topic
  kTopicInvalid,  // see ValidTopic
};

// Splits a byte stream into frames.  Not thread-safe: belongs to one session.
class FrameReader {
 public:
  // REQUIRES: frame_bytes_max <= kFrameBytesMaxCeiling.
  explicit FrameReader(uint32_t frame_bytes_max)
      : frame_bytes_max_(frame_bytes_max) {}

  // The first frame of `input`, or kNeedMore.  The header is judged as soon as
  // it is there, before the body is; the view lives as long as `input`.  Any
  // other result is final: close the session with DescribeFrameError.
  FrameStatus Next(std::span<const uint8_t> input, FrameView* frame) const;

  uint32_t frame_bytes_max() const { return frame_bytes_max_; }

 private:
  uint32_t frame_bytes_max_;
};

// What a CLOSE or a log says of it: "frame: body_bytes 70000000,
// frame_bytes_max 1048576".  `header` is the offending frame's.
std::string DescribeFrameError(FrameStatus status, const FrameHeader& header,
                               uint32_t frame_bytes_max);

// Whether `topic` may be published to: 1..255 bytes of UTF-8, no NUL, tokens
// between dots not empty, none of them `*` or `>`.
bool ValidTopic(std::string_view topic);

// Whether `filter` may be subscribed to: as a topic, but a token may be `*` and
// the last one `>`.  On false *why says which rule it breaks, in the form
// "topic filter: ...".
bool ValidTopicFilter(std::string_view filter, std::string* why);

bool ValidUtf8(std::string_view text);

// "PUBLISH", "SUBSCRIBE", ...; "unknown" for what is neither.
std::string_view KindName(uint16_t type_id, uint8_t kind);

}  // namespace mycelium

#endif  // MYCELIUM_PROTO_FRAME_H_
