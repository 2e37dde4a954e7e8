#include "proto/handshake.h"

#include <algorithm>
#include <array>

namespace mycelium {
namespace {

struct Row {
  Role receiver;
  SessionState state;
  ControlKind kind;
  SessionState next;
};

constexpr Role kBroker = Role::kBroker;
constexpr Role kClient = Role::kClient;
constexpr SessionState kGreeting = SessionState::kGreeting;
constexpr SessionState kSchemaAsked = SessionState::kSchemaAsked;
constexpr SessionState kOpen = SessionState::kOpen;
constexpr SessionState kClosed = SessionState::kClosed;

constexpr std::array kTable = {
    // What a broker receives.
    Row{kBroker, kGreeting, ControlKind::kHello, kOpen},
    Row{kBroker, kSchemaAsked, ControlKind::kSchema, kOpen},
    Row{kBroker, kSchemaAsked, ControlKind::kClose, kClosed},
    Row{kBroker, kOpen, ControlKind::kSubscribe, kOpen},
    Row{kBroker, kOpen, ControlKind::kUnsubscribe, kOpen},
    Row{kBroker, kOpen, ControlKind::kFlush, kOpen},
    Row{kBroker, kOpen, ControlKind::kPing, kOpen},
    Row{kBroker, kOpen, ControlKind::kPong, kOpen},
    Row{kBroker, kOpen, ControlKind::kAdmin, kOpen},
    Row{kBroker, kOpen, ControlKind::kAck, kOpen},
    Row{kBroker, kOpen, ControlKind::kCancel, kOpen},
    Row{kBroker, kOpen, ControlKind::kClose, kClosed},
    // What a client receives.
    Row{kClient, kGreeting, ControlKind::kWelcome, kOpen},
    Row{kClient, kGreeting, ControlKind::kSchema, kSchemaAsked},
    Row{kClient, kGreeting, ControlKind::kClose, kClosed},
    Row{kClient, kSchemaAsked, ControlKind::kWelcome, kOpen},
    Row{kClient, kSchemaAsked, ControlKind::kClose, kClosed},
    Row{kClient, kOpen, ControlKind::kSubscribed, kOpen},
    Row{kClient, kOpen, ControlKind::kUnsubscribed, kOpen},
    Row{kClient, kOpen, ControlKind::kGap, kOpen},
    Row{kClient, kOpen, ControlKind::kAck, kOpen},
    Row{kClient, kOpen, ControlKind::kHold, kOpen},
    Row{kClient, kOpen, ControlKind::kRelease, kOpen},
    Row{kClient, kOpen, ControlKind::kFlushed, kOpen},
    Row{kClient, kOpen, ControlKind::kPing, kOpen},
    Row{kClient, kOpen, ControlKind::kPong, kOpen},
    Row{kClient, kOpen, ControlKind::kAdmin, kOpen},
    Row{kClient, kOpen, ControlKind::kCancel, kOpen},
    Row{kClient, kOpen, ControlKind::kAddressee, kOpen},
    Row{kClient, kOpen, ControlKind::kClose, kClosed},
};

}  // namespace

Transition OnFrame(Role receiver, SessionState state, uint16_t type_id,
                   uint8_t kind) {
  if (type_id != 0) {
    const bool redelivered = (kind & kRedeliveredFlag) != 0;
    return {state == kOpen && !(redelivered && receiver == kBroker), state};
  }
  const auto* const row =
      std::find_if(kTable.begin(), kTable.end(), [&](const Row& r) {
        return r.receiver == receiver && r.state == state &&
               static_cast<uint8_t>(r.kind) == kind;
      });
  if (row == kTable.end()) return {false, state};
  return {true, row->next};
}

std::string DescribeForbidden(Role receiver, SessionState state,
                              uint16_t type_id, uint8_t kind) {
  const bool broker = receiver == kBroker;
  const char* why = "";
  switch (state) {
    case kGreeting:
      why = broker ? ", allowed HELLO as the first frame"
                   : ", allowed WELCOME, SCHEMA or CLOSE before WELCOME";
      break;
    case kSchemaAsked:
      why = broker ? ", allowed SCHEMA or CLOSE before WELCOME"
                   : ", allowed WELCOME or CLOSE after SCHEMA";
      break;
    case kOpen:
      why = broker ? ", not from a client to a broker"
                   : ", not from a broker to a client";
      break;
    case kClosed:
      why = " after CLOSE";
  }
  return "protocol: " + std::string(KindName(type_id, kind)) + why;
}

}  // namespace mycelium
