#include "tests/vectors/vector_file.h"

#include <charconv>
#include <fstream>
#include <sstream>

#include "glog/logging.h"

namespace mycelium {
namespace {

std::string_view Strip(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

uint64_t ParseNumber(std::string_view text, int base) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  CHECK(error == std::errc() && stop == end) << "not a number: " << text;
  return number;
}

std::string DecodeWord(std::string_view word) {
  const size_t star = word.find('*');
  const std::string_view digits = word.substr(0, star);
  CHECK(!digits.empty() && digits.size() % 2 == 0) << word;
  std::string once;
  for (size_t i = 0; i < digits.size(); i += 2) {
    once += static_cast<char>(ParseNumber(digits.substr(i, 2), 16));
  }
  if (star == std::string_view::npos) return once;
  std::string all;
  for (uint64_t n = ParseNumber(word.substr(star + 1), 10); n > 0; --n) {
    all += once;
  }
  return all;
}

}  // namespace

std::string DecodeHex(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string bytes, line, word;
  while (std::getline(lines, line)) {
    std::istringstream words(line.substr(0, line.find('#')));
    while (words >> word) bytes += DecodeWord(word);
  }
  return bytes;
}

std::string Vector::Get(std::string_view key) const {
  const auto it = values.find(key);
  return it == values.end() ? std::string() : it->second;
}

uint64_t Vector::Number(std::string_view key, uint64_t otherwise) const {
  return Has(key) ? ParseNumber(Get(key), 10) : otherwise;
}

std::string Vector::Bytes(std::string_view key) const {
  const std::string hex_key = std::string(key) + "_hex";
  return Has(hex_key) ? DecodeHex(Get(hex_key)) : Get(key);
}

std::vector<std::string> Vector::List(std::string_view key) const {
  std::istringstream lines(Get(key));
  std::vector<std::string> list;
  for (std::string line; std::getline(lines, line);) list.push_back(line);
  return list;
}

std::string Vector::Describe() const {
  return file + ":" + std::to_string(line) + ": " + Get("name");
}

std::vector<Vector> ReadVectors(const std::string& path) {
  std::ifstream input(path);
  CHECK(input) << path;
  std::vector<Vector> vectors;
  std::string* value = nullptr;  // what a continuation would join
  bool in_block = false;
  int number = 0;
  for (std::string line; std::getline(input, line);) {
    ++number;
    if (line.starts_with('#')) continue;
    if (line.empty()) {
      in_block = false;
      value = nullptr;
      continue;
    }
    if (line.front() == ' ') {
      CHECK(value != nullptr) << path << ":" << number << ": continues nothing";
      *value += '\n';
      *value += Strip(line);
      continue;
    }
    if (!in_block) vectors.push_back({path, number, {}});
    in_block = true;
    const size_t colon = line.find(':');
    CHECK(colon != std::string::npos) << path << ":" << number << ": no key";
    const auto [it, fresh] = vectors.back().values.emplace(
        line.substr(0, colon), Strip(std::string_view(line).substr(colon + 1)));
    CHECK(fresh) << path << ":" << number << ": " << it->first << " again";
    value = &it->second;
  }
  CHECK(!vectors.empty()) << path;
  return vectors;
}

}  // namespace mycelium
