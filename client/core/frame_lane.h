// One producer's part of a FrameQueue: whole frames one after the other, in
// segments that the producer makes, reuses and frees.  Putting a frame takes no
// lock; the consumer takes all that a segment has at once, under the lane's
// mutex, and so does whoever drops.
//
// Threads: one producer at a time, one consumer at a time, Drop from any.
// Owner: the FrameQueue.
#ifndef MYCELIUM_CLIENT_CORE_FRAME_LANE_H_
#define MYCELIUM_CLIENT_CORE_FRAME_LANE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "client/core/client.h"
#include "client/core/queued_frame.h"

namespace mycelium::core {

// Segments grow from this, so that an idle lane costs little.
inline constexpr uint64_t kSegmentBytesMin = 512;

// A run of frames.  Positions count the bytes of a lane from its beginning.
struct Segment {
  explicit Segment(uint64_t bytes_max)
      : capacity(bytes_max),
        bytes(std::make_unique_for_overwrite<uint8_t[]>(bytes_max)) {}

  bool reusable() const {
    return passed.load(std::memory_order_acquire) &&
           !held.load(std::memory_order_acquire);
  }

  const uint64_t capacity;
  const std::unique_ptr<uint8_t[]> bytes;
  uint64_t base = 0;  // position of bytes[0]
  // Position after its last frame, once the producer has gone on to `next`.
  std::atomic<uint64_t> end{UINT64_MAX};
  std::atomic<Segment*> next{nullptr};
  std::atomic<bool> held{false};    // the consumer's batch is in it
  std::atomic<bool> passed{false};  // all its frames are taken or dropped
};

class FrameLane {
 public:
  FrameLane() {
    segments_.push_back(std::make_unique<Segment>(kSegmentBytesMin));
    tail_ = front_ = segments_[0].get();
    write_ = tail_->bytes.get();
    room_end_ = tail_->capacity;
  }
  ~FrameLane() {
    std::vector<Object> objects;
    Drop(UINT64_MAX, UINT64_MAX, &objects);
  }

  // --- Its producer ---
  uint64_t credit = 0;  // room taken ahead

  uint8_t* Place(uint64_t stride, uint64_t segment_bytes) {
    if (written_ + stride > room_end_) [[unlikely]] {
      NextSegment(stride, segment_bytes);
    }
    return write_;
  }
  void Publish(uint64_t stride) {
    written_ += stride;
    write_ += stride;
    committed_.store(written_, std::memory_order_release);
  }

  // --- The consumer, and producers that drop ---
  bool waiting() const {
    return committed_.load(std::memory_order_acquire) !=
               taken_.load(std::memory_order_relaxed) ||
           has_losses_.load(std::memory_order_relaxed);
  }
  // Takes what the front segment has, or the losses before it (then *batch is
  // null).  False: neither is there.
  bool Take(Segment** batch, std::span<const uint8_t>* bytes, Gap* gap);
  // Drops frames, the oldest first, until `bytes` of room are won, each frame
  // counted with at most `charge_max`.  Returns what was won; their objects are
  // for the caller to release, without any lock.
  uint64_t Drop(uint64_t bytes, uint64_t charge_max,
                std::vector<Object>* objects);
  uint64_t waiting_bytes() const {
    return committed_.load(std::memory_order_acquire) -
           taken_.load(std::memory_order_relaxed);
  }

 private:
  void NextSegment(uint64_t stride, uint64_t segment_bytes);
  std::unique_ptr<Segment> ReuseOrMake(uint64_t stride, uint64_t segment_bytes);
  Segment* FrontWithFrames();

  // The producer's.  Putting a frame does not look at *tail_, which the
  // consumer writes to.
  Segment* tail_;
  uint8_t* write_;
  uint64_t written_ = 0;
  uint64_t room_end_;  // position behind the tail's last usable byte
  std::vector<std::unique_ptr<Segment>> segments_;  // oldest first

 public:
  uint64_t stored_credit =
      0;  // room taken for frames that are not for the lane

 private:
  alignas(64) std::atomic<uint64_t> committed_{0};

  alignas(64) std::mutex mutex_;
  // Guarded by mutex_; the atomics are also looked at without it.
  Segment* front_;
  std::atomic<uint64_t> taken_{0};
  std::atomic<bool> has_losses_{false};
  Losses losses_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_FRAME_LANE_H_
