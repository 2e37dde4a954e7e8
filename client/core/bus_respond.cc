// Requests of in-process clients, and those who answer them.
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "client/core/arguments.h"
#include "client/core/bus.h"
#include "client/core/bus_peer.h"
#include "client/core/bus_requests.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

class BusResponding : public Subscription {
 public:
  BusResponding(std::shared_ptr<BusPeer> peer,
                std::shared_ptr<BusResponder> responder)
      : peer_(std::move(peer)), responder_(std::move(responder)) {}
  BusResponding(const BusResponding&) = delete;
  BusResponding& operator=(const BusResponding&) = delete;
  ~BusResponding() override { Unsubscribe(); }

  Status Next(Deadline, Item*) override {
    return {StatusCode::kFailedPrecondition,
            "next: the subscription has a callback, allowed without one"};
  }
  void Unsubscribe() override {
    peer_->bus->requests.End(responder_);
    peer_->bus->requests.Await(responder_);
  }

 private:
  const std::shared_ptr<BusPeer> peer_;
  const std::shared_ptr<BusResponder> responder_;
};

Status StartThread(const std::shared_ptr<Bus>& bus,
                   const std::shared_ptr<BusResponder>& responder) {
  responder->thread_runs = true;
  try {
    std::thread([bus, responder] { bus->requests.Run(responder); }).detach();
  } catch (const std::system_error& error) {
    responder->thread_runs = false;
    return {StatusCode::kResourceExhausted,
            std::string("respond: no thread, ") + error.what()};
  }
  return {};
}

}  // namespace

Status InprocClient::Request(uint16_t type_id, std::span<const uint8_t> payload,
                             const RequestOptions& options,
                             ReplyHandler on_reply, uint64_t* call) {
  Status status = CheckRequest(type_id, options.topic, payload.size(),
                               kFrameBytesMaxDefault);
  if (!status.ok()) return status;
  return bus_->requests.Ask(peer_, type_id, payload, options,
                            std::move(on_reply), call);
}

void InprocClient::Cancel(uint64_t call) {
  bus_->requests.Cancel(peer_.get(), call,
                        {StatusCode::kCancelled, "request: cancelled"});
}

Status InprocClient::Respond(const SubscribeOptions& options,
                             RequestHandler on_request,
                             std::shared_ptr<Subscription>* subscription) {
  Status status = CheckRespond(options, on_request);
  if (status.ok()) status = CheckQueueBytesMax(options.policy);
  if (!status.ok()) return status;
  auto responder = std::make_shared<BusResponder>();
  responder->options = options;
  responder->owner = peer_.get();
  responder->told_as = "session " + std::to_string(peer_->info.session_id) +
                       " (" + peer_->client_name + ")";
  responder->on_request = std::move(on_request);
  {
    const std::lock_guard lock(peer_->mutex);
    status = peer_->RoomForSubscription();
    if (status.ok() && options.delivery == Delivery::kQueued) {
      status = StartThread(peer_->bus, responder);
    }
    if (!status.ok()) return status;
    bus_->requests.Add(responder);
  }
  *subscription = std::make_shared<BusResponding>(peer_, std::move(responder));
  return {};
}

}  // namespace mycelium::core
