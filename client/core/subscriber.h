// One subscription of a socket client: what its reading thread gives frames and
// gaps to, and its user's callback or Next takes them from.
//
// Threads: Deliver and DeliverGap belong to the client's reading thread, Next
// to one thread at a time, the rest to any.  Owners: the client's route table
// and the user's handle.
#ifndef MYCELIUM_CLIENT_CORE_SUBSCRIBER_H_
#define MYCELIUM_CLIENT_CORE_SUBSCRIBER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <utility>

#include "client/core/client.h"
#include "client/core/group_acks.h"
#include "client/core/progress.h"
#include "client/core/queue.h"
#include "client/core/queue_tally.h"
#include "client/core/session.h"

namespace mycelium::core {

// What the subscriptions of a client were given: direct ones by its reading
// thread, which alone writes it, the others out of their queues.
struct Received {
  std::atomic<uint64_t> frames{0};
  std::atomic<uint64_t> missed{0};
  std::atomic<uint64_t> gaps{0};
  QueueTally queues;
};

class Subscriber {
 public:
  // A responder gets requests, whose sequence is their id on the wire.
  // `received` outlives it.
  Subscriber(uint32_t id, const SubscribeOptions& options, Handler handler,
             bool responder, Received* received);
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  ~Subscriber();  // REQUIRES: Join, if StartThread

  uint32_t id() const { return id_; }
  const SubscribeOptions& options() const { return options_; }
  bool responder() const { return responder_; }

  // Runs the callbacks of a queued one; `self` keeps it alive.  May throw
  // std::system_error.
  void StartThread(std::shared_ptr<Subscriber> self, const void* owner);
  // What StartThread of this thread was told; null on any other thread.
  static const void* ThisThreadOwner();

  // Before anything is delivered: what to do, on the reading thread, when the
  // queue's policy ends the client (Overflow::kDisconnect).
  void set_on_disconnect(std::function<void(const Status&)> on_disconnect) {
    on_disconnect_ = std::move(on_disconnect);
  }

  // Before anything is delivered, for a member of a group: how it says that it
  // has done with so many frames.
  void set_send_ack(GroupAcks::Send send_ack);

  // --- The reading thread ---

  // SUBSCRIBED, a lost connection, and what the next SUBSCRIBE says: see
  // Progress.
  void Activate(uint64_t connection_number, const BrokerInfo& broker,
                bool resumed, std::span<const TypeSequence> starts);
  void Suspend() { progress_.Suspend(); }
  std::optional<ResumeBody> Resume() const { return progress_.Resume(); }

  // How many bytes of the run it took; `addressed`: to it alone.  Fewer than
  // all: its queue is full and holds the connection; WaitForRoom, then the
  // rest.
  size_t Deliver(const FrameRun& run, bool addressed);
  void DeliverGap(const Gap& gap);
  // The end of a batch.  True: it acknowledges what is done within one.
  bool AcksAtEndOfBatch() const {
    return acks_ != nullptr && queue_ == nullptr;
  }
  FrameQueue* queue() const { return queue_.get(); }  // null if direct

  // --- The user ---

  Status Next(Deadline deadline, Item* item);

  // --- Any thread ---

  // A member of a group tells what has been done with; the second, for the last
  // time, and with what is in hand.
  void Acknowledge();
  void AcknowledgeLast();

  // No callback begins after this, except that with `keep_queued` what is in
  // the queue is still handed out.
  void End(bool keep_queued, const Status& why);
  // After End without keep_queued: returns when no callback runs, unless it is
  // called from one. `on_reading_thread`: whether the caller is the one that
  // runs direct ones.
  void AwaitQuiet(bool on_reading_thread);
  bool IsQuiet() const { return !running_.load(); }
  bool OnOwnThread() const;
  // Whether the thread is about to end by itself.
  bool thread_over() const { return thread_over_.load(); }
  // The thread, for whoever joins it; once.
  std::thread TakeThread();

 private:
  class RunningMark;
  // Of a run of one type, so far.
  struct Given {
    uint64_t frames = 0;
    uint64_t last_sequence = 0;
  };

  void DeliverDirect(const FrameRun& run, uint64_t skipped_until, Given* given);
  size_t Queue(const FrameRun& run, uint64_t skipped_until, Given* given);
  void Call(const FrameView& frame);
  void Call(const Gap& gap);
  void RunThread(const void* owner);
  Policy QueuePolicy() const;

  const uint32_t id_;
  const SubscribeOptions options_;
  const bool is_pulled_;
  const bool responder_;
  Received* const received_;
  Progress progress_;                // the reading thread's
  std::unique_ptr<GroupAcks> acks_;  // null: not of a group
  std::function<void(const Status&)> on_disconnect_;
  Handler handler_;  // not touched by callbacks once ended_

  std::atomic<bool> ended_{false};    // nothing is delivered any more
  std::atomic<bool> running_{false};  // a callback may run
  std::mutex quiet_mutex_;
  std::condition_variable quiet_;

  // Of queued and pulled ones.
  std::unique_ptr<FrameQueue> queue_;
  FrameQueue::Lane* lane_ = nullptr;
  std::mutex thread_mutex_;
  std::thread thread_;  // guarded by thread_mutex_
  std::atomic<bool> thread_over_{false};
  bool ended_within_ = false;  // its thread's: ended by its own callback
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SUBSCRIBER_H_
