#include "client/cpp/mycelium.h"

#include <chrono>
#include <utility>

namespace mycelium {
namespace {

absl::Status ToAbsl(const core::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.code),
                      {status.message.data(), status.message.size()});
}

// What lies beyond the clock's range is no deadline, or one that has passed.
core::Deadline DeadlineIn(absl::Duration timeout) {
  if (timeout <= absl::ZeroDuration()) return core::Clock::now();
  const core::Deadline now = core::Clock::now();
  const absl::Duration left = absl::FromChrono(core::kNoDeadline - now);
  if (timeout >= left) return core::kNoDeadline;
  return now + absl::ToChronoNanoseconds(timeout);
}

}  // namespace

absl::StatusOr<Item> Subscription::Next(absl::Duration timeout) {
  if (core_ == nullptr) {
    return absl::FailedPreconditionError("next: the subscription is empty");
  }
  Item item;
  const core::Status status = core_->Next(DeadlineIn(timeout), &item);
  if (!status.ok()) return ToAbsl(status);
  return item;
}

void Subscription::Unsubscribe() {
  if (core_ != nullptr) core_->Unsubscribe();
}

absl::StatusOr<Client> Client::Connect(std::string_view url,
                                       const ClientOptions& options) {
  std::unique_ptr<core::Client> core;
  const core::Status status = core::Client::Connect(url, options, &core);
  if (!status.ok()) return ToAbsl(status);
  return Client(std::move(core));
}

absl::StatusOr<Subscription> Client::Subscribe(const SubscribeOptions& options,
                                               Handler handler) {
  std::shared_ptr<core::Subscription> core;
  const core::Status status =
      core_->Subscribe(options, std::move(handler), &core);
  if (!status.ok()) return ToAbsl(status);
  return Subscription(std::move(core));
}

absl::Status Client::Publish(uint16_t type_id, std::string_view topic,
                             std::span<const uint8_t> payload,
                             absl::Duration timeout) {
  // Without end is the usual case, and needs no look at the clock.
  const core::Deadline deadline = timeout == absl::InfiniteDuration()
                                      ? core::kNoDeadline
                                      : DeadlineIn(timeout);
  return ToAbsl(core_->Publish(type_id, topic, payload, deadline));
}

absl::Status Client::TryPublish(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload) {
  return ToAbsl(core_->TryPublish(type_id, topic, payload));
}

absl::Status Client::Flush(absl::Duration timeout) {
  return ToAbsl(core_->Flush(DeadlineIn(timeout)));
}

absl::StatusOr<absl::Duration> Client::Ping(absl::Duration timeout) {
  const core::Deadline begin = core::Clock::now();
  const core::Status status = core_->Ping(DeadlineIn(timeout));
  if (!status.ok()) return ToAbsl(status);
  return absl::FromChrono(core::Clock::now() - begin);
}

absl::StatusOr<std::string> Client::Admin(std::string_view request,
                                          absl::Duration timeout) {
  std::string reply;
  const core::Status status =
      core_->Admin(AsBytes(request), DeadlineIn(timeout), &reply);
  if (!status.ok()) return ToAbsl(status);
  return reply;
}

void Client::Close() { core_->Close(); }

BrokerInfo Client::broker() const { return core_->broker(); }

}  // namespace mycelium
