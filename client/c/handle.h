// What every entry point of the C interface goes through: the handle it was
// given, the words of what fails, the fork that a handle does not outlive, and
// which runtime's callbacks and calls this thread is in.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_C_HANDLE_H_
#define MYCELIUM_CLIENT_C_HANDLE_H_

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "client/c/mycelium.h"
#include "client/core/client.h"

namespace mycelium::c {

// --- What fails -------------------------------------------------------------

// Makes it this thread's last error.  Never throws.
mycelium_status Fail(const core::Status& status) noexcept;
mycelium_status FailOutOfMemory() noexcept;

core::Status InvalidArgument(std::string words);
// "publish: runtime is NULL, allowed a handle that has not been released"
core::Status NullHandle(const char* subject);
// "request: on_reply is NULL, allowed a function"
core::Status NullArgument(const char* subject, const char* what,
                          const char* allowed);
core::Status AfterFork(const char* subject);

// The guard of every entry point: nothing that is thrown gets past it.
template <typename Body>
mycelium_status Guard(Body body) noexcept {
  try {
    const core::Status status = body();
    if (status.ok()) [[likely]]
      return MYCELIUM_OK;
    return Fail(status);
  } catch (const std::bad_alloc&) {
    return FailOutOfMemory();
  } catch (const std::exception& error) {
    try {
      return Fail({core::StatusCode::kInternal,
                   std::string("mycelium: ") + error.what()});
    } catch (const std::bad_alloc&) {
      return FailOutOfMemory();
    }
  }
}

// --- Where a handle comes from ----------------------------------------------

// How often this process has been forked off, counted from the first runtime.
uint32_t ForksSoFar();

// What the handles and callbacks of one runtime share.  Outlives the runtime.
class Origin {
 public:
  Origin() = default;
  Origin(const Origin&) = delete;
  Origin& operator=(const Origin&) = delete;

  // In a child of the process that made it nothing of it can be used.
  bool IsOfAnotherProcess() const { return forks_ != ForksSoFar(); }

  // Calls within which callbacks may be called.
  void BeginCall();
  void EndCall();
  // Returns when there is none.
  void AwaitCalls();

 private:
  const uint32_t forks_ = ForksSoFar();
  std::mutex mutex_;
  std::condition_variable over_;
  uint32_t calls_ = 0;  // guarded by mutex_
};

// While it lives, this thread is in a call or a callback of a runtime.  On the
// stack only.
class Within {
 public:
  explicit Within(const Origin* origin) : origin_(origin), outer_(innermost) {
    innermost = this;
  }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;
  ~Within() { innermost = outer_; }

  // Whether this thread was in one before this one began.
  bool IsNested() const {
    for (const Within* each = outer_; each != nullptr; each = each->outer_) {
      if (each->origin_ == origin_) return true;
    }
    return false;
  }

 private:
  static thread_local constinit const Within* innermost;

  const Origin* const origin_;
  const Within* const outer_;
};

// A call within which callbacks may be called: closing waits for its end.
class CallingBack {
 public:
  explicit CallingBack(Origin* origin) : origin_(origin) {
    origin_->BeginCall();
  }
  CallingBack(const CallingBack&) = delete;
  CallingBack& operator=(const CallingBack&) = delete;
  ~CallingBack() { origin_->EndCall(); }

 private:
  Origin* const origin_;
};

// The same for functions of a handle; `body` gets the Within.  `subject` begins
// the words of what fails.
template <typename Handle, typename Body>
mycelium_status Guard(const char* subject, Handle* handle, Body body) noexcept {
  return Guard([&]() -> core::Status {
    if (handle == nullptr) [[unlikely]]
      return NullHandle(subject);
    if (handle->origin->IsOfAnotherProcess()) [[unlikely]]
      return AfterFork(subject);
    const Within within(handle->origin.get());
    if constexpr (std::is_invocable_v<Body, const Within&>) {
      return body(within);
    } else {
      return body();
    }
  });
}

// --- Arguments --------------------------------------------------------------

// timeout_ms as the header has it.
core::Status ToDeadline(const char* subject, int64_t timeout_ms,
                        core::Deadline* deadline);

// `bytes` may be null if `size` is 0.
core::Status ToPayload(const char* subject, const void* bytes, size_t size,
                       std::span<const uint8_t>* payload);

inline std::string_view TextOrEmpty(const char* text) {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

// What a struct of the caller's may be long: its first version, and this one.
struct StructBytes {
  size_t first;
  size_t known;
};
core::Status CheckStructBytes(const char* subject, size_t struct_bytes,
                              size_t first_bytes);
core::Status CheckStruct(const char* subject, const void* given,
                         size_t struct_bytes, StructBytes allowed);

// Copies what the caller has filled, of whatever version; what it does not have
// stays as it is in *ours.
template <typename Struct>
core::Status CopyStruct(const char* subject, const Struct* given,
                        size_t first_bytes, Struct* ours) {
  if (given == nullptr) {
    return NullArgument(subject, "the struct", "one with its struct_bytes");
  }
  core::Status status = CheckStruct(subject, given, given->struct_bytes,
                                    {first_bytes, sizeof(Struct)});
  if (!status.ok()) return status;
  std::memcpy(ours, given, std::min(given->struct_bytes, sizeof(Struct)));
  return {};
}

// Fills as much as the caller's version of the struct has.
template <typename Struct>
core::Status FillStruct(const char* subject, const Struct& ours,
                        size_t first_bytes, Struct* theirs) {
  if (theirs == nullptr) {
    return NullArgument(subject, "the struct", "one with its struct_bytes");
  }
  const size_t struct_bytes = theirs->struct_bytes;
  const core::Status status =
      CheckStruct(subject, theirs, struct_bytes, {first_bytes, sizeof(Struct)});
  if (!status.ok()) return status;
  std::memcpy(theirs, &ours, std::min(struct_bytes, sizeof(Struct)));
  theirs->struct_bytes = struct_bytes;
  return {};
}

// The same for one that holds nothing yet.
template <typename Struct>
core::Status SetDefaults(const char* subject, const Struct& defaults,
                         size_t first_bytes, size_t struct_bytes,
                         Struct* theirs) {
  if (theirs == nullptr) {
    return NullArgument(subject, "the options", "a struct to be filled");
  }
  core::Status status = CheckStructBytes(subject, struct_bytes, first_bytes);
  if (!status.ok()) return status;
  std::memset(theirs, 0, struct_bytes);
  theirs->struct_bytes = struct_bytes;
  return FillStruct(subject, defaults, first_bytes, theirs);
}

inline constexpr size_t kFirstSubscribeOptionsBytes =
    offsetof(mycelium_subscribe_options, user_data) + sizeof(void*);

// --- What callbacks are given -----------------------------------------------

// A message as C has it.  Points into the core's for as long as that lives.
class MessageInC {
 public:
  MessageInC() = default;
  explicit MessageInC(const core::Message& message) { Set(message); }
  MessageInC(const MessageInC&) = delete;
  MessageInC& operator=(const MessageInC&) = delete;

  void Set(const core::Message& message);
  const mycelium_message* get() const { return &message_; }

 private:
  mycelium_message message_;
  char topic_[kTopicBytesMax + 1];
};

class GapInC {
 public:
  GapInC() = default;
  explicit GapInC(const core::Gap& gap) { Set(gap); }
  GapInC(const GapInC&) = delete;
  GapInC& operator=(const GapInC&) = delete;

  void Set(const core::Gap& gap);
  const mycelium_gap* get() const { return &gap_; }

 private:
  mycelium_gap gap_;
  std::vector<mycelium_gap_range> ranges_;
};

inline mycelium_status ToStatus(core::StatusCode code) {
  return static_cast<mycelium_status>(code);
}

// Of the caller's policy, start, delivery and texts; callbacks are not its
// matter.
core::Status ToSubscribeOptions(const char* subject,
                                const mycelium_subscribe_options& given,
                                core::SubscribeOptions* options);

}  // namespace mycelium::c

// --- Handles ----------------------------------------------------------------

struct mycelium_runtime {
  std::shared_ptr<mycelium::c::Origin> origin;
  std::string schema_digest;  // empty: it has no schema
  std::unique_ptr<mycelium::core::Client> client;
};

struct mycelium_subscription {
  std::shared_ptr<mycelium::c::Origin> origin;
  std::shared_ptr<mycelium::core::Subscription> core;
  // What mycelium_next gave last.
  mycelium::core::Item item = {};
  mycelium::c::MessageInC message = {};
  mycelium::c::GapInC gap = {};
};

struct mycelium_respondent {
  std::shared_ptr<mycelium::c::Origin> origin;
  std::unique_ptr<mycelium::core::Respondent> core;
};

#endif  // MYCELIUM_CLIENT_C_HANDLE_H_
