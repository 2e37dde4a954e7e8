// A pair of memory barriers for two sides of which one runs far more often: the
// light one costs nothing, the heavy one a system call (membarrier(2)) that
// makes every running thread of the process pass a full barrier.  Where the
// kernel has no such call both are full barriers.
//
// If one thread stores A, passes the light barrier and loads B, and another
// stores B, passes the heavy barrier and loads A, then at least one of them
// sees the other's store.
#ifndef MYCELIUM_CLIENT_CORE_ASYMMETRIC_BARRIER_H_
#define MYCELIUM_CLIENT_CORE_ASYMMETRIC_BARRIER_H_

#include <atomic>

namespace mycelium::core {

namespace internal {
// Whether the kernel does the light side's part.  Set before main().
extern std::atomic<bool> heavy_barrier_reaches_all;
void FullBarrier();
}  // namespace internal

inline void LightBarrier() {
  if (internal::heavy_barrier_reaches_all.load(std::memory_order_relaxed))
      [[likely]] {
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    internal::FullBarrier();
  }
}

void HeavyBarrier();

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_ASYMMETRIC_BARRIER_H_
