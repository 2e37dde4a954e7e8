#include "client/core/deadline_timer.h"

#include <pthread.h>

#include <thread>

namespace mycelium::core {

DeadlineTimer& DeadlineTimer::Get() {
  static DeadlineTimer* timer = new DeadlineTimer;
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { timer = new DeadlineTimer; });
  return *timer;
}

DeadlineTimer::Key DeadlineTimer::Add(Deadline deadline,
                                      std::function<void()> due) {
  const std::lock_guard lock(mutex_);
  if (!runs_) std::thread([this] { Run(); }).detach();
  runs_ = true;
  const Key key(deadline, ++last_);
  const auto [it, fresh] = waiting_.emplace(key, std::move(due));
  if (it == waiting_.begin()) nearer_.notify_one();
  return key;
}

void DeadlineTimer::Remove(const Key& key) {
  std::map<Key, std::function<void()>>::node_type removed;
  const std::lock_guard lock(mutex_);
  removed = waiting_.extract(key);
}

void DeadlineTimer::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (waiting_.empty()) {
      nearer_.wait(lock);
      continue;
    }
    const Deadline next = waiting_.begin()->first.first;
    if (Clock::now() < next) {
      nearer_.wait_until(lock, next);
      continue;
    }
    auto due = waiting_.extract(waiting_.begin());
    lock.unlock();
    due.mapped()();
    due = {};
    lock.lock();
  }
}

}  // namespace mycelium::core
