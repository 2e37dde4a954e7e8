// A typed C++ client, for typed_test.py.  Built once for each version of
// chat.proto in tests/schemas.
//
//   typed_peer URL pub CONTENT...   publishes one message for each
//   typed_peer URL sub COUNT        says "ready", then prints what comes
//
// Exit code 3 and the status on standard error: it could not connect.

#include <cstdlib>
#include <iostream>
#include <string_view>

#include "chat.mycelium.h"
#include "client/cpp/mycelium.h"

namespace {

int Fail(const absl::Status& status, int code) {
  std::cerr << status.message() << "\n";
  return code;
}

int Publish(mycelium::Client* client, int count, char** contents) {
  for (int i = 0; i < count; ++i) {
    chat::TextMessage message;
    message.set_sender("typed_peer");
    message.set_content(contents[i]);
    const absl::Status status = client->Publish(message);
    if (!status.ok()) return Fail(status, 1);
  }
  const absl::Status status = client->Flush(absl::Seconds(20));
  return status.ok() ? 0 : Fail(status, 1);
}

int Print(mycelium::Client* client, int count) {
  auto subscription =
      client->Subscribe<chat::TextMessage>(mycelium::TypedSubscribeOptions{});
  if (!subscription.ok()) return Fail(subscription.status(), 1);
  std::cout << "ready" << std::endl;
  for (int i = 0; i < count; ++i) {
    const auto item = subscription->Next<chat::TextMessage>(absl::Seconds(20));
    if (!item.ok()) return Fail(item.status(), 1);
    if (const auto* gap = std::get_if<mycelium::Gap>(&*item)) {
      std::cout << "gap of " << gap->frames() << ", reason "
                << static_cast<int>(gap->reason) << std::endl;
      continue;
    }
    const auto& received =
        std::get<mycelium::Received<chat::TextMessage>>(*item);
    std::cout << received.message->sender() << ": "
              << received.message->content() << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  auto client = mycelium::Client::Connect(
      argv[1], {.schema = mycelium::SchemaOf<chat::TextMessage>()});
  if (!client.ok()) return Fail(client.status(), 3);
  return argv[2] == std::string_view("pub")
             ? Publish(&*client, argc - 3, argv + 3)
             : Print(&*client, std::atoi(argv[3]));
}
