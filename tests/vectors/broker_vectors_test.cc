// The vectors that a broker receives, against the broker: what it closes with,
// and that it does so however the bytes are cut.
#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "broker/broker.h"
#include "config/broker_limits.h"
#include "config/limits.h"
#include "config/schema_rules.h"
#include "gtest/gtest.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "proto/schema.h"
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

  void Configure(const BrokerLimits& limits, const SchemaRules& rules,
                 const std::vector<DescriptorSetFile>& files) {
    const absl::Status status = broker_.Configure(limits, rules, files);
    EXPECT_TRUE(status.ok()) << status;
  }

  // `schema_digest`: what HELLO names.
  void EnterState(const std::string& state, const std::string& schema_digest) {
    wire::Hello hello;
    hello.set_version_major(kVersionMajor);
    hello.set_schema_digest(schema_digest);
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

// What a CLOSE, a SUBSCRIBED or an ERROR_REPLY says.
struct Answer {
  std::string kind;
  std::string code = "CODE_OK";
  std::string reason;
};

template <typename Body>
Body ParseBody(const FrameView& frame) {
  Body body;
  const auto payload = frame.payload();
  EXPECT_TRUE(
      body.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
  return body;
}

template <typename Body>
Answer ParseAnswer(const FrameView& frame) {
  const auto body = ParseBody<Body>(frame);
  return {std::string(KindName(0, frame.header.kind)),
          wire::Code_Name(body.code()), body.reason()};
}

Answer ParseErrorReply(const FrameView& frame) {
  const auto error = ParseBody<wire::RequestError>(frame);
  EXPECT_TRUE(error.from_broker());
  return {"ERROR_REPLY", std::to_string(error.status()), error.message()};
}

// The last of them in `bytes`, if there is one.
Answer FindAnswer(std::string_view bytes) {
  Answer answer;
  FrameView frame;
  while (
      FrameReader(kFrameBytesMaxCeiling)
          .Next({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()},
                &frame) == FrameStatus::kFrame) {
    bytes.remove_prefix(frame.frame_bytes());
    if (frame.header.type_id != 0) {
      if (frame.header.kind == static_cast<uint8_t>(DataKind::kErrorReply)) {
        answer = ParseErrorReply(frame);
      }
      continue;
    }
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
  const auto set = [&vector](const char* key, auto* limit) {
    *limit = static_cast<std::remove_pointer_t<decltype(limit)>>(
        vector.Number(key, *limit));
  };
  if (vector.Get("state") == "greeting") {
    set("frame_bytes_max", &limits.hello_bytes_max);
  } else if (vector.Get("state") == "schema_asked") {
    limits.schema_bytes_max += kSchemaBodyBytes;
    set("frame_bytes_max", &limits.schema_bytes_max);
    limits.schema_bytes_max -= kSchemaBodyBytes;
  } else {
    set("frame_bytes_max", &limits.frame_bytes_max);
  }
  set("subscriptions_max", &limits.subscriptions_per_session_max);
  set("requests_max", &limits.requests_per_session_max);
  set("schema_bytes_max", &limits.schema_bytes_max);
  set("schemas_max", &limits.schemas_max);
  set("schemas_bytes_max", &limits.schemas_bytes_max);
  return limits;
}

SchemaRules RulesOf(const Vector& vector) {
  SchemaRules rules;
  if (vector.Has("schema_open"))
    rules.open = vector.Get("schema_open") == "yes";
  rules.required = vector.Get("schema_required") == "yes";
  return rules;
}

std::vector<DescriptorSetFile> KnownTo(const Vector& vector) {
  if (!vector.Has("known_hex")) return {};
  std::string why;
  auto schema = Schema::Parse(vector.Bytes("known"), &why);
  EXPECT_NE(schema, nullptr) << why;
  return {{"known", std::move(schema)}};
}

// What HELLO has to name.
std::string DigestOf(const Vector& vector) {
  if (vector.Has("schema_digest_hex")) return vector.Bytes("schema_digest");
  return vector.Get("state") == "schema_asked" ? std::string(32, 'd') : "";
}

// Whether the broker had to refuse it, and did.
bool CheckVector(const Vector& vector, size_t piece_bytes) {
  SCOPED_TRACE(vector.Describe());
  Peer peer(LimitsOf(vector), piece_bytes);
  peer.Configure(LimitsOf(vector), RulesOf(vector), KnownTo(vector));
  peer.EnterState(vector.Get("state"), DigestOf(vector));
  peer.Send(DecodeHex(vector.Get("hex")));
  const std::string answer = peer.Read();
  // To a peer that has said goodbye there is nothing to say.
  if (vector.Get("state") == "closed") {
    EXPECT_EQ(answer, "");
  }
  if (vector.Get("error").ends_with("after CLOSE")) return false;
  const Answer found = FindAnswer(answer);
  EXPECT_EQ(found.reason, vector.Get("error"));
  EXPECT_EQ(found.code, vector.Has("code") ? vector.Get("code") : "CODE_OK");
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
  CheckFile("refusals.txt", 45);
}

TEST(BrokerVectors, ASchemaThatFitsIsWelcome) {
  const std::vector<Vector> vectors =
      ReadVectors("tests/vectors/handshake.txt");
  const auto told = std::find_if(
      vectors.begin(), vectors.end(),
      [](const Vector& vector) { return vector.Get("name") == "schema told"; });
  ASSERT_NE(told, vectors.end());
  const std::string frame = DecodeHex(told->Get("hex"));
  wire::Schema schema;
  ASSERT_TRUE(schema.ParseFromString(frame.substr(kHeaderBytes)));
  for (const size_t piece_bytes : {1, 16, 1 << 20}) {
    Peer peer({}, piece_bytes);
    peer.EnterState("schema_asked", schema.schema_digest());
    peer.Send(frame);
    const std::string answer = peer.Read();
    ASSERT_GE(answer.size(), kHeaderBytes);
    EXPECT_EQ(answer[6], static_cast<char>(ControlKind::kWelcome));
  }
}

}  // namespace
}  // namespace mycelium::broker
