// Two clients of one program talk to each other; the url says how:
//
//   conversation unix:/path | tcp://host:port | inproc:
//
// Over sockets they need a mycelium-brokerd, in process they need nothing, and
// the objects themselves change hands.  The messages:
// proto/mycelium_protocol.proto.

#include <chrono>
#include <cstdlib>
#include <future>
#include <iostream>
#include <string>
#include <string_view>

#include "client/cpp/mycelium.h"
#include "mycelium_protocol.mycelium.h"

namespace {

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::cerr << "conversation: " << result.status().message() << "\n";
    exit(1);
  }
  return *std::move(result);
}

mycelium::Client ConnectAs(std::string_view name, std::string_view url) {
  mycelium::ClientOptions options;
  options.name = name;
  options.schema = mycelium::SchemaOf<chat::Question>();
  return OrExit(mycelium::Client::Connect(url, options));
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
  mycelium::Client ada = ConnectAs("ada", place);
  mycelium::Client ben = ConnectAs("ben", place);

  // Ben answers whatever is asked; callbacks may publish.
  mycelium::Subscription questions = OrExit(
      ben.Subscribe<chat::Question>([&ben](const chat::Question& question) {
        std::cout << "  ada -> ben  chat.Question  \"" << question.text()
                  << "\"\n";
        chat::Answer answer;
        answer.set_text("42, over the same url");
        const absl::Status status = ben.Publish(answer);
        if (!status.ok()) std::cerr << status.message() << "\n";
      }));
  std::promise<void> answered;
  mycelium::Subscription answers = OrExit(
      ada.Subscribe<chat::Answer>([&answered](const chat::Answer& answer) {
        std::cout << "  ben -> ada  chat.Answer    \"" << answer.text()
                  << "\"\n";
        answered.set_value();
      }));

  chat::Question question;
  question.set_text("what is the answer?");
  const absl::Status status = ada.Publish(question);
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
