#include "proto/plugin/python_writer.h"

#include <google/protobuf/stubs/common.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace mycelium::plugin {
namespace {

constexpr size_t kColumns = 88;
constexpr char kHexDigits[] = "0123456789abcdef";

bool Opens(char c) { return c == '(' || c == '[' || c == '{'; }
bool Closes(char c) { return c == ')' || c == ']' || c == '}'; }

// Calls visit(i, depth) for each character outside of string literals; a
// bracket is at the depth of what is around it.
template <typename Visit>
void ForEachCodeCharacter(std::string_view text, Visit visit) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        quoted = false;
      }
      continue;
    }
    quoted = text[i] == '"';
    if (Closes(text[i])) --depth;
    visit(i, depth);
    if (Opens(text[i])) ++depth;
  }
}

// The last bracket that stands in no other: where it opens and closes.
std::pair<size_t, size_t> LastBracket(std::string_view text) {
  size_t open = std::string_view::npos, close = open;
  ForEachCodeCharacter(text, [&](size_t i, int depth) {
    if (depth > 0) return;
    if (Opens(text[i])) open = i;
    if (Closes(text[i])) close = i;
  });
  return {open, close};
}

// Whether the bracket at `open` has something to be called or indexed.
bool IsCall(std::string_view text, size_t open) {
  return open > 0 && text[open - 1] != ' ' && !Opens(text[open - 1]);
}

std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  size_t begin = 0;
  ForEachCodeCharacter(text, [&](size_t i, int depth) {
    if (depth > 0 || text[i] != ',') return;
    parts.push_back(text.substr(begin, i - begin));
    begin = i + 2;
  });
  parts.push_back(text.substr(begin));
  return parts;
}

std::string EscapedByte(char byte) {
  const auto value = static_cast<uint8_t>(byte);
  if (byte == '\n') return "\\n";
  if (byte == '\\') return "\\\\";
  // black would put other quotes around a quote.
  if (value < 0x20 || value > 0x7e || byte == '"') {
    return {'\\', 'x', kHexDigits[value >> 4], kHexDigits[value & 15]};
  }
  return {byte};
}

// The lines of a comment without the blank that follows the slashes, without
// blanks at their ends, and without empty lines at either end.
std::vector<std::string> CommentLines(std::string_view comment) {
  std::vector<std::string> lines;
  while (!comment.empty()) {
    const size_t end = std::min(comment.find('\n'), comment.size());
    std::string line(comment.substr(0, end));
    comment.remove_prefix(std::min(end + 1, comment.size()));
    if (!line.empty() && line[0] == ' ') line.erase(0, 1);
    line.erase(line.find_last_not_of(" \t\r\f\v") + 1);
    if (!line.empty() || !lines.empty()) lines.push_back(std::move(line));
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// What Python reads as `line` within a docstring.  A comment may be in any
// encoding, a module is in UTF-8.
std::string DocstringText(const std::string& line) {
  const bool is_utf8 = google::protobuf::internal::IsStructurallyValidUTF8(
      line.data(), static_cast<int>(line.size()));
  std::string text;
  for (const char c : line) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '\\') text += '\\';
    if (c == '\t') {
      text += "    ";
    } else if (byte < 0x20 || (byte > 0x7e && !is_utf8)) {
      text += '?';
    } else {
      text += c;
    }
  }
  for (size_t i; (i = text.find("\"\"\"")) != std::string::npos;) {
    text.replace(i, 3, "\\\"\\\"\\\"");
  }
  return text;
}

}  // namespace

bool PythonWriter::Fits(std::string_view text) const {
  return indent_ + text.size() <= kColumns;
}

void PythonWriter::Raw(std::string_view text) {
  text_.append(text.empty() ? 0 : indent_, ' ').append(text) += '\n';
}

void PythonWriter::Line(std::string_view text) {
  const auto [open, close] = LastBracket(text);
  if (Fits(text) || open == std::string_view::npos || close == open + 1) {
    Raw(text);
    return;
  }
  const std::string_view body = text.substr(open + 1, close - open - 1);
  // A call's arguments go to one line, if they fit; those of a list do not.
  const bool one_line =
      IsCall(text, open) && indent_ + 4 + body.size() <= kColumns;
  std::vector<std::string> items;
  for (const std::string_view part : SplitAtCommas(body)) {
    items.emplace_back(part);
  }
  if (!one_line && items.size() > 1) {
    Items(text.substr(0, open + 1), items, text.substr(close));
    return;
  }
  Raw(text.substr(0, open + 1));
  Indent();
  Line(body);
  Dedent();
  Raw(text.substr(close));
}

void PythonWriter::Items(std::string_view head,
                         const std::vector<std::string>& items,
                         std::string_view tail) {
  Raw(head);
  Indent();
  for (const std::string& item : items) Line(item + ",");
  Dedent();
  Raw(tail);
}

void PythonWriter::Import(std::string_view module,
                          const std::vector<std::string>& names) {
  const std::string head = "from " + std::string(module) + " import ";
  std::string line = head;
  for (const std::string& name : names) {
    line += (line == head ? "" : ", ") + name;
  }
  if (Fits(line)) {
    Raw(line);
  } else {
    Items(head + "(", names, ")");
  }
}

void PythonWriter::Blank(int lines) { text_.append(lines, '\n'); }

void PythonWriter::Docstring(std::string_view comment) {
  std::vector<std::string> lines = CommentLines(comment);
  for (std::string& line : lines) line = DocstringText(line);
  // As black has it: blanks beside quotes, no indent that all lines but the
  // first one share.
  size_t indent = std::string::npos;
  for (size_t i = 1; i < lines.size(); ++i) {
    indent = std::min(indent, lines[i].find_first_not_of(' '));
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    lines[i].erase(0, lines[i].empty() ? 0 : indent);
  }
  if (lines.front().front() == '"') lines.front().insert(0, " ");
  if (lines.back().back() == '"') lines.back() += ' ';
  lines.front().insert(0, "\"\"\"");
  if (Fits(lines.back() + "\"\"\"")) {
    lines.back() += "\"\"\"";
  } else {
    lines.push_back("\"\"\"");
  }
  for (const std::string& line : lines) Raw(line);
}

void PythonWriter::Bytes(std::string_view head, std::string_view bytes) {
  std::string whole = std::string(head) + "b\"";
  for (const char byte : bytes) whole += EscapedByte(byte);
  whole += '"';
  if (Fits(whole)) {
    Raw(whole);
    return;
  }
  Raw(std::string(head) + "(");
  Indent();
  std::string line;
  for (const char byte : bytes) {
    const std::string next = EscapedByte(byte);
    if (!Fits("b\"" + line + next + "\"")) {
      Raw("b\"" + line + "\"");
      line.clear();
    }
    line += next;
  }
  Raw("b\"" + line + "\"");
  Dedent();
  Raw(")");
}

std::string HexLiteral(std::string_view bytes) {
  std::string text = "b\"";
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    text += {'\\', 'x', kHexDigits[value >> 4], kHexDigits[value & 15]};
  }
  return text + "\"";
}

}  // namespace mycelium::plugin
