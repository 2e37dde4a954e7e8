// What a payload says: its type's name and the message as JSON.
//
// Not thread-safe: belongs to whoever prints.
#ifndef MYCELIUM_CLIENT_CLI_FRAME_DECODER_H_
#define MYCELIUM_CLIENT_CLI_FRAME_DECODER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/cli/admin_call.h"
#include "client/cli/broker_access.h"
#include "client/cli/message_json.h"

namespace mycelium::cli {

struct Decoded {
  std::string name;  // empty: nobody knows the type
  std::string json;  // of the message; empty: there is none
  std::string note;  // why, although the type is known
};

class FrameDecoder {
 public:
  // Knows the types of `json`, and no others.
  explicit FrameDecoder(std::shared_ptr<const MessageJson> json);
  // Asks a broker: where the type is unknown or the message has fields that
  // are, at most once a second for each type.  It waits for the answer, so
  // that already the first frame of a publisher with a new schema is shown; the
  // broker had the schema before the frame.
  explicit FrameDecoder(AdminCall call,
                        std::function<absl::Time()> now = absl::Now);

  Decoded Decode(uint16_t type_id, std::string_view payload);

 private:
  struct Type {
    std::shared_ptr<const MessageJson> json;    // null: unknown
    const Schema::MessageType* type = nullptr;  // of `json`
    uint64_t schema_number = 0;                 // at the broker
    absl::Time ask_after = absl::InfinitePast();
  };
  struct Newest {
    uint64_t schema_number;
    Digest digest;
  };

  static Decoded Show(const Type& type, std::string_view payload,
                      bool* lacks_fields);
  bool Learn(uint16_t type_id, Type* type);
  absl::StatusOr<std::shared_ptr<const MessageJson>> JsonOf(
      const Digest& digest, const Timeout& timeout);

  const AdminCall call_;  // empty: nobody to ask
  const std::function<absl::Time()> now_;
  std::unordered_map<uint16_t, Type> types_;
  // What the broker told, up to schema last_number_.
  std::unordered_map<uint16_t, Newest> newest_;
  uint64_t last_number_ = 0;
};

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_FRAME_DECODER_H_
