// The vectors that a broker receives, against the broker: what it closes with,
// and that it does so however the bytes are cut.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "broker/broker.h"
#include "config/broker_limits.h"
#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "tests/vectors/vector_file.h"

namespace mycelium::broker {
namespace {

std::string ControlBytes(ControlKind kind, uint64_t id,
                         const google::protobuf::Message& message) {
  const std::string body = message.SerializeAsString();
  std::string frame(kHeaderBytes, '\0');
  StoreHeader({.body_bytes = static_cast<uint32_t>(body.size()),
               .type_id = 0,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = 0,
               .id = id},
              reinterpret_cast<uint8_t*>(frame.data()));
  return frame + body;
}

// One session of a broker of its own.
class Peer {
 public:
  Peer(const BrokerLimits& limits, size_t piece_bytes)
      : broker_({"test", "1.0.0", 1}, limits, 0),
        session_(broker_.Accept({"unix:uid=1", "uid 1", true}, 1000, 0)),
        piece_bytes_(piece_bytes) {}

  void EnterState(const std::string& state) {
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    if (state != "greeting") {
      Send(ControlBytes(ControlKind::kHello, kHelloMagic, hello));
    }
    if (state == "closed")
      Send(ControlBytes(ControlKind::kClose, 0, wire::Close()));
    Read();
  }

  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::span<uint8_t> room = session_->ReadBuffer();
      const size_t size = std::min({bytes.size(), room.size(), piece_bytes_});
      std::memcpy(room.data(), bytes.data(), size);
      session_->Received(size, 0);
      bytes.remove_prefix(size);
    }
  }

  // Everything that waits for the peer.
  std::string Read() {
    broker_.FinishTurn(0);
    std::string bytes;
    while (!session_->outbox.empty()) {
      iovec first;
      session_->outbox.Gather(std::span(&first, 1));
      bytes.append(static_cast<const char*>(first.iov_base), first.iov_len);
      session_->Written(first.iov_len);
    }
    return bytes;
  }

 private:
  Broker broker_;
  Session* const session_;
  const size_t piece_bytes_;
};

// What a CLOSE or a SUBSCRIBED says.
struct Answer {
  std::string kind;
  wire::Code code = wire::CODE_OK;
  std::string reason;
};

template <typename Body>
Answer ParseAnswer(const FrameView& frame) {
  Body body;
  const auto payload = frame.payload();
  EXPECT_TRUE(
      body.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  return {std::string(KindName(0, frame.header.kind)), body.code(),
          body.reason()};
}

// The last CLOSE or SUBSCRIBED in `bytes`, if there is one.
Answer FindAnswer(std::string_view bytes) {
  Answer answer;
  FrameView frame;
  while (
      FrameReader(kFrameBytesMaxCeiling)
          .Next({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                &frame) == FrameStatus::kFrame) {
    bytes.remove_prefix(frame.frame_bytes());
    if (frame.header.type_id != 0) continue;
    const auto kind = static_cast<ControlKind>(frame.header.kind);
    if (kind == ControlKind::kSubscribed) {
      answer = ParseAnswer<wire::Subscribed>(frame);
    } else if (kind == ControlKind::kClose) {
      answer = ParseAnswer<wire::Close>(frame);
      EXPECT_EQ(bytes, "") << "behind CLOSE";
    }
  }
  EXPECT_EQ(bytes, "") << "not a frame";
  return answer;
}

BrokerLimits LimitsOf(const Vector& vector) {
  BrokerLimits limits;
  const bool greeting = vector.Get("state") == "greeting";
  uint32_t* const limit =
      greeting ? &limits.hello_bytes_max : &limits.frame_bytes_max;
  *limit = static_cast<uint32_t>(vector.Number("frame_bytes_max", *limit));
  limits.subscriptions_per_session_max = static_cast<uint32_t>(
      vector.Number("subscriptions_max", limits.subscriptions_per_session_max));
  return limits;
}

// Whether the broker had to refuse it, and did.
bool CheckVector(const Vector& vector, size_t piece_bytes) {
  SCOPED_TRACE(vector.Describe());
  Peer peer(LimitsOf(vector), piece_bytes);
  peer.EnterState(vector.Get("state"));
  peer.Send(DecodeHex(vector.Get("hex")));
  const std::string answer = peer.Read();
  // To a peer that has said goodbye there is nothing to say.
  if (vector.Get("state") == "closed") {
    EXPECT_EQ(answer, "");
  }
  if (vector.Get("error").ends_with("after CLOSE")) return false;
  const Answer found = FindAnswer(answer);
  EXPECT_EQ(found.reason, vector.Get("error"));
  EXPECT_EQ(wire::Code_Name(found.code),
            vector.Has("code") ? vector.Get("code") : "CODE_OK");
  if (vector.Has("code")) {
    EXPECT_EQ(found.kind,
              vector.Has("answer") ? vector.Get("answer") : "CLOSE");
  }
  return vector.Has("code");
}

void CheckFile(const std::string& name, int least) {
  for (const size_t piece_bytes : {1, 16, 1 << 20}) {
    int answered = 0;
    for (const Vector& vector : ReadVectors("tests/vectors/" + name)) {
      // What becomes of frames that are in order is for other tests.
      if (vector.Get("role") == "client" || vector.Get("outcome") == "frame") {
        continue;
      }
      answered += CheckVector(vector, piece_bytes) ? 1 : 0;
    }
    EXPECT_GE(answered, least) << name;
  }
}

TEST(BrokerVectors, BadFramesAreAnsweredWithTheirCodeAndReason) {
  CheckFile("frames.txt", 25);
  CheckFile("handshake.txt", 10);
  CheckFile("control.txt", 10);
}

TEST(BrokerVectors, BadFramesBehindGoodOnesAreAnsweredTheSame) {
  CheckFile("streams.txt", 5);
}

TEST(BrokerVectors, WhatABrokerDoesNotTakeIsRefused) {
  CheckFile("refusals.txt", 25);
}

}  // namespace
}  // namespace mycelium::broker
