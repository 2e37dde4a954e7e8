#include "proto/plugin/python_wire.h"

#include <cctype>
#include <vector>

namespace mycelium::plugin {
namespace {

constexpr std::string_view kText =
#include "proto/plugin/python_wire.inc"
    ;

// A definition, with the comment before it.
struct Block {
  std::string name;
  std::string text;    // whole lines
  bool joins = false;  // no empty line is before it

  bool is_line() const { return text.find('\n') + 1 == text.size(); }
};

bool IsWordCharacter(char c) { return std::isalnum(c) != 0 || c == '_'; }

// "_varint" of "def _varint(" or "_varint = "; empty: it defines nothing.
std::string NameDefinedBy(std::string_view line) {
  size_t begin = 0;
  for (const std::string_view keyword : {"def ", "class "}) {
    if (line.substr(0, keyword.size()) == keyword) begin = keyword.size();
  }
  size_t end = begin;
  while (IsWordCharacter(line[end])) ++end;
  return line[begin] == '_' ? std::string(line.substr(begin, end - begin)) : "";
}

std::vector<Block> ReadBlocks() {
  std::vector<Block> blocks;
  bool was_empty = true, was_comment = false;
  // The first one begins behind the imports.
  std::string_view rest = kText.substr(kText.find("\n\n_") + 2);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n') + 1);
    rest.remove_prefix(line.size());
    const bool is_comment = line[0] == '#';
    const std::string name = NameDefinedBy(line);
    if (!was_comment && (is_comment || !name.empty())) {
      blocks.push_back({name, "", !was_empty});
    }
    if (was_comment) blocks.back().name = name;
    if (line != "\n" || rest[0] == ' ') blocks.back().text += line;
    was_empty = line == "\n";
    was_comment = is_comment;
  }
  return blocks;
}

const std::vector<Block>& Blocks() {
  static const std::vector<Block>* const blocks =
      new std::vector<Block>(ReadBlocks());
  return *blocks;
}

}  // namespace

std::set<std::string> WordsOf(std::string_view text) {
  std::set<std::string> words;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && IsWordCharacter(text[end])) ++end;
    if (end > begin) words.emplace(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

std::string WireSection(std::string_view code) {
  std::set<std::string> used = WordsOf(code);
  for (size_t size = 0; size != used.size();) {
    size = used.size();
    for (const Block& block : Blocks()) {
      if (used.count(block.name) > 0) used.merge(WordsOf(block.text));
    }
  }
  std::string section;
  bool joinable = false;
  for (const Block& block : Blocks()) {
    if (used.count(block.name) == 0) continue;
    if (!block.joins || !joinable) section += "\n\n";
    section += block.text;
    joinable = block.is_line();
  }
  return section;
}

bool IsWireName(const std::string& name) {
  for (const Block& block : Blocks()) {
    if (block.name == name) return true;
  }
  return false;
}

}  // namespace mycelium::plugin
