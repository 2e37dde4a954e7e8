// Where reads land.  All sessions of a broker read into one current block, one
// after the other, so that an idle session holds no buffer; what is left of an
// incomplete frame stays where it is until another session needs the block, and
// is then taken aside.  Pure.  Not thread-safe: belongs to one broker's thread.
#ifndef MYCELIUM_BROKER_INBOX_H_
#define MYCELIUM_BROKER_INBOX_H_

#include <cstdint>
#include <span>
#include <vector>

#include "broker/block.h"

namespace mycelium::broker {

class Inbox;

// Shared by all inboxes of a broker.
struct ReadArea {
  explicit ReadArea(BlockPool* block_pool) : pool(block_pool) {}

  BlockPool* const pool;
  Ref<Block> block;
  uint32_t used = 0;
  Inbox* tail_owner = nullptr;  // whose incomplete frame ends at `used`
};

// One session's incomplete frame, if there is one.
class Inbox {
 public:
  struct Bytes {
    Ref<Block> block;
    uint32_t begin = 0;
    uint32_t end = 0;

    std::span<const uint8_t> view() const {
      return {block->bytes() + begin, end - begin};
    }
  };

  explicit Inbox(ReadArea* area) : area_(area) {}
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox();

  // Where the next read shall land; never empty.
  std::span<uint8_t> Prepare();

  // `bytes` were read to where Prepare said: all that is there and not yet
  // taken, in one piece.
  Bytes Add(uint32_t bytes);

  // `rest` of what Add gave is the beginning of a frame of `frame_bytes` (0:
  // its header is incomplete too).
  void Keep(const Bytes& rest, uint64_t frame_bytes);

  bool holds_partial_frame() const { return kept_bytes_ > 0; }

 private:
  void NewBlock();
  void MoveToNewBlock(const uint8_t* kept);
  void SetAside();

  ReadArea* const area_;
  uint32_t kept_bytes_ = 0;
  uint64_t frame_bytes_ = 0;
  // Where the kept bytes are: at the end of the area (tail_owner == this), or
  // in a block of the frame's own size, or aside.
  Ref<Block> own_;
  std::vector<uint8_t> aside_;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_INBOX_H_
