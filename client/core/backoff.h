// How long a client waits before it connects again: a random time of up to a
// bound that doubles with each attempt ("full jitter"), so that the clients of
// a broker that comes back do not come all at once.  Pure; not thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_BACKOFF_H_
#define MYCELIUM_CLIENT_CORE_BACKOFF_H_

#include <cstdint>
#include <functional>

namespace mycelium::core {

class Backoff {
 public:
  // `random` returns any 64 bits with the same chance.
  // REQUIRES: 0 < min_ms <= max_ms.
  Backoff(int64_t min_ms, int64_t max_ms, std::function<uint64_t()> random);

  // Before the next attempt: uniform in [0, min(max_ms, min_ms * 2^n)] with
  // n = 0, 1, ... since Reset, but at least `at_least_ms` (retry_after_ms).
  int64_t NextMs(int64_t at_least_ms);
  // A connection has been there.
  void Reset() { bound_ms_ = min_ms_; }

 private:
  const int64_t min_ms_;
  const int64_t max_ms_;
  const std::function<uint64_t()> random_;
  int64_t bound_ms_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BACKOFF_H_
