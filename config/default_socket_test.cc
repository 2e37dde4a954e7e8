#include "config/default_socket.h"

#include <gtest/gtest.h>

namespace mycelium {
namespace {

TEST(DefaultListenUrl, RootServesTheSystemSocket) {
  EXPECT_EQ(DefaultListenUrl(nullptr, 0, nullptr),
            "unix:/run/mycelium/brokerd.sock");
  EXPECT_EQ(DefaultListenUrl("/run/user/0", 0, nullptr),
            "unix:/run/mycelium/brokerd.sock");
}

TEST(DefaultListenUrl, AUserServesTheSocketOfTheLogin) {
  EXPECT_EQ(DefaultListenUrl("/run/user/1000", 1000, nullptr),
            "unix:/run/user/1000/mycelium/brokerd.sock");
}

TEST(DefaultListenUrl, SlashesAtTheEndDoNotMatter) {
  EXPECT_EQ(DefaultListenUrl("/run/user/1000//", 1000, nullptr),
            "unix:/run/user/1000/mycelium/brokerd.sock");
  EXPECT_EQ(DefaultListenUrl(nullptr, 1000, "/run/mycelium/"),
            "unix:/run/mycelium/brokerd.sock");
}

TEST(DefaultListenUrl, WithoutALoginItIsInTmpByUid) {
  EXPECT_EQ(DefaultListenUrl(nullptr, 1000, nullptr),
            "unix:/tmp/mycelium-1000/brokerd.sock");
  EXPECT_EQ(DefaultListenUrl("", 4294967294, nullptr),
            "unix:/tmp/mycelium-4294967294/brokerd.sock");
}

TEST(DefaultListenUrl, ARelativeDirectoryIsNotGiven) {
  EXPECT_EQ(DefaultListenUrl("run/user/1000", 1000, "mycelium"),
            "unix:/tmp/mycelium-1000/brokerd.sock");
}

TEST(DefaultListenUrl, AServiceServesItsRuntimeDirectory) {
  EXPECT_EQ(DefaultListenUrl(nullptr, 997, "/run/mycelium"),
            "unix:/run/mycelium/brokerd.sock");
  EXPECT_EQ(DefaultListenUrl("/run/user/1000", 1000, "/run/user/1000/my"),
            "unix:/run/user/1000/my/brokerd.sock");
  EXPECT_EQ(DefaultListenUrl(nullptr, 0, "/run/second"),
            "unix:/run/second/brokerd.sock");
}

TEST(DefaultListenUrl, OfSeveralRuntimeDirectoriesTheFirstIsTaken) {
  EXPECT_EQ(DefaultListenUrl(nullptr, 997, "/run/one:/run/two"),
            "unix:/run/one/brokerd.sock");
}

TEST(DefaultListenUrl, AnEmptyRuntimeDirectoryIsNotGiven) {
  EXPECT_EQ(DefaultListenUrl("/run/user/1000", 1000, ""),
            "unix:/run/user/1000/mycelium/brokerd.sock");
}

TEST(DefaultConnectUrl, PrefersTheUsersOwnSocketToTheMachines) {
  const auto both = [](const std::string&) { return true; };
  const auto none = [](const std::string&) { return false; };
  const auto machine = [](const std::string& path) {
    return path == "/run/mycelium/brokerd.sock";
  };
  const char* const xdg = "/run/user/1000";
  const std::string own = "unix:/run/user/1000/mycelium/brokerd.sock";
  EXPECT_EQ(DefaultConnectUrl(xdg, 1000, both), own);
  EXPECT_EQ(DefaultConnectUrl(xdg, 1000, none), own);
  EXPECT_EQ(DefaultConnectUrl(xdg, 1000, machine),
            "unix:/run/mycelium/brokerd.sock");
}

}  // namespace
}  // namespace mycelium
