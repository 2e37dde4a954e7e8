// What tests of the whole broker share: peers without sockets.
#ifndef MYCELIUM_BROKER_BROKER_FIXTURE_H_
#define MYCELIUM_BROKER_BROKER_FIXTURE_H_

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/admin.pb.h"
#include "proto/mycelium/control.pb.h"
#include "tests/descriptor_set_of.h"

namespace mycelium::broker {

struct Received {
  FrameHeader header;
  std::string topic;
  std::string payload;
  uint32_t addressee = 0;  // whom the last ADDRESSEE before it named

  template <typename Body>
  Body As() const {
    Body body;
    EXPECT_TRUE(body.ParseFromString(payload));
    return body;
  }
  bool Is(ControlKind kind) const {
    return header.type_id == 0 && header.kind == static_cast<uint8_t>(kind);
  }
};

// A broker with a clock of the test's own and peers without sockets.
class BrokerTest : public testing::TestWithParam<bool> {
 protected:
  struct Client {
    Session* session;
    std::string input;  // what the broker has written
    uint32_t addressee = 0;
  };

  static constexpr uint32_t kOwnUid = 7;

  BrokerTest() { Restart({}); }

  void Restart(const BrokerLimits& limits) {
    broker_ = std::make_unique<Broker>(
        Broker::Identity{"test", "1.2.3", 99, 0, kOwnUid}, limits, now_ms_);
  }

  Client Connect(const std::string& principal = "uid 1", bool is_local = true) {
    Peer peer{"unix:" + principal, principal, is_local};
    if (is_local) peer.uid = kOwnUid;
    return ConnectAs(peer);
  }
  Client ConnectAs(const Peer& peer) {
    return {broker_->Accept(peer, 1000, now_ms_), {}};
  }

  // With GetParam() one byte at a time.
  void Send(const Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<uint8_t> room = client.session->ReadBuffer();
      const size_t n =
          GetParam() ? 1 : std::min<size_t>(bytes.size(), room.size());
      std::memcpy(room.data(), bytes.data(), n);
      client.session->Received(n, now_ms_);
      bytes.remove_prefix(n);
    }
  }
  void SendControl(const Client& client, ControlKind kind, uint64_t id,
                   const std::string& body = {}) {
    Send(client, ControlFrame(kind, id, body));
  }
  static std::string Publish(uint16_t type_id, std::string_view topic,
                             std::string_view payload, uint64_t id = 0) {
    std::string frame(kHeaderBytes, '\0');
    StoreHeader({static_cast<uint32_t>(topic.size() + payload.size()), type_id,
                 1, static_cast<uint8_t>(topic.size()), id},
                reinterpret_cast<uint8_t*>(frame.data()));
    return frame.append(topic).append(payload);
  }

  // A data frame that is no PUBLISH.
  static std::string Data(DataKind kind, uint16_t type_id,
                          std::string_view topic, std::string_view payload,
                          uint64_t id) {
    std::string frame = Publish(type_id, topic, payload, id);
    frame[6] = static_cast<char>(kind);
    return frame;
  }

  // What the client would read now; ADDRESSEE stands in the frames behind it.
  std::deque<Received> Read(Client* client, uint64_t bytes_max = UINT64_MAX) {
    broker_->FinishTurn(now_ms_);
    while (!client->session->outbox.empty() && bytes_max > 0) {
      iovec iovecs[16];
      client->session->outbox.Gather(iovecs);
      const size_t n = std::min<uint64_t>(iovecs[0].iov_len, bytes_max);
      client->input.append(static_cast<const char*>(iovecs[0].iov_base), n);
      client->session->Written(n);
      bytes_max -= n;
    }
    std::deque<Received> frames;
    FrameView frame;
    const FrameReader reader(kFrameBytesMaxCeiling);
    while (true) {
      const std::span<const uint8_t> input(
          reinterpret_cast<const uint8_t*>(client->input.data()),
          client->input.size());
      if (reader.Next(input, &frame) != FrameStatus::kFrame) break;
      frames.push_back(
          {frame.header, std::string(frame.topic()),
           std::string(frame.payload().begin(), frame.payload().end()),
           client->addressee});
      client->input.erase(0, frame.frame_bytes());
      if (!frames.back().Is(ControlKind::kAddressee)) continue;
      client->addressee = frames.back().As<wire::Addressee>().subscription_id();
      frames.pop_back();
    }
    return frames;
  }

  Client Open(const std::string& name = "client") {
    return OpenOn(Connect(), name);
  }
  Client OpenOn(Client client, const std::string& name = "client") {
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    hello.set_name(name);
    SendControl(client, ControlKind::kHello, kHelloMagic,
                hello.SerializeAsString());
    const std::deque<Received> frames = Read(&client);
    EXPECT_EQ(frames.size(), 1u);
    EXPECT_TRUE(frames[0].Is(ControlKind::kWelcome));
    return client;
  }

  // HELLO that names the schema of `text`.
  void SayHello(const Client& client, const std::string& text) {
    const Digest digest = SchemaOf(text)->digest();
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    hello.set_schema_digest(digest.data(), digest.size());
    SendControl(client, ControlKind::kHello, kHelloMagic,
                hello.SerializeAsString());
  }
  void TellSchema(const Client& client, const std::string& text) {
    wire::Schema schema;
    schema.set_descriptor_set(DescriptorSetOf(text));
    SendControl(client, ControlKind::kSchema, 0, schema.SerializeAsString());
  }
  // After its schema has been asked for and told.
  Client OpenWith(const std::string& text, bool is_local = true) {
    Client client = Connect("uid 1", is_local);
    SayHello(client, text);
    EXPECT_TRUE(Read(&client).at(0).Is(ControlKind::kSchema));
    TellSchema(client, text);
    return client;
  }
  // What an open session gets for an answer.
  wire::AdminReply Ask(Client* client, const wire::AdminRequest& request) {
    SendControl(*client, ControlKind::kAdmin, 3, request.SerializeAsString());
    return Read(client).at(0).As<wire::AdminReply>();
  }
  wire::Status Status(Client* client) {
    wire::AdminRequest request;
    request.mutable_status();
    return Ask(client, request).status();
  }
  static std::vector<DescriptorSetFile> Files(
      const std::vector<std::string>& texts) {
    std::vector<DescriptorSetFile> files;
    for (const std::string& text : texts) {
      files.push_back(
          {std::to_string(files.size()) + ".binpb", SchemaOf(text)});
    }
    return files;
  }

  wire::Subscribed Subscribe(Client* client, uint32_t id, uint16_t type_id,
                             const std::string& filter = {}, uint64_t queue = 0,
                             int64_t stall_ms_max = 0) {
    mycelium::wire::Subscribe request;
    request.set_subscription_id(id);
    request.set_type_id(type_id);
    request.set_topic_filter(filter);
    request.mutable_policy()->set_queue_bytes_max(queue);
    request.mutable_policy()->set_stall_ms_max(stall_ms_max);
    return SubscribeAs(client, request);
  }
  wire::Subscribed SubscribeAs(Client* client, const wire::Subscribe& request) {
    SendControl(*client, ControlKind::kSubscribe, request.subscription_id(),
                request.SerializeAsString());
    const std::deque<Received> frames = Read(client);
    EXPECT_FALSE(frames.empty());
    EXPECT_TRUE(frames.back().Is(ControlKind::kSubscribed));
    return frames.back().As<wire::Subscribed>();
  }

  // The one CLOSE that ended the session.
  wire::Close ReadClose(Client* client) {
    const std::deque<Received> frames = Read(client);
    EXPECT_FALSE(frames.empty());
    if (frames.empty()) return {};
    EXPECT_TRUE(frames.back().Is(ControlKind::kClose));
    EXPECT_TRUE(client->session->finished());
    return frames.back().As<wire::Close>();
  }

  int64_t now_ms_ = 1'000'000;
  std::unique_ptr<Broker> broker_;
};

INSTANTIATE_TEST_SUITE_P(Input, BrokerTest, testing::Bool(),
                         [](const auto& info) {
                           return info.param ? "OneByteAtATime" : "InOnePiece";
                         });

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_BROKER_FIXTURE_H_
