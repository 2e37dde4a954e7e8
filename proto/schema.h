// What a set of .proto files says about bytes: which message types there are,
// their fingerprints, the schema's digest, and whether two schemas go together.
// The canonical form and the rules: proto/SCHEMA.md.
//
// Reads a serialized google.protobuf.FileDescriptorSet, from whomever it comes,
// without libprotobuf.  No I/O, no clock.  A Schema never changes: thread-safe.
#ifndef MYCELIUM_PROTO_SCHEMA_H_
#define MYCELIUM_PROTO_SCHEMA_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mycelium {

// A SHA-256.
using Digest = std::array<uint8_t, 32>;

// "m1:" and 64 hex digits; m1 is the algorithm, the canonical form of
// proto/SCHEMA.md under SHA-256.
std::string DigestText(const Digest& digest);
// The 32 bytes of a digest on the wire; nullopt: another length.
std::optional<Digest> ToDigest(std::string_view bytes);
Digest Sha256(std::string_view bytes);

class Schema {
 public:
  struct MessageType {
    uint16_t type_id = 0;
    std::string name;  // full: "chat.TextMessage"
    Digest fingerprint{};
  };

  // Null and *why, "schema: ...", if `descriptor_set` is not a whole and
  // consistent one (a name that is not defined, a number twice), if two
  // messages bear one type id, or if its canonical form is longer than
  // kSchemaCanonicalBytesMax.  A set without message types is in order.
  static std::shared_ptr<const Schema> Parse(std::string_view descriptor_set,
                                             std::string* why);
  ~Schema();
  Schema(const Schema&) = delete;
  Schema& operator=(const Schema&) = delete;

  const Digest& digest() const { return digest_; }
  const std::vector<MessageType>& types() const { return types_; }  // by id
  // Null: none with that id, or that full name.
  const MessageType* FindType(uint16_t type_id) const;
  const MessageType* FindType(std::string_view name) const;
  // As it was given to Parse.
  const std::string& descriptor_set() const { return descriptor_set_; }

  // What the digest is the SHA-256 of.
  std::string CanonicalText() const;
  // What the type's fingerprint is the SHA-256 of.
  // REQUIRES: `type` is one of types().
  std::string CanonicalText(const MessageType& type) const;

 private:
  friend class SchemaComparison;
  class Definitions;

  Schema(std::string descriptor_set, std::unique_ptr<Definitions> definitions);

  const std::string descriptor_set_;
  const std::unique_ptr<Definitions> definitions_;
  std::vector<MessageType> types_;
  Digest digest_{};
};

// A schema and what a sentence calls it: {schema, "at the broker"}.
struct NamedSchema {
  const Schema& schema;
  std::string_view where;
};

// Why programs with these two schemas could not read each other's messages: a
// line for each offence, such as
//   chat.TextMessage.timestamp is string here, int64 at the broker (field 3,
//   FIELD_WIRE_COMPATIBLE_TYPE)
// Empty: they can.  Symmetric but for the order of words.  It stops at
// `lines_max` lines: two schemas from strangers may not go together in far more
// places than anybody reads.
std::vector<std::string> Incompatibilities(const NamedSchema& here,
                                           const NamedSchema& there,
                                           size_t lines_max = SIZE_MAX);

// What of `now` may not follow upon `before`: the incompatibilities, and what
// was removed without being reserved.
std::vector<std::string> BreakingChanges(const NamedSchema& now,
                                         const NamedSchema& before);

}  // namespace mycelium

#endif  // MYCELIUM_PROTO_SCHEMA_H_
