// What one client of an in-process bus has seen.  Each publishing thread and
// each queue counts by itself, so that counting costs next to nothing.
//
// Threads: everything may be called from any.  Owners: the client and its
// subscriptions.
#ifndef MYCELIUM_CLIENT_CORE_BUS_TALLY_H_
#define MYCELIUM_CLIENT_CORE_BUS_TALLY_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "client/core/client.h"
#include "client/core/publisher_slot.h"
#include "client/core/queue_tally.h"
#include "config/limits.h"

namespace mycelium::core {

class BusTally {
 public:
  struct alignas(64) OfThread {
    std::atomic<uint64_t> published{0};
    std::atomic<uint64_t> received{0};  // by direct subscriptions

    static void Add(std::atomic<uint64_t>* counter) {
      counter->store(counter->load(std::memory_order_relaxed) + 1,
                     std::memory_order_relaxed);
    }
  };

  BusTally() = default;
  BusTally(const BusTally&) = delete;
  BusTally& operator=(const BusTally&) = delete;

  OfThread& Of(const PublisherSlot& slot) { return by_slot_[slot.index]; }
  QueueTally& queues() { return queues_; }
  void AddLateReply() { ++replies_late_; }
  ClientCounters Sum() const;

 private:
  std::array<OfThread, kInprocPublishersMax> by_slot_;
  std::atomic<uint64_t> replies_late_{0};
  QueueTally queues_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_TALLY_H_
