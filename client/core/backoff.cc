#include "client/core/backoff.h"

#include <algorithm>
#include <utility>

namespace mycelium::core {

Backoff::Backoff(int64_t min_ms, int64_t max_ms,
                 std::function<uint64_t()> random)
    : min_ms_(min_ms),
      max_ms_(max_ms),
      random_(std::move(random)),
      bound_ms_(min_ms) {}

int64_t Backoff::NextMs(int64_t at_least_ms) {
  // The bias of % is far below what anybody could measure.
  const auto wait_ms =
      static_cast<int64_t>(random_() % (static_cast<uint64_t>(bound_ms_) + 1));
  bound_ms_ = bound_ms_ > max_ms_ / 2 ? max_ms_ : bound_ms_ * 2;
  return std::max(wait_ms, at_least_ms);
}

}  // namespace mycelium::core
