// Frames and gaps as the lines that `mycelium sub` prints.  The formats are
// documented in its help (sub.cc).  Thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_FRAME_LINES_H_
#define MYCELIUM_CLIENT_CLI_FRAME_LINES_H_

#include <string>
#include <vector>

#include "client/cli/arguments.h"
#include "client/cli/frame_decoder.h"
#include "client/cpp/mycelium.h"

namespace mycelium::cli {

enum class LineFormat { kText, kHex, kJson };

// --format and --raw.
std::vector<FlagRule> LineFlags();
LineFormat LineFormatFlag();

// With its newline.  Hex has nothing of `decoded`.  Requests and replies have
// no sequence, and replies no topic.
std::string FrameLine(LineFormat format, const Message& message,
                      const Decoded& decoded = {});

// One line for each type, each with its newline.
std::string GapLines(LineFormat format, const Gap& gap);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_FRAME_LINES_H_
