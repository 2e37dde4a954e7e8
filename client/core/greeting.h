// The first exchange on a new connection: HELLO out, WELCOME in, and between
// them the schema if the broker asks for it.  Belongs to whoever connects;
// blocks up to the deadline.
#ifndef MYCELIUM_CLIENT_CORE_GREETING_H_
#define MYCELIUM_CLIENT_CORE_GREETING_H_

#include <string_view>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/input_buffer.h"
#include "client/core/session.h"

namespace mycelium::core {

// `name` as status and logs show it; empty: the program's.
Status CheckName(std::string_view name);

// kOk: the session is open, and *input holds what came behind WELCOME.  The
// error begins with "connect `url`: ".
// REQUIRES: CheckName accepts what `options` says.
Status Greet(int socket, std::string_view url, const ClientOptions& options,
             Deadline deadline, Session* session, InputBuffer* input,
             WelcomeBody* welcome);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_GREETING_H_
