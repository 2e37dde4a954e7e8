// Any bytes as two descriptor sets: what parses has a digest that does not
// depend on the order of files, goes together with itself, and two that do not
// go together do so from both sides.  The first two bytes of the input say how
// long the first of them is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "proto/schema.h"

namespace {

using mycelium::BreakingChanges;
using mycelium::Incompatibilities;
using mycelium::Schema;

void Require(bool condition) {
  if (!condition) std::abort();
}

// Names are short and plain, whatever was sent.
void RequireReadable(std::string_view text) {
  Require(!text.empty() && text.size() < 3000);
  for (const char byte : text) Require(byte >= 0x20 && byte < 0x7f);
}

// The same top-level fields, the last one first.
std::string Reversed(std::string_view set) {
  std::vector<std::string_view> fields;
  protozero::pbf_reader reader(set.data(), set.size());
  const char* begin = set.data();
  while (reader.next()) {
    reader.skip();
    const char* const end = reader.data().data();
    fields.emplace_back(begin, end - begin);
    begin = end;
  }
  std::string reversed;
  for (auto it = fields.rbegin(); it != fields.rend(); ++it) reversed += *it;
  return reversed;
}

void RequireConsistent(const Schema& schema) {
  Require(mycelium::Sha256(schema.CanonicalText()) == schema.digest());
  for (const Schema::MessageType& type : schema.types()) {
    Require(mycelium::Sha256(schema.CanonicalText(type)) == type.fingerprint);
    Require(schema.FindType(type.type_id) == &type);
    Require(schema.FindType(type.name) == &type);
  }
  Require(Incompatibilities({schema, "here"}, {schema, "there"}).empty());
  Require(BreakingChanges({schema, "here"}, {schema, "there"}).empty());
}

std::shared_ptr<const Schema> Parse(std::string_view set) {
  std::string why;
  std::shared_ptr<const Schema> schema = Schema::Parse(set, &why);
  if (schema == nullptr) {
    RequireReadable(why);
    Require(why.starts_with("schema: "));
    return nullptr;
  }
  RequireConsistent(*schema);
  const std::shared_ptr<const Schema> reversed =
      Schema::Parse(Reversed(set), &why);
  Require(reversed != nullptr && reversed->digest() == schema->digest());
  return schema;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view sets(reinterpret_cast<const char*>(data) + 2,
                              size - 2);
  const size_t first =
      std::min<size_t>(sets.size(), data[0] | uint32_t{data[1]} << 8);
  const std::shared_ptr<const Schema> a = Parse(sets.substr(0, first));
  const std::shared_ptr<const Schema> b = Parse(sets.substr(first));
  if (a == nullptr || b == nullptr) return 0;
  const std::vector<std::string> one =
      Incompatibilities({*a, "here"}, {*b, "there"});
  const std::vector<std::string> other =
      Incompatibilities({*b, "here"}, {*a, "there"});
  Require(one.size() == other.size());
  for (const std::string& line : one) RequireReadable(line);
  Require(one.empty() || a->digest() != b->digest());
  Require(BreakingChanges({*a, "here"}, {*b, "there"}).size() >= one.size());
  Require(Incompatibilities({*a, "here"}, {*b, "there"}, 1).size() ==
          std::min<size_t>(one.size(), 1));
  return 0;
}
