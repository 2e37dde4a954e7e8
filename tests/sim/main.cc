// Runs the simulator for as many seeds as you like, or one again.
//
//   bazel run -c opt //tests/sim -- --seed 4711 --verbose
//   bazel run -c opt //tests/sim -- --first 1 --seeds 100000
//   bazel run -c opt //tests/sim -- --minutes 10
#include <gflags/gflags.h>
#include <glog/logging.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "tests/sim/world.h"

DEFINE_uint64(seed, 0, "one run, with this seed; 0: several");
DEFINE_uint64(first, 0, "the first seed of several; 0: any");
DEFINE_uint64(seeds, 1'000, "how many runs");
DEFINE_double(minutes, 0, "runs for so long instead; 0: as many as --seeds");
DEFINE_bool(verbose, false, "print what happens");

namespace mycelium::sim {
namespace {

using Clock = std::chrono::steady_clock;

bool RunOne(uint64_t seed, Report* sum) {
  const Report report = Run(seed, Sabotage::kNone, FLAGS_verbose);
  sum->accepted += report.accepted;
  sum->delivered += report.delivered;
  sum->connections += report.connections;
  sum->restarts += report.restarts;
  if (report.violation.empty()) return true;
  std::printf("seed %lu: %s\n%s", seed, report.violation.c_str(),
              report.log.c_str());
  return false;
}

int RunAll() {
  Report sum;
  uint64_t runs = 0;
  uint64_t failed = 0;
  if (FLAGS_seed != 0) {
    runs = 1;
    failed = RunOne(FLAGS_seed, &sum) ? 0 : 1;
  } else {
    const uint64_t first =
        FLAGS_first != 0 ? FLAGS_first : std::random_device()();
    std::printf("seeds from %lu on\n", first);
    const auto end =
        Clock::now() + std::chrono::duration<double>(FLAGS_minutes * 60);
    while (FLAGS_minutes > 0 ? Clock::now() < end : runs < FLAGS_seeds) {
      failed += RunOne(first + runs++, &sum) ? 0 : 1;
    }
  }
  std::printf(
      "%lu runs, %lu failed; %lu frames accepted, %lu delivered, %lu "
      "connections, %lu restarts\n",
      runs, failed, sum.accepted, sum.delivered, sum.connections, sum.restarts);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace mycelium::sim

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  FLAGS_minloglevel = 3;  // the broker's own log, of the simulated time
  google::InitGoogleLogging(argv[0]);
  return mycelium::sim::RunAll();
}
