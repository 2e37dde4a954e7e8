#include "client/c/handle.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <utility>

namespace mycelium::c {
namespace {

// No struct of any version is longer: what is, is no struct_bytes.
constexpr size_t kStructBytesMax = 4096;

std::atomic<uint32_t> forks{0};

const char* const kNoBytes = "";

}  // namespace

// --- Words ------------------------------------------------------------------

core::Status InvalidArgument(std::string words) {
  return {core::StatusCode::kInvalidArgument, std::move(words)};
}

core::Status NullHandle(const char* subject) {
  return InvalidArgument(
      std::string(subject) +
      ": the handle is NULL, allowed one that has not been released");
}

core::Status NullArgument(const char* subject, const char* what,
                          const char* allowed) {
  return InvalidArgument(std::string(subject) + ": " + what +
                         " is NULL, allowed " + allowed);
}

core::Status AfterFork(const char* subject) {
  return {core::StatusCode::kFailedPrecondition,
          std::string(subject) +
              ": the handle was made before fork by the parent, allowed one "
              "that this process has made"};
}

// --- Origins ----------------------------------------------------------------

uint32_t ForksSoFar() {
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] {
        forks.store(forks.load(std::memory_order_relaxed) + 1,
                    std::memory_order_relaxed);
      });
  return forks.load(std::memory_order_relaxed);
}

void Origin::BeginCall() {
  const std::lock_guard lock(mutex_);
  ++calls_;
}

void Origin::EndCall() {
  const std::lock_guard lock(mutex_);
  --calls_;
  over_.notify_all();
}

void Origin::AwaitCalls() {
  std::unique_lock lock(mutex_);
  over_.wait(lock, [this] { return calls_ == 0; });
}

thread_local constinit const Within* Within::innermost = nullptr;

// --- Arguments --------------------------------------------------------------

core::Status ToDeadline(const char* subject, int64_t timeout_ms,
                        core::Deadline* deadline) {
  if (timeout_ms == MYCELIUM_NO_TIMEOUT) {
    *deadline = core::kNoDeadline;
    return {};
  }
  if (timeout_ms < 0) {
    return InvalidArgument(std::string(subject) + ": timeout_ms " +
                           std::to_string(timeout_ms) +
                           ", allowed 0 and more, and MYCELIUM_NO_TIMEOUT");
  }
  using std::chrono::milliseconds;
  const core::Deadline now = core::Clock::now();
  const auto left =
      std::chrono::floor<milliseconds>(core::kNoDeadline - now).count();
  *deadline =
      timeout_ms >= left ? core::kNoDeadline : now + milliseconds(timeout_ms);
  return {};
}

core::Status ToPayload(const char* subject, const void* bytes, size_t size,
                       std::span<const uint8_t>* payload) {
  if (bytes == nullptr && size != 0) {
    return NullArgument(subject, "bytes", "so with size 0 only");
  }
  *payload = {static_cast<const uint8_t*>(bytes), size};
  return {};
}

core::Status CheckStructBytes(const char* subject, size_t struct_bytes,
                              size_t first_bytes) {
  if (struct_bytes >= first_bytes && struct_bytes <= kStructBytesMax) return {};
  return InvalidArgument(std::string(subject) + ": struct_bytes " +
                         std::to_string(struct_bytes) + ", allowed " +
                         std::to_string(first_bytes) + " to " +
                         std::to_string(kStructBytesMax));
}

core::Status CheckStruct(const char* subject, const void* given,
                         size_t struct_bytes, StructBytes allowed) {
  core::Status status = CheckStructBytes(subject, struct_bytes, allowed.first);
  if (!status.ok()) return status;
  const auto* const bytes = static_cast<const uint8_t*>(given);
  for (size_t i = allowed.known; i < struct_bytes; ++i) {
    if (bytes[i] == 0) continue;
    return InvalidArgument(std::string(subject) + ": struct_bytes " +
                           std::to_string(struct_bytes) + " with byte " +
                           std::to_string(i) + " set, this library knows " +
                           std::to_string(allowed.known) +
                           " and allows 0 behind them");
  }
  return {};
}

// --- What callbacks are given -----------------------------------------------

void MessageInC::Set(const core::Message& message) {
  // ValidTopic sees to its length.
  const size_t topic_bytes = message.topic.size();
  if (topic_bytes != 0) std::memcpy(topic_, message.topic.data(), topic_bytes);
  topic_[topic_bytes] = '\0';
  const bool is_empty = message.payload.empty();
  message_ = {message.type_id,
              static_cast<uint8_t>(message.redelivered ? 1 : 0),
              topic_,
              topic_bytes,
              is_empty ? reinterpret_cast<const uint8_t*>(kNoBytes)
                       : message.payload.data(),
              message.payload.size(),
              message.sequence};
}

void GapInC::Set(const core::Gap& gap) {
  ranges_.clear();
  for (const core::Gap::Range& range : gap.ranges) {
    ranges_.push_back({range.type_id, range.frames, range.first_sequence,
                       range.last_sequence});
  }
  gap_ = {static_cast<mycelium_gap_reason>(gap.reason), gap.unknown ? 1 : 0,
          ranges_.data(), ranges_.size()};
}

}  // namespace mycelium::c
