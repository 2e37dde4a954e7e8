// Which frame may come when: one transition table for both roles.  A pair that
// is not listed is a protocol error.  Pure; standard library only.
#ifndef MYCELIUM_PROTO_HANDSHAKE_H_
#define MYCELIUM_PROTO_HANDSHAKE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/frame.h"

namespace mycelium {

// Who receives the frame.
enum class Role : uint8_t { kBroker, kClient };

enum class SessionState : uint8_t {
  kGreeting,     // broker: no HELLO yet.  client: HELLO sent, no WELCOME yet
  kSchemaAsked,  // the broker has asked for the schema that HELLO named
  kOpen,
  kClosed,  // CLOSE has been sent or received: nothing is read any more
};

struct Transition {
  bool allowed;
  // A broker that answers HELLO with SCHEMA is in kSchemaAsked instead.
  SessionState next;
};

// What a whole frame of this type id and kind does to a session.  The header
// has passed FrameReader.
Transition OnFrame(Role role, SessionState state, uint16_t type_id,
                   uint8_t kind);

// "protocol: PUBLISH, allowed HELLO as the first frame": for a pair that
// OnFrame does not allow.
std::string DescribeForbidden(Role role, SessionState state, uint16_t type_id,
                              uint8_t kind);

}  // namespace mycelium

#endif  // MYCELIUM_PROTO_HANDSHAKE_H_
