// What waits to be written to one session: slices of shared blocks, in order,
// each charged to the subscriptions it is for.  Pure: bytes go in, bytes come
// out.  Not thread-safe: belongs to one session.
#ifndef MYCELIUM_BROKER_OUTBOX_H_
#define MYCELIUM_BROKER_OUTBOX_H_

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/inlined_vector.h"
#include "broker/block.h"
#include "broker/counters.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

struct Port;

// Whole frames side by side in a block.
struct Slice {
  Ref<Block> block;
  uint32_t begin = 0;
  uint32_t end = 0;
  uint32_t frames = 0;
};

// Of the frame at block[at], which is whole.
inline uint64_t FrameBytes(const Ref<Block>& block, uint32_t at) {
  return uint64_t{kHeaderBytes} + LoadHeader(block->bytes() + at).body_bytes;
}

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
  std::string group;  // empty: none
  bool responder = false;
  wire::Overflow overflow = wire::OVERFLOW_GAP;
  uint64_t queue_bytes_max = 0;
  int64_t stall_ms_max = 0;  // -1: without end
  int64_t hold_end_ms = 0;
  // Of a hold without end: when it began, and since when nothing but so much
  // has been written to the session, as far as it was looked at.
  int64_t hold_begin_ms = 0;
  int64_t still_since_ms = 0;
  uint64_t still_bytes_out = 0;
  // Waiting to be written and, of a group's member, not yet acknowledged.
  uint64_t queued_bytes = 0;
  // Of it, out of history: that much more may wait than queue_bytes_max.
  uint64_t replayed_bytes = 0;
  uint64_t frames = 0;  // routed to it, those that were dropped too
  // The session from which on `frames` was counted without a break.
  uint32_t since_session = 0;
  // frames + 1 when the last gap of an unknown size was told; 0: never.
  uint64_t unknown_at = 0;
  uint64_t since_arrival = 0;  // History::next_arrival when it began
  uint64_t frames_dropped = 0;
  uint32_t requests_asked = 0;  // of a responder: not yet answered
  // Dropped and not yet reported, by reason and type.  Unless it is empty, one
  // gap marker of this subscription stands in the outbox.
  std::map<std::pair<wire::GapReason, uint16_t>, Loss> losses;

  // Of a group's member: what it was sent and has not acknowledged.
  std::deque<Slice> unacknowledged;
  uint64_t unacknowledged_bytes = 0;
  uint64_t acknowledged_frames = 0;
  uint64_t frames_sent = 0;  // those told in gaps too
  // The newest of `unacknowledged` if they are copies, and how much of it is.
  Ref<Block> copies;
  uint32_t copies_end = 0;
  // Since when nothing of it was written although something waits; 0: nothing
  // waits.
  int64_t stuck_since_ms = 0;
  uint64_t stuck_frames_sent = 0;

  // Whether its frames are queued for it alone, behind ADDRESSEE.
  bool addressed() const {
    return responder || !group.empty() || overflow == wire::OVERFLOW_CONFLATE;
  }
  uint64_t unwritten_bytes() const {
    return queued_bytes - unacknowledged_bytes;
  }
  bool full() const { return queued_bytes > queue_bytes_max + replayed_bytes; }
};

// The subscriptions of one session that a frame is for, almost always one.
struct Delivery {
  static void Dispose(Delivery* delivery) { delete delivery; }

  uint32_t references = 0;
  uint32_t addressee = 0;  // the one subscription's id, if it is for it alone
  bool replayed = false;   // out of history; for one subscription alone
  absl::InlinedVector<Ref<Subscription>, 1> subscriptions;

  // Whether newer frames take the place of older ones.
  bool conflates() const {
    return addressee != 0 &&
           subscriptions[0]->overflow == wire::OVERFLOW_CONFLATE;
  }
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
  // Answers to requests: data that no subscription's bound holds.
  uint64_t answer_bytes() const { return answer_bytes_; }
  // Frames that Conflate has dropped since the last call.
  uint64_t TakeConflated() { return std::exchange(conflated_frames_, 0); }

  // What is to be written next, up to `iovecs.size()` pieces; the count of
  // them.  They live until Consume or any other change.
  size_t Gather(std::span<iovec> iovecs);

  // As Gather, with references that keep the bytes after Consume.
  size_t GatherShared(std::span<iovec> iovecs, std::span<Ref<Block>> blocks);

  // Data frames, without control.
  struct Traffic {
    uint64_t frames = 0;  // now written in full
    uint64_t bytes = 0;
    uint64_t probe_ns = 0;  // of a probe that is now written; 0: none
  };
  // `bytes` of what Gather gave have been written.  Subscriptions that fell to
  // half of their bound by it are appended to *relieved; what was written is
  // added to *by_type, unless that is null.
  Traffic Consume(uint64_t bytes, std::vector<Subscription*>* relieved,
                  TypeTraffic* by_type = nullptr);

  // Consume tells when all that waits now has been written; unless one such
  // question is open already, or frames are taken out in the meantime.
  void Probe(uint64_t now_ns) {
    if (probe_bytes_ != 0) return;
    probe_bytes_ = queued_bytes_;
    probe_ns_ = now_ns;
  }

  // Drops the oldest frames of `subscription` until at most `target_bytes` of
  // it are queued, but never its newest frame and none that has begun to be
  // written, and leaves a gap marker in their place.
  void DropOldest(Subscription* subscription, uint64_t target_bytes,
                  wire::GapReason reason);

  // Of the frames of each subscription with OVERFLOW_CONFLATE that have not
  // begun to be written, keeps the newest of each type and topic, and leaves a
  // gap marker in the place of the first that goes.
  void Conflate();

  // Takes out the frames of `subscription` that have not begun to be written.
  // REQUIRES: the subscription is addressed.
  std::vector<Slice> TakeUnwritten(Subscription* subscription);
  // The frame of `subscription` that has begun to be written, if there is one.
  Slice Begun(const Subscription* subscription);

  // The member has done with so many frames, since it subscribed.  False: with
  // more than it was sent.
  static bool Acknowledge(Subscription* subscription, uint64_t frames);

  // The types of which frames without an addressee have not been written in
  // full.
  absl::btree_set<uint16_t> UnwrittenTypes() const;

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
    enum class Kind : uint8_t { kUsual, kExpress, kAddressee };
    Kind kind = Kind::kUsual;
    Ref<Delivery> delivery;  // null: control
  };

  struct Newest;

  // All frames of an item have one type; 0: control.
  static uint16_t TypeOf(const Item& item) {
    return item.block ? LoadHeader(item.block->bytes() + item.begin).type_id
                      : uint16_t{0};
  }

  Item MakeControl(std::string_view frames);
  void PushAddressee(uint32_t subscription_id);
  static Item MakeMarker(Subscription* subscription);
  void ConflateItem(Item* item, Newest* newest);
  // Keeps what was written to a group's member.
  void AwaitAcknowledgement(Subscription* subscription, Slice slice);
  // Appends to what is kept of a rebuilt queue; of two ADDRESSEE in a row the
  // second is enough.
  void Keep(Item item, std::vector<Item>* kept);
  void RemoveMarkers(const Subscription* subscription, size_t from);
  void AddLoss(Subscription* subscription, wire::GapReason reason,
               const FrameHeader& header);
  // Makes one item of all express frames, in its place.
  void PlaceExpress();
  void EncodeGap(Item* marker);
  // Parts the item at head_ so that what has begun to be written stands alone.
  // The index of the first item that is untouched.
  size_t SplitBegun();
  // Takes frames of `subscription` off the item's beginning; how many.
  uint32_t DropFrom(Item* item, Subscription* subscription,
                    uint64_t target_bytes, wire::GapReason reason);
  void Discharge(const Item& item, uint64_t bytes,
                 std::vector<Subscription*>* relieved);
  uint32_t SettleFront();
  void Recount();
  void PopFront();

  BlockPool* const pool_;
  uint32_t tail_addressee_ = 0;  // who gets what is appended without ADDRESSEE
  bool waited_ = false;  // a write was not complete since the last Gather
  // Frames were appended for a subscription that conflates, since it last did.
  bool may_conflate_ = false;
  // Express frames that have no place yet: the next Gather gives them theirs.
  std::string express_;
  // items_[head_..] wait; items_[head_] has front_written_ bytes written.
  std::vector<Item> items_;
  size_t head_ = 0;
  uint64_t front_written_ = 0;
  uint64_t settled_frames_ = 0;  // written, and not yet told by Consume
  uint16_t settled_type_ = 0;    // theirs: they were in one item
  uint64_t probe_bytes_ = 0;     // to be written until the probe is; 0: none
  uint64_t probe_ns_ = 0;
  uint64_t queued_bytes_ = 0;
  uint64_t control_bytes_ = 0;
  uint64_t answer_bytes_ = 0;
  uint64_t conflated_frames_ = 0;
  uint64_t pinned_bytes_ =
      0;  // of the blocks, one counted for each change of block
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_OUTBOX_H_
