// What the queues of one client have given to its subscriptions, those that are
// gone too.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_CORE_QUEUE_TALLY_H_
#define MYCELIUM_CLIENT_CORE_QUEUE_TALLY_H_

#include <mutex>
#include <set>

#include "client/core/client.h"
#include "client/core/queue.h"

namespace mycelium::core {

class QueueTally {
 public:
  QueueTally() = default;
  QueueTally(const QueueTally&) = delete;
  QueueTally& operator=(const QueueTally&) = delete;

  // Queues count what is popped.
  void Add(const FrameQueue* queue);
  // Before it is destroyed; what it has counted stays.
  void Remove(const FrameQueue* queue);
  // Adds frames_received, frames_missed and gaps.
  void AddTo(ClientCounters* counters) const;

 private:
  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::set<const FrameQueue*> queues_;
  ClientCounters ended_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_QUEUE_TALLY_H_
