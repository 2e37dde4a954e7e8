#include "client/core/fake_broker.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "config/limits.h"
#include "gtest/gtest.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::core {
namespace {

constexpr int kLongMs = 20'000;

void AwaitReady(int descriptor, int16_t events) {
  pollfd ready{.fd = descriptor, .events = events, .revents = 0};
  if (poll(&ready, 1, kLongMs) == 1) return;
  ADD_FAILURE() << "the client neither wrote nor read for " << kLongMs << " ms";
  abort();
}

std::string Frame(const FrameHeader& header, std::string_view topic,
                  std::string_view payload) {
  std::string bytes(kHeaderBytes, '\0');
  StoreHeader(header, reinterpret_cast<uint8_t*>(bytes.data()));
  return bytes.append(topic).append(payload);
}

}  // namespace

std::string ControlFrame(ControlKind kind, std::string_view body, uint64_t id) {
  return Frame({static_cast<uint32_t>(body.size()), 0,
                static_cast<uint8_t>(kind), 0, id},
               {}, body);
}

std::string FrameOfKind(uint8_t kind, uint16_t type_id, std::string_view topic,
                        std::string_view payload, uint64_t id) {
  return Frame({static_cast<uint32_t>(topic.size() + payload.size()), type_id,
                kind, static_cast<uint8_t>(topic.size()), id},
               topic, payload);
}

std::string DataFrame(uint16_t type_id, std::string_view topic,
                      std::string_view payload, uint64_t sequence) {
  return FrameOfKind(static_cast<uint8_t>(DataKind::kPublish), type_id, topic,
                     payload, sequence);
}

std::string AddresseeFrame(uint32_t subscription_id) {
  wire::Addressee addressee;
  addressee.set_subscription_id(subscription_id);
  return ControlFrame(ControlKind::kAddressee, addressee.SerializeAsString());
}

FakeBroker::FakeBroker() {
  char directory[] = "/var/tmp/mycXXXXXX";
  EXPECT_NE(mkdtemp(directory), nullptr);
  directory_ = directory;
  const std::string path = directory_ + "/s";
  url_ = "unix:" + path;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&address),
                 sizeof address),
            0);
  EXPECT_EQ(listen(listener_, 8), 0);
}

FakeBroker::~FakeBroker() {
  Hangup();
  StopListening();
  unlink((directory_ + "/s").c_str());
  rmdir(directory_.c_str());
}

std::unique_ptr<Client> FakeBroker::Connect(const ClientOptions& options,
                                            const Greeting& greeting) {
  std::unique_ptr<Client> client;
  std::thread connecting([&] {
    const Status status = Client::Connect(url_, options, &client);
    EXPECT_TRUE(status.ok()) << status.message;
  });
  Greet(greeting);
  connecting.join();
  return client;
}

std::string FakeBroker::Greet(const Greeting& greeting) {
  Hangup();
  Accept();
  const WireFrame frame = Read();
  EXPECT_TRUE(frame.Is(ControlKind::kHello));
  wire::Hello hello;
  EXPECT_TRUE(hello.ParseFromString(frame.payload));
  wire::Welcome welcome;
  welcome.set_version_major(kVersionMajor);
  welcome.set_session_id(12);
  welcome.set_epoch(greeting.epoch);
  welcome.set_broker_name("fake");
  welcome.set_broker_version("0.1");
  welcome.set_resumed(greeting.resumed);
  welcome.set_last_publish_id(greeting.last_publish_id);
  wire::Limits* const limits = welcome.mutable_limits();
  limits->set_frame_bytes_max(kFrameBytesMaxDefault);
  limits->set_resume_window_ms(greeting.resume_window_ms);
  limits->set_idle_timeout_ms(greeting.idle_timeout_ms);
  Send(ControlFrame(ControlKind::kWelcome, welcome.SerializeAsString()));
  return hello.instance_id();
}

void FakeBroker::Accept() {
  input_.clear();
  at_end_ = false;
  AwaitReady(listener_, POLLIN);
  session_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  ASSERT_GE(session_, 0);
}

void FakeBroker::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    AwaitReady(session_, POLLOUT);
    const ssize_t sent =
        send(session_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EPIPE) return;
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

size_t FakeBroker::SendSome(std::string_view bytes) {
  const ssize_t sent =
      send(session_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent < 0 ? 0 : static_cast<size_t>(sent);
}

WireFrame FakeBroker::Read() {
  while (true) {
    FrameView view;
    const auto* bytes = reinterpret_cast<const uint8_t*>(input_.data());
    if (FrameReader(kFrameBytesMaxDefault)
            .Next({bytes, input_.size()}, &view) == FrameStatus::kFrame) {
      WireFrame frame{view.header,
                      std::string(view.topic()),
                      {view.payload().begin(), view.payload().end()}};
      input_.erase(0, view.frame_bytes());
      return frame;
    }
    AwaitReady(session_, POLLIN);
    char piece[4096];
    const ssize_t got = recv(session_, piece, sizeof piece, 0);
    at_end_ = got <= 0;
    if (at_end_) return {};
    input_.append(piece, static_cast<size_t>(got));
  }
}

WireFrame FakeBroker::ReadControl(ControlKind kind) {
  while (true) {
    WireFrame frame = Read();
    if (at_end_) ADD_FAILURE() << "end of the stream";
    if (at_end_ || frame.Is(kind)) return frame;
  }
}

size_t FakeBroker::UnreadBytes() const {
  int bytes = 0;
  EXPECT_EQ(ioctl(session_, FIONREAD, &bytes), 0);
  return input_.size() + static_cast<size_t>(bytes);
}

void FakeBroker::Hangup() {
  if (session_ >= 0) close(session_);
  session_ = -1;
}

void FakeBroker::StopListening() {
  if (listener_ >= 0) close(listener_);
  listener_ = -1;
}

uint32_t FakeBroker::AnswerSubscribe(const std::map<uint16_t, uint64_t>& starts,
                                     std::string_view behind) {
  const WireFrame frame = ReadControl(ControlKind::kSubscribe);
  wire::Subscribe subscribe;
  EXPECT_TRUE(subscribe.ParseFromString(frame.payload));
  wire::Subscribed subscribed;
  subscribed.set_subscription_id(subscribe.subscription_id());
  for (const auto& [type_id, sequence] : starts) {
    auto* const start = subscribed.add_starts();
    start->set_type_id(type_id);
    start->set_sequence(sequence);
  }
  Send(ControlFrame(ControlKind::kSubscribed, subscribed.SerializeAsString(),
                    frame.header.id)
           .append(behind));
  return subscribe.subscription_id();
}

void FakeBroker::AnswerFlush() {
  const WireFrame frame = ReadControl(ControlKind::kFlush);
  Send(ControlFrame(ControlKind::kFlushed, {}, frame.header.id));
}

void FakeBroker::SendAck(uint64_t publish_id) {
  wire::Ack ack;
  ack.set_publish_id(publish_id);
  Send(ControlFrame(ControlKind::kAck, ack.SerializeAsString()));
}

}  // namespace mycelium::core
