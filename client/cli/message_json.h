// The messages of one schema as JSON and back: proto3's own mapping, in which
// names are lowerCamelCase, 64-bit numbers strings, bytes base64, and what has
// its default value is left out.  Thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_MESSAGE_JSON_H_
#define MYCELIUM_CLIENT_CLI_MESSAGE_JSON_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/dynamic_message.h"
#include "google/protobuf/util/type_resolver.h"
#include "proto/schema.h"

namespace mycelium::cli {

class MessageJson {
 public:
  // If libprotobuf does not take the schema's descriptors, Print and Parse say
  // so.
  explicit MessageJson(std::shared_ptr<const Schema> schema);

  const Schema& schema() const { return *schema_; }

  struct Printed {
    std::string json;  // one line
    // The payload has fields that the schema lacks; they are not in `json`.
    bool has_unknown_fields = false;
  };
  // InvalidArgument: "not a chat.TextMessage", or what JSON can't say.
  // REQUIRES: `type` is one of the schema's.
  absl::StatusOr<Printed> Print(const Schema::MessageType& type,
                                std::string_view payload) const;

  // The payload that `json` stands for.  InvalidArgument names what is wrong
  // in it.
  // REQUIRES: `type` is one of the schema's.
  absl::StatusOr<std::string> Parse(const Schema::MessageType& type,
                                    std::string_view json) const;

 private:
  absl::StatusOr<const google::protobuf::Descriptor*> Find(
      const Schema::MessageType& type) const;

  const std::shared_ptr<const Schema> schema_;
  const absl::StatusOr<std::unique_ptr<const google::protobuf::DescriptorPool>>
      pool_;
  std::unique_ptr<google::protobuf::util::TypeResolver> resolver_;
  mutable google::protobuf::DynamicMessageFactory messages_;
};

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_MESSAGE_JSON_H_
