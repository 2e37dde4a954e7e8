// What becomes of the connection, told on standard error.
#ifndef MYCELIUM_CLIENT_CLI_CONNECTION_STATE_H_
#define MYCELIUM_CLIENT_CLI_CONNECTION_STATE_H_

#include <functional>
#include <string>

#include "client/core/client.h"

namespace mycelium::cli {

// The line for a change, with its newline; empty: nothing worth a word.
std::string StateLine(const std::string& command, core::State before,
                      core::State now, const core::Status& status);

// For ClientOptions::on_state.
std::function<void(core::State, const core::Status&)> StatePrinter(
    const std::string& command);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_CONNECTION_STATE_H_
