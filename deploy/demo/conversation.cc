// Two clients of one program talk to each other; the url says how:
//
//   conversation unix:/path | tcp://host:port | inproc:
//
// Over sockets they need a mycelium-brokerd, in process they need nothing.

#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <string_view>

#include "client/cpp/mycelium.h"

namespace {

constexpr uint16_t kQuestion = 7;
constexpr uint16_t kAnswer = 8;

std::string Text(const mycelium::Message& message) {
  return {reinterpret_cast<const char*>(message.payload.data()),
          message.payload.size()};
}

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << "conversation: " << result.status().message() << "\n";
    exit(1);
  }
  return *std::move(result);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: conversation URL\n";
    return 2;
  }
  // inproc:NAME is one bus for all clients of this process that name it.
  const std::string_view url = argv[1];
  const std::string_view place = url == "inproc:" ? "inproc:demo" : url;
  mycelium::ClientOptions ada_options, ben_options;
  ada_options.name = "ada";
  ben_options.name = "ben";
  mycelium::Client ada = OrExit(mycelium::Client::Connect(place, ada_options));
  mycelium::Client ben = OrExit(mycelium::Client::Connect(place, ben_options));

  // Ben answers whatever is asked; callbacks may publish.
  mycelium::Subscription questions = OrExit(ben.Subscribe(
      {.type_id = kQuestion, .topic_filter = "questions.*"},
      [&ben](const mycelium::Message& message) {
        std::cout << "  ada -> ben  type " << message.type_id << " "
                  << message.topic << " #" << message.sequence << "  \""
                  << Text(message) << "\"\n";
        const absl::Status status =
            ben.Publish(kAnswer, "answers", "42, over the same url");
        if (!status.ok()) std::cerr << status.message() << "\n";
      }));
  std::promise<void> answered;
  mycelium::Subscription answers = OrExit(ada.Subscribe(
      {.type_id = kAnswer}, [&answered](const mycelium::Message& message) {
        std::cout << "  ben -> ada  type " << message.type_id << " "
                  << message.topic << " #" << message.sequence << "  \""
                  << Text(message) << "\"\n";
        answered.set_value();
      }));

  const absl::Status status =
      ada.Publish(kQuestion, "questions.life", "what is the answer?");
  if (!status.ok()) {
    std::cerr << "conversation: " << status.message() << "\n";
    return 1;
  }
  if (answered.get_future().wait_for(std::chrono::seconds(10)) !=
      std::future_status::ready) {
    std::cerr << "conversation: no answer within 10 s\n";
    return 1;
  }
  return 0;
}
