// What a typed message costs in process, one JSON object a line: the whole of
// Publish with everything that its subscriber does, in ns for each message.
//
// "direct": the subscriber is called with the object itself, with bytes that it
// parses, or takes bytes.  "queued": to another thread, as a shared object or
// as bytes that are parsed there.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "client/cpp/mycelium.h"
#include "mycelium_protocol.mycelium.h"

namespace mycelium {
namespace {

using chat::TextMessage;

constexpr int kMessages = 300'000;
constexpr int kRounds = 9;

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "typed_bench: %s\n",
               std::string(result.status().message()).c_str());
  std::exit(1);
}

void Require(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "typed_bench: %s\n",
               std::string(status.message()).c_str());
  std::exit(1);
}

TextMessage Example() {
  TextMessage message;
  message.set_sender("typed_bench");
  message.set_content("about as much as somebody says at a time");
  message.set_timestamp(1'700'000'000'000);
  return message;
}

Client Connected() {
  return OrExit(
      Client::Connect("inproc:", {.schema = SchemaOf<TextMessage>()}));
}

// The least disturbed of kRounds.  `round` publishes kMessages and waits until
// they are delivered.
template <typename Round>
void Measure(const char* way, const char* content, Round round) {
  double best = 1e300;
  for (int i = 0; i < kRounds; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    round();
    const std::chrono::duration<double, std::nano> taken =
        std::chrono::steady_clock::now() - begin;
    best = std::min(best, taken.count() / kMessages);
  }
  std::printf("{\"case\": \"typed %s\", \"content\": \"%s\", \"ns\": %.1f}\n",
              way, content, best);
}

void Direct() {
  const TextMessage message = Example();
  const std::string bytes = message.SerializeAsString();
  uint64_t seen = 0;
  {
    Client client = Connected();
    const auto subscription = OrExit(client.Subscribe<TextMessage>(
        [&](const TextMessage& m) { seen += m.content().size(); }));
    Measure("direct", "the object", [&] {
      for (int i = 0; i < kMessages; ++i) Require(client.Publish(message));
    });
    Measure("direct", "bytes, parsed", [&] {
      for (int i = 0; i < kMessages; ++i) {
        Require(client.Publish(1, "", bytes));
      }
    });
  }
  Client client = Connected();
  const auto subscription = OrExit(client.Subscribe(
      {.type_id = 1}, [&](const Message& m) { seen += m.payload.size(); }));
  Measure("direct", "the object, encoded", [&] {
    for (int i = 0; i < kMessages; ++i) Require(client.Publish(message));
  });
  if (seen == 0) std::exit(1);
}

template <typename Publish>
void Queued(const char* content, Publish publish) {
  Client client = Connected();
  std::atomic<uint64_t> delivered{0};
  TypedHandler<TextMessage> handler;
  handler.on_message = [&](const TextMessage& m, const Message&) {
    delivered.fetch_add(m.content().empty() ? 0 : 1);
  };
  TypedSubscribeOptions options;
  options.delivery = Delivery::kQueued;
  options.policy.stall_ms_max = -1;
  const auto subscription =
      OrExit(client.Subscribe<TextMessage>(options, std::move(handler)));
  uint64_t sent = 0;
  Measure("queued", content, [&] {
    for (int i = 0; i < kMessages; ++i) Require(publish(&client));
    sent += kMessages;
    while (delivered.load() != sent) {
    }
  });
}

}  // namespace
}  // namespace mycelium

int main() {
  using namespace mycelium;  // NOLINT: the whole program is this file
  Direct();
  const TextMessage message = Example();
  const auto shared = std::make_shared<const TextMessage>(message);
  Queued("the object, shared",
         [&](Client* client) { return client->Publish(shared); });
  Queued("the object, encoded and parsed",
         [&](Client* client) { return client->Publish(message); });
}
