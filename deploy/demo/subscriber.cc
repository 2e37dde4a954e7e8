// Prints every chat.TextMessage, and in the place of those that it did not get
// how many they are:
//
//   subscriber [URL [TOPIC_FILTER]]
//
// Without a URL $MYCELIUM_URL or the default Unix socket.  Ends with SIGTERM or
// Ctrl-C.  Outlives a broker that is restarted and a network that fails.  The
// messages: proto/mycelium_protocol.proto.

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <string>

#include "client/cpp/mycelium.h"
#include "mycelium_protocol.mycelium.h"

namespace {

const char* ReasonName(mycelium::GapReason reason) {
  switch (reason) {
    case mycelium::GapReason::kUnspecified:
      return "unspecified";
    case mycelium::GapReason::kOverflow:
      return "overflow";
    case mycelium::GapReason::kConflated:
      return "conflated";
    case mycelium::GapReason::kReconnect:
      return "reconnect";
    case mycelium::GapReason::kMemory:
      return "memory";
    case mycelium::GapReason::kDeadlock:
      return "deadlock";
    case mycelium::GapReason::kMalformed:
      return "malformed";
  }
  return "unknown reason";
}

void PrintMessage(const chat::TextMessage& text,
                  const mycelium::Message& message) {
  std::cout << message.topic << " #" << message.sequence << " " << text.sender()
            << ": " << text.content() << std::endl;
}

void PrintGap(const mycelium::Gap& gap) {
  std::cout << "gap: " << gap.frames() << " messages"
            << (gap.unknown ? " or more" : "");
  for (const mycelium::Gap::Range& range : gap.ranges) {
    std::cout << " #" << range.first_sequence << "..#" << range.last_sequence;
  }
  std::cout << " (" << ReasonName(gap.reason) << ")" << std::endl;
}

void PrintState(mycelium::State state, const mycelium::core::Status& why) {
  if (state == mycelium::State::kConnected) {
    std::cout << "connected" << std::endl;
  } else if (state == mycelium::State::kReconnecting) {
    std::cout << "reconnecting: " << why.message << std::endl;
  } else if (state == mycelium::State::kClosed && !why.ok()) {
    // Refused for good: nothing comes any more.
    std::cerr << "subscriber: " << why.message << std::endl;
    _exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3) {
    std::cerr << "usage: subscriber [URL [TOPIC_FILTER]]\n";
    return 2;
  }
  // Before there are threads, so that no other one is told.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  mycelium::ClientOptions options;
  options.schema = mycelium::SchemaOf<chat::TextMessage>();
  options.on_state = PrintState;
  auto client = mycelium::Client::Connect(argc > 1 ? argv[1] : "", options);
  if (!client.ok()) {
    std::cerr << "subscriber: " << client.status().message() << "\n";
    return 1;
  }
  const auto subscription = client->Subscribe<chat::TextMessage>(
      {.topic_filter = argc > 2 ? argv[2] : ""}, {PrintMessage, PrintGap});
  if (!subscription.ok()) {
    std::cerr << "subscriber: " << subscription.status().message() << "\n";
    return 1;
  }
  std::cout << "subscribed" << std::endl;
  int signal_number = 0;
  sigwait(&ends, &signal_number);
  return 0;
}
