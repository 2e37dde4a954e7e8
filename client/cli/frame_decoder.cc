#include "client/cli/frame_decoder.h"

#include <utility>

#include "client/cli/broker_schemas.h"

namespace mycelium::cli {
namespace {

constexpr absl::Duration kAskInterval = absl::Seconds(1);
constexpr absl::Duration kAnswerTimeout = absl::Seconds(1);

}  // namespace

FrameDecoder::FrameDecoder(std::shared_ptr<const MessageJson> json) {
  for (const Schema::MessageType& type : json->schema().types()) {
    types_[type.type_id] = {.json = json, .type = &type};
  }
}

FrameDecoder::FrameDecoder(AdminCall call, std::function<absl::Time()> now)
    : call_(std::move(call)), now_(std::move(now)) {}

Decoded FrameDecoder::Decode(uint16_t type_id, std::string_view payload) {
  Type& type = types_[type_id];
  bool lacks_fields = false;
  Decoded decoded = Show(type, payload, &lacks_fields);
  if (call_ == nullptr || (type.json != nullptr && !lacks_fields)) {
    return decoded;
  }
  const absl::Time now = now_();
  if (now < type.ask_after) return decoded;
  type.ask_after = now + kAskInterval;
  return Learn(type_id, &type) ? Show(type, payload, &lacks_fields) : decoded;
}

Decoded FrameDecoder::Show(const Type& type, std::string_view payload,
                           bool* lacks_fields) {
  if (type.json == nullptr) return {};
  absl::StatusOr<MessageJson::Printed> printed =
      type.json->Print(*type.type, payload);
  if (!printed.ok()) {
    return {type.type->name, "", std::string(printed.status().message())};
  }
  *lacks_fields = printed->has_unknown_fields;
  return {type.type->name, std::move(printed->json), ""};
}

// True: `type` is another now.
bool FrameDecoder::Learn(uint16_t type_id, Type* type) {
  const Timeout timeout(kAnswerTimeout);
  absl::StatusOr<std::vector<wire::KnownSchema>> schemas =
      ListSchemas(call_, last_number_, timeout);
  if (!schemas.ok()) return false;
  for (const wire::KnownSchema& schema : *schemas) {
    last_number_ = schema.number();
    for (const wire::KnownMessageType& known : schema.types()) {
      newest_[static_cast<uint16_t>(known.type_id())] = {
          schema.number(), *ToDigest(schema.schema_digest())};
    }
  }
  const auto it = newest_.find(type_id);
  if (it == newest_.end() || it->second.schema_number <= type->schema_number) {
    return false;
  }
  const Newest newest = it->second;
  auto json = JsonOf(newest.digest, timeout);
  if (!json.ok()) {
    // It may have forgotten that schema since it told of it: the next list is
    // a whole one.
    newest_.clear();
    last_number_ = 0;
    return false;
  }
  const Schema::MessageType* found = (*json)->schema().FindType(type_id);
  if (found == nullptr) return false;
  type->json = *std::move(json);
  type->type = found;
  type->schema_number = newest.schema_number;
  return true;
}

absl::StatusOr<std::shared_ptr<const MessageJson>> FrameDecoder::JsonOf(
    const Digest& digest, const Timeout& timeout) {
  for (const auto& [id, type] : types_) {
    if (type.json != nullptr && type.json->schema().digest() == digest) {
      return type.json;
    }
  }
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      FetchSchema(call_, digest, timeout);
  if (!schema.ok()) return schema.status();
  return std::make_shared<const MessageJson>(*std::move(schema));
}

}  // namespace mycelium::cli
