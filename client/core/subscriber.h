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
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "client/core/client.h"
#include "client/core/queue.h"
#include "client/core/session.h"

namespace mycelium::core {

class Subscriber {
 public:
  Subscriber(uint32_t id, const SubscribeOptions& options, Handler handler);
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  ~Subscriber();  // REQUIRES: Join, if StartThread

  uint32_t id() const { return id_; }
  const SubscribeOptions& options() const { return options_; }

  // Runs the callbacks of a queued one; `self` keeps it alive.  May throw
  // std::system_error.
  void StartThread(std::shared_ptr<Subscriber> self, const void* owner);
  // What StartThread of this thread was told; null on any other thread.
  static const void* ThisThreadOwner();

  // --- The reading thread ---

  // How many bytes of the run it took.  Fewer than all: its queue is full and
  // holds the connection; WaitForRoom, then the rest.
  size_t Deliver(const FrameRun& run);
  void DeliverGap(const Gap& gap);
  FrameQueue* queue() const { return queue_.get(); }  // null if direct

  // --- The user ---

  Status Next(Deadline deadline, Item* item);

  // --- Any thread ---

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
  struct Covered {
    uint16_t type_id;
    uint64_t last_sequence;
  };
  class RunningMark;

  uint64_t CoveredUntil(const FrameHeader& first);
  void DeliverDirect(const FrameRun& run, uint64_t covered_until);
  size_t Queue(const FrameRun& run, uint64_t covered_until);
  void RunThread(const void* owner);

  const uint32_t id_;
  const SubscribeOptions options_;
  const bool is_pulled_;
  Handler handler_;  // not touched by callbacks once ended_

  std::atomic<bool> ended_{false};    // nothing is delivered any more
  std::atomic<bool> running_{false};  // a callback may run
  std::mutex quiet_mutex_;
  std::condition_variable quiet_;

  std::vector<Covered> covered_;  // the reading thread's: what gaps have told

  // Of queued and pulled ones.
  std::unique_ptr<FrameQueue> queue_;
  FrameQueue::Lane* lane_ = nullptr;
  std::mutex thread_mutex_;
  std::thread thread_;  // guarded by thread_mutex_
  std::atomic<std::thread::id> thread_id_{};
  std::atomic<bool> thread_over_{false};
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SUBSCRIBER_H_
