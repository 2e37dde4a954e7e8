// The C++ client of Mycelium: the one header to include
// (//client/cpp:mycelium).
//
//   absl::StatusOr<mycelium::Client> client =
//       mycelium::Client::Connect("unix:/run/mycelium/brokerd.sock");
//   auto subscription = client->Subscribe(
//       {.type_id = 7}, [](const mycelium::Message& message) { ... });
//   absl::Status status = client->Publish(7, "greetings.en", "hello");
//
// The url chooses the carrier and nothing else changes: `unix:/path`,
// `tcp://host:port`, `inproc:` (private to this client), `inproc:NAME` (shared
// within the process); empty: $MYCELIUM_URL, or the default Unix socket.
//
// Threads: everything may be called from any thread and from within callbacks.
// Callbacks run on the client's reading thread, a subscription's own thread
// (Delivery::kQueued) or, in process and direct, on the thread that publishes.
// Ownership: a Client owns its threads and its connection; Subscriptions may
// outlive it, and then only say kCancelled.
// Errors: absl::Status with the words "subject: what was seen, what is
// allowed".
#ifndef MYCELIUM_CLIENT_CPP_MYCELIUM_H_
#define MYCELIUM_CLIENT_CPP_MYCELIUM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/core/client.h"

namespace mycelium {

using core::BrokerInfo;
using core::ClientOptions;
using core::Delivery;
using core::Gap;
using core::GapReason;
using core::Handler;
using core::Item;
using core::Message;
using core::Policy;
using core::State;
using core::SubscribeOptions;

// One route to this client.  Destruction unsubscribes.  Movable.
class Subscription {
 public:
  Subscription() = default;
  explicit Subscription(std::shared_ptr<core::Subscription> core)
      : core_(std::move(core)) {}

  // For a subscription without a callback: the next frame or gap.  Its views
  // live until the next call.  DeadlineExceeded; Cancelled after Unsubscribe or
  // Client::Close; Unavailable once the connection is lost and the queue is
  // empty.
  absl::StatusOr<Item> Next(absl::Duration timeout = absl::InfiniteDuration());

  // When it returns, no callback of this subscription runs and none will;
  // called from within that callback, none will after it.
  void Unsubscribe();

 private:
  std::shared_ptr<core::Subscription> core_;
};

// One peer of the broker, or of an in-process bus.  Movable.
class Client {
 public:
  static absl::StatusOr<Client> Connect(std::string_view url = {},
                                        const ClientOptions& options = {});

  // With a callback, pushed; without one, pulled by Subscription::Next.  When
  // it returns OK, whatever anyone publishes afterwards arrives.
  absl::StatusOr<Subscription> Subscribe(const SubscribeOptions& options,
                                         Handler handler = {});
  absl::StatusOr<Subscription> Subscribe(
      const SubscribeOptions& options,
      std::function<void(const Message&)> on_message) {
    return Subscribe(options, Handler{std::move(on_message), nullptr});
  }

  // OK: queued; frames of one thread stay in order.  Waits while subscribers
  // hold the type back or the outbox is full, at most `timeout`.
  absl::Status Publish(uint16_t type_id, std::string_view topic,
                       std::span<const uint8_t> payload,
                       absl::Duration timeout = absl::InfiniteDuration());
  absl::Status Publish(uint16_t type_id, std::string_view topic,
                       std::string_view payload,
                       absl::Duration timeout = absl::InfiniteDuration()) {
    return Publish(type_id, topic, AsBytes(payload), timeout);
  }

  // As Publish, but Unavailable "publish: would block, ..." instead of waiting.
  absl::Status TryPublish(uint16_t type_id, std::string_view topic,
                          std::span<const uint8_t> payload);
  absl::Status TryPublish(uint16_t type_id, std::string_view topic,
                          std::string_view payload) {
    return TryPublish(type_id, topic, AsBytes(payload));
  }

  // OK: the broker has accepted everything published before this call.
  absl::Status Flush(absl::Duration timeout = absl::InfiniteDuration());

  // The time of a round trip through the broker.
  absl::StatusOr<absl::Duration> Ping(absl::Duration timeout);

  // An encoded mycelium.AdminRequest; returns the encoded AdminReply.
  absl::StatusOr<std::string> Admin(std::string_view request,
                                    absl::Duration timeout);

  // Writes what was published and says goodbye; the destructor does it too.
  void Close();

  BrokerInfo broker() const;

 private:
  explicit Client(std::unique_ptr<core::Client> core)
      : core_(std::move(core)) {}

  static std::span<const uint8_t> AsBytes(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
  }

  std::unique_ptr<core::Client> core_;
};

}  // namespace mycelium

#endif  // MYCELIUM_CLIENT_CPP_MYCELIUM_H_
