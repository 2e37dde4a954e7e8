// The bounded queue in front of one consumer: of a queued or pulled
// subscription, in process (the producers are the publishing threads) and over
// a socket (the only producer is the client's reading thread).
//
// Each producer has a lane of its own (frame_lane.h): putting a frame takes no
// lock while there is room, and every frame is either taken or dropped and
// counted, never both.  Frames that may be folded or taken back while they wait
// stand one by one in a FrameStore instead.
//
// The bound counts all lanes.  A lane takes room from it in small pieces ahead
// of its frames (at most a quarter of the bound for all lanes), so that
// producers do not meet at one counter for every frame.  What the consumer has
// taken (one segment) is no longer counted.
//
// When full (client.h, Policy): flowing -> holding -> overflowing -> flowing
// once the queue has fallen to half; with kDisconnect it closes instead of
// overflowing, and a queue that conflates is never full.  Frames of a lane stay
// in order and gaps stand where their frames would have; between lanes there is
// no order.
//
// Threads: a Lane is used by one thread at a time, Pop by one thread at a
// time, everything else by any.  Owner: the subscription.
#ifndef MYCELIUM_CLIENT_CORE_QUEUE_H_
#define MYCELIUM_CLIENT_CORE_QUEUE_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "client/core/asymmetric_barrier.h"
#include "client/core/client.h"
#include "client/core/frame_lane.h"
#include "client/core/frame_store.h"
#include "client/core/queued_frame.h"
#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::core {

enum class PushResult : uint8_t {
  kQueued,
  kWouldBlock,  // the queue holds its producers and the deadline has come
  kCancelled,   // *cancelled was set meanwhile
  kClosed,      // nobody will pop it
  // It was full for longer than Overflow::kDisconnect allows, and this call has
  // closed it: close_status() says so.  Further ones say kClosed.
  kDisconnected,
};

enum class PopResult : uint8_t {
  kFrame,
  kGap,
  kDeadline,
  kClosed,  // final: close_status() says why
};

// For Push: never wait.
inline constexpr Deadline kNoWait = Deadline::min();

// Rung whenever one of several queues may have room again.
struct RoomBell {
  std::mutex mutex;
  std::condition_variable rung;
  uint64_t times = 0;  // guarded by mutex
};

class FrameQueue {
 public:
  using Lane = FrameLane;

  // `one_by_one`: frames are stored, and what has not been popped can be taken
  // back; what has been popped counts until the next Pop.
  // REQUIRES: policy.queue_bytes_max >= kQueueBytesMin, stall_ms_max >= -1.
  explicit FrameQueue(const Policy& policy, bool one_by_one = false);
  FrameQueue(const FrameQueue&) = delete;
  FrameQueue& operator=(const FrameQueue&) = delete;
  // REQUIRES: nobody uses the queue or its lanes.
  ~FrameQueue();

  // A further producer's lane, at most kInprocPublishersMax.  Lives as long as
  // the queue; a producer that ends may hand it to another.
  Lane* AddLane();

  // --- Producers ---

  // Puts `header`, `topic` and `payload`, waiting as the policy has it and at
  // most until `deadline`.  A frame that is whole already: its body as
  // `payload`, no `topic`.  *cancelled, if given, is looked at whenever
  // WakeProducers is called.
  // REQUIRES: header.body_bytes == topic.size() + payload.size().
  PushResult Push(Lane* lane, const FrameHeader& header, std::string_view topic,
                  std::span<const uint8_t> payload, Deadline deadline,
                  const std::atomic<bool>* cancelled = nullptr);

  // Push in parts, for a frame that goes to several queues or to none:
  // Reserve in each; if one says kWouldBlock, Unreserve all, WaitForRoom in
  // that one, and again; then Commit to all.
  //
  // Room for a frame of `body_bytes`.  Never waits; drops the oldest frames if
  // the policy's time is over.
  PushResult Reserve(Lane* lane, uint64_t body_bytes);
  void Unreserve(Lane* lane);
  // kQueued: a Reserve is worth trying.
  PushResult WaitForRoom(Deadline deadline,
                         const std::atomic<bool>* cancelled = nullptr);
  // REQUIRES: Reserve(lane, header.body_bytes) said kQueued, or kClosed: then
  // nobody gets the frame.
  void Commit(Lane* lane, const FrameHeader& header, std::string_view topic,
              std::span<const uint8_t> payload);

  // Commit for an object in the place of its bytes: it counts as
  // header.body_bytes, at least ObjectBodyBytes(...).
  // REQUIRES: object.shared.
  void CommitObject(Lane* lane, FrameHeader header, std::string_view topic,
                    const Object& object);

  // Puts a gap that was told by somebody else (the broker) in its place among
  // the frames.  Never waits and always finds room.
  void PushGap(Lane* lane, const Gap& gap);

  // Those that wait look at their *cancelled again.
  void WakeProducers();

  // --- One of several queues ---

  // Before anything else: rung as the queue gets room.
  void set_bell(std::shared_ptr<RoomBell> bell) { bell_ = std::move(bell); }
  // As Reserve, but false where that would begin to hold, drop or disconnect.
  bool ReserveNow(Lane* lane, uint64_t body_bytes);
  // When a Reserve that would block now will do something else; at the latest.
  Deadline hold_end() const;
  // Puts a frame that was taken back elsewhere.  Always finds room.
  // REQUIRES: one_by_one, here and below.
  void PushStored(StoredFrame frame);
  // All that nobody has popped.
  std::vector<StoredFrame> TakeStored();

  // --- The consumer ---

  // Before anything else: what is popped before all frames.
  void Replay(std::vector<StoredFrame> frames);

  // As Subscription::Next has it, over Pop.
  Status Next(Deadline deadline, Item* item);

  // The next frame, or the frames missing before it.  *frame lives until the
  // next Pop.
  PopResult Pop(Deadline deadline, FrameView* frame, Gap* gap) {
    if (cursor_ != end_ &&
        open_.load(std::memory_order_relaxed) != Open::kClosed) {
      return NextItem(frame, gap);
    }
    return PopNext(deadline, frame, gap);
  }

  // --- Anybody ---

  // No further frame is taken from producers, and all that wait are woken.
  // With `keep_queued` what is there is still popped (what a producer puts at
  // the same moment may not be), otherwise Pop says kClosed from its next call
  // on.  Of further calls only one without keep_queued after one with it
  // counts.
  void Close(bool keep_queued, Status status);
  // What Close was told.
  Status close_status() const;

  // What has been popped so far.
  uint64_t frames_popped() const { return frames_popped_.load(); }
  uint64_t frames_missed() const { return frames_missed_.load(); }
  uint64_t gaps() const { return gaps_.load(); }

  // Bytes of frames in the queue and room taken ahead; a moment's view.
  uint64_t queued_bytes() const {
    if (folds_) return store_->bytes();
    return reserved_bytes_.load(std::memory_order_relaxed);
  }

 private:
  enum class State : uint8_t { kFlowing, kHolding, kOverflowing };
  // kOpenStored: what is pushed goes to store_ and not to the lanes.
  enum class Open : uint8_t { kOpen, kOpenStored, kDraining, kClosed };
  // Released without any lock: what objects own may call in here.
  struct Dropped {
    std::vector<Object> objects;
    std::vector<StoredFrame> frames;
  };

  bool IsOpen() const { return open_.load() <= Open::kOpenStored; }
  uint64_t ChargeBytes(uint64_t stride_bytes) const;
  bool TakeCredit(uint64_t* credit, uint64_t bytes);
  PushResult ReserveUnusual(Lane* lane, uint64_t bytes);
  PushResult ReserveFull(uint64_t* credit, uint64_t bytes);
  State NextState(uint64_t* credit, uint64_t bytes);
  void MakeRoom(uint64_t* credit, uint64_t bytes, Dropped* dropped);
  bool DropOldest(uint64_t bytes, Dropped* dropped);
  void ReturnRoom(uint64_t bytes);
  bool FallenToHalf() const;
  void TellRoom();
  Status Disconnected() const;

  uint8_t* Place(Lane* lane, const FrameHeader& header);
  void Publish(Lane* lane, const FrameHeader& header);
  void Store(Lane* lane, StoredFrame frame);
  void WakeIfAsleep();
  void ReleaseObject();
  PopResult PopNext(Deadline deadline, FrameView* frame, Gap* gap);
  PopResult NextItem(FrameView* frame, Gap* gap);
  bool TakeBatch(Gap* gap);
  bool TakeFromStore(Gap* gap);
  bool TakeFromLanes(Gap* gap);
  void ReleaseBatch();
  PopResult CountGap(const Gap& gap);
  bool AnythingQueued() const;
  bool Wait(Deadline deadline);
  bool Spin();
  bool Sleep(Deadline deadline);
  void Wake();
  std::span<const std::unique_ptr<Lane>> lanes() const {
    return {lanes_.get(), lane_count_.load(std::memory_order_acquire)};
  }

  const uint64_t queue_bytes_max_;
  const int64_t stall_ms_max_;
  const Overflow overflow_;
  const bool folds_;             // kConflate
  const bool one_by_one_;        // what is popped counts until the next Pop
  const uint64_t credit_bytes_;  // room that a lane takes ahead
  const uint32_t
      segment_bytes_;  // frames that are larger have one of their own

  // Written by the consumer only.
  alignas(64) const uint8_t* cursor_ = nullptr;  // the batch: [cursor_, end_)
  const uint8_t* end_ = nullptr;
  Segment* batch_ = nullptr;
  const uint8_t* object_frame_ = nullptr;  // popped last, and has an object
  StoredFrame stored_;                     // the batch, if out of store_
  uint64_t in_hand_bytes_ = 0;             // what it still counts as
  uint32_t next_lane_ = 0;
  std::atomic<uint64_t> frames_popped_{0};
  std::atomic<uint64_t> frames_missed_{0};
  std::atomic<uint64_t> gaps_{0};
  // It spins before it sleeps once so many sleeps in a row were short.
  uint32_t short_sleeps_ = 0;
  uint32_t spin_after_ = 1;

  // Seldom written.
  alignas(64) std::atomic<bool> sleeping_{false};
  std::atomic<Open> open_{Open::kOpen};
  std::atomic<State> state_{State::kFlowing};
  std::atomic<uint32_t> lane_count_{0};
  const std::unique_ptr<std::unique_ptr<Lane>[]> lanes_;
  std::unique_ptr<FrameStore> store_;  // popped before the lanes; may be null
  std::shared_ptr<RoomBell> bell_;
  std::mutex sleep_mutex_;
  std::condition_variable sleep_over_;
  mutable std::mutex state_mutex_;
  std::condition_variable state_changed_;
  Deadline hold_end_;  // guarded by state_mutex_, as the next one
  Status close_status_;

  // Queued frames and the lanes' credit.
  alignas(64) std::atomic<uint64_t> reserved_bytes_{0};
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_QUEUE_H_
