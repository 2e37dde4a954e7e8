#include "proto/plugin/ocaml_text.h"

#include <algorithm>
#include <cstdio>

namespace mycelium::plugin {
namespace {

// What a line may take: most stand within one module.
constexpr size_t kColumns = 76;
constexpr size_t kLiteralColumns = 72;

// "{" and an identifier before "|" would begin a string, even in a comment.
bool BeginsString(const std::string& text, size_t brace) {
  size_t i = brace + 1;
  if (i < text.size() && text[i] == '%') return true;
  while (i < text.size() && ((text[i] >= 'a' && text[i] <= 'z') ||
                             text[i] == '_' || (text[i] & 0x80) != 0)) {
    ++i;
  }
  return i < text.size() && text[i] == '|';
}

// What means something to odoc gets a backslash; what would begin or end a
// string or a comment of OCaml becomes something else that looks like it.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const char last = escaped.empty() ? ' ' : escaped.back();
    if ((last == '(' && c == '*') || (last == '*' && c == ')')) escaped += ' ';
    if (c == '{' || c == '}' || c == '[' || c == ']' || c == '@') {
      escaped += '\\';
    }
    escaped += c == '"' ? '\'' : c;
    if (c == '{' && BeginsString(text, i)) escaped += ' ';
  }
  return escaped;
}

// Without the spaces at both ends of each line, and without empty lines at both
// ends and more than one together.
std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  while (begin < text.size()) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const size_t first = text.find_first_not_of(" \t\r", begin);
    std::string line;
    if (first < end) {
      const size_t last = text.find_last_not_of(" \t\r", end - 1);
      line = text.substr(first, last + 1 - first);
    }
    if (!line.empty() || (!lines.empty() && !lines.back().empty())) {
      lines.push_back(line);
    }
    begin = end + 1;
  }
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

std::string InLiteral(char c) {
  if (c == '"' || c == '\\') return std::string("\\") + c;
  if (c >= ' ' && c <= '~') return std::string(1, c);
  char escape[sizeof("\\255")];
  std::snprintf(escape, sizeof(escape), "\\%03u", static_cast<uint8_t>(c));
  return escape;
}

std::string InHex(uint8_t byte) {
  char escape[sizeof("\\xff")];
  std::snprintf(escape, sizeof(escape), "\\x%02x", byte);
  return escape;
}

// Puts `text` into the literal that ends with lines->back(), or into a new line
// of it.
void Append(const std::string& text, std::vector<std::string>* lines) {
  if (lines->back().size() + text.size() > kLiteralColumns) {
    lines->back() += '\\';
    // The spaces that begin a line would not count.
    lines->push_back(text == " " ? " \\" : " ");
  }
  lines->back() += text;
}

std::string Join(const std::vector<std::string>& items,
                 const std::string& separator) {
  std::string joined;
  for (const std::string& item : items) {
    if (!joined.empty()) joined += separator;
    joined += item;
  }
  return joined;
}

}  // namespace

std::vector<std::string> OcamlList(const std::string& head,
                                   const std::string& open,
                                   const std::vector<std::string>& items,
                                   const std::string& close) {
  const std::string line = head + open + " " + Join(items, "; ") + " " + close;
  if (line.size() <= kColumns) return {line};
  std::vector<std::string> lines = {head + open};
  for (const std::string& item : items) lines.push_back("  " + item + ";");
  lines.push_back(close);
  return lines;
}

std::vector<std::string> OcamlArguments(const std::string& head,
                                        const std::vector<std::string>& items,
                                        const std::string& tail) {
  std::vector<std::string> all = {head};
  all.insert(all.end(), items.begin(), items.end());
  all.push_back(tail);
  const std::string line = Join(all, " ");
  if (line.size() <= kColumns) return {line};
  for (size_t i = 1; i < all.size(); ++i) all[i] = "    " + all[i];
  return all;
}

std::vector<std::string> OcamlDoc(const std::string& comment,
                                  const std::string& note) {
  std::vector<std::string> lines = Lines(Escaped(comment));
  if (!note.empty()) {
    if (!lines.empty()) lines.push_back("");
    lines.push_back(note);
  }
  if (lines.empty()) return {};
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].empty()) lines[i] = (i == 0 ? "(** " : "    ") + lines[i];
  }
  lines.back() += " *)";
  return lines;
}

std::vector<std::string> OcamlLiteral(const std::string& bytes) {
  std::vector<std::string> lines = {"\""};
  for (const char c : bytes) Append(InLiteral(c), &lines);
  lines.back() += '"';
  return lines;
}

std::vector<std::string> OcamlLiteral(const Digest& digest) {
  std::vector<std::string> lines = {"\""};
  for (const uint8_t byte : digest) Append(InHex(byte), &lines);
  lines.back() += '"';
  return lines;
}

}  // namespace mycelium::plugin
