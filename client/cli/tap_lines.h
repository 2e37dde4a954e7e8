// Tapped frames as the lines that `mycelium tap` prints.  The formats are
// documented in its help (tap.cc).  Thread-safe.
#ifndef MYCELIUM_CLIENT_CLI_TAP_LINES_H_
#define MYCELIUM_CLIENT_CLI_TAP_LINES_H_

#include <string>

#include "client/cli/frame_decoder.h"
#include "client/cli/frame_lines.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::cli {

// With its newline.  `decoder` null: payloads as they are.
std::string TapLine(LineFormat format, const wire::TappedFrame& frame,
                    FrameDecoder* decoder);

}  // namespace mycelium::cli

#endif  // MYCELIUM_CLIENT_CLI_TAP_LINES_H_
