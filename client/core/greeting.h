// The first exchange on a new connection: HELLO out, WELCOME in, and between
// them the schema if the broker asks for it.  Belongs to whoever connects;
// blocks up to the deadline.
#ifndef MYCELIUM_CLIENT_CORE_GREETING_H_
#define MYCELIUM_CLIENT_CORE_GREETING_H_

#include <cstdint>
#include <string_view>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/input_buffer.h"
#include "client/core/session.h"
#include "client/core/waker.h"

namespace mycelium::core {

// `name` as status and logs show it; empty: the program's.
Status CheckName(std::string_view name);

// Whether a client that is closed with this code does not connect again.
bool IsFinal(CloseCode code);

// What a failed greeting says about the next one.
struct Refusal {
  bool is_final = false;
  uint32_t retry_after_ms = 0;  // not before that
};

// kOk: the session is open, and *input holds what came behind WELCOME.  The
// error begins with "connect `url`: "; kCancelled: the interrupter, if there is
// one, has been woken.
// REQUIRES: CheckName accepts what `options` says.
// `last` is what this client has been welcomed with before.
Status Greet(int socket, std::string_view url, const ClientOptions& options,
             const LastWelcome& last, Deadline deadline,
             const Waker* interrupter, Session* session, InputBuffer* input,
             WelcomeBody* welcome, Refusal* refusal);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_GREETING_H_
