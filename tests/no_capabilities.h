// For tests of what an ordinary user may not do, also when they run as root and
// in a sandbox.
#ifndef MYCELIUM_TESTS_NO_CAPABILITIES_H_
#define MYCELIUM_TESTS_NO_CAPABILITIES_H_

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace mycelium {

// Takes root's capabilities off this thread until the end of the scope.
class NoCapabilities {
 public:
  NoCapabilities() {
    EXPECT_EQ(syscall(SYS_capget, &header_, before_), 0);
    __user_cap_data_struct none[2] = {before_[0], before_[1]};
    none[0].effective = none[1].effective = 0;
    EXPECT_EQ(syscall(SYS_capset, &header_, none), 0);
  }
  ~NoCapabilities() { EXPECT_EQ(syscall(SYS_capset, &header_, before_), 0); }
  NoCapabilities(const NoCapabilities&) = delete;
  NoCapabilities& operator=(const NoCapabilities&) = delete;

 private:
  __user_cap_header_struct header_ = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct before_[2] = {};
};

}  // namespace mycelium

#endif  // MYCELIUM_TESTS_NO_CAPABILITIES_H_
