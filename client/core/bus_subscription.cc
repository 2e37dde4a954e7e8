// Subscriptions of in-process clients.
#include "client/core/bus_subscription.h"

#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "client/core/arguments.h"
#include "client/core/bus.h"
#include "client/core/bus_call.h"
#include "client/core/bus_group.h"
#include "client/core/bus_history.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

void RunQueued(const std::shared_ptr<BusRoute>& route) {
  internal::this_thread_route = route.get();
  const Handler& handler = route->handler;
  const bool tells_batches = handler.on_batch_end != nullptr;
  bool in_batch = false;
  FrameView frame;
  Gap gap;
  while (true) {
    const PopResult popped =
        route->queue->Pop(in_batch ? kNoWait : kNoDeadline, &frame, &gap);
    if (popped == PopResult::kClosed) break;
    if (popped == PopResult::kFrame) {
      in_batch = tells_batches;
      handler.on_message(ToMessage(frame));
    } else if (popped == PopResult::kDeadline) {
      in_batch = false;
      handler.on_batch_end();
    } else if (handler.on_gap) {
      in_batch = tells_batches;
      handler.on_gap(gap);
    }
  }
  if (in_batch && !route->ended_within) handler.on_batch_end();
  EmptyHandler(route.get());
  internal::this_thread_route = nullptr;
  const std::lock_guard lock(route->mutex);
  route->thread_runs = false;
  route->thread_ended.notify_all();
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
    peer_->bus->routes.Remove(
        [this](const BusRoute& route) { return &route == route_.get(); });
    TakeOutOfForce(route_.get());
    Stop(peer_->bus.get(), route_.get(), UnsubscribedStatus(),
         /*keep_queued=*/false);
    AwaitCallbacks(route_.get());
  }

 private:
  const std::shared_ptr<BusPeer> peer_;
  const std::shared_ptr<BusRoute> route_;
  const bool pulled_;
};

std::shared_ptr<BusRoute> MakeRoute(const std::shared_ptr<BusPeer>& peer,
                                    const SubscribeOptions& options,
                                    Handler handler) {
  auto route = std::make_shared<BusRoute>();
  route->options = options;
  route->tally = peer->tally;
  route->peer = peer;
  route->owner = peer.get();
  if (!options.group.empty()) {
    route->group = peer->bus->routes.FindGroup(options.group);
  }
  if (handler.on_message == nullptr || options.delivery == Delivery::kQueued ||
      options.start.from != Start::From::kNow) {
    route->queue = std::make_unique<FrameQueue>(
        options.policy, /*one_by_one=*/route->group != nullptr);
    route->tally->queues().Add(route->queue.get());
    if (route->group != nullptr) route->queue->set_bell(route->group->bell);
  }
  route->handler = std::move(handler);
  return route;
}

// Between what is published before and after, with what is replayed.  The
// thread comes last but one: whoever is refused has none.
Status AddRoute(Bus* bus, const std::shared_ptr<BusRoute>& route) {
  const bool has_thread =
      route->queue != nullptr && route->handler.on_message != nullptr;
  const SubscribeOptions& options = route->options;
  if (options.start.from == Start::From::kNow) {
    Status status;
    if (has_thread) status = StartThread(route);
    if (status.ok()) bus->routes.Add(route);
    return status;
  }
  Status status = CheckStart(options, bus->history.get(), UINT64_MAX - 1);
  if (!status.ok()) return status;
  const std::lock_guard lock(bus->history->mutex);
  const uint64_t count =
      options.type_id == 0 ? 0
                           : bus->routes.Find(options.type_id).sequence.load();
  std::vector<StoredFrame> frames;
  status = bus->history->Replay(options, count, &frames);
  if (!status.ok()) return status;
  route->queue->Replay(std::move(frames));
  if (has_thread) status = StartThread(route);
  if (status.ok()) bus->routes.Add(route);
  return status;
}

}  // namespace

Status UnsubscribedStatus() {
  return {StatusCode::kCancelled,
          "subscription: unsubscribed or client closed"};
}

void TakeOutOfForce(BusRoute* route) {
  const std::lock_guard lock(route->member_mutex);
  route->in_force.store(false);
}

void Stop(Bus* bus, BusRoute* route, const Status& why, bool keep_queued) {
  if (route->queue == nullptr) return;
  if (!keep_queued && internal::this_thread_route == route) {
    route->ended_within = true;
  }
  // What a member leaves to others it does not keep.
  if (route->group != nullptr) HandOver(bus, route);
  route->queue->Close(keep_queued, why);
}

Status InprocClient::Subscribe(const SubscribeOptions& options, Handler handler,
                               std::shared_ptr<Subscription>* subscription) {
  Status status = CheckSubscribe(options);
  if (status.ok()) status = CheckQueueBytesMax(options.policy);
  if (status.ok()) status = peer_->OpenOr("subscribe");
  if (!status.ok()) return status;
  const bool pulled = handler.on_message == nullptr;
  auto route = MakeRoute(peer_, options, std::move(handler));
  {
    const std::lock_guard lock(peer_->mutex);
    status = peer_->RoomForSubscription();
    if (status.ok()) status = AddRoute(bus_, route);
    if (!status.ok()) return status;
  }
  *subscription =
      std::make_shared<InprocSubscription>(peer_, std::move(route), pulled);
  return {};
}

}  // namespace mycelium::core
