#include "client/core/queue_tally.h"

namespace mycelium::core {
namespace {

void AddQueue(const FrameQueue& queue, ClientCounters* counters) {
  counters->frames_received += queue.frames_popped();
  counters->frames_missed += queue.frames_missed();
  counters->gaps += queue.gaps();
}

}  // namespace

void QueueTally::Add(const FrameQueue* queue) {
  const std::lock_guard lock(mutex_);
  queues_.insert(queue);
}

void QueueTally::Remove(const FrameQueue* queue) {
  const std::lock_guard lock(mutex_);
  if (queues_.erase(queue) != 0) AddQueue(*queue, &ended_);
}

void QueueTally::AddTo(ClientCounters* counters) const {
  const std::lock_guard lock(mutex_);
  counters->frames_received += ended_.frames_received;
  counters->frames_missed += ended_.frames_missed;
  counters->gaps += ended_.gaps;
  for (const FrameQueue* const queue : queues_) AddQueue(*queue, counters);
}

}  // namespace mycelium::core
