// Walks the frames of a subscriber's byte stream: counts them and checks that
// none is missing.  Made for streams of frames with one and the same size,
// where it costs a few instructions a frame, so that the reader is not what is
// measured.  No I/O.  Not thread-safe: belongs to one connection.
#ifndef MYCELIUM_TESTS_BENCH_FRAME_WALKER_H_
#define MYCELIUM_TESTS_BENCH_FRAME_WALKER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "proto/frame.h"

namespace mycelium::bench {

// Room for a read: more than a Unix socket's buffer holds (208 KiB).
inline constexpr size_t kReadBytes = 256 << 10;
// A frame has to fit into the walker's buffer with room left to read.
inline constexpr size_t kWalkedFrameBytesMax = kReadBytes / 2;

// Whether the ids of the frames count on, or say nothing (a bare relay).
enum class FrameIds { kCounted, kIgnored };

class FrameWalker {
 public:
  // Takes the control frames (type id 0) as they come.
  using OnControl =
      std::function<void(const FrameHeader&, std::span<const uint8_t> body)>;

  // `frame` is the header that is expected, but for its id.
  // REQUIRES: kHeaderBytes + frame.body_bytes <= kWalkedFrameBytesMax.
  FrameWalker(const FrameHeader& frame, FrameIds ids, OnControl on_control);

  // Where the next read puts its bytes; never empty.
  std::span<uint8_t> Room();
  // Walks the whole frames among what was read.  False: a frame that is
  // neither expected nor control.
  bool Walk(size_t read_bytes);

  // A GAP said that these ids do not come.
  void AddReported(uint64_t frames, uint64_t first_id, uint64_t last_id);

  uint64_t frames() const { return frames_; }
  // The id of the last frame.
  uint64_t last_id() const { return last_id_; }
  // Missing, and a GAP said so.
  uint64_t reported_frames() const { return reported_frames_; }
  // Missing, repeated or out of order, and nothing said so.
  uint64_t unexplained_frames() const { return unexplained_frames_; }

 private:
  size_t WalkUsual(std::span<const uint8_t> bytes);
  bool WalkOther(const FrameHeader& header, size_t at);
  void NoteId(uint64_t id);

  uint64_t expected_word_;  // a header's first eight bytes
  size_t frame_bytes_;
  uint64_t id_step_;      // 0: ids are ignored
  uint64_t next_id_ = 0;  // 0: none seen yet
  uint64_t last_id_ = 0;
  uint64_t frames_ = 0;
  uint64_t reported_frames_ = 0;
  uint64_t unexplained_frames_ = 0;
  OnControl on_control_;
  size_t held_bytes_ = 0;  // of a frame that is not whole yet
  std::vector<uint8_t> buffer_;
};

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_FRAME_WALKER_H_
