#include "client/core/publisher_slot.h"

#include <condition_variable>
#include <mutex>
#include <span>

#include "client/core/asymmetric_barrier.h"

namespace mycelium::core {
namespace {

struct Slots {
  std::array<PublisherSlot, kInprocPublishersMax> all;
  std::atomic<uint32_t> count{0};  // those that have ever been used
  std::mutex claim_mutex;
  std::mutex ended_mutex;
  std::condition_variable ended;

  std::span<const PublisherSlot> seen() const {
    return {all.data(), count.load(std::memory_order_acquire)};
  }
};

// Never destroyed: threads may end after main() has.
Slots& TheSlots() {
  static Slots& slots = *new Slots;
  return slots;
}

// Gives the slot back when its thread ends.
struct SlotHolder {
  ~SlotHolder() {
    over = true;
    PublisherSlot* const slot = internal::this_thread_slot;
    internal::this_thread_slot = nullptr;
    if (slot != nullptr) slot->used.store(false, std::memory_order_release);
  }
  bool over = false;
};
thread_local SlotHolder slot_holder;

PublisherSlot* FreeSlot(Slots& slots) {
  for (uint32_t i = 0; i < kInprocPublishersMax; ++i) {
    PublisherSlot& slot = slots.all[i];
    if (slot.used.load(std::memory_order_acquire)) continue;
    slot.index = i;
    slot.used.store(true, std::memory_order_relaxed);
    if (i >= slots.count.load(std::memory_order_relaxed)) {
      slots.count.store(i + 1, std::memory_order_release);
    }
    return &slot;
  }
  return nullptr;
}

bool AnotherIsIn(const BusRoute* route) {
  const PublisherSlot* const own = internal::this_thread_slot;
  for (const PublisherSlot& slot : TheSlots().seen()) {
    if (&slot == own) continue;
    for (const auto& runs : slot.runs) {
      if (runs.load(std::memory_order_acquire) == route) return true;
    }
  }
  return false;
}

}  // namespace

namespace internal {

thread_local constinit PublisherSlot* this_thread_slot = nullptr;

PublisherSlot* ClaimSlot() {
  if (slot_holder.over) return nullptr;
  Slots& slots = TheSlots();
  const std::lock_guard lock(slots.claim_mutex);
  return this_thread_slot = FreeSlot(slots);
}

}  // namespace internal

bool AnyoneReads(const void* table) {
  for (const PublisherSlot& slot : TheSlots().seen()) {
    for (const auto& reads : slot.reads) {
      if (reads.load(std::memory_order_acquire) == table) return true;
    }
  }
  return false;
}

bool AnotherRuns(const BusRoute* route) {
  HeavyBarrier();
  return AnotherIsIn(route);
}

void WaitForCallbacks(const BusRoute* route) {
  HeavyBarrier();
  Slots& slots = TheSlots();
  std::unique_lock lock(slots.ended_mutex);
  slots.ended.wait(lock, [route] { return !AnotherIsIn(route); });
}

void TellCallbackEnded() {
  Slots& slots = TheSlots();
  { const std::lock_guard lock(slots.ended_mutex); }
  slots.ended.notify_all();
}

}  // namespace mycelium::core
