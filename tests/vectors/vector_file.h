// Reads the vectors of this folder; README.md describes their form.  Tests
// only.
#ifndef MYCELIUM_TESTS_VECTORS_VECTOR_FILE_H_
#define MYCELIUM_TESTS_VECTORS_VECTOR_FILE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace mycelium {

struct Vector {
  std::string file;
  int line = 0;
  std::map<std::string, std::string, std::less<>> values;

  bool Has(std::string_view key) const { return values.contains(key); }
  // Empty if it is not there.
  std::string Get(std::string_view key) const;
  uint64_t Number(std::string_view key, uint64_t otherwise) const;
  // Of KEY_hex, or else of KEY as it stands.
  std::string Bytes(std::string_view key) const;
  // The entries of a continued value.
  std::vector<std::string> List(std::string_view key) const;
  // For messages: "frames.txt:12: publish without a topic".
  std::string Describe() const;
};

// Dies of anything that README.md does not describe.
std::vector<Vector> ReadVectors(const std::string& path);

// The bytes that hex words stand for: "0700 78*3  # comment".
std::string DecodeHex(std::string_view text);

}  // namespace mycelium

#endif  // MYCELIUM_TESTS_VECTORS_VECTOR_FILE_H_
