// A queue's frames one by one, under a mutex: what waits can be folded, dropped
// and taken back until the consumer takes it.  The part of a FrameQueue that
// conflates, that belongs to a member of a group, or that begins in the past.
//
// Threads: all functions may be called from any.  Owner: the FrameQueue.
#ifndef MYCELIUM_CLIENT_CORE_FRAME_STORE_H_
#define MYCELIUM_CLIENT_CORE_FRAME_STORE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/queued_frame.h"
#include "proto/frame.h"

namespace mycelium::core {

// One frame with all that belongs to it, or none.
class StoredFrame {
 public:
  StoredFrame() = default;
  // REQUIRES: as FrameQueue::Commit and CommitObject.
  StoredFrame(const FrameHeader& header, std::string_view topic,
              std::span<const uint8_t> payload);
  StoredFrame(FrameHeader header, std::string_view topic, const Object& object);
  StoredFrame(StoredFrame&& other) noexcept = default;
  StoredFrame& operator=(StoredFrame&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~StoredFrame() { Clear(); }

  bool empty() const { return bytes_ == nullptr; }
  FrameView view() const { return {LoadHeader(bytes_.get()), bytes_.get()}; }
  uint64_t stride() const { return StrideBytes(view().header.body_bytes); }
  // Of a group: another member may have had it.
  void MarkRedelivered();
  void Clear();

 private:
  std::unique_ptr<uint8_t[]> bytes_;
};

class FrameStore {
 public:
  // `folds`: of each type and topic one waits, all of them together at most
  // `bytes_max`.
  FrameStore(bool folds, uint64_t bytes_max)
      : folds_(folds), bytes_max_(bytes_max) {}

  void Push(StoredFrame frame);
  // The next frame, or (*frame is empty then) the losses before it.  False:
  // neither is there.
  bool Take(StoredFrame* frame, Gap* gap);
  // Drops the oldest until `bytes` are won, each counted with at most
  // `charge_max`; what it drops is for the caller to release without any lock.
  uint64_t Drop(uint64_t bytes, uint64_t charge_max,
                std::vector<StoredFrame>* dropped);
  std::vector<StoredFrame> TakeAll();
  uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool waiting() const { return waiting_.load(std::memory_order_relaxed); }

 private:
  struct Waiting {
    StoredFrame frame;
    uint64_t since = 0;  // taken_ when its type and topic had to wait first
  };
  struct Key {
    uint16_t type_id;
    std::string_view topic;  // of the frame that waits
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<std::string_view>()(key.topic) * 31 + key.type_id;
    }
  };
  using Frames = std::list<Waiting>;

  static Key KeyOf(const StoredFrame& frame);
  void Fold(StoredFrame frame, std::vector<StoredFrame>* folded);
  StoredFrame PopFront();
  void Note();

  const bool folds_;
  const uint64_t bytes_max_;
  std::atomic<bool> waiting_{false};
  std::mutex mutex_;
  // Guarded by mutex_.
  Frames frames_;
  std::unordered_map<Key, Frames::iterator, KeyHash> newest_;  // if folds_
  std::atomic<uint64_t> bytes_{0};
  uint64_t taken_ = 0;
  Losses dropped_;
  Losses folded_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_FRAME_STORE_H_
