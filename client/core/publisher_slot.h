// What the threads that publish in process are doing right now: which route
// tables they read (so that nobody frees them) and whose callbacks they run (so
// that Unsubscribe can wait for them).  One slot for each thread that has
// published, at most kInprocPublishersMax in the process; a thread's slot goes
// to another when it ends.
//
// Threads: a slot is written by its own thread; the functions below may be
// called from any.
#ifndef MYCELIUM_CLIENT_CORE_PUBLISHER_SLOT_H_
#define MYCELIUM_CLIENT_CORE_PUBLISHER_SLOT_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "config/limits.h"

namespace mycelium::core {

struct BusRoute;

struct alignas(64) PublisherSlot {
  // Whom a frame with a topic is for.
  struct Matches {
    std::vector<uint32_t> numbers;
    std::vector<BusRoute*> queued;
    std::vector<BusRoute*> direct;
    std::vector<BusRoute*> members;  // group by group
    std::vector<BusRoute*> chosen;   // one of each group
  };

  uint32_t index = 0;  // below kInprocPublishersMax
  uint32_t depth = 0;  // publishes that this thread is in, one within another
  std::atomic<bool> used{false};
  // By depth.  Each store is followed by LightBarrier() and a look at whether
  // what was stored is still in force; who takes it out of force passes
  // HeavyBarrier() and then looks here.
  std::array<std::atomic<const void*>, kInprocNestingMax> reads{};
  std::array<std::atomic<const BusRoute*>, kInprocNestingMax> runs{};
  std::array<Matches, kInprocNestingMax> matches;
  // An object's bytes, for those that take bytes.
  std::array<std::vector<uint8_t>, kInprocNestingMax> encoded;

  bool Runs(const BusRoute* route) const {
    for (uint32_t i = 0; i < depth; ++i) {
      if (runs[i].load(std::memory_order_relaxed) == route) return true;
    }
    return false;
  }
};

namespace internal {
extern thread_local constinit PublisherSlot* this_thread_slot;
PublisherSlot* ClaimSlot();
}  // namespace internal

// Null: all slots are in use, or the thread is at its very end.
inline PublisherSlot* ThisThreadSlot() {
  PublisherSlot* const slot = internal::this_thread_slot;
  return slot != nullptr ? slot : internal::ClaimSlot();
}

// Whether a thread reads `table`.
bool AnyoneReads(const void* table);

// Whether another thread runs a callback of `route`, which is out of force.
bool AnotherRuns(const BusRoute* route);

// Waits until it is not so.  Whoever has run a callback and finds its route out
// of force calls TellCallbackEnded.
void WaitForCallbacks(const BusRoute* route);
void TellCallbackEnded();

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_PUBLISHER_SLOT_H_
