// The clock that every process of a benchmark shares.  Thread-safe.
#ifndef MYCELIUM_TESTS_BENCH_MONOTONIC_CLOCK_H_
#define MYCELIUM_TESTS_BENCH_MONOTONIC_CLOCK_H_

#include <time.h>

#include <cstdint>

namespace mycelium::bench {

inline int64_t MonotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_MONOTONIC_CLOCK_H_
