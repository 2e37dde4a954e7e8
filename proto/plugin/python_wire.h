// python_wire.py, which the plugin has within it.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_PYTHON_WIRE_H_
#define MYCELIUM_PROTO_PLUGIN_PYTHON_WIRE_H_

#include <set>
#include <string>
#include <string_view>

namespace mycelium::plugin {

// The identifiers and other words of `text`.
std::set<std::string> WordsOf(std::string_view text);
// The blocks that `code` mentions, and those that these mention, in their
// order, each with two empty lines before it.
std::string WireSection(std::string_view code);
// Whether a block defines `name`.
bool IsWireName(const std::string& name);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_PYTHON_WIRE_H_
