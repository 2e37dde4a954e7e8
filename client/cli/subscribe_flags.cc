#include "client/cli/subscribe_flags.h"

#include <cmath>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cli/flags.h"
#include "config/limits.h"

namespace mycelium::cli {
namespace {

using core::Overflow;
using core::Policy;
using core::Start;

constexpr char kAllowed[] =
    "allowed now, last:N, sequence:N, ago:SECONDS or "
    "time:2026-11-25T12:00:00Z";
// A thousand years.
constexpr double kSecondsMax = 3.2e10;

absl::StatusOr<Start> Refuse(const std::string& word,
                             const std::string& allowed = kAllowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("--start ", word, ": ", allowed));
}

Policy Preset(const std::string& name) {
  if (name == "lossless") return Policy::Lossless();
  if (name == "live") return Policy::Live();
  if (name == "latest") return Policy::Latest();
  return name == "strict" ? Policy::Strict() : Policy::Balanced();
}

Overflow OverflowFlag() {
  if (FLAGS_overflow == "conflate") return Overflow::kConflate;
  return FLAGS_overflow == "disconnect" ? Overflow::kDisconnect
                                        : Overflow::kGap;
}

Start StartAt(absl::Time time) {
  const int64_t ms = absl::ToUnixMillis(time);
  return {Start::From::kTime, ms < 0 ? 0 : static_cast<uint64_t>(ms)};
}

}  // namespace

absl::StatusOr<Start> ParseStartWord(const std::string& word, absl::Time now) {
  absl::string_view value = word;
  if (value == "now") return Start::Now();
  if (absl::ConsumePrefix(&value, "last:")) {
    uint32_t frames = 0;
    if (!absl::SimpleAtoi(value, &frames)) {
      return Refuse(word, "allowed 0 to 4294967295");
    }
    return Start::Last(frames);
  }
  if (absl::ConsumePrefix(&value, "sequence:")) {
    uint64_t sequence = 0;
    if (!absl::SimpleAtoi(value, &sequence) || sequence == 0) {
      return Refuse(word, "allowed 1 and up");
    }
    return Start::AtSequence(sequence);
  }
  if (absl::ConsumePrefix(&value, "ago:")) {
    double seconds = 0;
    if (!absl::SimpleAtod(value, &seconds) || !std::isfinite(seconds) ||
        seconds < 0 || seconds > kSecondsMax) {
      return Refuse(word, "allowed seconds, 0 and up");
    }
    return StartAt(now - absl::Seconds(seconds));
  }
  if (absl::ConsumePrefix(&value, "time:")) {
    absl::Time time;
    std::string why;
    if (!absl::ParseTime(absl::RFC3339_full, value, &time, &why)) {
      return Refuse(word, "allowed a time like 2026-11-25T12:00:00Z");
    }
    return StartAt(time);
  }
  return Refuse(word);
}

std::vector<FlagRule> PolicyFlags() {
  return {{.name = "policy",
           .choices = {"balanced", "lossless", "live", "latest", "strict"}},
          {.name = "queue_bytes",
           .min = static_cast<double>(kQueueBytesMin),
           .max = 1e15,
           .also = "queue_bytes_max"},
          {.name = "stall_ms", .min = -1, .max = 1e9, .also = "stall_ms_max"},
          {.name = "overflow", .choices = {"gap", "conflate", "disconnect"}}};
}

Policy PolicyOfFlags(const Arguments& arguments) {
  Policy policy = Preset(FLAGS_policy);
  if (arguments.Given("queue_bytes")) {
    policy.queue_bytes_max = static_cast<uint64_t>(FLAGS_queue_bytes);
  }
  if (arguments.Given("stall_ms")) policy.stall_ms_max = FLAGS_stall_ms;
  if (arguments.Given("overflow")) policy.overflow = OverflowFlag();
  return policy;
}

}  // namespace mycelium::cli
