#include "client/cli/broker_schemas.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/schema_text.h"

namespace mycelium::cli {
namespace {

// More than any broker is likely to take, less than what would hurt here.
constexpr uint32_t kDescriptorSetBytesMax = 64 << 20;

absl::Status BadReply(const std::string& what) {
  return absl::InternalError(absl::StrCat("the broker's reply: ", what));
}

// The types that the page of a list had no room for.
void CompleteTypes(const AdminCall& call, const Timeout& timeout,
                   wire::KnownSchema* listed) {
  if (static_cast<int64_t>(listed->types_total()) <= listed->types_size()) {
    return;
  }
  absl::StatusOr<std::shared_ptr<const Schema>> schema =
      FetchSchema(call, *ToDigest(listed->schema_digest()), timeout);
  // The broker may have forgotten it since.
  if (!schema.ok()) return;
  wire::KnownSchema whole = Describe(**schema);
  listed->mutable_types()->Swap(whole.mutable_types());
}

}  // namespace

absl::StatusOr<std::vector<wire::KnownSchema>> ListSchemas(
    const AdminCall& call, uint64_t after_number, const Timeout& timeout) {
  std::vector<wire::KnownSchema> schemas;
  for (bool more = true; more;) {
    wire::AdminRequest request;
    request.mutable_schema_list()->set_after_number(after_number);
    absl::StatusOr<wire::AdminReply> reply = Ask(call, request, timeout.Left());
    if (!reply.ok()) return reply.status();
    if (!reply->has_schema_list()) return BadReply("no list of schemas");
    wire::SchemaList* list = reply->mutable_schema_list();
    // An empty page brings nothing to ask further after.
    more = list->more() && list->schemas_size() > 0;
    for (wire::KnownSchema& schema : *list->mutable_schemas()) {
      if (schema.number() <= after_number ||
          !ToDigest(schema.schema_digest())) {
        return BadReply(absl::StrCat("schema ", schema.number(), " after ",
                                     after_number, ", with a digest of ",
                                     schema.schema_digest().size(), " bytes"));
      }
      after_number = schema.number();
      CompleteTypes(call, timeout, &schema);
      schemas.push_back(std::move(schema));
    }
  }
  return schemas;
}

absl::StatusOr<std::shared_ptr<const Schema>> FetchSchema(
    const AdminCall& call, const Digest& digest, const Timeout& timeout) {
  wire::AdminRequest request;
  request.mutable_descriptor_set()->set_schema_digest(digest.data(),
                                                      digest.size());
  std::string bytes;
  for (uint32_t total_bytes = UINT32_MAX; bytes.size() < total_bytes;) {
    request.mutable_descriptor_set()->set_offset(
        static_cast<uint32_t>(bytes.size()));
    absl::StatusOr<wire::AdminReply> reply = Ask(call, request, timeout.Left());
    if (!reply.ok()) return reply.status();
    const wire::DescriptorSet& set = reply->descriptor_set();
    total_bytes = set.total_bytes();
    bytes += set.piece();
    if (set.piece().empty() || bytes.size() > total_bytes ||
        total_bytes > kDescriptorSetBytesMax) {
      return BadReply(absl::StrCat("a descriptor set of ", total_bytes,
                                   " bytes, of which ", bytes.size(),
                                   " have come"));
    }
  }
  std::string why;
  std::shared_ptr<const Schema> schema = Schema::Parse(bytes, &why);
  if (schema == nullptr) return BadReply(why);
  if (schema->digest() == digest) return schema;
  return BadReply(absl::StrCat(DigestText(schema->digest()), ", asked for ",
                               DigestText(digest)));
}

}  // namespace mycelium::cli
