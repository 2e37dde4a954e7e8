// Where a connection's bytes land and wait until they are whole frames.  Not
// thread-safe: belongs to whoever reads the connection.
#ifndef MYCELIUM_CLIENT_CORE_INPUT_BUFFER_H_
#define MYCELIUM_CLIENT_CORE_INPUT_BUFFER_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "config/limits.h"

namespace mycelium::core {

class InputBuffer {
 public:
  std::span<const uint8_t> unread() const {
    return {block_.get() + begin_, end_ - begin_};
  }
  void Consume(size_t bytes) { begin_ += bytes; }

  // Keeps the memory of what has been handed out so far.  While anybody holds
  // it, nothing of that is moved or written over.
  std::shared_ptr<uint8_t[]> Pin() const { return block_; }

  // Where to read next, behind what is unread: large enough for the frame of
  // `frame_bytes` that the unread bytes begin with (0: not known yet).
  std::span<uint8_t> Room(size_t frame_bytes) {
    const bool pinned = block_.use_count() > 1;
    if (begin_ == end_ && !pinned) begin_ = end_ = 0;
    const size_t wanted = std::max<size_t>(frame_bytes, kReadBytesMin);
    if (capacity_ - begin_ < wanted || end_ == capacity_) {
      Move(std::max<size_t>(wanted, kBlockBytes), pinned);
    }
    return {block_.get() + end_, capacity_ - end_};
  }
  void Received(size_t bytes) { end_ += bytes; }

 private:
  // To the start of a block of `capacity` bytes.
  void Move(size_t capacity, bool pinned) {
    const size_t bytes = end_ - begin_;
    if (pinned || capacity != capacity_) {
      std::shared_ptr<uint8_t[]> block(new uint8_t[capacity]);
      if (bytes != 0) std::memcpy(block.get(), block_.get() + begin_, bytes);
      block_ = std::move(block);
      capacity_ = capacity;
    } else {
      std::memmove(block_.get(), block_.get() + begin_, bytes);
    }
    begin_ = 0;
    end_ = bytes;
  }

  std::shared_ptr<uint8_t[]> block_;
  size_t capacity_ = 0;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_INPUT_BUFFER_H_
