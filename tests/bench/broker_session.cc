#include "tests/bench/broker_session.h"

#include <vector>

#include "config/limits.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "tests/bench/endpoint.h"

namespace mycelium::bench {
namespace {

constexpr uint32_t kSubscriptionId = 1;

void WriteControl(int descriptor, ControlKind kind, uint64_t id,
                  const std::string& body) {
  std::vector<uint8_t> frame(kHeaderBytes + body.size());
  StoreHeader({.body_bytes = static_cast<uint32_t>(body.size()),
               .type_id = 0,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = 0,
               .id = id},
              frame.data());
  std::memcpy(frame.data() + kHeaderBytes, body.data(), body.size());
  WriteAll(descriptor, frame);
}

// Reads the next frame, which has to be of `kind`, and returns its body.
std::string ReadControl(int descriptor, ControlKind kind) {
  uint8_t header_bytes[kHeaderBytes];
  ReadAll(descriptor, header_bytes);
  FrameHeader header = LoadHeader(header_bytes);
  if (header.body_bytes > kFrameBytesMaxDefault)
    Fail("frame: body_bytes " + std::to_string(header.body_bytes));
  std::vector<uint8_t> body(header.body_bytes);
  ReadAll(descriptor, body);
  std::string text(body.begin(), body.end());
  if (header.type_id == 0 && header.kind == static_cast<uint8_t>(kind))
    return text;
  wire::Close close;
  if (header.type_id == 0 &&
      header.kind == static_cast<uint8_t>(ControlKind::kClose) &&
      close.ParseFromString(text))
    Fail("broker: closed the session: " + close.reason());
  Fail("broker: " + std::string(KindName(header.type_id, header.kind)) +
       ", expected " + std::string(KindName(0, static_cast<uint8_t>(kind))));
}

void Subscribe(int descriptor, uint16_t type_id, bool responder) {
  wire::Subscribe subscribe;
  subscribe.set_subscription_id(kSubscriptionId);
  subscribe.set_type_id(type_id);
  subscribe.set_responder(responder);
  WriteControl(descriptor, ControlKind::kSubscribe, kSubscriptionId,
               subscribe.SerializeAsString());
  wire::Subscribed subscribed;
  if (!subscribed.ParseFromString(
          ReadControl(descriptor, ControlKind::kSubscribed)))
    Fail("broker: SUBSCRIBED can not be parsed");
  if (subscribed.code() != wire::CODE_OK)
    Fail("broker: refused the subscription: " + subscribed.reason());
}

}  // namespace

void OpenSession(int descriptor, const std::string& name) {
  wire::Hello hello;
  hello.set_version_major(kVersionMajor);
  hello.set_version_minor(kVersionMinor);
  hello.set_name(name);
  WriteControl(descriptor, ControlKind::kHello, kHelloMagic,
               hello.SerializeAsString());
  wire::Welcome welcome;
  if (!welcome.ParseFromString(ReadControl(descriptor, ControlKind::kWelcome)))
    Fail("broker: WELCOME can not be parsed");
}

void SubscribeToType(int descriptor, uint16_t type_id) {
  Subscribe(descriptor, type_id, /*responder=*/false);
}

void RespondToType(int descriptor, uint16_t type_id) {
  Subscribe(descriptor, type_id, /*responder=*/true);
}

void WritePong(int descriptor, uint64_t ping_id) {
  WriteControl(descriptor, ControlKind::kPong, ping_id, "");
}

}  // namespace mycelium::bench
