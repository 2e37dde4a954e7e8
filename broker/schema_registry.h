// The schemas that a broker, or an in-process bus, knows.  Those of its
// configuration stay; those that clients told live as long as an open session
// that named them, so that yesterday's experiment does not refuse today's
// program.  The last few of these are kept, to show what their programs have
// sent.  All that are known go together, and they are bounded in count and
// bytes.  No I/O, no clock; standard library only.  Not thread-safe: belongs to
// one broker or bus.
#ifndef MYCELIUM_BROKER_SCHEMA_REGISTRY_H_
#define MYCELIUM_BROKER_SCHEMA_REGISTRY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/limits.h"
#include "config/schema_rules.h"
#include "proto/schema.h"

namespace mycelium::broker {

struct KnownSchema {
  uint64_t number = 0;  // from 1 up, in the order of becoming known
  std::shared_ptr<const Schema> schema;
  std::string source;     // the configured file; empty: a client told it
  uint32_t sessions = 0;  // that hold it
  uint32_t away = 0;      // of those, without a connection
};

class SchemaRegistry {
 public:
  struct Limits {
    uint32_t schema_bytes_max = kSchemaBytesMaxDefault;
    uint32_t schemas_max = kSchemasMaxDefault;
    uint64_t schemas_bytes_max = kSchemasBytesMaxDefault;
  };

  // `where`: what sentences call it.
  explicit SchemaRegistry(std::string where = "at the broker")
      : where_(std::move(where)) {}
  SchemaRegistry(const SchemaRegistry&) = delete;
  SchemaRegistry& operator=(const SchemaRegistry&) = delete;

  // For what becomes known from now on.
  void set_limits(const Limits& limits) { limits_ = limits; }

  // Makes `files`, which go together with each other, known for good.  False:
  // one of them does not go together with what is known, or there is no room;
  // then nothing has changed, and *why has a line for each offence.
  bool Configure(const std::vector<DescriptorSetFile>& files, std::string* why);

  // The schema with this digest, held until Release.  Null: not known.
  const KnownSchema* Hold(const Digest& digest);

  // Makes known what a client told, and holds it.  `named`: its digest, as
  // HELLO had it.  `open`: whether it may have message types that no known
  // schema has. Null and *why, lines that begin with "schema: ", if it is
  // refused.
  const KnownSchema* Admit(const Digest& named, std::string_view descriptor_set,
                           bool open, std::string* why);

  // True: nobody holds it any more, and it is known no longer.
  bool Release(const KnownSchema* known);

  // A holder has lost its connection, or comes back or is forgotten.
  void AddAway(const KnownSchema* known, int change);

  // By number.
  const std::map<uint64_t, KnownSchema>& all() const { return by_number_; }
  // Null: not known.
  const KnownSchema* Find(const Digest& digest) const;
  // What was known, by number: at most kPastSchemasMax, of at most
  // kPastSchemasBytesMax together.  Refuses nobody.
  const std::map<uint64_t, KnownSchema>& past() const { return past_; }
  // Of all descriptor sets.
  uint64_t bytes() const { return bytes_; }

 private:
  class Lines;

  void KeepAsPast(KnownSchema known);
  void ErasePast(const Digest& digest);
  KnownSchema* Add(std::shared_ptr<const Schema> schema, std::string source);
  std::string Offences(const Schema& schema, bool open,
                       const std::string& subject) const;
  void FindUnknownTypes(const Schema& schema, Lines* lines) const;
  bool HasType(const std::string& name) const;
  std::string LackOfRoom(uint64_t schemas, uint64_t bytes) const;

  const std::string where_;
  Limits limits_;
  uint64_t last_number_ = 0;
  uint64_t bytes_ = 0;
  std::map<uint64_t, KnownSchema> by_number_;
  std::map<Digest, KnownSchema*> by_digest_;
  std::map<uint64_t, KnownSchema> past_;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_SCHEMA_REGISTRY_H_
