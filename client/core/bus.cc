#include "client/core/bus.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "broker/schema_registry.h"
#include "client/core/arguments.h"
#include "client/core/bus_routes.h"
#include "config/limits.h"
#include "proto/schema.h"

namespace mycelium::core {

// What the clients of one name share.
class Bus {
 public:
  explicit Bus(std::string name)
      : name(std::move(name)),
        epoch(std::chrono::system_clock::now().time_since_epoch().count()) {}

  template <typename Content>
  Status Publish(PublisherSlot* slot, FrameHeader header,
                 std::string_view topic, Content&& content, Deadline deadline,
                 const std::atomic<bool>* closed);

  const std::string name;
  const uint64_t epoch;
  BusRoutes routes;
  std::atomic<uint32_t> sessions{0};  // so far
  std::mutex schemas_mutex;
  broker::SchemaRegistry schemas{"on the bus"};  // guarded by schemas_mutex
};

// One client, as its subscriptions see it.
struct BusPeer {
  std::shared_ptr<Bus> bus;
  std::function<void(State, const Status&)> on_state;
  BrokerInfo info;
  const broker::KnownSchema* schema = nullptr;  // held until it is closed
  std::atomic<bool> closed{false};
  std::mutex mutex;
  std::vector<std::shared_ptr<BusRoute>> ended;  // by Close; guarded by mutex
};

namespace {

constexpr std::string_view kScheme = "inproc:";

// The queued route whose callbacks this thread runs.
thread_local constinit const BusRoute* this_thread_route = nullptr;

// --- Ending a route --------------------------------------------------------

bool RunsHere(const BusRoute* route) {
  const PublisherSlot* const slot = internal::this_thread_slot;
  return this_thread_route == route || (slot != nullptr && slot->Runs(route));
}

// REQUIRES: no callback runs and none will.  What the handler owns may call in
// here, so it ends without the lock.
void EmptyHandler(BusRoute* route) {
  Handler handler;
  const std::lock_guard lock(route->mutex);
  std::swap(handler, route->handler);
}

void Stop(BusRoute* route) {
  route->in_force.store(false);
  if (route->queue == nullptr) return;
  route->queue->Close(
      /*keep_queued=*/false,
      {StatusCode::kCancelled, "subscription: unsubscribed or client closed"});
}

// After Stop and with the route out of all tables.
void AwaitCallbacks(BusRoute* route) {
  if (RunsHere(route)) return;
  if (route->queue != nullptr) {
    std::unique_lock lock(route->mutex);
    route->thread_ended.wait(lock, [route] { return !route->thread_runs; });
    return;
  }
  WaitForCallbacks(route);
  EmptyHandler(route);
}

// --- Delivery --------------------------------------------------------------

void RunQueued(const std::shared_ptr<BusRoute>& route) {
  this_thread_route = route.get();
  const Handler& handler = route->handler;
  FrameView frame;
  Gap gap;
  while (true) {
    const PopResult popped = route->queue->Pop(kNoDeadline, &frame, &gap);
    if (popped == PopResult::kClosed) break;
    if (popped == PopResult::kFrame) {
      handler.on_message(ToMessage(frame));
    } else if (handler.on_gap) {
      handler.on_gap(gap);
    }
  }
  EmptyHandler(route.get());
  this_thread_route = nullptr;
  const std::lock_guard lock(route->mutex);
  route->thread_runs = false;
  route->thread_ended.notify_all();
}

// A call for each subscriber would be a tenth of what it costs to reach it.
[[gnu::always_inline]] inline void CallDirect(PublisherSlot* slot,
                                              uint32_t depth, BusRoute* route,
                                              const Message& message) {
  std::atomic<const BusRoute*>& runs = slot->runs[depth];
  runs.store(route, std::memory_order_release);
  LightBarrier();
  if (route->in_force.load(std::memory_order_acquire)) [[likely]] {
    route->handler.on_message(message);
  }
  runs.store(nullptr, std::memory_order_release);
  LightBarrier();
  if (route->in_force.load(std::memory_order_relaxed)) [[likely]]
    return;
  TellCallbackEnded();
  // Whoever unsubscribed within the callback has left the handler to us.
  if (!slot->Runs(route) && !AnotherRuns(route)) EmptyHandler(route);
}

inline FrameQueue::Lane* LaneOf(BusRoute* route, const PublisherSlot& slot) {
  FrameQueue::Lane*& lane = route->lanes[slot.index];
  if (lane == nullptr) [[unlikely]]
    lane = route->queue->AddLane();
  return lane;
}

Status QueueFull(const BusRoute& route, const FrameHeader& header,
                 std::string_view seen, StatusCode code) {
  return {code, "publish: " + std::string(seen) +
                    " a subscription's full queue for type " +
                    std::to_string(header.type_id) + ", queue_bytes_max " +
                    std::to_string(route.options.policy.queue_bytes_max)};
}

Status WaitFor(BusRoute* route, const FrameHeader& header, Deadline deadline,
               const std::atomic<bool>* closed) {
  if (route == this_thread_route && route->options.policy.stall_ms_max < 0) {
    return QueueFull(*route, header, "within the callback that must empty",
                     StatusCode::kResourceExhausted);
  }
  switch (route->queue->WaitForRoom(deadline, closed)) {
    case PushResult::kQueued:
    case PushResult::kClosed:
      return {};
    case PushResult::kCancelled:
      return {StatusCode::kCancelled, "publish: the client was closed"};
    case PushResult::kWouldBlock:
      break;
  }
  return deadline == kNoWait ? QueueFull(*route, header, "would block,",
                                         StatusCode::kUnavailable)
                             : QueueFull(*route, header, "deadline passed at",
                                         StatusCode::kDeadlineExceeded);
}

// Room in all queues or in none, for `body_bytes` in each.
Status ReserveAll(PublisherSlot* slot, std::span<BusRoute* const> queued,
                  const FrameHeader& header, uint64_t body_bytes,
                  Deadline deadline, const std::atomic<bool>* closed) {
  for (size_t i = 0; i < queued.size();) {
    BusRoute* const route = queued[i];
    if (route->queue->Reserve(LaneOf(route, *slot), body_bytes) !=
        PushResult::kWouldBlock) [[likely]] {
      ++i;
      continue;
    }
    while (i > 0) {
      --i;
      queued[i]->queue->Unreserve(LaneOf(queued[i], *slot));
    }
    Status waited = WaitFor(route, header, deadline, closed);
    if (!waited.ok()) return waited;
  }
  return {};
}

struct Targets {
  std::span<BusRoute* const> queued;
  std::span<BusRoute* const> direct;
};

inline Targets Select(const BusTable& table, std::string_view topic,
                      PublisherSlot::Matches* matches) {
  if (topic.empty() || !table.has_filters) return {table.queued, table.direct};
  matches->numbers.clear();
  matches->queued.clear();
  matches->direct.clear();
  table.index.Match(topic, &matches->numbers);
  for (const uint32_t number : matches->numbers) {
    BusRoute* const route = table.routes[number].get();
    (route->queue != nullptr ? matches->queued : matches->direct)
        .push_back(route);
  }
  return {matches->queued, matches->direct};
}

// --- What is published: bytes, or an object --------------------------------

class BytesContent {
 public:
  explicit BytesContent(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  uint64_t QueueBytes(const FrameHeader& header) const {
    return header.body_bytes;
  }
  std::span<const uint8_t> payload() const { return bytes_; }
  // What this direct subscriber gets of it.
  const Message& For(const BusRoute&, const Message& message) const {
    return message;
  }
  void Commit(BusRoute* route, FrameQueue::Lane* lane,
              const FrameHeader& header, std::string_view topic) const {
    route->queue->Commit(lane, header, topic, bytes_);
  }

 private:
  const std::span<const uint8_t> bytes_;
};

class ObjectContent {
 public:
  ObjectContent(const EncodableObject& object, std::vector<uint8_t>* buffer)
      : object_(object), buffer_(buffer) {}
  ObjectContent(const ObjectContent&) = delete;
  ObjectContent& operator=(const ObjectContent&) = delete;
  ~ObjectContent() {
    if (buffer_->capacity() <= kEncodedBytesKept) return;
    std::vector<uint8_t>().swap(*buffer_);
  }

  uint64_t QueueBytes(const FrameHeader& header) const {
    return FrameQueue::ObjectBodyBytes(header.topic_bytes,
                                       object_.encoded_bytes);
  }
  std::span<const uint8_t> payload() const { return {}; }
  Message For(const BusRoute& route, Message message) {
    if (Takes(route)) {
      message.object = &object_.object;
    } else {
      message.payload = Bytes();
    }
    return message;
  }
  void Commit(BusRoute* route, FrameQueue::Lane* lane, FrameHeader header,
              std::string_view topic) {
    if (object_.object.shared == nullptr || !Takes(*route)) {
      return route->queue->Commit(lane, header, topic, Bytes());
    }
    header.body_bytes = static_cast<uint32_t>(QueueBytes(header));
    route->queue->CommitObject(lane, header, topic, object_.object);
  }

 private:
  bool Takes(const BusRoute& route) const {
    return route.options.object_type == object_.object.type;
  }
  // Made when first wanted.
  std::span<const uint8_t> Bytes() {
    if (!encoded_) {
      buffer_->resize(object_.encoded_bytes);
      object_.encode(object_.object.value, buffer_->data());
      encoded_ = true;
    }
    return *buffer_;
  }

  const EncodableObject& object_;
  std::vector<uint8_t>* const buffer_;
  bool encoded_ = false;
};

}  // namespace

template <typename Content>
Status Bus::Publish(PublisherSlot* slot, FrameHeader header,
                    std::string_view topic, Content&& content,
                    Deadline deadline, const std::atomic<bool>* closed) {
  BusRoutes::Type& type = routes.Find(header.type_id);
  const uint32_t depth = slot->depth++;
  const BusTable* const table = routes.Read(type, &slot->reads[depth]);
  Status status;
  Targets targets;
  if (table != nullptr) {
    targets = Select(*table, topic, &slot->matches[depth]);
    if (!targets.queued.empty()) {
      status = ReserveAll(slot, targets.queued, header,
                          content.QueueBytes(header), deadline, closed);
    }
  }
  if (status.ok()) [[likely]] {
    header.id = 1 + type.sequence.fetch_add(1, std::memory_order_relaxed);
    for (BusRoute* const route : targets.queued) {
      content.Commit(route, LaneOf(route, *slot), header, topic);
    }
    const Message message{.type_id = header.type_id,
                          .kind = DataKind::kPublish,
                          .topic = topic,
                          .payload = content.payload(),
                          .sequence = header.id,
                          .object = nullptr};
    for (BusRoute* const route : targets.direct) {
      CallDirect(slot, depth, route, content.For(*route, message));
    }
  }
  --slot->depth;
  routes.EndRead(type, table, &slot->reads[depth]);
  return status;
}

// --- Subscriptions ---------------------------------------------------------

namespace {

class InprocSubscription : public Subscription {
 public:
  InprocSubscription(std::shared_ptr<BusPeer> peer,
                     std::shared_ptr<BusRoute> route, bool pulled)
      : peer_(std::move(peer)), route_(std::move(route)), pulled_(pulled) {}
  ~InprocSubscription() override { Unsubscribe(); }

  Status Next(Deadline deadline, Item* item) override {
    if (!pulled_) {
      return {StatusCode::kFailedPrecondition,
              "next: the subscription has a callback, allowed without one"};
    }
    return route_->queue->Next(deadline, item);
  }

  void Unsubscribe() override {
    Stop(route_.get());
    peer_->bus->routes.Remove(
        [this](const BusRoute& route) { return &route == route_.get(); });
    AwaitCallbacks(route_.get());
  }

 private:
  const std::shared_ptr<BusPeer> peer_;
  const std::shared_ptr<BusRoute> route_;
  const bool pulled_;
};

Status CheckOptions(const SubscribeOptions& options) {
  const uint64_t bytes_max = options.policy.queue_bytes_max;
  if (bytes_max <= kQueueBytesMaxCeilingDefault) return CheckSubscribe(options);
  return {StatusCode::kInvalidArgument,
          "subscribe: queue_bytes_max " + std::to_string(bytes_max) +
              ", queue_bytes_max_ceiling " +
              std::to_string(kQueueBytesMaxCeilingDefault)};
}

Status StartThread(const std::shared_ptr<BusRoute>& route) {
  route->thread_runs = true;
  try {
    std::thread(RunQueued, route).detach();
  } catch (const std::system_error& error) {
    route->thread_runs = false;
    return {StatusCode::kResourceExhausted,
            std::string("subscribe: no thread, ") + error.what()};
  }
  return {};
}

// --- Buses by name ---------------------------------------------------------

std::shared_ptr<Bus> FindBus(const std::string& name) {
  if (name.empty()) return std::make_shared<Bus>("inproc:");
  static std::mutex& mutex = *new std::mutex;
  static auto& buses = *new std::map<std::string, std::weak_ptr<Bus>>;
  const std::lock_guard lock(mutex);
  std::erase_if(buses, [](const auto& bus) { return bus.second.expired(); });
  std::weak_ptr<Bus>& found = buses[name];
  std::shared_ptr<Bus> bus = found.lock();
  if (bus == nullptr) found = bus = std::make_shared<Bus>("inproc:" + name);
  return bus;
}

}  // namespace

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

void ReleaseSchema(BusPeer* peer) {
  const std::lock_guard lock(peer->bus->schemas_mutex);
  if (peer->schema != nullptr) peer->bus->schemas.Release(peer->schema);
  peer->schema = nullptr;
}

// --- The client ------------------------------------------------------------

InprocClient::InprocClient(std::shared_ptr<BusPeer> peer)
    : peer_(std::move(peer)), bus_(peer_->bus.get()) {}

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
  peer->bus = FindBus(std::string(url.substr(kScheme.size())));
  peer->on_state = options.on_state;
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

Status InprocClient::OpenOr(std::string_view subject) const {
  if (!peer_->closed.load(std::memory_order_relaxed)) [[likely]]
    return {};
  return {StatusCode::kCancelled,
          std::string(subject) + ": the client is closed"};
}

// `make_content` makes what is published, given the thread's slot.
template <typename MakeContent>
Status InprocClient::PublishContent(uint16_t type_id, std::string_view topic,
                                    uint64_t payload_bytes, Deadline deadline,
                                    MakeContent make_content) {
  const uint64_t body_bytes = uint64_t{topic.size()} + payload_bytes;
  if (type_id == 0 || !topic.empty() || body_bytes > kFrameBytesMaxDefault) {
    Status status =
        CheckPublish(type_id, topic, payload_bytes, kFrameBytesMaxDefault);
    if (!status.ok()) return status;
  }
  if (peer_->closed.load(std::memory_order_relaxed)) return OpenOr("publish");
  PublisherSlot* const slot = ThisThreadSlot();
  if (slot == nullptr) {
    return {StatusCode::kResourceExhausted,
            "publish: no slot for this thread, inproc_publishers_max " +
                std::to_string(kInprocPublishersMax)};
  }
  if (slot->depth == kInprocNestingMax) {
    return {StatusCode::kResourceExhausted,
            "publish: nested " + std::to_string(kInprocNestingMax + 1) +
                " deep, inproc_nesting_max " +
                std::to_string(kInprocNestingMax)};
  }
  const FrameHeader header{static_cast<uint32_t>(body_bytes), type_id,
                           static_cast<uint8_t>(DataKind::kPublish),
                           static_cast<uint8_t>(topic.size()), 0};
  return bus_->Publish(slot, header, topic, make_content(slot), deadline,
                       &peer_->closed);
}

Status InprocClient::Publish(uint16_t type_id, std::string_view topic,
                             std::span<const uint8_t> payload,
                             Deadline deadline) {
  return PublishContent(
      type_id, topic, payload.size(), deadline,
      [payload](PublisherSlot*) { return BytesContent(payload); });
}

Status InprocClient::PublishObject(uint16_t type_id, std::string_view topic,
                                   const EncodableObject& object,
                                   Deadline deadline) {
  return PublishContent(type_id, topic, object.encoded_bytes, deadline,
                        [&object](PublisherSlot* slot) {
                          return ObjectContent(object,
                                               &slot->encoded[slot->depth]);
                        });
}

Status InprocClient::TryPublish(uint16_t type_id, std::string_view topic,
                                std::span<const uint8_t> payload) {
  return Publish(type_id, topic, payload, kNoWait);
}

Status InprocClient::Flush(Deadline) { return OpenOr("flush"); }

Status InprocClient::Ping(Deadline) { return OpenOr("ping"); }

Status InprocClient::Subscribe(const SubscribeOptions& options, Handler handler,
                               std::shared_ptr<Subscription>* subscription) {
  Status status = CheckOptions(options);
  if (status.ok()) status = OpenOr("subscribe");
  if (!status.ok()) return status;
  const bool pulled = handler.on_message == nullptr;
  auto route = std::make_shared<BusRoute>();
  route->options = options;
  route->owner = peer_.get();
  route->handler = std::move(handler);
  if (pulled || options.delivery == Delivery::kQueued) {
    route->queue = std::make_unique<FrameQueue>(options.policy);
  }
  {
    const std::lock_guard lock(peer_->mutex);
    status = OpenOr("subscribe");
    const uint32_t count = bus_->routes.Count(peer_.get());
    if (count >= kSubscriptionsPerSessionMaxDefault) {
      status = {StatusCode::kResourceExhausted,
                "subscribe: subscription " + std::to_string(count + 1) +
                    ", subscriptions_per_session_max " +
                    std::to_string(kSubscriptionsPerSessionMaxDefault)};
    }
    if (status.ok() && !pulled && route->queue) status = StartThread(route);
    if (!status.ok()) return status;
    bus_->routes.Add(route);
  }
  *subscription =
      std::make_shared<InprocSubscription>(peer_, std::move(route), pulled);
  return {};
}

Status InprocClient::Admin(std::span<const uint8_t>, Deadline, std::string*) {
  return {StatusCode::kUnimplemented,
          "admin: " + bus_->name +
              " is an in-process bus, allowed unix: and tcp://, where a broker "
              "answers"};
}

void InprocClient::Close() {
  std::vector<std::shared_ptr<BusRoute>> ended;
  bool first;
  {
    const std::lock_guard lock(peer_->mutex);
    first = !peer_->closed.exchange(true);
    if (first) {
      const void* const owner = peer_.get();
      peer_->ended = bus_->routes.Remove(
          [owner](const BusRoute& route) { return route.owner == owner; });
    }
    ended = peer_->ended;
  }
  for (const std::shared_ptr<BusRoute>& route : ended) Stop(route.get());
  if (first) bus_->routes.WakeProducers();
  if (first) ReleaseSchema(peer_.get());
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
  }
  if (first && peer_->on_state) {
    peer_->on_state(State::kClosed,
                    {StatusCode::kCancelled, "client: closed by its owner"});
  }
}

BrokerInfo InprocClient::broker() const { return peer_->info; }

}  // namespace mycelium::core
