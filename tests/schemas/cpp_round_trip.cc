// Decodes messages of tests/schemas as C++ programs do and encodes them again,
// for cross_language_test.py.
//
// Standard input and output are records: uint32 length of the payload,
// uint16 type id, both little-endian, and the payload.  What decoding refuses
// comes back with type id 0 and no payload.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "google/protobuf/stubs/logging.h"
#include "shapes.mycelium.h"
#include "wide.mycelium.h"

namespace {

using RoundTrip = std::function<bool(const std::string&, std::string*)>;

template <mycelium::TypedMessage T>
std::pair<const uint16_t, RoundTrip> Entry() {
  return {mycelium::MessageTraits<T>::kTypeId,
          [](const std::string& in, std::string* out) {
            T message;
            return message.ParseFromString(in) &&
                   message.SerializeToString(out);
          }};
}

bool Read(void* to, size_t bytes) {
  return std::fread(to, 1, bytes, stdin) == bytes;
}

void Write(uint16_t type_id, const std::string& payload) {
  const auto length = static_cast<uint32_t>(payload.size());
  std::fwrite(&length, sizeof length, 1, stdout);
  std::fwrite(&type_id, sizeof type_id, 1, stdout);
  std::fwrite(payload.data(), 1, payload.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main() {
  // A refusal is told by the answer.
  google::protobuf::SetLogHandler(nullptr);
  const std::map<uint16_t, RoundTrip> types = {
      Entry<wide::Scalars>(), Entry<wide::Optionals>(),
      Entry<wide::Lists>(),   Entry<wide::Maps>(),
      Entry<wide::Mixture>(), Entry<wide::WellKnown>(),
      Entry<wide::Empty>(),   Entry<shapes::Point>()};
  uint32_t length;
  uint16_t type_id;
  while (Read(&length, sizeof length)) {
    if (!Read(&type_id, sizeof type_id)) return 1;
    std::string in(length, '\0'), out;
    if (!Read(in.data(), in.size())) return 1;
    const bool read = types.at(type_id)(in, &out);
    Write(read ? type_id : 0, read ? out : "");
  }
  return 0;
}
