#include "client/core/bus_tally.h"

namespace mycelium::core {

ClientCounters BusTally::Sum() const {
  ClientCounters sum;
  queues_.AddTo(&sum);
  for (const OfThread& each : by_slot_) {
    sum.frames_published += each.published.load(std::memory_order_relaxed);
    sum.frames_received += each.received.load(std::memory_order_relaxed);
  }
  sum.frames_accepted = sum.frames_published;
  sum.replies_late = replies_late_.load();
  return sum;
}

}  // namespace mycelium::core
