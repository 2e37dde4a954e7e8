// One process: C++, and Python that it embeds, on the bus inproc:demo.  No
// broker and no socket; both use the one libmycelium_ffi.so that is loaded.

#include <Python.h>

#include <chrono>
#include <cstdio>
#include <future>
#include <string>

#include "client/c/mycelium.h"
#include "mycelium_protocol.mycelium.h"

namespace {

constexpr char kPython[] = R"(
from mycelium_native import Runtime
from mycelium_protocol import Answer, Question, SCHEMA_DIGEST

runtime = Runtime(SCHEMA_DIGEST, url="inproc:demo")

def handle(question):
    print('  C++ -> Python  chat.Question  "%s"' % question.text, flush=True)
    runtime.publish(Answer(text="42, by a call and not by a socket"))

subscription = runtime.subscribe(Question, handle)
)";

// Runs within Python's publish.
void OnAnswer(const mycelium_message* message, void* user_data) {
  chat::Answer answer;
  if (!answer.ParseFromArray(message->payload,
                             static_cast<int>(message->payload_bytes))) {
    return;
  }
  std::printf("  Python -> C++  chat.Answer    \"%s\"\n",
              answer.text().c_str());
  static_cast<std::promise<void>*>(user_data)->set_value();
}

int Fail(const char* what) {
  std::fprintf(stderr, "one_process: %s: %s\n", what, mycelium_last_error());
  return 1;
}

}  // namespace

int main() {
  mycelium_runtime* const runtime =
      mycelium_runtime_connect("inproc:demo", nullptr);
  if (runtime == nullptr) return Fail("connect");
  std::promise<void> answered;
  mycelium_subscription* subscription = nullptr;
  if (mycelium_subscribe(runtime,
                         mycelium::MessageTraits<chat::Answer>::kTypeId,
                         OnAnswer, &answered, &subscription) != MYCELIUM_OK) {
    return Fail("subscribe");
  }
  Py_Initialize();
  if (PyRun_SimpleString(kPython) != 0) return 1;
  // Python's callback needs the GIL, which this thread gives up meanwhile.
  PyThreadState* const python = PyEval_SaveThread();
  chat::Question question;
  question.set_text("what is the answer?");
  const std::string bytes = question.SerializeAsString();
  if (mycelium_publish(runtime,
                       mycelium::MessageTraits<chat::Question>::kTypeId,
                       bytes.data(), bytes.size()) != MYCELIUM_OK) {
    return Fail("publish");
  }
  const bool in_time =
      answered.get_future().wait_for(std::chrono::seconds(10)) ==
      std::future_status::ready;
  if (!in_time) std::fputs("one_process: no answer within 10 s\n", stderr);
  PyEval_RestoreThread(python);
  const bool ended = Py_FinalizeEx() == 0;
  mycelium_unsubscribe(subscription);
  const bool destroyed = mycelium_runtime_destroy(runtime) == MYCELIUM_OK;
  return in_time && ended && destroyed ? 0 : 1;
}
