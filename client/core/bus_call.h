// How callbacks of in-process subscriptions are run, and waited for.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_CORE_BUS_CALL_H_
#define MYCELIUM_CLIENT_CORE_BUS_CALL_H_

#include <atomic>
#include <cstdint>

#include "client/core/asymmetric_barrier.h"
#include "client/core/bus_routes.h"
#include "client/core/bus_tally.h"
#include "client/core/client.h"
#include "client/core/publisher_slot.h"
#include "client/core/queue.h"

namespace mycelium::core {

namespace internal {
// The queued route whose callbacks this thread runs.
extern thread_local constinit const BusRoute* this_thread_route;
}  // namespace internal

// Whether a callback of the route runs on this thread.
bool RunsHere(const BusRoute* route);

// Releases the handler without the route's lock: what it owns may call in here.
// REQUIRES: no callback runs and none will.
void EmptyHandler(BusRoute* route);

// After in_force has fallen and the route is out of all tables: returns when
// no callback runs, unless one runs on this thread.
void AwaitCallbacks(BusRoute* route);

// False: the route is out of force.  A call for each subscriber would be a
// tenth of what it costs to reach it.
[[gnu::always_inline]] inline bool CallDirect(PublisherSlot* slot,
                                              uint32_t depth, BusRoute* route,
                                              const Message& message) {
  std::atomic<const BusRoute*>& runs = slot->runs[depth];
  runs.store(route, std::memory_order_release);
  LightBarrier();
  const bool called = route->in_force.load(std::memory_order_acquire);
  if (called) [[likely]] {
    BusTally::OfThread::Add(&route->tally->Of(*slot).received);
    route->handler.on_message(message);
  }
  runs.store(nullptr, std::memory_order_release);
  LightBarrier();
  if (route->in_force.load(std::memory_order_relaxed)) [[likely]]
    return called;
  TellCallbackEnded();
  // Whoever unsubscribed within the callback has left the handler to us.
  if (!slot->Runs(route) && !AnotherRuns(route)) EmptyHandler(route);
  return called;
}

inline FrameQueue::Lane* LaneOf(BusRoute* route, const PublisherSlot& slot) {
  FrameQueue::Lane*& lane = route->lanes[slot.index];
  if (lane == nullptr) [[unlikely]]
    lane = route->queue->AddLane();
  return lane;
}

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_CALL_H_
