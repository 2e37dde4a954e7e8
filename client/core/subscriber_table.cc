#include "client/core/subscriber_table.h"

#include <algorithm>
#include <utility>

#include "config/limits.h"

namespace mycelium::core {

void SubscriberTable::Add(std::shared_ptr<Subscriber> subscriber) {
  const std::lock_guard lock(mutex_);
  subscribers_.push_back(std::move(subscriber));
  version_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<Subscriber> SubscriberTable::Remove(uint32_t id) {
  const std::lock_guard lock(mutex_);
  const auto it =
      std::find_if(subscribers_.begin(), subscribers_.end(),
                   [id](const auto& each) { return each->id() == id; });
  if (it == subscribers_.end()) return nullptr;
  std::shared_ptr<Subscriber> removed = std::move(*it);
  subscribers_.erase(it);
  version_.fetch_add(1, std::memory_order_release);
  return removed;
}

std::vector<std::shared_ptr<Subscriber>> SubscriberTable::All() const {
  const std::lock_guard lock(mutex_);
  return subscribers_;
}

void SubscriberTable::Refresh() {
  if (version_.load(std::memory_order_acquire) == seen_version_) return;
  last_targets_ = nullptr;
  last_found_ = nullptr;
  types_.clear();
  // Those that have ended may be destroyed here, and not under the lock.
  std::vector<std::shared_ptr<Subscriber>> before;
  before.swap(seen_);
  const std::lock_guard lock(mutex_);
  seen_version_ = version_.load(std::memory_order_relaxed);
  seen_ = subscribers_;
}

const std::vector<Subscriber*>& SubscriberTable::Find(uint16_t type_id,
                                                      std::string_view topic) {
  Refresh();
  if (last_targets_ != nullptr && type_id == last_type_id_ &&
      topic == last_topic_) {
    return *last_targets_;
  }
  last_targets_ = &FindInType(FindType(type_id), topic);
  last_type_id_ = type_id;
  last_topic_ = topic;
  return *last_targets_;
}

SubscriberTable::Type* SubscriberTable::FindType(uint16_t type_id) {
  const auto [it, fresh] = types_.try_emplace(type_id);
  if (!fresh) return &it->second;
  std::vector<SubscriptionIndex::Entry> entries;
  for (uint32_t i = 0; i < seen_.size(); ++i) {
    const SubscribeOptions& options = seen_[i]->options();
    if (options.type_id == type_id || options.type_id == 0) {
      entries.push_back({options.topic_filter, i});
    }
  }
  it->second.index = SubscriptionIndex(entries);
  return &it->second;
}

const SubscriberTable::Targets& SubscriberTable::FindInType(
    Type* type, std::string_view topic) {
  // Without filters every topic goes the same way.
  if (!type->index.has_filters()) topic = {};
  if (const auto it = type->topics.find(topic); it != type->topics.end()) {
    return it->second;
  }
  if (type->topics.size() >= kRoutesPerTypeMax) type->topics.clear();
  std::vector<uint32_t> matches;
  type->index.Match(topic, &matches);
  Targets& targets = type->topics[std::string(topic)];
  for (const uint32_t i : matches) targets.push_back(seen_[i].get());
  return targets;
}

Subscriber* SubscriberTable::FindById(uint32_t id) {
  Refresh();
  if (last_found_ != nullptr && last_found_->id() == id) return last_found_;
  const auto it =
      std::find_if(seen_.begin(), seen_.end(),
                   [id](const auto& each) { return each->id() == id; });
  if (it == seen_.end()) return nullptr;
  return last_found_ = it->get();
}

}  // namespace mycelium::core
