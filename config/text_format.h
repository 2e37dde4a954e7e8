// Reads a textproto file into a message, with errors that name the place and
// use the words of people who write the file, not of Protobuf.
// Pure and thread-safe.
#ifndef MYCELIUM_CONFIG_TEXT_FORMAT_H_
#define MYCELIUM_CONFIG_TEXT_FORMAT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace mycelium {

struct TextError {
  int line;    // from 1
  int column;  // from 1; a tab goes on to the next multiple of 8
  std::string text;
};

// Fills `message` and `places`.  Adds to `errors` every unknown field and the
// first thing that is not textproto or not of its field's type.  False: the
// reading stopped there, and `message` holds what stood before.
bool ReadTextFormat(absl::string_view text, google::protobuf::Message* message,
                    google::protobuf::TextFormat::ParseInfoTree* places,
                    std::vector<TextError>* errors);

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_TEXT_FORMAT_H_
