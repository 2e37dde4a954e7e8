// Statuses and their words; the version.
#include <iterator>

#include "broker/version.h"
#include "client/c/handle.h"

namespace mycelium::c {
namespace {

struct LastError {
  mycelium_status status = MYCELIUM_OK;
  bool out_of_memory = false;  // its words are not in `words`
  std::string words;
};
thread_local LastError last_error;

constexpr char kOutOfMemory[] = "out of memory";

constexpr const char* kTexts[] = {"MYCELIUM_OK",
                                  "MYCELIUM_CANCELLED",
                                  "MYCELIUM_UNKNOWN",
                                  "MYCELIUM_INVALID_ARGUMENT",
                                  "MYCELIUM_DEADLINE_EXCEEDED",
                                  "MYCELIUM_NOT_FOUND",
                                  "MYCELIUM_ALREADY_EXISTS",
                                  "MYCELIUM_PERMISSION_DENIED",
                                  "MYCELIUM_RESOURCE_EXHAUSTED",
                                  "MYCELIUM_FAILED_PRECONDITION",
                                  "MYCELIUM_ABORTED",
                                  "MYCELIUM_OUT_OF_RANGE",
                                  "MYCELIUM_UNIMPLEMENTED",
                                  "MYCELIUM_INTERNAL",
                                  "MYCELIUM_UNAVAILABLE",
                                  "MYCELIUM_DATA_LOSS",
                                  "MYCELIUM_UNAUTHENTICATED"};

}  // namespace

mycelium_status Fail(const core::Status& status) noexcept {
  try {
    last_error.words = status.message;
  } catch (const std::bad_alloc&) {
    return FailOutOfMemory();
  }
  last_error.out_of_memory = false;
  return last_error.status = ToStatus(status.code);
}

mycelium_status FailOutOfMemory() noexcept {
  last_error.out_of_memory = true;
  return last_error.status = MYCELIUM_RESOURCE_EXHAUSTED;
}

}  // namespace mycelium::c

using mycelium::c::kOutOfMemory;
using mycelium::c::kTexts;
using mycelium::c::last_error;

const char* mycelium_status_text(mycelium_status status) {
  const auto number = static_cast<size_t>(status);
  return number < std::size(kTexts) ? kTexts[number] : "unknown status";
}

mycelium_status mycelium_last_status(void) { return last_error.status; }

const char* mycelium_last_error(void) {
  return last_error.out_of_memory ? kOutOfMemory : last_error.words.c_str();
}

const char* mycelium_version(void) { return mycelium::kVersion; }

int mycelium_abi_version(void) { return MYCELIUM_ABI_VERSION; }
