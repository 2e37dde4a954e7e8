#include "client/core/bus_call.h"

#include <mutex>
#include <utility>

namespace mycelium::core {

namespace internal {
thread_local constinit const BusRoute* this_thread_route = nullptr;
}  // namespace internal

bool RunsHere(const BusRoute* route) {
  const PublisherSlot* const slot = internal::this_thread_slot;
  return internal::this_thread_route == route ||
         (slot != nullptr && slot->Runs(route));
}

void EmptyHandler(BusRoute* route) {
  Handler handler;
  const std::lock_guard lock(route->mutex);
  std::swap(handler, route->handler);
}

void AwaitCallbacks(BusRoute* route) {
  if (RunsHere(route)) return;
  if (route->queue != nullptr) {
    std::unique_lock lock(route->mutex);
    route->thread_ended.wait(lock, [route] { return !route->thread_runs; });
    return;
  }
  WaitForCallbacks(route);
  EmptyHandler(route);
}

}  // namespace mycelium::core
