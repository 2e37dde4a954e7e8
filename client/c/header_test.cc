// Programs in C89 and C++11 that use the header.
#include <gtest/gtest.h>

extern "C" const char* header_c89_version(void);
const char* HeaderCpp11Version();

TEST(Header, IsC89AndCpp11) {
  EXPECT_STREQ(header_c89_version(), "0.1.0");
  EXPECT_STREQ(HeaderCpp11Version(), "0.1.0");
}
