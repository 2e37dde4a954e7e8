// Writes Python text as black would format it.  Not thread-safe.
#ifndef MYCELIUM_PROTO_PLUGIN_PYTHON_WRITER_H_
#define MYCELIUM_PROTO_PLUGIN_PYTHON_WRITER_H_

#include <string>
#include <string_view>
#include <vector>

namespace mycelium::plugin {

class PythonWriter {
 public:
  // One statement; broken at its last bracket if it is longer than a line.
  void Line(std::string_view text);
  // `head` opens a bracket, which is closed by `tail`; one item to a line.
  void Items(std::string_view head, const std::vector<std::string>& items,
             std::string_view tail);
  void Import(std::string_view module, const std::vector<std::string>& names);
  void Blank(int lines = 1);
  // What another one has written.
  void Append(std::string_view text) { text_ += text; }
  // `comment`, as it stands in a .proto file.
  void Docstring(std::string_view comment);
  // A bytes literal in brackets, as many lines as it takes.
  void Bytes(std::string_view head, std::string_view bytes);

  void Indent() { indent_ += 4; }
  void Dedent() { indent_ -= 4; }
  const std::string& text() const { return text_; }

 private:
  bool Fits(std::string_view text) const;
  void Raw(std::string_view text);

  std::string text_;
  size_t indent_ = 0;
};

// b"\x0a", every byte as hex.
std::string HexLiteral(std::string_view bytes);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_PYTHON_WRITER_H_
