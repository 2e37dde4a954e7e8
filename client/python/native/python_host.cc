// A program that uses libmycelium_ffi itself and embeds Python, whose
// mycelium_native then uses the library that is loaded already.  It starts and
// ends the interpreter twice.
//
// Usage: python_host PROGRAM     runs PROGRAM, which leaves `rt` and `done`
#include <Python.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <set>
#include <string>

#include "client/c/mycelium.h"

namespace {

constexpr uint16_t kTextMessage = 1;
constexpr uint16_t kQuestion = 2;

// chat.TextMessage{sender: "host", content: "hello"}, chat.Question{text: who}
constexpr char kHello[] = "\x0a\x04host\x12\x05hello";
constexpr char kWho[] = "\x0a\x03who";

struct Heard {
  std::mutex mutex;
  std::condition_variable changed;
  std::string from_python;  // guarded by mutex
  int messages = 0;         // guarded by mutex
};

// A field of at most 127 bytes behind its tag.
std::string Field(std::string_view payload, char tag) {
  const size_t at = payload.find(tag);
  if (at == std::string_view::npos) return "";
  return std::string(payload.substr(at + 2, payload[at + 1]));
}

// Direct: within the publish of whoever publishes, Python too.
void OnMessage(const mycelium_message* message, void* user_data) {
  auto* const heard = static_cast<Heard*>(user_data);
  const std::string_view payload(
      reinterpret_cast<const char*>(message->payload), message->payload_bytes);
  const std::lock_guard lock(heard->mutex);
  ++heard->messages;
  if (Field(payload, '\x0a') == "python") {
    heard->from_python = Field(payload, '\x12');
    heard->changed.notify_all();
  }
}

void OnReply(mycelium_status status, const char* error,
             const mycelium_message* reply, void* user_data) {
  auto* const answer = static_cast<std::string*>(user_data);
  *answer = status == MYCELIUM_OK
                ? Field({reinterpret_cast<const char*>(reply->payload),
                         reply->payload_bytes},
                        '\x0a')
                : std::string(error);
}

bool Round(int number, mycelium_runtime* runtime, const char* program) {
  Py_Initialize();
  if (PyRun_SimpleString(program) != 0) return false;
  Heard heard;
  mycelium_subscription* subscription = nullptr;
  if (mycelium_subscribe(runtime, kTextMessage, OnMessage, &heard,
                         &subscription) != MYCELIUM_OK) {
    return false;
  }
  // Python's threads run meanwhile.
  PyThreadState* const python = PyEval_SaveThread();
  mycelium_publish(runtime, kTextMessage, kHello, sizeof kHello - 1);
  {
    std::unique_lock lock(heard.mutex);
    heard.changed.wait(lock, [&] { return !heard.from_python.empty(); });
  }
  std::string answer;
  if (mycelium_request_wait(runtime, kQuestion, nullptr, kWho, sizeof kWho - 1,
                            MYCELIUM_NO_TIMEOUT, OnReply,
                            &answer) != MYCELIUM_OK) {
    answer = mycelium_last_error();
  }
  PyEval_RestoreThread(python);
  const bool ended = Py_FinalizeEx() == 0;
  mycelium_unsubscribe(subscription);
  std::printf("round %d: python: %s, answer %s, direct callback saw %d\n",
              number, heard.from_python.c_str(), answer.c_str(),
              heard.messages);
  return ended;
}

// How many files of the library this process has loaded.
size_t LibrariesLoaded() {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> files;
  for (std::string line; std::getline(maps, line);) {
    const size_t at = line.find('/');
    if (line.find("libmycelium_ffi") != std::string::npos) {
      files.insert(line.substr(at));
    }
  }
  return files.size();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  mycelium_runtime* const runtime =
      mycelium_runtime_connect("inproc:shared", nullptr);
  if (runtime == nullptr) return 1;
  for (int number = 1; number <= 2; ++number) {
    if (!Round(number, runtime, argv[1])) return 1;
  }
  std::puts(LibrariesLoaded() == 1 ? "one library" : "several libraries");
  return mycelium_runtime_destroy(runtime) == MYCELIUM_OK ? 0 : 1;
}
