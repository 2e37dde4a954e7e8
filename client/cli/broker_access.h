// Connects as the flags say: --url, --timeout_ms.
#ifndef MYCELIUM_CLIENT_CLI_BROKER_ACCESS_H_
#define MYCELIUM_CLIENT_CLI_BROKER_ACCESS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/core/client.h"
#include "client/cpp/mycelium.h"
#include "proto/schema.h"

namespace mycelium::cli {

// The flags that every command takes: --url and --timeout_ms.
std::vector<FlagRule> BrokerFlags(const std::string& timeout_ms);

// One span of time for all that follows.
class Timeout {
 public:
  Timeout();  // --timeout_ms
  explicit Timeout(absl::Duration duration);

  // What is left of it: never negative, infinite without --timeout_ms.
  absl::Duration Left() const;
  // When it is over: kNoDeadline without --timeout_ms.
  core::Deadline End() const;

 private:
  absl::Time end_;
};

// --url or $MYCELIUM_URL; empty: the default socket.
std::string UrlInForce();

// What brokers and their status show is "mycelium pub".  Null: without a
// schema.  In `options` the rest may be set.
absl::StatusOr<Client> ConnectAs(const std::string& command,
                                 const Schema* schema = nullptr,
                                 ClientOptions options = {});

// The same for commands that have to do with bytes alone.
absl::Status ConnectCoreAs(const std::string& command, const Schema* schema,
                           ClientOptions options,
                           std::unique_ptr<core::Client>* client);

absl::Status ToAbsl(const core::Status& status);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_BROKER_ACCESS_H_
