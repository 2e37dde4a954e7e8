// What stands between this process and a broker, found out with plain system
// calls, step by step, and told in words.  Asks for nothing that needs a
// permission.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_SOCKET_CHECK_H_
#define MYCELIUM_CLIENT_CLI_SOCKET_CHECK_H_

#include <string>
#include <vector>

namespace mycelium::cli {

struct Finding {
  enum class Kind { kOk, kProblem, kNotChecked };
  Kind kind = Kind::kOk;
  std::string subject;  // "socket"
  std::string text;     // what was seen
  std::string remedy;   // what to do or type; empty: nothing
};

// From the url's form to the broker's WELCOME.  Ends with the first problem.
// `url` empty: the default socket.
std::vector<Finding> CheckSocket(const std::string& url, int timeout_ms);

// Whether any is one.
bool AnyProblem(const std::vector<Finding>& findings);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_SOCKET_CHECK_H_
