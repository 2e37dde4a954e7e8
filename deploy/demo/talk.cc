// One of several programs that talk to each other; talk.py and talk.ml are the
// same in Python and OCaml.
//
//   talk URL NAME PARTNER...
//
// It asks each partner who it is, greets it, and ends when all of them have
// greeted it.  A name is a topic: what is sent there is for who has it.  The
// messages: proto/mycelium_protocol.proto.

#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <variant>

#include "client/cpp/mycelium.h"
#include "mycelium_protocol.mycelium.h"

namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);

[[noreturn]] void Fail(const absl::Status& status) {
  std::cerr << "talk: " << status.message() << "\n";
  exit(1);
}

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (!result.ok()) Fail(result.status());
  return *std::move(result);
}

void OrExit(const absl::Status& status) {
  if (!status.ok()) Fail(status);
}

// Until somebody answers: a partner may have to start first.
chat::Answer Ask(mycelium::Client& client, const std::string& partner) {
  chat::Question question;
  question.set_text("who are you?");
  const absl::Time end = absl::Now() + kPatience;
  for (;;) {
    absl::StatusOr<chat::Answer> answer = client.Request<chat::Answer>(
        question, {.topic = partner, .timeout = kPatience});
    if (!absl::IsNotFound(answer.status()) || absl::Now() > end) {
      return OrExit(std::move(answer));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: talk URL NAME PARTNER...\n";
    return 2;
  }
  const std::string name = argv[2];
  mycelium::ClientOptions options;
  options.name = name;
  options.schema = mycelium::SchemaOf<chat::TextMessage>();
  mycelium::Client client = OrExit(mycelium::Client::Connect(argv[1], options));

  mycelium::Subscription greetings = OrExit(client.Subscribe<chat::TextMessage>(
      mycelium::TypedSubscribeOptions{.topic_filter = name}));
  mycelium::Subscription questions =
      OrExit(client.Respond<chat::Question, chat::Answer>(
          [](const chat::Question&) -> absl::StatusOr<chat::Answer> {
            chat::Answer answer;
            answer.set_text("a program in C++");
            return answer;
          },
          {.topic_filter = name}));

  for (int i = 3; i < argc; ++i) {
    const std::string partner = argv[i];
    const chat::Answer answer = Ask(client, partner);
    std::cout << name << " asks " << partner << " who it is: \""
              << answer.text() << "\"" << std::endl;
    // Whoever answers has subscribed.
    chat::TextMessage greeting;
    greeting.set_sender(name);
    greeting.set_content("hello " + partner);
    OrExit(client.Publish(greeting, {.topic = partner}));
  }
  for (int left = argc - 3; left > 0;) {
    const auto item = OrExit(greetings.Next<chat::TextMessage>(kPatience));
    if (const auto* gap = std::get_if<mycelium::Gap>(&item)) {
      std::cout << name << " misses " << gap->frames() << std::endl;
      continue;
    }
    const chat::TextMessage& greeting =
        *std::get<mycelium::Received<chat::TextMessage>>(item).message;
    std::cout << name << " hears " << greeting.sender() << " say: \""
              << greeting.content() << "\"" << std::endl;
    --left;
  }
  OrExit(client.Flush(kPatience));
  return 0;
}
