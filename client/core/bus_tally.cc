#include "client/core/bus_tally.h"

namespace mycelium::core {
namespace {

void Add(const FrameQueue& queue, ClientCounters* counters) {
  counters->frames_received += queue.frames_popped();
  counters->frames_missed += queue.frames_missed();
  counters->gaps += queue.gaps();
}

}  // namespace

void BusTally::AddQueue(const FrameQueue* queue) {
  const std::lock_guard lock(mutex_);
  queues_.insert(queue);
}

void BusTally::RemoveQueue(const FrameQueue* queue) {
  const std::lock_guard lock(mutex_);
  if (queues_.erase(queue) != 0) Add(*queue, &ended_);
}

ClientCounters BusTally::Sum() const {
  ClientCounters sum;
  {
    const std::lock_guard lock(mutex_);
    sum = ended_;
    for (const FrameQueue* const queue : queues_) Add(*queue, &sum);
  }
  for (const OfThread& each : by_slot_) {
    sum.frames_published += each.published.load(std::memory_order_relaxed);
    sum.frames_received += each.received.load(std::memory_order_relaxed);
  }
  sum.frames_accepted = sum.frames_published;
  sum.replies_late = replies_late_.load();
  return sum;
}

}  // namespace mycelium::core
