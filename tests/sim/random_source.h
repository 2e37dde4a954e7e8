// Everything that a run decides by chance, from one seed.
#ifndef MYCELIUM_TESTS_SIM_RANDOM_SOURCE_H_
#define MYCELIUM_TESTS_SIM_RANDOM_SOURCE_H_

#include <cstdint>
#include <random>

namespace mycelium::sim {

class RandomSource {
 public:
  explicit RandomSource(uint64_t seed) : engine_(seed) {}

  uint64_t Bits() { return engine_(); }
  // 0 up to `end`, without it.  REQUIRES: end > 0.  The same on every machine,
  // which the standard library's distributions are not.
  uint64_t Below(uint64_t end) { return engine_() % end; }
  bool Chance(uint64_t percent) { return Below(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_RANDOM_SOURCE_H_
