// OCaml's comments and string literals.  Pure.
#ifndef MYCELIUM_PROTO_PLUGIN_OCAML_TEXT_H_
#define MYCELIUM_PROTO_PLUGIN_OCAML_TEXT_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "proto/plugin/generator.h"
#include "proto/plugin/ocaml_names.h"
#include "proto/schema.h"

namespace mycelium::plugin {

// The comments before and behind a thing in its .proto file; none of a
// well-known one, which protoc does not give in every call.
template <typename Descriptor>
std::string Comments(const Descriptor& descriptor) {
  google::protobuf::SourceLocation location;
  if (IsWellKnown(*descriptor.file()) ||
      !descriptor.GetSourceLocation(&location)) {
    return {};
  }
  return location.leading_comments + "\n" + location.trailing_comments;
}

// `head`, the bracket `open`, the items and `close`: in one line, if that is
// not too long, else in a line each.
//   let default : t = { text = "" }
std::vector<std::string> OcamlList(const std::string& head,
                                   const std::string& open,
                                   const std::vector<std::string>& items,
                                   const std::string& close);

// The same, of arguments: nothing between them, and `tail` behind them.
//   val make : ?text:string -> unit -> t
std::vector<std::string> OcamlArguments(const std::string& head,
                                        const std::vector<std::string>& items,
                                        const std::string& tail);

// The lines of an odoc comment that says `comment`, then `note`, which is
// written as odoc wants it; none if both are empty.
std::vector<std::string> OcamlDoc(const std::string& comment,
                                  const std::string& note);

// The lines of a string literal.
std::vector<std::string> OcamlLiteral(const std::string& bytes);
// The same, of a digest: in hex.
std::vector<std::string> OcamlLiteral(const Digest& digest);

}  // namespace mycelium::plugin

#endif  // MYCELIUM_PROTO_PLUGIN_OCAML_TEXT_H_
