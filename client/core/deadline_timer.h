// What has to happen at a time, on one thread of the process that is started
// when it is first needed.
//
// Thread-safe.  What is due is called on the timer's thread without a lock, one
// after the other.
#ifndef MYCELIUM_CLIENT_CORE_DEADLINE_TIMER_H_
#define MYCELIUM_CLIENT_CORE_DEADLINE_TIMER_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "client/core/client.h"

namespace mycelium::core {

class DeadlineTimer {
 public:
  using Key = std::pair<Deadline, uint64_t>;

  // The process has one, which never ends; a child of fork, where its thread is
  // not, has one of its own.
  static DeadlineTimer& Get();

  // May throw std::system_error: there is no thread.
  Key Add(Deadline deadline, std::function<void()> due);
  // It may be due at the same moment.
  void Remove(const Key& key);

 private:
  DeadlineTimer() = default;
  void Run();

  std::mutex mutex_;
  std::condition_variable nearer_;
  // Guarded by mutex_.
  bool runs_ = false;
  uint64_t last_ = 0;
  std::map<Key, std::function<void()>> waiting_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_DEADLINE_TIMER_H_
