// What any peer may send to a broker: bytes, in pieces, from two sessions at
// once.  The first byte of the input says how large the pieces are.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "broker/broker.h"
#include "glog/logging.h"

namespace {

using mycelium::broker::Broker;
using mycelium::broker::Session;

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
  Session* const sessions[] = {
      broker.Accept({"unix:a", "uid 1", true}, 1000, now_ms),
      broker.Accept({"unix:b", "uid 2", true}, 1000, now_ms)};
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
