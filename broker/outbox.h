// What waits to be written to one session: slices of shared blocks, in order,
// each charged to the subscriptions it is for.  Pure: bytes go in, bytes come
// out.  Not thread-safe: belongs to one session.
#ifndef MYCELIUM_BROKER_OUTBOX_H_
#define MYCELIUM_BROKER_OUTBOX_H_

#include <sys/uio.h>

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "broker/block.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

struct Port;

// One subscription of a session, as the broker keeps it.
struct Subscription {
  enum class State : uint8_t {
    kFlowing,
    kHolding,      // full: its publishers are asked to wait, until hold_end_ms
    kOverflowing,  // full for too long: the oldest frames are dropped
  };
  struct Loss {
    uint64_t frames = 0;
    uint64_t first_sequence = 0;
    uint64_t last_sequence = 0;
  };
  static void Dispose(Subscription* subscription) { delete subscription; }

  uint32_t references = 0;
  uint32_t id = 0;
  Port* port = nullptr;  // null once unsubscribed
  uint16_t type_id = 0;  // 0: all
  State state = State::kFlowing;
  std::string topic_filter;
  uint64_t queue_bytes_max = 0;
  int64_t stall_ms_max = 0;  // -1: without end
  int64_t hold_end_ms = 0;
  uint64_t queued_bytes = 0;
  uint64_t frames_dropped = 0;
  // Dropped and not yet reported, by type.  Unless it is empty, one gap marker
  // of this subscription stands in the outbox.
  std::map<uint16_t, Loss> losses;
  wire::GapReason loss_reason = wire::GAP_REASON_UNSPECIFIED;
};

// The subscriptions of one session that a frame is for, almost always one.
struct Delivery {
  static void Dispose(Delivery* delivery) { delete delivery; }

  uint32_t references = 0;
  absl::InlinedVector<Ref<Subscription>, 1> subscriptions;
};

// A whole control frame.
std::string ControlFrame(ControlKind kind, uint64_t id, std::string_view body);

class Outbox {
 public:
  explicit Outbox(BlockPool* pool) : pool_(pool) {}

  // `frames` whole frames at block[begin, end), behind everything else.
  void Append(const Ref<Block>& block, uint32_t begin, uint32_t end,
              uint32_t frames, const Ref<Delivery>& delivery);

  // A control frame in its order among the data.
  void PushControl(ControlKind kind, uint64_t id, std::string_view body);
  // A control frame before all data that has not begun to be written.
  void PushExpress(ControlKind kind, uint64_t id, std::string_view body);

  bool empty() const { return head_ == items_.size() && express_.empty(); }
  uint64_t queued_bytes() const { return queued_bytes_; }
  uint64_t control_bytes() const { return control_bytes_; }

  // What is to be written next, up to `iovecs.size()` pieces; the count of
  // them.  They live until Consume or any other change.
  size_t Gather(std::span<iovec> iovecs);

  // As Gather, with references that keep the bytes after Consume.
  size_t GatherShared(std::span<iovec> iovecs, std::span<Ref<Block>> blocks);

  // Data frames, without control.
  struct Traffic {
    uint64_t frames = 0;  // now written in full
    uint64_t bytes = 0;
  };
  // `bytes` of what Gather gave have been written.  Subscriptions that fell to
  // half of their bound by it are appended to *relieved.
  Traffic Consume(uint64_t bytes, std::vector<Subscription*>* relieved);

  // Drops the oldest frames of `subscription` until at most `target_bytes` of
  // it are queued, but never its newest frame and none that has begun to be
  // written, and leaves a gap marker in their place.
  void DropOldest(Subscription* subscription, uint64_t target_bytes,
                  wire::GapReason reason);

  // Drops everything but the frame that has begun to be written.
  void DropAll();

  // Copies what is queued together when it pins far more memory than it is.
  void CompactIfSparse();

 private:
  struct Item {
    Ref<Block> block;  // null: a gap marker of delivery's one subscription
    uint32_t begin = 0;
    uint32_t end = 0;
    uint32_t frames = 0;
    bool express = false;
    Ref<Delivery> delivery;  // null: control
  };

  Item MakeControl(std::string_view frames);
  // Makes one item of all express frames, in its place.
  void PlaceExpress();
  void EncodeGap(Item* marker);
  // Parts the item at head_ so that what has begun to be written stands alone.
  // The index of the first item that is untouched.
  size_t SplitBegun();
  // Takes frames of `subscription` off the item's beginning; how many.
  uint32_t DropFrom(Item* item, Subscription* subscription,
                    uint64_t target_bytes);
  void Discharge(const Item& item, uint64_t bytes,
                 std::vector<Subscription*>* relieved);
  void Recount();
  void PopFront();

  BlockPool* const pool_;
  // Express frames that have no place yet: the next Gather gives them theirs.
  std::string express_;
  // items_[head_..] wait; items_[head_] has front_written_ bytes written.
  std::vector<Item> items_;
  size_t head_ = 0;
  uint64_t front_written_ = 0;
  uint64_t queued_bytes_ = 0;
  uint64_t control_bytes_ = 0;
  uint64_t pinned_bytes_ =
      0;  // of the blocks, one counted for each change of block
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_OUTBOX_H_
