#include "broker/router.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "config/limits.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {
namespace {

// A drop makes room for more than one frame, so that a full queue is not
// searched for every frame that comes.
constexpr uint64_t kDropShare = 16;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

struct Router::Type {
  uint16_t id = 0;
  uint64_t sequence = 0;
  std::vector<Ref<Subscription>> own;  // to this type; type 0 stands in all_
  uint64_t own_generation = 1;
  std::vector<Port*> publishers;
  uint32_t holds = 0;

  // Built from `own` and all_ when one of them has changed.
  uint64_t built_generation = 0;
  std::vector<Ref<Subscription>> members;
  SubscriptionIndex index;
  Route plain;  // of frames without a topic
  absl::flat_hash_map<std::string, std::unique_ptr<Route>> by_topic;
};

Router::Router(TrafficCounters* counters) : counters_(counters) {}
Router::~Router() = default;

uint64_t* Router::Sequence(Type* type) { return &type->sequence; }

Router::Type* Router::FindType(uint16_t type_id) {
  std::unique_ptr<Type>& type = types_[type_id];
  if (type == nullptr) {
    type = std::make_unique<Type>();
    type->id = type_id;
  }
  return type.get();
}

void Router::Subscribe(const Ref<Subscription>& subscription) {
  subscriptions_.insert(subscription.get());
  if (subscription->type_id == 0) {
    all_.push_back(subscription);
    ++all_generation_;
  } else {
    Type* const type = FindType(subscription->type_id);
    type->own.push_back(subscription);
    ++type->own_generation;
  }
}

void Router::Unsubscribe(const Ref<Subscription>& subscription) {
  if (subscription->state == Subscription::State::kHolding) {
    Release(subscription.get());
  }
  subscriptions_.erase(subscription.get());
  if (subscription->type_id == 0) {
    std::erase(all_, subscription);
    ++all_generation_;
  } else {
    Type* const type = FindType(subscription->type_id);
    std::erase(type->own, subscription);
    ++type->own_generation;
  }
  subscription->port = nullptr;
}

uint64_t Router::Generation(const Type& type) const {
  return type.own_generation + all_generation_;
}

void Router::Rebuild(Type* type) {
  type->members = type->own;
  type->members.insert(type->members.end(), all_.begin(), all_.end());
  std::vector<SubscriptionIndex::Entry> entries;
  entries.reserve(type->members.size());
  for (uint32_t i = 0; i < type->members.size(); ++i) {
    entries.push_back({type->members[i]->topic_filter, i});
  }
  type->index = SubscriptionIndex(entries);
  type->plain = MakeRoute(*type, {});
  type->by_topic.clear();
  type->built_generation = Generation(*type);
}

const Router::Route& Router::FindRoute(Type* type, std::string_view topic) {
  if (type->built_generation != Generation(*type)) Rebuild(type);
  // Without filters every topic goes the way of none.
  if (topic.empty() || !type->index.has_filters()) return type->plain;
  const absl::string_view key(topic.data(), topic.size());
  const auto known = type->by_topic.find(key);
  if (known != type->by_topic.end()) return *known->second;
  if (type->by_topic.size() >= kRoutesPerTypeMax) type->by_topic.clear();
  return *type->by_topic
              .emplace(key, std::make_unique<Route>(MakeRoute(*type, topic)))
              .first->second;
}

Router::Route Router::MakeRoute(const Type& type, std::string_view topic) {
  std::vector<uint32_t> matches;
  type.index.Match(topic, &matches);
  Route route;
  absl::flat_hash_map<Port*, size_t> at;
  for (const uint32_t match : matches) {
    const Ref<Subscription>& subscription = type.members[match];
    const auto [it, first] =
        at.try_emplace(subscription->port, route.targets.size());
    if (first) {
      route.targets.push_back(
          {subscription->port, Ref<Delivery>(new Delivery)});
    }
    route.targets[it->second].delivery->subscriptions.push_back(subscription);
  }
  return route;
}

void Router::NotePublisher(Type* type, Port* publisher) {
  std::vector<uint16_t>& types = publisher->published_types;
  const auto at = std::lower_bound(types.begin(), types.end(), type->id);
  if (at != types.end() && *at == type->id) return;
  types.insert(at, type->id);
  type->publishers.push_back(publisher);
  const bool first = publishers_[publisher]++ == 0;
  for (const Subscription* s : holding_) {
    if (s->type_id == type->id || (s->type_id == 0 && first)) {
      SendHold(publisher, s->type_id, *s->port);
    }
  }
}

void Router::RemovePublisher(Port* port) {
  for (const uint16_t type_id : port->published_types) {
    std::erase(types_[type_id]->publishers, port);
  }
  port->published_types.clear();
  publishers_.erase(port);
  std::erase(paused_, port);
  std::erase(touched_, port);
}

void Router::Deliver(Type* type, std::string_view topic, Port* publisher,
                     const Ref<Block>& block, uint32_t begin, uint32_t end,
                     uint32_t frames, int64_t now_ms) {
  for (const Route::Target& target : FindRoute(type, topic).targets) {
    if (target.port->closed) continue;
    target.port->outbox.Append(block, begin, end, frames, target.delivery);
    Touch(target.port);
    for (const auto& subscription : target.delivery->subscriptions) {
      if (subscription->queued_bytes > subscription->queue_bytes_max) {
        OnFull(subscription.get(), publisher, now_ms);
      }
    }
  }
}

void Router::OnFull(Subscription* subscription, Port* publisher,
                    int64_t now_ms) {
  switch (subscription->state) {
    case Subscription::State::kFlowing:
      if (subscription->stall_ms_max != 0) {
        Hold(subscription, now_ms);
        return;
      }
      subscription->state = Subscription::State::kOverflowing;
      [[fallthrough]];
    case Subscription::State::kOverflowing:
      Drop(subscription,
           subscription->queue_bytes_max -
               subscription->queue_bytes_max / kDropShare,
           wire::GAP_REASON_OVERFLOW);
      return;
    case Subscription::State::kHolding:
      if (subscription->queued_bytes >
              subscription->queue_bytes_max + kHoldGraceBytes &&
          !publisher->read_paused) {
        publisher->read_paused = true;
        paused_.push_back(publisher);
        Touch(publisher);
      }
      return;
  }
}

void Router::Drop(Subscription* subscription, uint64_t target_bytes,
                  wire::GapReason reason) {
  const uint64_t before = subscription->frames_dropped;
  Port* const port = subscription->port;
  port->outbox.DropOldest(subscription, target_bytes, reason);
  const uint64_t dropped = subscription->frames_dropped - before;
  if (dropped == 0) return;
  for (TrafficCounters* counters : {counters_, &port->counters}) {
    counters->frames_dropped += dropped;
    ++counters->gaps;
  }
}

uint32_t* Router::HoldCount(uint16_t type_id) {
  return type_id == 0 ? &all_holds_ : &FindType(type_id)->holds;
}

std::vector<Port*> Router::PublishersOf(uint16_t type_id) {
  if (type_id != 0) return FindType(type_id)->publishers;
  std::vector<Port*> ports;
  for (const auto& [port, types] : publishers_) ports.push_back(port);
  return ports;
}

void Router::SendHold(Port* publisher, uint16_t type_id, const Port& holder) {
  mycelium::wire::Hold hold;
  hold.set_type_id(type_id);
  hold.set_by_session_id(holder.session_id);
  hold.set_by_name(holder.name);
  publisher->outbox.PushExpress(ControlKind::kHold, 0,
                                hold.SerializeAsString());
  Touch(publisher);
}

void Router::Hold(Subscription* subscription, int64_t now_ms) {
  subscription->state = Subscription::State::kHolding;
  const bool endless = subscription->stall_ms_max < 0 ||
                       subscription->stall_ms_max > kNever - now_ms;
  subscription->hold_end_ms =
      endless ? kNever : now_ms + subscription->stall_ms_max;
  next_due_ms_ = std::min(next_due_ms_, subscription->hold_end_ms);
  holding_.insert(subscription);
  ++counters_->holds;
  ++subscription->port->counters.holds;
  if ((*HoldCount(subscription->type_id))++ > 0) return;
  for (Port* publisher : PublishersOf(subscription->type_id)) {
    SendHold(publisher, subscription->type_id, *subscription->port);
  }
}

void Router::Release(Subscription* subscription) {
  holding_.erase(subscription);
  subscription->state = Subscription::State::kFlowing;
  // All of them may read on: who should not is stopped by its next frame.
  for (Port* port : std::exchange(paused_, {})) {
    port->read_paused = false;
    Touch(port);
  }
  if (--*HoldCount(subscription->type_id) > 0) return;
  mycelium::wire::Release release;
  release.set_type_id(subscription->type_id);
  for (Port* publisher : PublishersOf(subscription->type_id)) {
    publisher->outbox.PushExpress(ControlKind::kRelease, 0,
                                  release.SerializeAsString());
    Touch(publisher);
  }
}

void Router::Relieve(const std::vector<Subscription*>& relieved) {
  for (Subscription* subscription : relieved) {
    if (subscription->port == nullptr) continue;
    if (subscription->state == Subscription::State::kHolding) {
      Release(subscription);
    }
    subscription->state = Subscription::State::kFlowing;
  }
}

void Router::Tick(int64_t now_ms) {
  next_due_ms_ = kNever;
  std::vector<Subscription*> over;
  for (Subscription* subscription : holding_) {
    if (subscription->hold_end_ms <= now_ms) {
      over.push_back(subscription);
    } else {
      next_due_ms_ = std::min(next_due_ms_, subscription->hold_end_ms);
    }
  }
  for (Subscription* subscription : over) {
    Release(subscription);
    subscription->state = Subscription::State::kOverflowing;
    Drop(subscription, subscription->queue_bytes_max,
         wire::GAP_REASON_OVERFLOW);
    Touch(subscription->port);
  }
}

bool Router::DropHalfOfLargest() {
  Subscription* largest = nullptr;
  for (Subscription* subscription : subscriptions_) {
    if (subscription->stall_ms_max < 0) continue;
    if (largest == nullptr ||
        subscription->queued_bytes > largest->queued_bytes) {
      largest = subscription;
    }
  }
  if (largest == nullptr || largest->queued_bytes == 0) return false;
  const uint64_t before = largest->queued_bytes;
  Drop(largest, before / 2, wire::GAP_REASON_MEMORY);
  largest->port->outbox.CompactIfSparse();
  Touch(largest->port);
  return largest->queued_bytes < before;
}

void Router::Touch(Port* port) {
  if (port->touched) return;
  port->touched = true;
  touched_.push_back(port);
}

std::vector<Port*> Router::TakeTouched() { return std::exchange(touched_, {}); }

}  // namespace mycelium::broker
