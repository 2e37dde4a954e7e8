// Wakes a thread that polls.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CORE_WAKER_H_
#define MYCELIUM_CLIENT_CORE_WAKER_H_

#include <sys/eventfd.h>
#include <unistd.h>

namespace mycelium::core {

class Waker {
 public:
  Waker() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;
  ~Waker() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  // Readable from Wake until Clear.  -1, which poll passes over: the system had
  // none to give, and nobody is woken.
  int descriptor() const { return descriptor_; }
  void Wake() const { eventfd_write(descriptor_, 1); }
  void Clear() const {
    eventfd_t count;
    eventfd_read(descriptor_, &count);
  }

 private:
  const int descriptor_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_WAKER_H_
