// A broker by hand, for tests: a Unix listener and one session, of which the
// test reads and writes every frame itself.  Whatever takes too long ends the
// test with a failure.  Not thread-safe, but may be used by one thread after
// the other.
#ifndef MYCELIUM_CLIENT_CORE_FAKE_BROKER_H_
#define MYCELIUM_CLIENT_CORE_FAKE_BROKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/core/client.h"
#include "proto/frame.h"

namespace mycelium::core {

struct WireFrame {
  FrameHeader header{};
  std::string topic;
  std::string payload;

  bool Is(ControlKind kind) const {
    return header.type_id == 0 && header.kind == static_cast<uint8_t>(kind);
  }
};

std::string ControlFrame(ControlKind kind, std::string_view body = {},
                         uint64_t id = 0);
std::string DataFrame(uint16_t type_id, std::string_view topic,
                      std::string_view payload, uint64_t sequence);
// Of a kind other than PUBLISH, which may have kRedeliveredFlag.
std::string FrameOfKind(uint8_t kind, uint16_t type_id, std::string_view topic,
                        std::string_view payload, uint64_t id);
// ADDRESSEE: what follows is for that subscription; 0: for all again.
std::string AddresseeFrame(uint32_t subscription_id);

// What WELCOME says.
struct Greeting {
  uint64_t epoch = 5;
  bool resumed = false;
  uint64_t last_publish_id = 0;
  uint32_t resume_window_ms = 30'000;
  uint32_t idle_timeout_ms = 0;
};

class FakeBroker {
 public:
  FakeBroker();
  FakeBroker(const FakeBroker&) = delete;
  FakeBroker& operator=(const FakeBroker&) = delete;
  ~FakeBroker();

  const std::string& url() const { return url_; }

  // A client that this broker has greeted.
  std::unique_ptr<Client> Connect(const ClientOptions& options = {},
                                  const Greeting& greeting = {});
  // The next connection in place of the one before; the instance_id of its
  // HELLO.
  std::string Greet(const Greeting& greeting = {});

  void Accept();
  void Send(std::string_view bytes);
  // Sends what the client takes without being waited for; how much that was.
  size_t SendSome(std::string_view bytes);
  // The next frame; end_of_stream() if there is none.
  WireFrame Read();
  // The next frame of that kind, behind others that are forgotten.
  WireFrame ReadControl(ControlKind kind);
  bool end_of_stream() const { return at_end_; }
  // What has arrived and was not read yet.
  size_t UnreadBytes() const;
  void Hangup();
  void StopListening();

  // Answers the next SUBSCRIBE, with `starts` and `behind` it in the same
  // write; its subscription id.
  uint32_t AnswerSubscribe(const std::map<uint16_t, uint64_t>& starts = {},
                           std::string_view behind = {});
  void AnswerFlush();
  void SendAck(uint64_t publish_id);

 private:
  std::string directory_;
  std::string url_;
  int listener_ = -1;
  int session_ = -1;
  std::string input_;
  bool at_end_ = false;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_FAKE_BROKER_H_
