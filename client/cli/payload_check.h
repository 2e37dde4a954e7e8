// Whether bytes are a message of their type, by the rules that every decoder of
// Mycelium keeps.  libprotobuf's way from bytes to JSON has to be guarded by
// it: it shows the beginning of a message that was cut off, and follows Anys
// within Anys without end.  Pure and thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_PAYLOAD_CHECK_H_
#define MYCELIUM_CLIENT_CLI_PAYLOAD_CHECK_H_

#include <string_view>

#include "google/protobuf/descriptor.h"

namespace mycelium::cli {

struct PayloadCheck {
  // It parses: whole fields, UTF-8 in strings, not nested too deep.
  bool is_message = false;
  // Somewhere in it is a field that `type` does not have.
  bool has_unknown_fields = false;
};

// Looks into Anys, too, whose type is in the pool of `type`.
PayloadCheck CheckPayload(const google::protobuf::Descriptor& type,
                          std::string_view payload);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_PAYLOAD_CHECK_H_
