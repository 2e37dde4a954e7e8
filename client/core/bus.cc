#include "client/core/bus.h"

#include <pthread.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/core/arguments.h"
#include "client/core/bus_call.h"
#include "client/core/bus_peer.h"
#include "client/core/bus_routes.h"
#include "client/core/bus_subscription.h"
#include "config/limits.h"
#include "proto/schema.h"

namespace mycelium::core {
namespace {

constexpr std::string_view kScheme = "inproc:";

// --- Buses by name ---------------------------------------------------------

struct BusNames {
  std::mutex mutex;
  std::map<std::string, std::weak_ptr<Bus>> buses;  // guarded by mutex
};

// Never destroyed.  A child of fork begins without names: on the buses of its
// parent are subscriptions whose threads it does not have.
BusNames& TheBusNames() {
  static BusNames* names = new BusNames;
  [[maybe_unused]] static const int registered =
      pthread_atfork(nullptr, nullptr, [] { names = new BusNames; });
  return *names;
}

std::shared_ptr<Bus> FindBus(const std::string& name,
                             const std::vector<HistoryRule>& history) {
  if (name.empty()) return std::make_shared<Bus>("inproc:", history);
  BusNames& names = TheBusNames();
  const std::lock_guard lock(names.mutex);
  std::erase_if(names.buses,
                [](const auto& bus) { return bus.second.expired(); });
  std::weak_ptr<Bus>& found = names.buses[name];
  std::shared_ptr<Bus> bus = found.lock();
  if (bus == nullptr)
    found = bus = std::make_shared<Bus>("inproc:" + name, history);
  return bus;
}

// As a broker at connect: what its clients told is known, and nothing else.
Status HoldSchema(const EncodedSchema& schema, BusPeer* peer) {
  if (schema.digest.empty()) return {};
  const std::lock_guard lock(peer->bus->schemas_mutex);
  std::string why;
  peer->schema = peer->bus->schemas.Admit(
      *ToDigest(schema.digest), schema.descriptor_set, /*open=*/true, &why);
  if (peer->schema != nullptr) return {};
  return {StatusCode::kFailedPrecondition,
          "connect " + peer->bus->name + ": refused by the bus: " + why};
}

}  // namespace

InprocClient::InprocClient(std::shared_ptr<BusPeer> peer)
    : peer_(std::move(peer)),
      bus_(peer_->bus.get()),
      tally_(peer_->tally.get()) {}

InprocClient::~InprocClient() { Close(); }

Status InprocClient::Connect(std::string_view url, const ClientOptions& options,
                             std::unique_ptr<Client>* client) {
  if (!url.starts_with(kScheme)) {
    return {StatusCode::kInvalidArgument,
            "connect: \"" + std::string(url) +
                "\", allowed inproc: or inproc:NAME"};
  }
  Status status = CheckSchema(options.schema);
  if (!status.ok()) return status;
  auto peer = std::make_shared<BusPeer>();
  peer->bus = FindBus(std::string(url.substr(kScheme.size())), options.history);
  peer->on_state = options.on_state;
  peer->client_name = options.name;
  peer->info = {.name = peer->bus->name,
                .version = std::to_string(kVersionMajor) + "." +
                           std::to_string(kVersionMinor),
                .epoch = peer->bus->epoch,
                .session_id = ++peer->bus->sessions,
                .frame_bytes_max = kFrameBytesMaxDefault};
  status = HoldSchema(options.schema, peer.get());
  if (!status.ok()) return status;
  client->reset(new InprocClient(std::move(peer)));
  return {};
}

Status InprocClient::Flush(Deadline) { return peer_->OpenOr("flush"); }

Status InprocClient::Ping(Deadline) { return peer_->OpenOr("ping"); }

Status InprocClient::Admin(std::span<const uint8_t>, Deadline, std::string*) {
  return {StatusCode::kUnimplemented,
          "admin: " + bus_->name +
              " is an in-process bus, allowed unix: and tcp://, where a broker "
              "answers"};
}

void InprocClient::Close() {
  const Status why = {StatusCode::kCancelled, "client: closed by its owner"};
  const bool told = !ClosePeer(peer_.get(), why);
  bool first;
  std::vector<std::shared_ptr<BusRoute>> ended;
  std::vector<std::shared_ptr<BusResponder>> responders;
  {
    const std::lock_guard lock(peer_->mutex);
    first = !std::exchange(peer_->closed_by_owner, true);
    ended = peer_->ended;
    responders = peer_->ended_responders;
  }
  for (const std::shared_ptr<BusRoute>& route : ended) {
    Stop(bus_, route.get(), UnsubscribedStatus(), /*keep_queued=*/false);
  }
  // The first call waits for all callbacks.  One that comes from a callback
  // meanwhile must not wait for the first.
  const bool within = std::any_of(ended.begin(), ended.end(),
                                  [](const std::shared_ptr<BusRoute>& route) {
                                    return RunsHere(route.get());
                                  });
  if (first || !within) {
    for (const std::shared_ptr<BusRoute>& route : ended) {
      AwaitCallbacks(route.get());
    }
    for (const std::shared_ptr<BusResponder>& responder : responders) {
      bus_->requests.Await(responder);
    }
    bus_->requests.AwaitAll(peer_.get());
  }
  if (!told && peer_->on_state) peer_->on_state(State::kClosed, why);
}

BrokerInfo InprocClient::broker() const { return peer_->info; }

ClientCounters InprocClient::counters() const { return peer_->tally->Sum(); }

}  // namespace mycelium::core
