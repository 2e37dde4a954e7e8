#include "client/core/asymmetric_barrier.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace mycelium::core {
namespace {

bool Membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

namespace internal {

std::atomic<bool> heavy_barrier_reaches_all{
    Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)};

void FullBarrier() {
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer has no fences; a locked instruction is one as well.
  static std::atomic<unsigned> word{0};
  word.fetch_add(1, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

}  // namespace internal

void HeavyBarrier() {
  internal::FullBarrier();
  if (!internal::heavy_barrier_reaches_all.load(std::memory_order_relaxed)) {
    return;
  }
  if (Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)) return;
  // A sandbox has taken the call away.  From now on the light side does its
  // part; what it has not stored yet is stored long before the sleep is over.
  internal::heavy_barrier_reaches_all.store(false);
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace mycelium::core
