#include "broker/router.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "config/limits.h"

namespace mycelium::broker {

struct Router::Type {
  uint16_t id = 0;
  uint64_t sequence = 0;
  std::vector<Ref<Subscription>> own;  // to this type; type 0 stands in all_
  uint64_t own_generation = 1;
  std::vector<Port*> publishers;
  uint32_t holds = 0;
  bool kept = false;            // history may keep frames of it
  uint64_t unkept_through = 0;  // what was not added to history, at least
  int64_t unkept_until_ms = std::numeric_limits<int64_t>::min();  // and when

  // Built from `own` and all_ when one of them has changed.
  uint64_t built_generation = 0;
  std::vector<Ref<Subscription>> members;
  SubscriptionIndex index;
  Route plain;  // of frames without a topic
  absl::flat_hash_map<std::string, std::unique_ptr<Route>> by_topic;
};

Router::Router(TrafficCounters* counters, Counters* metrics, BlockPool* pool)
    : counters_(counters), metrics_(metrics), pool_(pool), history_(pool) {}
Router::~Router() = default;

uint64_t* Router::Sequence(Type* type) { return &type->sequence; }

Router::Type* Router::FindType(uint16_t type_id) {
  std::unique_ptr<Type>& type = types_[type_id];
  if (type == nullptr) {
    type = std::make_unique<Type>();
    type->id = type_id;
    type->kept = history_.Keeps(type_id);
  }
  return type.get();
}

void Router::Subscribe(const Ref<Subscription>& subscription) {
  subscriptions_.insert(subscription.get());
  if (!subscription->group.empty()) members_.insert(subscription.get());
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
  members_.erase(subscription.get());
  if (subscription->type_id == 0) {
    std::erase(all_, subscription);
    ++all_generation_;
  } else {
    Type* const type = FindType(subscription->type_id);
    std::erase(type->own, subscription);
    ++type->own_generation;
  }
  Outbox& outbox = subscription->port->outbox;
  std::vector<Slice> left;
  if (!subscription->group.empty()) {
    left.assign(subscription->unacknowledged.begin(),
                subscription->unacknowledged.end());
    subscription->unacknowledged.clear();
    Slice begun = outbox.Begun(subscription.get());
    if (begun.block) left.push_back(std::move(begun));
    for (Slice& slice : outbox.TakeUnwritten(subscription.get())) {
      left.push_back(std::move(slice));
    }
  }
  subscription->port = nullptr;
  HandOver(*subscription, left, last_now_ms_);
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

Router::Route& Router::FindRoute(Type* type, std::string_view topic) {
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
  absl::flat_hash_map<std::string_view, size_t> groups;
  for (const uint32_t match : matches) {
    const Ref<Subscription>& subscription = type.members[match];
    std::vector<Route::Target>* targets = &route.targets;
    if (!subscription->group.empty()) {
      const auto [it, first] =
          groups.try_emplace(subscription->group, route.groups.size());
      if (first) route.groups.emplace_back();
      targets = &route.groups[it->second].members;
    }
    size_t place = targets->size();
    if (!subscription->addressed()) {
      place = at.try_emplace(subscription->port, place).first->second;
    }
    if (place == targets->size()) {
      targets->push_back({subscription->port, Ref<Delivery>(new Delivery)});
    }
    Delivery& delivery = *(*targets)[place].delivery;
    delivery.subscriptions.push_back(subscription);
    if (subscription->addressed()) delivery.addressee = subscription->id;
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
  if (type->kept) [[unlikely]] {
    history_.Add(type->id, topic, block->bytes() + begin, frames, now_ms);
  }
  Route& route = FindRoute(type, topic);
  for (const Route::Target& target : route.targets) {
    if (target.port->closed) {
      // Of instances that are away.
      for (const auto& s : target.delivery->subscriptions) s->frames += frames;
      continue;
    }
    target.port->outbox.Append(block, begin, end, frames, target.delivery);
    if (probe_ns_ != 0) [[unlikely]]
      target.port->outbox.Probe(probe_ns_);
    Touch(target.port);
    for (const auto& subscription : target.delivery->subscriptions) {
      if (subscription->full()) {
        OnFull(subscription.get(), publisher, now_ms);
      }
    }
  }
  if (route.groups.empty()) [[likely]]
    return;
  for (Route::Group& group : route.groups) {
    DeliverToGroup(&group, publisher, {block, begin, end, frames}, now_ms);
  }
}

void Router::ConfigureHistory(const std::vector<HistoryRule>& rules,
                              int64_t now_ms) {
  history_.Configure(rules);
  for (const std::unique_ptr<Type>& type : types_) {
    if (type == nullptr) continue;
    if (!type->kept && type->sequence > 0) {
      type->unkept_through = type->sequence;
      type->unkept_until_ms = now_ms;
    }
    type->kept = history_.Keeps(type->id);
  }
}

uint64_t Router::HistoryHole(uint16_t type_id) const {
  const Type* const type = types_[type_id].get();
  if (type == nullptr) return 0;
  if (!type->kept) return type->sequence;
  return std::max(type->unkept_through, history_.Hole(type_id));
}

bool Router::HistoryLacks(uint16_t type_id, int64_t since_ms) const {
  std::vector<uint16_t> ids{type_id};
  if (type_id == 0) ids = CountedTypes();
  return std::any_of(ids.begin(), ids.end(), [&](uint16_t id) {
    const Type* const type = types_[id].get();
    if (type == nullptr || type->sequence == 0) return false;
    // When the last of what nobody keeps came, nobody knows.
    return !type->kept || type->unkept_until_ms >= since_ms ||
           history_.MissingUntil(id) >= since_ms;
  });
}

uint64_t Router::Count(uint16_t type_id) const {
  return types_[type_id] == nullptr ? 0 : types_[type_id]->sequence;
}

std::vector<uint16_t> Router::CountedTypes() const {
  std::vector<uint16_t> counted;
  for (const std::unique_ptr<Type>& type : types_) {
    if (type != nullptr && type->sequence > 0) counted.push_back(type->id);
  }
  return counted;
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

void Router::Touch(Port* port) {
  if (port->touched) return;
  port->touched = true;
  touched_.push_back(port);
}

std::vector<Port*> Router::TakeTouched() { return std::exchange(touched_, {}); }

}  // namespace mycelium::broker
