// One run: a broker and its clients, and what happens to them, all of it by
// chance from one seed.
#ifndef MYCELIUM_TESTS_SIM_WORLD_H_
#define MYCELIUM_TESTS_SIM_WORLD_H_

#include <cstdint>
#include <string>

#include "tests/sim/sim_client.h"

namespace mycelium::sim {

struct Report {
  std::string violation;  // empty: none
  std::string log;        // its last events
  uint64_t accepted = 0;
  uint64_t delivered = 0;
  uint64_t connections = 0;
  uint64_t restarts = 0;
};

Report Run(uint64_t seed, Sabotage sabotage = Sabotage::kNone,
           bool verbose = false);

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_WORLD_H_
