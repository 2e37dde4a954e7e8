// What any peer may send to a broker that knows a schema: bytes, in pieces,
// from two sessions at once, of which one may bring new types.  The first byte
// of the input says how large the pieces are.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "broker/broker.h"
#include "config/schema_rules.h"
#include "glog/logging.h"
#include "proto/schema.h"

namespace {

using mycelium::broker::Broker;
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
  if (!broker.Configure(limits, {}, {known}).ok()) std::abort();
  Session* const sessions[] = {
      broker.Accept({"unix:a", "uid 1", true}, 1000, now_ms),
      broker.Accept({"tcp:b", "address b", false}, 1000, now_ms)};
  // Both get all of the input; one of them reads what it is sent.
  for (size_t at = 1; at < size; at += piece) {
    const size_t bytes = std::min(piece, size - at);
    for (Session* session : sessions) {
      if (!session->wants_read()) continue;
      for (size_t taken = 0; taken < bytes;) {
        const std::span<uint8_t> room = session->ReadBuffer();
        const size_t n = std::min(room.size(), bytes - taken);
        std::memcpy(room.data(), data + at + taken, n);
        session->Received(n, now_ms);
        taken += n;
      }
    }
    now_ms += data[0];
    broker.FinishTurn(now_ms);
    Drain(sessions[0]);
  }
  sessions[1]->EndOfInput(now_ms);
  Drain(sessions[1]);
  broker.Ended(sessions[0], "");
  broker.StartDrain("fuzz: the end", now_ms);
  Drain(sessions[1]);
  return 0;
}
