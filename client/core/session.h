// The client's half of the protocol: bytes in, events out.  No I/O, no clock,
// no thread.  A new connection begins with a new Session; what a client sends
// is in control_body.h.
//
// Not thread-safe: belongs to whoever reads the connection.
#ifndef MYCELIUM_CLIENT_CORE_SESSION_H_
#define MYCELIUM_CLIENT_CORE_SESSION_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "client/core/control_body.h"
#include "proto/frame.h"
#include "proto/handshake.h"

namespace mycelium::core {

// Whole data frames of one type, kind and topic, side by side in the input.
struct FrameRun {
  std::span<const uint8_t> bytes;

  FrameHeader first() const { return LoadHeader(bytes.data()); }
  std::string_view topic() const {
    return FrameView{first(), bytes.data()}.topic();
  }
};

class Session {
 public:
  struct NeedMore {
    // The whole frame that the input begins with; 0: not even its header is
    // there.
    uint64_t frame_bytes = 0;
  };
  // Answers carry the id of their request.
  struct Subscribed {
    uint64_t request_id;
    SubscribedBody body;
  };
  struct Flushed {
    uint64_t request_id;
  };
  struct Ping {
    uint64_t id;  // the PONG's
  };
  struct Pong {
    uint64_t request_id;
  };
  struct Cancel {
    uint64_t id;  // of a REQUEST that this client was asked
  };
  struct AdminReply {
    uint64_t request_id;
    std::span<const uint8_t> body;
  };
  // The peer broke the protocol: close with CODE_PROTOCOL and these words.
  struct ProtocolError {
    std::string reason;
  };
  using Event =
      std::variant<NeedMore, FrameRun, SchemaBody, WelcomeBody, Subscribed,
                   UnsubscribedBody, GapBody, AckBody, HoldBody, ReleaseBody,
                   Flushed, Ping, Pong, Cancel, AddresseeBody, AdminReply,
                   CloseBody, ProtocolError>;

  // What `input` begins with; its spans live as long as `input`.  Returns how
  // many bytes of `input` it took: 0 for NeedMore, after which the same bytes
  // are to come again with more behind them.
  // REQUIRES: the last event was neither CloseBody nor ProtocolError.
  size_t Next(std::span<const uint8_t> input, Event* event);

  SessionState state() const { return state_; }

 private:
  size_t RunBytes(std::span<const uint8_t> input, const FrameView& first) const;
  Event OnControl(const FrameView& frame);
  Event OnWelcome(std::span<const uint8_t> body);

  SessionState state_ = SessionState::kGreeting;
  FrameReader reader_{kGreetingBytesMax};  // WELCOME says more
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SESSION_H_
