// What a command sends: the flags that give a payload (--json, --data, --hex,
// --file, standard input), and the message type that TYPE means.
#ifndef MYCELIUM_CLIENT_CLI_MESSAGE_SOURCE_H_
#define MYCELIUM_CLIENT_CLI_MESSAGE_SOURCE_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "client/cli/arguments.h"
#include "client/cli/broker_access.h"
#include "client/cli/message_json.h"
#include "client/cli/type_word.h"
#include "proto/schema.h"

namespace mycelium::cli {

// --json, --data, --hex, --file.
std::vector<FlagRule> PayloadFlags();

// What TYPE stands for.
struct Target {
  uint16_t type_id = 0;
  std::shared_ptr<const Schema> schema = {};     // null: a session without one
  const Schema::MessageType* type = nullptr;     // of `schema`
  std::shared_ptr<const MessageJson> json = {};  // null: payloads are raw

  // What `text`, which stands in `place`, becomes.
  absl::StatusOr<std::string> Payload(std::string text,
                                      const std::string& place) const;
};

// `json`: whether payloads are JSON.
absl::StatusOr<Target> FindTarget(const Arguments& arguments,
                                  const TypeWord& word, bool json,
                                  const std::string& command,
                                  const Timeout& timeout);

// Where the payload comes from when it is not on the command line.
struct Source {
  struct Close {
    void operator()(FILE* file) const { fclose(file); }
  };
  std::string name = "standard input";
  std::unique_ptr<FILE, Close> file = {};
};

// --file, or else standard input.
absl::Status OpenSource(const Arguments& arguments, Source* source);
absl::Status ReadError(const Source& source, int error);

// InvalidArgument: more than one payload, or none.  The second of
// arguments.words may be "-".
absl::Status CheckPayloadFlags(const Arguments& arguments);

// The payload as the flags give it, and where that stands, for errors.
absl::Status ReadText(const Arguments& arguments, std::string* text,
                      std::string* place);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_MESSAGE_SOURCE_H_
