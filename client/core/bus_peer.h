// What the parts of the in-process carrier share: the bus of one name, and its
// clients as their subscriptions see them.
//
// Threads: everything may be called from any.  Owners: a bus belongs to its
// clients, a peer to its client and its subscriptions.
#ifndef MYCELIUM_CLIENT_CORE_BUS_PEER_H_
#define MYCELIUM_CLIENT_CORE_BUS_PEER_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "broker/schema_registry.h"
#include "client/core/bus_history.h"
#include "client/core/bus_requests.h"
#include "client/core/bus_routes.h"
#include "client/core/bus_tally.h"
#include "client/core/client.h"

namespace mycelium::core {

// What the clients of one name share.
class Bus {
 public:
  Bus(std::string name, const std::vector<HistoryRule>& history);

  const std::string name;
  const uint64_t epoch;
  const std::unique_ptr<BusHistory> history;  // null: nothing is kept
  BusRoutes routes;
  BusRequests requests;
  std::atomic<uint32_t> sessions{0};  // so far
  std::mutex schemas_mutex;
  broker::SchemaRegistry schemas{"on the bus"};  // guarded by schemas_mutex
};

// One client.
struct BusPeer {
  std::shared_ptr<Bus> bus;
  std::function<void(State, const Status&)> on_state;
  BrokerInfo info;
  std::string client_name;
  const std::shared_ptr<BusTally> tally = std::make_shared<BusTally>();
  const broker::KnownSchema* schema = nullptr;  // held until it is closed
  std::atomic<bool> closed{false};
  std::mutex mutex;
  // Guarded by mutex.
  Status why_closed;
  bool closed_by_owner = false;
  std::vector<std::shared_ptr<BusResponder>> ended_responders;
  // Guarded by the mutex of bus->requests.
  uint32_t requests_open = 0;
  uint32_t replies_running = 0;
  std::vector<std::shared_ptr<BusRoute>> ended;

  // kOk, or that it is closed.
  Status OpenOr(std::string_view subject);
  // Whether it may have one more.  REQUIRES: mutex.
  Status RoomForSubscription();
};

// Takes its subscriptions out of all tables and ends its requests.  False: it
// has ended already.
bool ClosePeer(BusPeer* peer, const Status& why);

// As when a connection is lost: what is queued is still handed out, and nobody
// waits for callbacks.
void EndPeer(BusPeer* peer, const Status& why);

// Its schema need not be known to the bus any more.  Idempotent.
void ReleaseSchema(BusPeer* peer);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_PEER_H_
