#include "tests/bench/frame_walker.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace mycelium::bench {
namespace {

uint64_t LoadWord(const uint8_t* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

uint64_t FirstWord(const FrameHeader& header) {
  uint8_t bytes[kHeaderBytes];
  StoreHeader(header, bytes);
  return LoadWord(bytes);
}

}  // namespace

FrameWalker::FrameWalker(const FrameHeader& frame, FrameIds ids,
                         OnControl on_control)
    : expected_word_(FirstWord(frame)),
      frame_bytes_(kHeaderBytes + frame.body_bytes),
      id_step_(ids == FrameIds::kCounted ? 1 : 0),
      on_control_(std::move(on_control)),
      buffer_(kReadBytes) {
  assert(frame_bytes_ <= kWalkedFrameBytesMax);
}

std::span<uint8_t> FrameWalker::Room() {
  return std::span(buffer_).subspan(held_bytes_);
}

bool FrameWalker::Walk(size_t read_bytes) {
  size_t end = held_bytes_ + read_bytes;
  const uint8_t* bytes = buffer_.data();
  size_t at = 0;
  while (end - at >= kHeaderBytes) {
    at += WalkUsual(std::span(bytes + at, end - at));
    if (end - at < kHeaderBytes) break;
    FrameHeader header = LoadHeader(bytes + at);
    size_t whole_bytes = size_t{kHeaderBytes} + header.body_bytes;
    if (whole_bytes > kWalkedFrameBytesMax) return false;
    if (end - at < whole_bytes) break;
    if (!WalkOther(header, at)) return false;
    at += whole_bytes;
  }
  held_bytes_ = end - at;
  std::memmove(buffer_.data(), bytes + at, held_bytes_);
  return true;
}

// The place of the next header does not wait for the load of the last one, and
// the members stay in registers: a nanosecond or two for a frame.
size_t FrameWalker::WalkUsual(std::span<const uint8_t> bytes) {
  const uint64_t word = expected_word_;
  const uint64_t id_step = id_step_;
  const size_t frame_bytes = frame_bytes_;
  uint64_t next_id = next_id_;
  uint64_t frames = 0;
  size_t at = 0;
  while (bytes.size() - at >= frame_bytes &&
         LoadWord(bytes.data() + at) == word &&
         LoadWord(bytes.data() + at + 8) == next_id) {
    next_id += id_step;
    ++frames;
    at += frame_bytes;
  }
  if (frames > 0) last_id_ = next_id - id_step;
  next_id_ = next_id;
  frames_ += frames;
  return at;
}

bool FrameWalker::WalkOther(const FrameHeader& header, size_t at) {
  if (header.type_id == 0) {
    on_control_(header, std::span(buffer_).subspan(at + kHeaderBytes,
                                                   header.body_bytes));
    return true;
  }
  if (FirstWord(header) != expected_word_) return false;
  NoteId(header.id);
  last_id_ = header.id;
  ++frames_;
  return true;
}

void FrameWalker::NoteId(uint64_t id) {
  if (id_step_ == 0) return;
  if (next_id_ != 0) unexplained_frames_ += id > next_id_ ? id - next_id_ : 1;
  next_id_ = id + 1;
}

void FrameWalker::AddReported(uint64_t frames, uint64_t first_id,
                              uint64_t last_id) {
  if (next_id_ != 0 && first_id > next_id_)
    unexplained_frames_ += first_id - next_id_;
  reported_frames_ += frames;
  next_id_ = last_id + 1;
}

}  // namespace mycelium::bench
