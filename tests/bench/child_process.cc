#include "tests/bench/child_process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "tests/bench/endpoint.h"

namespace mycelium::bench {

ChildProcess::ChildProcess(const std::function<void(const Ready&)>& body) {
  int ends[2];
  if (pipe(ends) != 0) FailErrno("pipe");
  pid_t parent = getpid();
  std::fflush(stdout);
  pid_ = fork();
  if (pid_ < 0) FailErrno("fork");
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    close(ends[0]);
    body([&ends] {
      if (write(ends[1], "", 1) != 1) FailErrno("pipe to the parent");
    });
    _exit(0);
  }
  close(ends[1]);
  ready_descriptor_ = ends[0];
}

void ChildProcess::WaitReady() {
  char byte;
  ssize_t got;
  do {
    got = read(ready_descriptor_, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) Fail("child process: ended before it was ready");
}

void ChildProcess::Wait() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR) FailErrno("waitpid");
  close(ready_descriptor_);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    Fail("child process: wait status " + std::to_string(status) +
         ", 0 is allowed");
}

void PinToCpu(int cpu) {
  if (cpu < 0) return;
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<size_t>(cpu), &cpus);
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
    FailErrno("pin to cpu " + std::to_string(cpu));
}

void* SharedMemory(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) FailErrno("mmap");
  return memory;
}

}  // namespace mycelium::bench
