// What Client::Connect says when it does not get to a broker.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>

#include "client/core/client.h"
#include "client/core/dial.h"
#include "client/core/fake_broker.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"
#include "tests/no_capabilities.h"

namespace mycelium::core {
namespace {

Status Connect(std::string_view url, const ClientOptions& options = {}) {
  std::unique_ptr<Client> client;
  return Client::Connect(url, options, &client);
}

// What a client is told to whom `answer` comes instead of WELCOME.
Status ConnectTo(FakeBroker* broker, std::string_view answer) {
  Status status;
  std::thread connecting([&] { status = Connect(broker->url()); });
  broker->Accept();
  broker->Read();
  broker->Send(answer);
  broker->Hangup();
  connecting.join();
  return status;
}

TEST(Connect, AbsentSocketSaysHowToStartABroker) {
  const Status status = Connect("unix:/var/tmp/absent/brokerd.sock");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message,
            "connect unix:/var/tmp/absent/brokerd.sock: no such file; start "
            "one with: mycelium-brokerd --listen "
            "unix:/var/tmp/absent/brokerd.sock");
}

TEST(Connect, LeftOverSocketFileIsCalledThat) {
  FakeBroker broker;
  broker.StopListening();
  const Status status = Connect(broker.url());
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message,
            "connect " + broker.url() +
                ": nobody listens there any more, the socket file is left "
                "over; start one with: mycelium-brokerd --listen " +
                broker.url());
}

TEST(Connect, RefusedTcpSaysHowToStartABroker) {
  // Bound and not listening: nobody else can have the port meanwhile.
  const int bound = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof address;
  ASSERT_EQ(bind(bound, reinterpret_cast<sockaddr*>(&address), bytes), 0);
  ASSERT_EQ(getsockname(bound, reinterpret_cast<sockaddr*>(&address), &bytes),
            0);
  const std::string url =
      "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  EXPECT_EQ(Connect(url).message,
            "connect " + url +
                ": refused, nobody listens there; start one with: "
                "mycelium-brokerd --listen " +
                url);
  close(bound);
}

TEST(Connect, UnknownHostIsNamed) {
  const Status status = Connect("tcp://no-such-host.invalid:6940");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_TRUE(status.message.starts_with(
      "connect tcp://no-such-host.invalid:6940: host not found: "))
      << status.message;
}

TEST(Connect, FileThatIsNoSocketIsCalledThat) {
  const Status status = Connect("unix:/dev/null");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message, "connect unix:/dev/null: not a socket");
}

TEST(Connect, ClosedSocketSaysItsModeAndGroup) {
  FakeBroker broker;
  const std::string path = broker.url().substr(5);
  ASSERT_EQ(chmod(path.c_str(), 0), 0);
  const NoCapabilities as_any_user;
  const Status status = Connect(broker.url());
  EXPECT_EQ(status.code, StatusCode::kPermissionDenied);
  EXPECT_NE(status.message.find("has mode 0000 and group "), std::string::npos)
      << status.message;
}

TEST(Connect, SilentPeerIsGivenUpAtTheDeadline) {
  FakeBroker broker;
  const Status status =
      Connect(broker.url(), {.connect_timeout = std::chrono::milliseconds(20)});
  EXPECT_EQ(status.code, StatusCode::kDeadlineExceeded);
  EXPECT_EQ(status.message, "connect " + broker.url() +
                                ": connected, but no WELCOME before the "
                                "deadline");
}

TEST(Connect, GarbageIsNotABroker) {
  FakeBroker broker;
  const Status status = ConnectTo(&broker, "HTTP/1.1 400 Bad Request\r\n\r\n");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
  EXPECT_EQ(status.message,
            "connect " + broker.url() +
                ": not a Mycelium broker: frame: body_bytes 1347703880, "
                "frame_bytes_max 65536");
}

TEST(Connect, PeerThatClosesIsNotABroker) {
  FakeBroker broker;
  EXPECT_EQ(ConnectTo(&broker, {}).message,
            "connect " + broker.url() +
                ": not a Mycelium broker: it closed before WELCOME");
}

TEST(Connect, RefusalCarriesTheBrokersWords) {
  FakeBroker broker;
  mycelium::wire::Close close;
  close.set_code(wire::CODE_TOO_MANY_SESSIONS);
  close.set_reason("sessions: 16384, allowed 16384");
  const Status status = ConnectTo(
      &broker, ControlFrame(ControlKind::kClose, close.SerializeAsString()));
  EXPECT_EQ(status.code, StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message,
            "connect " + broker.url() +
                ": refused by the broker: sessions: 16384, allowed 16384 "
                "(CODE_TOO_MANY_SESSIONS)");
}

// What the client answers when the broker asks for `asked`, to a HELLO with
// `schema`; empty: it ends the connection.
std::string AnswerToSchema(const EncodedSchema& schema,
                           const std::string& asked, Status* status) {
  FakeBroker broker;
  std::thread connecting(
      [&] { *status = Connect(broker.url(), {.schema = schema}); });
  broker.Accept();
  wire::Hello hello;
  EXPECT_TRUE(hello.ParseFromString(broker.Read().payload));
  EXPECT_EQ(hello.schema_digest(), schema.digest);
  wire::Schema ask;
  ask.set_schema_digest(asked);
  broker.Send(ControlFrame(ControlKind::kSchema, ask.SerializeAsString()));
  const WireFrame answer = broker.Read();
  broker.Hangup();
  connecting.join();
  if (broker.end_of_stream()) return {};
  EXPECT_TRUE(answer.Is(ControlKind::kSchema));
  wire::Schema told;
  EXPECT_TRUE(told.ParseFromString(answer.payload));
  EXPECT_EQ(told.schema_digest(), asked);
  return told.descriptor_set();
}

TEST(Connect, SchemaIsToldToABrokerThatAsks) {
  Status status;
  // More than a socket's buffer holds.
  const EncodedSchema schema{std::string(32, 'd'), std::string(900'000, 's')};
  EXPECT_TRUE(AnswerToSchema(schema, schema.digest, &status) ==
              schema.descriptor_set);
}

TEST(Connect, SchemaThatWasNotNamedIsNotTold) {
  Status status;
  EXPECT_EQ(AnswerToSchema({std::string(32, 'd'), "set"}, std::string(32, 'e'),
                           &status),
            "");
  EXPECT_NE(status.message.find("not a Mycelium broker: it asks for a schema "
                                "that HELLO did not name"),
            std::string::npos)
      << status.message;
  EXPECT_EQ(AnswerToSchema({}, "", &status), "");
  EXPECT_EQ(status.code, StatusCode::kUnavailable);
}

TEST(Connect, DigestOfAnotherLengthIsRefusedHere) {
  EXPECT_EQ(Connect("unix:/x", {.schema = {"short", "set"}}).message,
            "connect: schema digest of 5 bytes, allowed 32");
}

TEST(Connect, NameThatIsTooLongIsRefusedHere) {
  EXPECT_EQ(Connect("unix:/x", {.name = std::string(129, 'x')}).message,
            "connect: name of 129 bytes, allowed 128 of UTF-8");
}

TEST(Connect, UrlsThatCanNotBeAreNamed) {
  const auto refused = [](std::string_view url, std::string_view why) {
    const Status status = Connect(url);
    EXPECT_EQ(status.code, StatusCode::kInvalidArgument) << url;
    EXPECT_EQ(status.message,
              "connect: url \"" + std::string(url) + "\"" + std::string(why));
  };
  refused("foo:bar",
          ", allowed unix:/path, tcp://host:port, inproc:, inproc:NAME");
  refused("unix:relative", ": allowed unix:/absolute/path, tcp://host:port");
  refused("unix:/" + std::string(107, 'x'),
          ": path of 108 bytes, allowed at most 107");
  refused("tcp://:6940", ": no host, allowed tcp://host:port");
  refused("tcp://[::1", ": no ], allowed tcp://[ipv6]:port");
  refused("tcp://h:", ": port \"\", allowed 1 to 65535");
  refused("tcp://h:0", ": port \"0\", allowed 1 to 65535");
  refused("tcp://h:65536", ": port \"65536\", allowed 1 to 65535");
  refused("tcp://h:6940/x", ": port \"6940/x\", allowed 1 to 65535");
  refused("tcp://[::1]6940", ": port \"940\", allowed 1 to 65535");
}

TEST(StreamUrl, HostAndPortAreTakenApart) {
  StreamAddress address;
  ASSERT_TRUE(ParseStreamUrl("tcp://[fe80::1%eth0]:1", &address).ok());
  EXPECT_EQ(address.host, "fe80::1%eth0");
  EXPECT_EQ(address.port, "1");
  ASSERT_TRUE(ParseStreamUrl("tcp://broker.example", &address).ok());
  EXPECT_EQ(address.host, "broker.example");
  EXPECT_EQ(address.port, "6940");
  ASSERT_TRUE(ParseStreamUrl("unix:/run/a b", &address).ok());
  EXPECT_EQ(address.path, "/run/a b");
}

TEST(Quoted, StaysOnOneLineAndShort) {
  EXPECT_EQ(Quoted("a\n\"b\xff"), "\"a??b?\"");
  EXPECT_EQ(Quoted("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
  EXPECT_EQ(Quoted(std::string(200, 'x')),
            "\"" + std::string(120, 'x') + "...\"");
}

}  // namespace
}  // namespace mycelium::core
