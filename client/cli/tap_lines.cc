#include "client/cli/tap_lines.h"

#include <span>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "client/cli/payload_text.h"
#include "proto/frame.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::cli {
namespace {

DataKind KindOf(const wire::TappedFrame& frame) {
  return static_cast<DataKind>(frame.kind());
}

const char* NameOf(DataKind kind) {
  switch (kind) {
    case DataKind::kPublish:
      return "publish";
    case DataKind::kRequest:
      return "request";
    case DataKind::kReply:
      return "reply";
    case DataKind::kErrorReply:
      return "error_reply";
  }
  return "unknown";
}

// What a frame without a message says instead.
std::string NoteOf(const wire::TappedFrame& frame) {
  if (frame.payload().size() < frame.payload_bytes()) {
    return absl::StrCat("the beginning of ", frame.payload_bytes(), " B");
  }
  wire::RequestError error;
  if (KindOf(frame) == DataKind::kErrorReply &&
      error.ParseFromString(frame.payload())) {
    return absl::StrCat("status ", error.status(), ": ",
                        Readable(error.message()));
  }
  return "";
}

std::string TimeOf(const wire::TappedFrame& frame) {
  return absl::FormatTime(
      "%Y-%m-%dT%H:%M:%E3SZ",
      absl::FromUnixMillis(static_cast<int64_t>(frame.unix_ms())),
      absl::UTCTimeZone());
}

}  // namespace

std::string TapLine(LineFormat format, const wire::TappedFrame& frame,
                    FrameDecoder* decoder) {
  const DataKind kind = KindOf(frame);
  Message message;
  message.type_id = static_cast<uint16_t>(frame.type_id());
  // Error replies have no topic either.
  message.kind = kind == DataKind::kErrorReply ? DataKind::kReply : kind;
  message.topic = frame.topic();
  message.sequence = frame.id();
  message.payload = {reinterpret_cast<const uint8_t*>(frame.payload().data()),
                     frame.payload().size()};
  Decoded decoded;
  decoded.note = NoteOf(frame);
  if (decoded.note.empty() && decoder != nullptr) {
    decoded = decoder->Decode(message.type_id, frame.payload());
  }
  const std::string line = FrameLine(format, message, decoded);
  if (format == LineFormat::kJson) {
    return absl::StrCat("{\"time\":\"", TimeOf(frame),
                        "\",\"session\":", frame.session_id(),
                        ",\"sender\":", JsonString(frame.session_name()),
                        ",\"kind\":\"", NameOf(kind), "\",", line.substr(1));
  }
  const std::string sender =
      frame.session_name().empty() || format == LineFormat::kHex
          ? ""
          : absl::StrCat("(", Readable(frame.session_name()), ") ");
  return absl::StrCat(TimeOf(frame), " ", frame.session_id(), " ", sender,
                      NameOf(kind), " ", line);
}

}  // namespace mycelium::cli
