// What any peer may send to a broker that knows a schema and keeps history:
// bytes, in pieces, from two sessions at once, of which one may bring new
// types.  A third one is what it should be: it answers requests, shares a group
// with them, acknowledges, and asks.  The first byte of the input says how
// large the pieces are.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/broker.h"
#include "config/history_rules.h"
#include "config/schema_rules.h"
#include "glog/logging.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"
#include "proto/schema.h"

namespace {

using mycelium::ControlKind;
using mycelium::DataKind;
using mycelium::broker::Broker;
using mycelium::broker::ControlFrame;
using mycelium::broker::Session;

// Message type 1, M, with the one field int32 f = 1.
constexpr char kKnown[] =
    "\x0a\x1c\x22\x12\x0a\x01M\x12\x07\x0a\x01\x66\x18\x01\x28\x05\x3a\x04\xf0"
    "\xa1"
    "\x19\x01\x62\x06proto3";

mycelium::DescriptorSetFile Known() {
  std::string why;
  auto schema = mycelium::Schema::Parse(kKnown, &why);
  if (schema == nullptr) std::abort();
  return {"known", std::move(schema)};
}

void Drain(Session* session) {
  iovec iovecs[16];
  while (!session->outbox.empty()) {
    const size_t count = session->outbox.Gather(iovecs);
    uint64_t bytes = 0;
    for (size_t i = 0; i < count; ++i) bytes += iovecs[i].iov_len;
    // An odd count, so that writes end within frames.
    session->Written(bytes > 7 ? bytes - 7 : bytes);
  }
}

void Receive(Session* session, std::string_view bytes, int64_t now_ms) {
  while (!bytes.empty()) {
    const std::span<uint8_t> room = session->ReadBuffer();
    const size_t n = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), n);
    session->Received(n, now_ms);
    bytes.remove_prefix(n);
  }
}

// A session that keeps to the protocol, whatever others do: the broker must not
// close it.
class Partner {
 public:
  Partner(Session* session, int64_t now_ms) : session_(session) {
    mycelium::wire::Hello hello;
    hello.set_version_major(mycelium::kVersionMajor);
    std::string bytes = ControlFrame(ControlKind::kHello, mycelium::kHelloMagic,
                                     hello.SerializeAsString());
    for (const uint32_t id : {kMember, kResponder}) {
      mycelium::wire::Subscribe subscribe;
      subscribe.set_subscription_id(id);
      subscribe.set_type_id(id == kMember ? 7 : 0);
      if (id == kMember) subscribe.set_group("g");
      subscribe.set_responder(id == kResponder);
      bytes += ControlFrame(ControlKind::kSubscribe, id,
                            subscribe.SerializeAsString());
    }
    Receive(session_, bytes, now_ms);
  }

  // Reads what it was sent, and says what it has to.
  void Turn(int64_t now_ms) {
    iovec iovec[1];
    while (session_->outbox.Gather(iovec) > 0) {
      input_.append(static_cast<const char*>(iovec[0].iov_base),
                    iovec[0].iov_len);
      session_->Written(iovec[0].iov_len);
    }
    std::string bytes;
    size_t at = 0;
    mycelium::FrameView frame;
    while (mycelium::FrameReader(1 << 20).Next(
               std::span(reinterpret_cast<const uint8_t*>(input_.data()),
                         input_.size())
                   .subspan(at),
               &frame) == mycelium::FrameStatus::kFrame) {
      at += frame.frame_bytes();
      frame.header.type_id == 0 ? OnControl(frame) : OnData(frame, &bytes);
    }
    input_.erase(0, at);
    mycelium::wire::Ack ack;
    ack.set_subscription_id(kMember);
    ack.set_frames(done_);
    bytes += ControlFrame(ControlKind::kAck, 0, ack.SerializeAsString());
    bytes += Frame(DataKind::kPublish, 7, 0) +
             Frame(DataKind::kRequest, 7, ++asked_);
    if (asked_ % 3 == 0)
      bytes += ControlFrame(ControlKind::kCancel, asked_, {});
    if (session_->wants_read()) Receive(session_, bytes, now_ms);
  }

 private:
  static constexpr uint32_t kMember = 1, kResponder = 2;

  static std::string Frame(DataKind kind, uint16_t type_id, uint64_t id) {
    std::string frame(mycelium::kHeaderBytes, '\0');
    mycelium::StoreHeader({0, type_id, static_cast<uint8_t>(kind), 0, id},
                          reinterpret_cast<uint8_t*>(frame.data()));
    return frame;
  }

  void OnControl(const mycelium::FrameView& frame) {
    const auto payload = frame.payload();
    const auto bytes = static_cast<int>(payload.size());
    mycelium::wire::Gap gap;
    mycelium::wire::Addressee addressee;
    switch (static_cast<ControlKind>(frame.header.kind)) {
      case ControlKind::kClose:
        std::abort();
      case ControlKind::kAddressee:
        if (!addressee.ParseFromArray(payload.data(), bytes)) std::abort();
        addressee_ = addressee.subscription_id();
        return;
      case ControlKind::kGap:
        if (!gap.ParseFromArray(payload.data(), bytes)) std::abort();
        for (const auto& range : gap.ranges()) done_ += range.frames();
        return;
      default:
        return;
    }
  }

  void OnData(const mycelium::FrameView& frame, std::string* bytes) {
    if (frame.header.kind == static_cast<uint8_t>(DataKind::kRequest)) {
      if (addressee_ != kResponder) std::abort();
      *bytes += Frame(DataKind::kReply, 9, frame.header.id);
    } else if ((frame.header.kind & ~mycelium::kRedeliveredFlag) ==
               static_cast<uint8_t>(DataKind::kPublish)) {
      if (addressee_ != kMember) std::abort();
      ++done_;
    }
  }

  Session* const session_;
  std::string input_;
  uint32_t addressee_ = 0;
  uint64_t done_ = 0;
  uint64_t asked_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  FLAGS_minloglevel = google::GLOG_FATAL;
  const size_t piece = size_t{data[0]} + 1;
  int64_t now_ms = 1;
  mycelium::BrokerLimits limits;
  limits.frame_bytes_max = 1 << 16;
  limits.queue_bytes_max = mycelium::kQueueBytesMin;
  Broker broker({"fuzz", "0", 1}, limits, now_ms);
  static const mycelium::DescriptorSetFile known = Known();
  const std::vector<mycelium::HistoryRule> history = {
      {.types = {7}, .topic_filter = "a.*", .frames_max = 3, .age_ms_max = 99},
      {.types = {7, 8}, .bytes_max = mycelium::kQueueBytesMin}};
  if (!broker.Configure(limits, {}, {known}, history).ok()) std::abort();
  // The first session is root's, and may ask for everything.  A drain would end
  // the partner's session, too.
  broker.set_operations(
      {[] {}, [](mycelium::wire::Reload*) { return absl::OkStatus(); }});
  Session* const sessions[] = {
      broker.Accept({"unix:a", "uid 0", true, 0}, 1000, now_ms),
      broker.Accept({"tcp:b", "address b", false}, 1000, now_ms)};
  Partner partner(broker.Accept({"unix:c", "uid 2", true}, 1000, now_ms),
                  now_ms);
  // Both get all of the input; one of them reads what it is sent.
  for (size_t at = 1; at < size; at += piece) {
    const size_t bytes = std::min(piece, size - at);
    // Halfway one of the rules goes and one comes.
    if (at <= size / 2 && at + piece > size / 2 &&
        !broker.Configure(limits, {}, {known}, {history[1], {.types = {9}}})
             .ok()) {
      std::abort();
    }
    for (Session* session : sessions) {
      if (!session->wants_read()) continue;
      Receive(session, {reinterpret_cast<const char*>(data) + at, bytes},
              now_ms);
    }
    now_ms += data[0];
    broker.FinishTurn(now_ms);
    Drain(sessions[0]);
    partner.Turn(now_ms);
  }
  sessions[1]->EndOfInput(now_ms);
  Drain(sessions[1]);
  broker.Ended(sessions[0], "");
  partner.Turn(now_ms);
  broker.StartDrain("fuzz: the end", now_ms);
  Drain(sessions[1]);
  return 0;
}
