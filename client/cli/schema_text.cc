#include "client/cli/schema_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/payload_text.h"

namespace mycelium::cli {
namespace {

constexpr size_t kFingerprintDigitsShown = 12;

std::string Bytes(const Digest& digest) {
  return {digest.begin(), digest.end()};
}

// Of a broker's list, which has checked them.
std::string DigestOf(const wire::KnownSchema& schema) {
  return DigestText(ToDigest(schema.schema_digest()).value_or(Digest{}));
}

}  // namespace

wire::KnownSchema Describe(const Schema& schema) {
  wire::KnownSchema described;
  described.set_schema_digest(Bytes(schema.digest()));
  described.set_descriptor_set_bytes(
      static_cast<uint32_t>(schema.descriptor_set().size()));
  for (const Schema::MessageType& type : schema.types()) {
    wire::KnownMessageType* added = described.add_types();
    added->set_type_id(type.type_id);
    added->set_name(type.name);
    added->set_fingerprint(Bytes(type.fingerprint));
  }
  return described;
}

std::string SchemaText(const wire::KnownSchema& schema) {
  std::string out = DigestOf(schema) + "\n";
  if (schema.number() > 0) {
    absl::StrAppendFormat(
        &out, "      schema %d of %s, %s, %d session%s\n", schema.number(),
        HumanBytes(schema.descriptor_set_bytes()),
        schema.source().empty() ? "told by a client"
                                : Shortened(schema.source(), 200),
        schema.sessions(), schema.sessions() == 1 ? "" : "s");
  }
  for (const wire::KnownMessageType& type : schema.types()) {
    absl::StrAppendFormat(
        &out, "%5d %s %s\n", type.type_id(), Readable(type.name()),
        Hex(type.fingerprint()).substr(0, kFingerprintDigitsShown));
  }
  if (schema.types().empty()) out += "      no message types\n";
  return out;
}

std::string SchemaJson(const wire::KnownSchema& schema) {
  std::string out = absl::StrCat("{\"digest\":\"", DigestOf(schema), "\"");
  if (schema.number() > 0) {
    absl::StrAppend(&out, ",\"number\":", schema.number(),
                    ",\"source\":", JsonString(schema.source()),
                    ",\"sessions\":", schema.sessions());
  }
  absl::StrAppend(&out,
                  ",\"descriptor_set_bytes\":", schema.descriptor_set_bytes(),
                  ",\"types\":[");
  const char* comma = "";
  for (const wire::KnownMessageType& type : schema.types()) {
    absl::StrAppend(&out, comma, "{\"type\":", type.type_id(),
                    ",\"name\":", JsonString(type.name()),
                    ",\"fingerprint\":\"", Hex(type.fingerprint()), "\"}");
    comma = ",";
  }
  return out + "]}\n";
}

}  // namespace mycelium::cli
