// One simulated connection: two byte streams of bounded capacity, which may end
// at any byte, with or without the other side noticing.  Shared by its client
// and the broker's side.
#ifndef MYCELIUM_TESTS_SIM_LINK_H_
#define MYCELIUM_TESTS_SIM_LINK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <utility>

namespace mycelium::broker {
class Session;
}

namespace mycelium::sim {

struct Link {
  explicit Link(size_t capacity_bytes) : capacity(capacity_bytes) {}

  const size_t capacity;
  std::string up;         // from the client, not yet read by the broker
  std::string down;       // from the broker, not yet read by the client
  bool up_ended = false;  // nothing comes behind `up`: the broker may see that
  bool down_ended = false;  // nothing comes behind `down`
  bool silent = false;  // nobody notices: what is written from now on is lost

  // Where SUBSCRIBE frames end, counted from the first byte of `up`, and of
  // which subscription they are.
  std::deque<std::pair<uint64_t, uint32_t>> subscribes;
  uint64_t up_read = 0;
  uint64_t up_written = 0;
  std::string up_frame;  // what has been written of a frame

  // --- The broker's side ---
  broker::Session* session = nullptr;  // null: closed
  std::string pending;      // taken from the outbox, the stream was full
  bool peer_ended = false;  // has been noticed
  int64_t connected_ms = 0;

  size_t UpRoom() const { return capacity - std::min(capacity, up.size()); }
  size_t DownRoom() const { return capacity - std::min(capacity, down.size()); }
  // What the client writes; notes the SUBSCRIBE frames in it.
  void WriteUp(std::string_view bytes);
};

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_LINK_H_
