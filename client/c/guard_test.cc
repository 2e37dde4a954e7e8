// What is thrown behind an entry point.
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>

#include "client/c/handle.h"

namespace mycelium::c {
namespace {

TEST(Guard, MemoryThatIsNotThereIsAResource) {
  EXPECT_EQ(Guard([]() -> core::Status { throw std::bad_alloc(); }),
            MYCELIUM_RESOURCE_EXHAUSTED);
  EXPECT_EQ(mycelium_last_status(), MYCELIUM_RESOURCE_EXHAUSTED);
  EXPECT_STREQ(mycelium_last_error(), "out of memory");
  EXPECT_EQ(Guard([] { return InvalidArgument("next: words"); }),
            MYCELIUM_INVALID_ARGUMENT);
  EXPECT_STREQ(mycelium_last_error(), "next: words");
}

TEST(Guard, OtherExceptionsAreFaultsOfTheLibrary) {
  EXPECT_EQ(
      Guard([]() -> core::Status { throw std::runtime_error("no entropy"); }),
      MYCELIUM_INTERNAL);
  EXPECT_STREQ(mycelium_last_error(), "mycelium: no entropy");
}

}  // namespace
}  // namespace mycelium::c
