#include "config/listen_url.h"

#include <gtest/gtest.h>

#include "config/limits.h"

namespace mycelium {
namespace {

Listener Parsed(absl::string_view url) {
  const absl::StatusOr<Listener> listener = ParseListenUrl(url);
  EXPECT_TRUE(listener.ok()) << listener.status();
  return listener.value_or(Listener());
}

std::string ErrorOf(absl::string_view url) {
  const absl::StatusOr<Listener> listener = ParseListenUrl(url);
  EXPECT_EQ(listener.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(listener.status().message());
}

TEST(ParseListenUrl, TakesAUnixPath) {
  const Listener listener = Parsed("unix:/run/mycelium/brokerd.sock");
  EXPECT_EQ(listener.kind, Listener::kUnix);
  EXPECT_EQ(listener.url, "unix:/run/mycelium/brokerd.sock");
  EXPECT_EQ(listener.path, "/run/mycelium/brokerd.sock");
  EXPECT_EQ(listener.mode, 0660u);
  EXPECT_EQ(listener.group, "");
}

TEST(ParseListenUrl, CollapsesSlashesOfAUnixPath) {
  EXPECT_EQ(Parsed("unix:///run//x.sock").url, "unix:/run/x.sock");
  EXPECT_EQ(Parsed("unix:///run//x.sock").path, "/run/x.sock");
}

TEST(ParseListenUrl, TakesAUnixPathOf107BytesButNot108) {
  const std::string path = "/" + std::string(106, 'x');
  EXPECT_EQ(Parsed("unix:" + path).path, path);
  EXPECT_EQ(ErrorOf("unix:" + path + "x"),
            "\"unix:" + path + "x\": path of 108 bytes, allowed at most 107");
}

TEST(ParseListenUrl, RefusesAUnixPathThatIsNotASocketsPath) {
  EXPECT_EQ(ErrorOf("unix:x.sock"),
            "\"unix:x.sock\": path \"x.sock\", allowed an absolute path");
  EXPECT_EQ(ErrorOf("unix:"), "\"unix:\": path \"\", allowed an absolute path");
  EXPECT_EQ(ErrorOf("unix:/run/"),
            "\"unix:/run/\": a directory, allowed the path of a socket");
}

TEST(ParseListenUrl, RefusesControlCharactersAndBrokenUtf8) {
  EXPECT_EQ(ErrorOf("unix:/a\nb"),
            "\"unix:/a\\nb\": allowed UTF-8 without control characters");
  EXPECT_EQ(ErrorOf("unix:/\xff"),
            "\"unix:/\\xff\": allowed UTF-8 without control characters");
  EXPECT_EQ(ErrorOf(absl::string_view("tcp://127.0.0.1\0:1", 18)),
            "\"tcp://127.0.0.1\\x00:1\": allowed UTF-8 without control "
            "characters");
}

TEST(ParseListenUrl, TakesAnIpv4Address) {
  const Listener listener = Parsed("tcp://192.0.2.7:7000");
  EXPECT_EQ(listener.kind, Listener::kTcp);
  EXPECT_EQ(listener.url, "tcp://192.0.2.7:7000");
  EXPECT_EQ(listener.host, "192.0.2.7");
  EXPECT_EQ(listener.port, 7000);
}

TEST(ParseListenUrl, TakesAnIpv6AddressInBrackets) {
  const Listener listener = Parsed("tcp://[2001:DB8:0::1]:7000");
  EXPECT_EQ(listener.url, "tcp://[2001:db8::1]:7000");
  EXPECT_EQ(listener.host, "2001:db8::1");
  EXPECT_EQ(listener.port, 7000);
}

TEST(ParseListenUrl, TakesLocalhost) {
  EXPECT_EQ(Parsed("tcp://localhost:7000").host, "localhost");
  EXPECT_EQ(Parsed("tcp://localhost:7000").url, "tcp://localhost:7000");
}

TEST(ParseListenUrl, WithoutAPortItIsTheDefaultPort) {
  EXPECT_EQ(Parsed("tcp://127.0.0.1").port, kTcpPortDefault);
  EXPECT_EQ(Parsed("tcp://127.0.0.1").url, "tcp://127.0.0.1:6940");
  EXPECT_EQ(Parsed("tcp://[::1]").url, "tcp://[::1]:6940");
  EXPECT_EQ(Parsed("tcp://localhost").url, "tcp://localhost:6940");
}

TEST(ParseListenUrl, TakesPort0To65535) {
  EXPECT_EQ(Parsed("tcp://127.0.0.1:0").port, 0);
  EXPECT_EQ(Parsed("tcp://127.0.0.1:65535").port, 65535);
}

TEST(ParseListenUrl, RefusesOtherPorts) {
  for (const char* port :
       {"65536", "-1", "+1", " 1", "", "1x", "6940/", "99999999999999999999"}) {
    const std::string url = std::string("tcp://127.0.0.1:") + port;
    EXPECT_EQ(ErrorOf(url),
              "\"" + url + "\": port \"" + port + "\", allowed 0 to 65535");
  }
  EXPECT_EQ(ErrorOf("tcp://[::1]7000"),
            "\"tcp://[::1]7000\": port \"7000\", allowed 0 to 65535");
}

TEST(ParseListenUrl, RefusesWhatIsNoAddress) {
  const std::string allowed =
      ", allowed localhost, a numeric IPv4 address or an IPv6 address in [ ]";
  EXPECT_EQ(ErrorOf("tcp://example.org:1"),
            "\"tcp://example.org:1\": host \"example.org\"" + allowed);
  EXPECT_EQ(ErrorOf("tcp://:1"), "\"tcp://:1\": host \"\"" + allowed);
  EXPECT_EQ(ErrorOf("tcp://127.1:1"),
            "\"tcp://127.1:1\": host \"127.1\"" + allowed);
  EXPECT_EQ(ErrorOf("tcp://[127.0.0.1]:1"),
            "\"tcp://[127.0.0.1]:1\": host \"127.0.0.1\"" + allowed);
  EXPECT_EQ(ErrorOf("tcp://::1:1"), "\"tcp://::1:1\": host \"\"" + allowed);
  EXPECT_EQ(ErrorOf("tcp://[::1:1"),
            "\"tcp://[::1:1\": no ], allowed tcp://[IPV6]:PORT");
}

TEST(ParseListenUrl, RefusesOtherSchemes) {
  const std::string allowed =
      ": allowed unix:/absolute/path, tcp://ADDRESS:PORT or tcp://[IPV6]:PORT";
  EXPECT_EQ(ErrorOf("http://127.0.0.1"), "\"http://127.0.0.1\"" + allowed);
  EXPECT_EQ(ErrorOf("/run/x.sock"), "\"/run/x.sock\"" + allowed);
  EXPECT_EQ(ErrorOf("inproc:"), "\"inproc:\"" + allowed);
  EXPECT_EQ(ErrorOf(""), "\"\"" + allowed);
}

TEST(ReachableFromOutside, IsEverythingButTheLoopback) {
  for (const char* url :
       {"unix:/run/x.sock", "tcp://127.0.0.1:1", "tcp://127.9.9.9:1",
        "tcp://localhost:1", "tcp://[::1]:1", "tcp://[::ffff:127.0.0.1]:1"}) {
    EXPECT_FALSE(ReachableFromOutside(Parsed(url))) << url;
  }
  for (const char* url :
       {"tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.168.0.1:1",
        "tcp://[fe80::1]:1", "tcp://[::ffff:0.0.0.0]:1", "tcp://128.0.0.1:1"}) {
    EXPECT_TRUE(ReachableFromOutside(Parsed(url))) << url;
  }
}

TEST(SamePlace, SeesThroughSpelling) {
  EXPECT_TRUE(SamePlace(Parsed("unix:/a//b"), Parsed("unix:/a/b")));
  EXPECT_TRUE(SamePlace(Parsed("tcp://[0::1]:1"), Parsed("tcp://[::1]:1")));
  EXPECT_TRUE(
      SamePlace(Parsed("tcp://localhost"), Parsed("tcp://127.0.0.1:6940")));
}

TEST(SamePlace, TellsPlacesApart) {
  EXPECT_FALSE(SamePlace(Parsed("unix:/a"), Parsed("unix:/b")));
  EXPECT_FALSE(SamePlace(Parsed("tcp://127.0.0.1:1"), Parsed("unix:/a")));
  EXPECT_FALSE(
      SamePlace(Parsed("tcp://127.0.0.1:1"), Parsed("tcp://127.0.0.1:2")));
  EXPECT_FALSE(SamePlace(Parsed("tcp://127.0.0.1:1"), Parsed("tcp://[::1]:1")));
}

TEST(SamePlace, APortThatTheSystemChoosesIsNeverTheSame) {
  EXPECT_FALSE(
      SamePlace(Parsed("tcp://127.0.0.1:0"), Parsed("tcp://127.0.0.1:0")));
}

}  // namespace
}  // namespace mycelium
