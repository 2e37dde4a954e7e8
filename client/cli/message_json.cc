#include "client/cli/message_json.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "client/cli/payload_check.h"
#include "client/cli/payload_text.h"
#include "client/cli/type_pool.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/stubs/logging.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"

namespace mycelium::cli {
namespace {

namespace pb = google::protobuf;
using pb::Descriptor;

constexpr char kTypeUrlPrefix[] = "type.googleapis.com";
// A message's JSON.  A few bytes may stand for a long name many times over.
constexpr size_t kJsonBytesMax = 64 << 20;
// Message types within message types, along which libprotobuf recurses to make
// messages; each takes it about 800 bytes of the stack.
constexpr size_t kReferenceDepthMax = 2'000;
// JSON that is wrong may be long.
constexpr size_t kErrorBytesMax = 300;

// Takes kJsonBytesMax bytes and then no more.
class BoundedStream : public pb::io::ZeroCopyOutputStream {
 public:
  explicit BoundedStream(std::string* out) : stream_(out) {}

  bool Next(void** data, int* size) override {
    full_ = ByteCount() > static_cast<int64_t>(kJsonBytesMax);
    return !full_ && stream_.Next(data, size);
  }
  void BackUp(int count) override { stream_.BackUp(count); }
  int64_t ByteCount() const override { return stream_.ByteCount(); }
  bool full() const { return full_; }

 private:
  pb::io::StringOutputStream stream_;
  bool full_ = false;
};

// How deep a walk from `type` along the message types of its fields goes that
// takes each type once and the fields in their order.
size_t ReferenceDepth(const Descriptor& type) {
  struct Step {
    const Descriptor* type;
    int next_field;
  };
  std::set<const Descriptor*> seen{&type};
  std::vector<Step> way{{&type, 0}};
  size_t deepest = 1;
  while (!way.empty()) {
    Step& step = way.back();
    if (step.next_field == step.type->field_count()) {
      way.pop_back();
      continue;
    }
    const Descriptor* next =
        step.type->field(step.next_field++)->message_type();
    if (next == nullptr || !seen.insert(next).second) continue;
    way.push_back({next, 0});
    deepest = std::max(deepest, way.size());
  }
  return deepest;
}

// libprotobuf's words in one line.  Errors of JSON itself have three: what is
// wrong, what stands around it, and spaces up to a mark below the place.
std::string Reworded(const pb::util::Status& status) {
  std::vector<std::string> lines =
      absl::StrSplit(status.message().ToString(), '\n');
  std::string& text = lines[0];
  if (text.starts_with(": ")) text.erase(0, 2);
  if (text.ends_with('.')) text.pop_back();
  // "MyField: ..." begins with a name, "Unexpected token" does not.
  if (text.find(' ') < text.find(':')) text[0] = absl::ascii_tolower(text[0]);
  // "for type TYPE_INT64"
  const size_t type = text.rfind(" TYPE_");
  if (type != std::string::npos) {
    text = absl::StrCat(text.substr(0, type), " ",
                        absl::AsciiStrToLower(text.substr(type + 6)));
  }
  absl::StrReplaceAll({{"type.googleapis.com/", ""},
                       {": Cannot find field", ": no such field"}},
                      &text);
  if (lines.size() >= 3) {
    const std::string& around = lines[lines.size() - 2];
    const std::string rest =
        around.substr(std::min(lines.back().size() - 1, around.size()));
    absl::StrAppend(&text, rest.empty() ? " at the end" : " at ", rest);
  }
  return Shortened(text, kErrorBytesMax);
}

}  // namespace

MessageJson::MessageJson(std::shared_ptr<const Schema> schema)
    : schema_(std::move(schema)), pool_(BuildTypePool(*schema_)) {
  if (!pool_.ok()) return;
  resolver_.reset(
      pb::util::NewTypeResolverForDescriptorPool(kTypeUrlPrefix, pool_->get()));
}

absl::StatusOr<const Descriptor*> MessageJson::Find(
    const Schema::MessageType& type) const {
  if (!pool_.ok()) return pool_.status();
  const Descriptor* found = (*pool_)->FindMessageTypeByName(type.name);
  if (found != nullptr) return found;
  return absl::InvalidArgumentError(
      absl::StrCat(type.name, " is in a file of protobuf's own name"));
}

absl::StatusOr<MessageJson::Printed> MessageJson::Print(
    const Schema::MessageType& type, std::string_view payload) const {
  absl::StatusOr<const Descriptor*> descriptor = Find(type);
  if (!descriptor.ok()) return descriptor.status();
  const PayloadCheck check = CheckPayload(**descriptor, payload);
  if (!check.is_message) {
    return absl::InvalidArgumentError(absl::StrCat("not a ", type.name));
  }
  Printed printed;
  printed.has_unknown_fields = check.has_unknown_fields;
  pb::LogSilencer silence;
  pb::io::ArrayInputStream in(payload.data(), static_cast<int>(payload.size()));
  BoundedStream out(&printed.json);
  const pb::util::Status status = pb::util::BinaryToJsonStream(
      resolver_.get(), absl::StrCat(kTypeUrlPrefix, "/", type.name), &in, &out);
  if (out.full()) {
    return absl::InvalidArgumentError(
        absl::StrCat("more than ", kJsonBytesMax, " bytes of JSON"));
  }
  if (status.ok()) return printed;
  return absl::InvalidArgumentError(Reworded(status));
}

absl::StatusOr<std::string> MessageJson::Parse(const Schema::MessageType& type,
                                               std::string_view json) const {
  absl::StatusOr<const Descriptor*> descriptor = Find(type);
  if (!descriptor.ok()) return descriptor.status();
  if (ReferenceDepth(**descriptor) > kReferenceDepthMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(type.name, " refers to more than ", kReferenceDepthMax,
                     " message types in a row"));
  }
  pb::LogSilencer silence;
  // JSON becomes a message and not bytes at once, so that the bytes have the
  // order of the field numbers.
  std::unique_ptr<pb::Message> message(
      messages_.GetPrototype(*descriptor)->New());
  const pb::util::Status status =
      pb::util::JsonStringToMessage({json.data(), json.size()}, message.get());
  if (status.ok()) return message->SerializeAsString();
  return absl::InvalidArgumentError(
      absl::StrCat(type.name, ": ", Reworded(status)));
}

}  // namespace mycelium::cli
