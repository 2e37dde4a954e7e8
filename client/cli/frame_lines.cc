#include "client/cli/frame_lines.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/cli/flags.h"
#include "client/cli/payload_text.h"
#include "proto/frame.h"

namespace mycelium::cli {
namespace {

std::string_view PayloadOf(const Message& message) {
  return {reinterpret_cast<const char*>(message.payload.data()),
          message.payload.size()};
}

bool HasSequence(const Message& message) {
  return message.kind == DataKind::kPublish;
}

std::string TopicOrDash(const Message& message) {
  return message.topic.empty() ? "-" : Readable(message.topic);
}

std::string TextLine(const Message& message, const Decoded& decoded) {
  std::string line =
      decoded.name.empty() ? absl::StrCat(message.type_id) : decoded.name;
  if (message.kind != DataKind::kReply) {
    absl::StrAppend(&line, " ", TopicOrDash(message));
  }
  if (HasSequence(message)) absl::StrAppend(&line, " #", message.sequence);
  line += message.redelivered ? " redelivered " : " ";
  if (!decoded.json.empty()) return line + ReadableJson(decoded.json) + "\n";
  std::string_view payload = PayloadOf(message);
  absl::StrAppend(&line, "(", payload.size(), " B",
                  decoded.note.empty() ? "" : ", ", decoded.note, ")",
                  payload.empty() ? "" : " ", Readable(payload), "\n");
  return line;
}

std::string HexLine(const Message& message) {
  std::string_view payload = PayloadOf(message);
  std::string line = absl::StrCat(message.type_id);
  if (message.kind != DataKind::kReply) {
    absl::StrAppend(&line, " ", TopicOrDash(message));
  }
  if (HasSequence(message)) absl::StrAppend(&line, " ", message.sequence);
  return absl::StrCat(line, payload.empty() ? "" : " ", Hex(payload), "\n");
}

std::string JsonLine(const Message& message, const Decoded& decoded) {
  std::string_view payload = PayloadOf(message);
  std::string line = absl::StrCat("{\"type\":", message.type_id);
  if (!decoded.name.empty()) {
    absl::StrAppend(&line, ",\"name\":", JsonString(decoded.name));
  }
  if (message.kind != DataKind::kReply) {
    absl::StrAppend(&line, ",\"topic\":", JsonString(message.topic));
  }
  if (HasSequence(message)) {
    absl::StrAppend(&line, ",\"sequence\":", message.sequence);
  }
  absl::StrAppend(&line, ",\"bytes\":", payload.size());
  if (message.redelivered) line += ",\"redelivered\":true";
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
    case GapReason::kDeadlock:
      return "deadlock";
    case GapReason::kMalformed:
      return "malformed";
  }
  return "unspecified";
}

std::string TextGap(const Gap& gap, const Gap::Range& range) {
  std::string line =
      range.type_id == 0 ? "gap" : absl::StrCat("gap type ", range.type_id);
  if (range.frames == 0 && gap.unknown) {
    absl::StrAppend(&line, ": unknown");
    if (range.type_id != 0) {
      absl::StrAppend(&line, " from #", range.first_sequence);
    }
  } else {
    absl::StrAppend(&line, ": ", range.frames, " frame",
                    range.frames == 1 ? "" : "s");
    if (range.type_id != 0) {
      absl::StrAppend(&line, " #", range.first_sequence, "..#",
                      range.last_sequence);
    }
    if (gap.unknown) absl::StrAppend(&line, " or more");
  }
  return absl::StrCat(line, " (", ReasonName(gap.reason), ")\n");
}

std::string JsonGap(const Gap& gap, const Gap::Range& range) {
  std::string line = "{\"gap\":{";
  if (range.type_id != 0)
    absl::StrAppend(&line, "\"type\":", range.type_id, ",");
  absl::StrAppend(&line, "\"frames\":", range.frames);
  if (range.type_id != 0) {
    absl::StrAppend(&line, ",\"first_sequence\":", range.first_sequence,
                    ",\"last_sequence\":", range.last_sequence);
  }
  return absl::StrCat(line, ",\"reason\":\"", ReasonName(gap.reason), "\"",
                      gap.unknown ? ",\"unknown\":true" : "", "}}\n");
}

}  // namespace

std::vector<FlagRule> LineFlags() {
  return {{.name = "format", .choices = {"text", "hex", "json"}},
          {.name = "raw"}};
}

LineFormat LineFormatFlag() {
  if (FLAGS_format == "json") return LineFormat::kJson;
  return FLAGS_format == "hex" ? LineFormat::kHex : LineFormat::kText;
}

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
  // One that says only that nobody knows has no range.
  const std::vector<Gap::Range> none = {Gap::Range{}};
  std::string lines;
  for (const Gap::Range& range : gap.ranges.empty() ? none : gap.ranges) {
    lines +=
        format == LineFormat::kJson ? JsonGap(gap, range) : TextGap(gap, range);
  }
  return lines;
}

}  // namespace mycelium::cli
