// One connection, Unix or TCP: reads into its session, writes its session's
// outbox.  Belongs to the loop's thread; destroys itself once closed.
#ifndef MYCELIUM_BRIDGES_STREAM_H_
#define MYCELIUM_BRIDGES_STREAM_H_

#include <uv.h>

#include <array>
#include <cstdint>
#include <string>

#include "broker/broker.h"

namespace mycelium::bridges {

class Stream {
 public:
  // Takes over `fd`, a connected socket, and makes a session for it.  False if
  // the broker has no room even to say so; `fd` is then closed.
  static bool Open(uv_loop_t* loop, broker::Broker* broker, int fd,
                   bool is_unix, broker::Peer peer, int64_t descriptors_left);

  // What FinishTurn asks for: write, read or not, shut down, close.
  void Update(int64_t now_ms);

  // Ends the session; `error` is empty for an orderly end.
  void Close(const std::string& error);

 private:
  // What one pending write may keep: libuv holds this many without allocating.
  static constexpr size_t kPendingIovecs = 4;

  Stream(uv_loop_t* loop, broker::Broker* broker);

  // Where to read; empty: enough for this turn.
  uv_buf_t ReadBuffer();
  void Read(ssize_t bytes, size_t room);
  void Write();
  void WritePending();
  void TellProbes();
  void SetReading(bool wanted);

  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
  } handle_;
  uv_loop_t* const loop_;
  broker::Broker* const broker_;
  broker::Session* session_ = nullptr;  // null while closing
  uv_write_t write_;
  uv_shutdown_t shutdown_;
  std::array<broker::Ref<broker::Block>, kPendingIovecs> pending_;
  uint64_t full_read_turn_ = UINT64_MAX;  // in which a read filled its block
  bool writing_ = false;                  // write_ is under way
  bool reading_ = false;
  bool shut_down_ = false;
  bool peer_ended_ = false;
};

}  // namespace mycelium::bridges

#endif  // MYCELIUM_BRIDGES_STREAM_H_
