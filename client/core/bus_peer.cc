#include "client/core/bus_peer.h"

#include <chrono>
#include <utility>

#include "client/core/bus_subscription.h"
#include "config/limits.h"

namespace mycelium::core {

Bus::Bus(std::string bus_name, const std::vector<HistoryRule>& rules)
    : name(std::move(bus_name)),
      epoch(std::chrono::system_clock::now().time_since_epoch().count()),
      history(rules.empty() ? nullptr : std::make_unique<BusHistory>(rules)),
      routes([this](uint16_t type_id) {
        return history != nullptr && history->Keeps(type_id);
      }) {}

Status BusPeer::OpenOr(std::string_view subject) {
  if (!closed.load(std::memory_order_relaxed)) [[likely]]
    return {};
  const std::lock_guard lock(mutex);
  if (why_closed.code != StatusCode::kCancelled) return why_closed;
  return {StatusCode::kCancelled,
          std::string(subject) + ": the client is closed"};
}

Status BusPeer::RoomForSubscription() {
  if (closed.load()) {
    return {StatusCode::kCancelled, "subscribe: the client is closed"};
  }
  const uint32_t count = bus->routes.Count(this) + bus->requests.Count(this);
  if (count < kSubscriptionsPerSessionMaxDefault) return {};
  return {StatusCode::kResourceExhausted,
          "subscribe: subscription " + std::to_string(count + 1) +
              ", subscriptions_per_session_max " +
              std::to_string(kSubscriptionsPerSessionMaxDefault)};
}

bool ClosePeer(BusPeer* peer, const Status& why) {
  std::vector<std::shared_ptr<BusRoute>> ended;
  {
    const std::lock_guard lock(peer->mutex);
    if (peer->closed.exchange(true)) return false;
    peer->why_closed = why;
    peer->ended = peer->bus->routes.Remove(
        [peer](const BusRoute& route) { return route.owner == peer; });
    ended = peer->ended;
  }
  // All of them first, so that none hands over to another.
  for (const auto& route : ended) TakeOutOfForce(route.get());
  peer->bus->routes.WakeProducers();
  auto responders = peer->bus->requests.EndAll(peer, why);
  {
    const std::lock_guard lock(peer->mutex);
    peer->ended_responders = std::move(responders);
  }
  ReleaseSchema(peer);
  return true;
}

void EndPeer(BusPeer* peer, const Status& why) {
  if (!ClosePeer(peer, why)) return;
  std::vector<std::shared_ptr<BusRoute>> ended;
  {
    const std::lock_guard lock(peer->mutex);
    ended = peer->ended;
  }
  for (const auto& route : ended) {
    Stop(peer->bus.get(), route.get(), why, /*keep_queued=*/true);
  }
  if (peer->on_state) peer->on_state(State::kClosed, why);
}

void ReleaseSchema(BusPeer* peer) {
  const std::lock_guard lock(peer->bus->schemas_mutex);
  if (peer->schema != nullptr) peer->bus->schemas.Release(peer->schema);
  peer->schema = nullptr;
}

}  // namespace mycelium::core
