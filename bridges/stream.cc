#include "bridges/stream.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/limits.h"
#include "glog/logging.h"

namespace mycelium::bridges {
namespace {

Stream* Self(const uv_handle_t* handle) {
  return static_cast<Stream*>(handle->data);
}

}  // namespace

Stream::Stream(uv_loop_t* loop, broker::Broker* broker)
    : loop_(loop), broker_(broker) {}

bool Stream::Open(uv_loop_t* loop, broker::Broker* broker, int fd, bool is_unix,
                  broker::Peer peer, int64_t descriptors_left) {
  broker::Session* const session = broker->Accept(
      std::move(peer), descriptors_left, static_cast<int64_t>(uv_now(loop)));
  if (session == nullptr) {
    close(fd);
    return false;
  }
  auto* const self = new Stream(loop, broker);
  if (is_unix) {
    CHECK_EQ(uv_pipe_init(loop, &self->handle_.pipe, 0), 0);
    CHECK_EQ(uv_pipe_open(&self->handle_.pipe, fd), 0);
  } else {
    CHECK_EQ(uv_tcp_init(loop, &self->handle_.tcp), 0);
    CHECK_EQ(uv_tcp_open(&self->handle_.tcp, fd), 0);
    uv_tcp_nodelay(&self->handle_.tcp, 1);
  }
  self->handle_.any.data = self;
  self->session_ = session;
  session->connection = self;
  self->SetReading(true);
  return true;
}

void Stream::SetReading(bool wanted) {
  if (reading_ == wanted || peer_ended_) return;
  reading_ = wanted;
  if (!wanted) {
    uv_read_stop(&handle_.stream);
    return;
  }
  const auto allocate = [](uv_handle_t* handle, size_t, uv_buf_t* buffer) {
    *buffer = Self(handle)->ReadBuffer();
  };
  const auto read = [](uv_stream_t* stream, ssize_t bytes,
                       const uv_buf_t* buffer) {
    Self(reinterpret_cast<uv_handle_t*>(stream))->Read(bytes, buffer->len);
  };
  CHECK_EQ(uv_read_start(&handle_.stream, allocate, read), 0);
}

// A peer with megabytes in its socket gets one block a turn, so that what was
// read is written while the processor's cache still has it, and nobody waits.
uv_buf_t Stream::ReadBuffer() {
  if (full_read_turn_ == broker_->turn()) return uv_buf_init(nullptr, 0);
  if (broker_->samples_turn()) [[unlikely]]
    broker_->SampledRead(uv_hrtime());
  const std::span<uint8_t> room = session_->ReadBuffer();
  return uv_buf_init(reinterpret_cast<char*>(room.data()),
                     static_cast<unsigned>(room.size()));
}

void Stream::Read(ssize_t bytes, size_t room) {
  if (bytes == UV_ENOBUFS) return;  // ReadBuffer said so
  const auto now_ms = static_cast<int64_t>(uv_now(loop_));
  if (bytes >= 0) {
    if (static_cast<size_t>(bytes) == room) full_read_turn_ = broker_->turn();
    session_->Received(static_cast<size_t>(bytes), now_ms);
    return SetReading(session_->wants_read());
  }
  if (bytes != UV_EOF) return Close(uv_strerror(static_cast<int>(bytes)));
  SetReading(false);
  peer_ended_ = true;
  session_->EndOfInput(now_ms);
  broker_->Touch(session_);
}

void Stream::Update(int64_t now_ms) {
  if (session_->expired(now_ms)) return Close({});
  if (!writing_) Write();
  if (session_ == nullptr) return;
  SetReading(session_->wants_read());
  if (!session_->finished() || writing_) return;
  if (peer_ended_) return Close({});
  if (std::exchange(shut_down_, true)) return;
  uv_shutdown(&shutdown_, &handle_.stream, [](uv_shutdown_t*, int) {});
}

void Stream::Write() {
  static std::array<iovec, kIovecsMax> iovecs;
  static std::array<uv_buf_t, kIovecsMax> buffers;
  while (!session_->outbox.empty()) {
    const size_t count = session_->outbox.Gather(iovecs);
    uint64_t wanted = 0;
    for (size_t i = 0; i < count; ++i) {
      wanted += iovecs[i].iov_len;
      buffers[i] = uv_buf_init(static_cast<char*>(iovecs[i].iov_base),
                               static_cast<unsigned>(iovecs[i].iov_len));
    }
    const int written = uv_try_write(&handle_.stream, buffers.data(),
                                     static_cast<unsigned>(count));
    if (written < 0 && written != UV_EAGAIN) {
      return Close(uv_strerror(written));
    }
    if (written > 0) {
      session_->Written(static_cast<uint64_t>(written));
      TellProbes();
    }
    if (written < 0 || static_cast<uint64_t>(written) < wanted) {
      return WritePending();
    }
  }
}

void Stream::TellProbes() {
  if (broker_->probes_written()) [[unlikely]]
    broker_->ProbesWritten(uv_hrtime());
}

// The socket is full: libuv keeps a little and calls back when that has gone.
void Stream::WritePending() {
  session_->outbox.CompactIfSparse();
  std::array<iovec, kPendingIovecs> iovecs;
  const size_t count = session_->outbox.GatherShared(iovecs, pending_);
  std::array<uv_buf_t, kPendingIovecs> buffers;
  uint64_t bytes = 0;
  for (size_t i = 0; i < count; ++i) {
    bytes += iovecs[i].iov_len;
    buffers[i] = uv_buf_init(static_cast<char*>(iovecs[i].iov_base),
                             static_cast<unsigned>(iovecs[i].iov_len));
  }
  session_->Written(bytes);
  writing_ = true;
  const auto done = [](uv_write_t* request, int status) {
    Stream* const self = Self(reinterpret_cast<uv_handle_t*>(request->handle));
    self->writing_ = false;
    self->pending_ = {};
    if (self->session_ == nullptr) return;
    self->TellProbes();
    if (status < 0) return self->Close(uv_strerror(status));
    self->broker_->Touch(self->session_);
  };
  const int error = uv_write(&write_, &handle_.stream, buffers.data(),
                             static_cast<unsigned>(count), done);
  if (error != 0) {
    writing_ = false;
    Close(uv_strerror(error));
  }
}

void Stream::Close(const std::string& error) {
  if (session_ == nullptr) return;
  broker_->Ended(std::exchange(session_, nullptr), error);
  uv_close(&handle_.any, [](uv_handle_t* handle) { delete Self(handle); });
}

}  // namespace mycelium::bridges
