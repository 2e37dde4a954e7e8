#include "client/cli/frame_lines.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/payload_text.h"
#include "proto/frame.h"

namespace mycelium::cli {
namespace {

std::string_view PayloadOf(const Message& message) {
  return {reinterpret_cast<const char*>(message.payload.data()),
          message.payload.size()};
}

std::string TopicOrDash(const Message& message) {
  return message.topic.empty() ? "-" : Readable(message.topic);
}

std::string TextLine(const Message& message, const Decoded& decoded) {
  std::string line = absl::StrCat(
      decoded.name.empty() ? absl::StrCat(message.type_id) : decoded.name, " ",
      TopicOrDash(message), " #", message.sequence, " ");
  if (!decoded.json.empty()) return line + ReadableJson(decoded.json) + "\n";
  std::string_view payload = PayloadOf(message);
  absl::StrAppend(&line, "(", payload.size(), " B",
                  decoded.note.empty() ? "" : ", ", decoded.note, ")",
                  payload.empty() ? "" : " ", Readable(payload), "\n");
  return line;
}

std::string HexLine(const Message& message) {
  std::string_view payload = PayloadOf(message);
  return absl::StrCat(message.type_id, " ", TopicOrDash(message), " ",
                      message.sequence, payload.empty() ? "" : " ",
                      Hex(payload), "\n");
}

std::string JsonLine(const Message& message, const Decoded& decoded) {
  std::string_view payload = PayloadOf(message);
  std::string line = absl::StrCat("{\"type\":", message.type_id);
  if (!decoded.name.empty()) {
    absl::StrAppend(&line, ",\"name\":", JsonString(decoded.name));
  }
  absl::StrAppendFormat(&line, R"(,"topic":%s,"sequence":%d,"bytes":%d)",
                        JsonString(message.topic), message.sequence,
                        payload.size());
  if (!decoded.note.empty()) {
    absl::StrAppend(&line, ",\"note\":", JsonString(decoded.note));
  }
  if (!decoded.json.empty()) {
    absl::StrAppend(&line, ",\"message\":", decoded.json, "}\n");
  } else if (ValidUtf8(payload)) {
    absl::StrAppend(&line, ",\"text\":", JsonString(payload), "}\n");
  } else {
    absl::StrAppend(&line, ",\"base64\":\"",
                    absl::Base64Escape({payload.data(), payload.size()}),
                    "\"}\n");
  }
  return line;
}

const char* ReasonName(GapReason reason) {
  switch (reason) {
    case GapReason::kUnspecified:
      return "unspecified";
    case GapReason::kOverflow:
      return "overflow";
    case GapReason::kConflated:
      return "conflated";
    case GapReason::kReconnect:
      return "reconnect";
    case GapReason::kMemory:
      return "memory";
    case GapReason::kMalformed:
      return "malformed";
  }
  return "unspecified";
}

}  // namespace

std::string FrameLine(LineFormat format, const Message& message,
                      const Decoded& decoded) {
  switch (format) {
    case LineFormat::kText:
      return TextLine(message, decoded);
    case LineFormat::kHex:
      return HexLine(message);
    case LineFormat::kJson:
      return JsonLine(message, decoded);
  }
  return "";
}

std::string GapLines(LineFormat format, const Gap& gap) {
  std::string lines;
  for (const Gap::Range& range : gap.ranges) {
    if (format == LineFormat::kJson) {
      absl::StrAppendFormat(
          &lines,
          "{\"gap\":{\"type\":%d,\"frames\":%d,\"first_sequence\":%d,"
          "\"last_sequence\":%d,\"reason\":\"%s\"}}\n",
          range.type_id, range.frames, range.first_sequence,
          range.last_sequence, ReasonName(gap.reason));
    } else {
      absl::StrAppendFormat(&lines, "gap type %d: %d frame%s #%d..#%d (%s)\n",
                            range.type_id, range.frames,
                            range.frames == 1 ? "" : "s", range.first_sequence,
                            range.last_sequence, ReasonName(gap.reason));
    }
  }
  return lines;
}

}  // namespace mycelium::cli
