// The processes of one benchmark: forked from one parent and never outliving
// it.  Not thread-safe: forks only while there is one thread.
#ifndef MYCELIUM_TESTS_BENCH_CHILD_PROCESS_H_
#define MYCELIUM_TESTS_BENCH_CHILD_PROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <functional>

namespace mycelium::bench {

// Owned by the parent; Wait ends it.
class ChildProcess {
 public:
  using Ready = std::function<void()>;

  // Runs `body` in a child, which exits with 0 after it.  `body` calls what it
  // is given once it is ready to be measured.
  explicit ChildProcess(const std::function<void(const Ready&)>& body);

  // Until the child is ready.  Fails (see endpoint.h) if it ends instead.
  void WaitReady();
  // Until the child has ended.  Fails if it did not exit with 0.
  void Wait();

 private:
  pid_t pid_;
  int ready_descriptor_;
};

// Runs this process, and what it forks from now on, on one CPU.  Negative: on
// all that it may use.
void PinToCpu(int cpu);

// Zeroed memory that this process shares with those that it forks from now on.
void* SharedMemory(size_t bytes);

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_CHILD_PROCESS_H_
