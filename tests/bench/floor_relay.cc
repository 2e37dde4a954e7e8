// The floor under mycelium-brokerd: the least that a libuv program can do
// between a publisher and its subscribers.  It moves bytes blindly: no frames,
// no sessions, no queues.  Each pass of the loop gathers what the publisher
// sent in one block and writes it once to every subscriber.  While a subscriber
// does not take all of a block, the next one is filled, and then the publisher
// is not read.
//
// One thread.  Roles: relay_role.h.
#include <sys/un.h>
#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "gflags/gflags.h"
#include "tests/bench/endpoint.h"
#include "tests/bench/relay_role.h"

DEFINE_string(listen, "", "unix:/path or tcp://127.0.0.1:port");

namespace mycelium::bench {
namespace {

// One read: more than a Unix socket's buffer holds (208 KiB).
constexpr size_t kBlockBytes = 256 << 10;
constexpr int kBacklog = 128;

struct Block {
  size_t filled_bytes = 0;
  uint8_t bytes[kBlockBytes];
};

class Relay;

// Belongs to its relay until closed, then to libuv until the close callback.
struct Connection {
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&handle); }

  Relay* relay;
  uv_any_handle handle;
  RelayRole role = RelayRole::kNone;
  std::shared_ptr<Block> block;    // what it sent and nobody got yet
  std::shared_ptr<Block> leaving;  // what some target has not taken whole
  bool paused = false;             // not read while both blocks are full
  uv_write_t write;
  std::shared_ptr<Block> writing;  // what this write is of; usually none
};

void CheckUv(int result, const std::string& subject) {
  if (result < 0) Fail(subject + ": " + uv_strerror(result));
}

class Relay {
 public:
  void Run(const std::string& url);

 private:
  static void OnConnection(uv_stream_t* listener, int status);
  static void OnRoom(uv_handle_t* handle, size_t, uv_buf_t* room);
  static void OnRead(uv_stream_t* stream, ssize_t bytes, const uv_buf_t*);
  static void OnPassEnd(uv_check_t* check);
  static void OnWritten(uv_write_t* write, int status);

  void InitHandle(uv_any_handle* handle);
  bool TakeRole(Connection* connection);
  bool Feeds(const Connection& source, const Connection& target) const;
  void ForwardAll();
  void Forward(Connection* source);
  void WriteTo(Connection* target, const std::shared_ptr<Block>& block);
  void Pause(Connection* source);
  void Resume(Connection* source);
  void Close(Connection* connection);

  uv_loop_t loop_;
  uv_check_t pass_end_;
  uv_any_handle listener_;
  bool tcp_ = false;
  std::vector<Connection*> connections_;
};

void Relay::InitHandle(uv_any_handle* handle) {
  int result = tcp_ ? uv_tcp_init(&loop_, &handle->tcp)
                    : uv_pipe_init(&loop_, &handle->pipe, 0);
  CheckUv(result, "socket");
}

void Relay::Run(const std::string& url) {
  Endpoint endpoint = ParseEndpoint(url);
  tcp_ = endpoint.tcp();
  CheckUv(uv_loop_init(&loop_), "loop");
  CheckUv(uv_check_init(&loop_, &pass_end_), "loop");
  pass_end_.data = this;
  CheckUv(uv_check_start(&pass_end_, OnPassEnd), "loop");
  InitHandle(&listener_);
  auto* listener = reinterpret_cast<uv_stream_t*>(&listener_);
  listener->data = this;
  auto* address = reinterpret_cast<sockaddr*>(&endpoint.address);
  int result =
      tcp_ ? uv_tcp_bind(&listener_.tcp, address, 0)
           : uv_pipe_bind(&listener_.pipe,
                          reinterpret_cast<sockaddr_un*>(address)->sun_path);
  CheckUv(result, url);
  CheckUv(uv_listen(listener, kBacklog, OnConnection), url);
  std::fprintf(stderr, "listening on %s\n", url.c_str());
  uv_run(&loop_, UV_RUN_DEFAULT);
}

void Relay::OnConnection(uv_stream_t* listener, int status) {
  CheckUv(status, "accept");
  auto* relay = static_cast<Relay*>(listener->data);
  auto* connection = new Connection;
  connection->relay = relay;
  relay->InitHandle(&connection->handle);
  connection->stream()->data = connection;
  connection->block = std::make_shared<Block>();
  CheckUv(uv_accept(listener, connection->stream()), "accept");
  if (relay->tcp_) CheckUv(uv_tcp_nodelay(&connection->handle.tcp, 1), "tcp");
  relay->connections_.push_back(connection);
  CheckUv(uv_read_start(connection->stream(), OnRoom, OnRead), "read");
}

void Relay::OnRoom(uv_handle_t* handle, size_t, uv_buf_t* room) {
  Block* block = static_cast<Connection*>(handle->data)->block.get();
  *room =
      uv_buf_init(reinterpret_cast<char*>(block->bytes) + block->filled_bytes,
                  kBlockBytes - block->filled_bytes);
}

void Relay::OnRead(uv_stream_t* stream, ssize_t bytes, const uv_buf_t*) {
  auto* connection = static_cast<Connection*>(stream->data);
  Relay* relay = connection->relay;
  if (bytes < 0) {
    // What the targets do not take now ends with its source.
    relay->Forward(connection);
    relay->Close(connection);
    return;
  }
  connection->block->filled_bytes += static_cast<size_t>(bytes);
  if (connection->role == RelayRole::kNone && bytes > 0 &&
      !relay->TakeRole(connection)) {
    relay->Close(connection);
    return;
  }
  // libuv reads on while a read fills all of the room.
  if (connection->block->filled_bytes == kBlockBytes)
    relay->Forward(connection);
}

bool Relay::TakeRole(Connection* connection) {
  Block* block = connection->block.get();
  auto role = static_cast<RelayRole>(block->bytes[0]);
  auto taken = std::count_if(
      connections_.begin(), connections_.end(),
      [&](const Connection* other) { return other->role == role; });
  bool known = (role == RelayRole::kPublisher && taken < 1) ||
               (role == RelayRole::kPartner && taken < 2) ||
               role == RelayRole::kSubscriber;
  if (!known || block->filled_bytes != 1) return false;
  uv_buf_t answer = uv_buf_init(reinterpret_cast<char*>(block->bytes), 1);
  if (uv_try_write(connection->stream(), &answer, 1) != 1) return false;
  block->filled_bytes = 0;
  connection->role = role;
  return true;
}

void Relay::OnPassEnd(uv_check_t* check) {
  static_cast<Relay*>(check->data)->ForwardAll();
}

void Relay::ForwardAll() {
  for (Connection* connection : connections_)
    if (connection->block->filled_bytes > 0) Forward(connection);
}

bool Relay::Feeds(const Connection& source, const Connection& target) const {
  if (source.role == RelayRole::kPublisher)
    return target.role == RelayRole::kSubscriber;
  return source.role == RelayRole::kPartner &&
         target.role == RelayRole::kPartner && &source != &target;
}

void Relay::Forward(Connection* source) {
  if (source->leaving.use_count() > 1) {
    if (source->block->filled_bytes == kBlockBytes) Pause(source);
    return;
  }
  for (Connection* target : connections_)
    if (Feeds(*source, *target)) WriteTo(target, source->block);
  if (source->block.use_count() > 1) {
    std::swap(source->block, source->leaving);
    if (source->block == nullptr) source->block = std::make_shared<Block>();
  }
  source->block->filled_bytes = 0;
  Resume(source);
}

void Relay::Pause(Connection* source) {
  if (source->paused) return;
  source->paused = true;
  uv_read_stop(source->stream());
}

void Relay::Resume(Connection* source) {
  if (!source->paused) return;
  source->paused = false;
  CheckUv(uv_read_start(source->stream(), OnRoom, OnRead), "read");
}

void Relay::WriteTo(Connection* target, const std::shared_ptr<Block>& block) {
  uv_buf_t bytes =
      uv_buf_init(reinterpret_cast<char*>(block->bytes), block->filled_bytes);
  int written = uv_try_write(target->stream(), &bytes, 1);
  if (written == static_cast<int>(bytes.len)) return;
  if (written > 0) {
    bytes.base += written;
    bytes.len -= static_cast<size_t>(written);
  }
  target->write.data = target;
  // A broken connection is closed when its read ends.
  if (uv_write(&target->write, target->stream(), &bytes, 1, OnWritten) == 0)
    target->writing = block;
}

void Relay::OnWritten(uv_write_t* write, int status) {
  auto* target = static_cast<Connection*>(write->data);
  target->writing.reset();
  // Cancelled by a close it comes after the end of the pass, which otherwise
  // goes on with what the source has sent since.
  if (status == UV_ECANCELED) target->relay->ForwardAll();
}

void Relay::Close(Connection* connection) {
  std::erase(connections_, connection);
  uv_close(reinterpret_cast<uv_handle_t*>(connection->stream()),
           [](uv_handle_t* handle) {
             delete static_cast<Connection*>(handle->data);
           });
}

}  // namespace
}  // namespace mycelium::bench

int main(int argc, char** argv) {
  gflags::SetUsageMessage("the least that moves bytes from one to many");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  std::signal(SIGPIPE, SIG_IGN);
  mycelium::bench::Relay relay;
  relay.Run(FLAGS_listen);
}
