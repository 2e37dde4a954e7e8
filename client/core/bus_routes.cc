#include "client/core/bus_routes.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace mycelium::core {
namespace {

SubscriptionIndex IndexOf(
    const std::vector<std::shared_ptr<BusRoute>>& routes) {
  std::vector<SubscriptionIndex::Entry> entries;
  for (const std::shared_ptr<BusRoute>& route : routes) {
    entries.push_back(
        {route->options.topic_filter, static_cast<uint32_t>(entries.size())});
  }
  return SubscriptionIndex(entries);
}

}  // namespace

BusTable::BusTable(std::vector<std::shared_ptr<BusRoute>> all)
    : routes(std::move(all)),
      index(IndexOf(routes)),
      has_filters(index.has_filters()) {
  for (const uint32_t number : index.unfiltered()) {
    BusRoute* const route = routes[number].get();
    if (route->group != nullptr) {
      members.push_back(route);
    } else {
      (route->queue != nullptr ? queued : direct).push_back(route);
    }
  }
  std::stable_sort(members.begin(), members.end(),
                   [](const BusRoute* a, const BusRoute* b) {
                     return a->group->name < b->group->name;
                   });
  has_groups = std::any_of(routes.begin(), routes.end(), [](const auto& route) {
    return route->group != nullptr;
  });
}

BusRoutes::~BusRoutes() {
  for (const std::atomic<Page*>& page : pages_) {
    if (page.load() == nullptr) continue;
    for (const Type& type : *page.load()) delete type.table.load();
    delete page.load();
  }
  delete all_types_.load();
}

BusRoutes::Page* BusRoutes::MakePage(uint16_t type_id) {
  const std::lock_guard lock(mutex_);
  std::atomic<Page*>& page = pages_[type_id / kTypesPerPage];
  if (page.load() == nullptr) {
    auto fresh = std::make_unique<Page>();
    const uint32_t first = type_id / kTypesPerPage * kTypesPerPage;
    for (uint32_t i = 0; i < kTypesPerPage; ++i) {
      (*fresh)[i].is_kept = keeps_(static_cast<uint16_t>(first + i));
    }
    page.store(fresh.release(), std::memory_order_release);
  }
  return page.load();
}

void BusRoutes::Add(const std::shared_ptr<BusRoute>& route) {
  if (route->options.type_id != 0) Find(route->options.type_id);
  {
    const std::lock_guard lock(mutex_);
    routes_.push_back(route);
    RebuildFor({&route, 1});
  }
  FreeUnread();
}

std::vector<std::shared_ptr<BusRoute>> BusRoutes::Remove(
    const std::function<bool(const BusRoute&)>& leaves) {
  std::vector<std::shared_ptr<BusRoute>> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto leaving = std::stable_partition(
        routes_.begin(), routes_.end(),
        [&leaves](const auto& route) { return !leaves(*route); });
    removed.assign(leaving, routes_.end());
    routes_.erase(leaving, routes_.end());
    RebuildFor(removed);
  }
  FreeUnread();
  return removed;
}

uint32_t BusRoutes::Count(const void* owner) const {
  const std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(std::count_if(
      routes_.begin(), routes_.end(),
      [owner](const auto& route) { return route->owner == owner; }));
}

void BusRoutes::WakeProducers() const {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<BusRoute>& route : routes_) {
    if (route->queue != nullptr) route->queue->WakeProducers();
  }
}

std::shared_ptr<BusGroup> BusRoutes::FindGroup(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(groups_,
                [](const auto& each) { return each.second.expired(); });
  std::weak_ptr<BusGroup>& found = groups_[name];
  std::shared_ptr<BusGroup> group = found.lock();
  if (group == nullptr) {
    group = std::make_shared<BusGroup>();
    group->name = name;
    found = group;
  }
  return group;
}

std::vector<std::shared_ptr<BusRoute>> BusRoutes::Members(
    const BusGroup& group, uint16_t type_id, std::string_view topic) const {
  std::vector<std::shared_ptr<BusRoute>> members;
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<BusRoute>& route : routes_) {
    const SubscribeOptions& options = route->options;
    if (route->group.get() == &group && route->in_force.load() &&
        (options.type_id == 0 || options.type_id == type_id) &&
        TopicMatches(options.topic_filter, topic)) {
      members.push_back(route);
    }
  }
  return members;
}

// REQUIRES: mutex_, here and in Rebuild.
void BusRoutes::RebuildFor(std::span<const std::shared_ptr<BusRoute>> changed) {
  std::set<uint16_t> types;
  for (const std::shared_ptr<BusRoute>& route : changed) {
    types.insert(route->options.type_id);
  }
  if (types.contains(0)) {
    types.insert(types_with_table_.begin(), types_with_table_.end());
  }
  for (const uint16_t type_id : types) Rebuild(type_id);
}

// Replaces the table of `type_id`, or with 0 that of the types without a
// subscription of their own.
void BusRoutes::Rebuild(uint16_t type_id) {
  std::vector<std::shared_ptr<BusRoute>> wanted;
  bool own = false;
  for (const std::shared_ptr<BusRoute>& route : routes_) {
    const uint16_t of = route->options.type_id;
    if (of == type_id || of == 0) wanted.push_back(route);
    own |= of == type_id;
  }
  std::unique_ptr<const BusTable> table;
  if (own) table = std::make_unique<const BusTable>(std::move(wanted));

  std::atomic<const BusTable*>* place = &all_types_;
  if (type_id != 0) {
    Page& page = *pages_[type_id / kTypesPerPage].load();
    place = &page[type_id % kTypesPerPage].table;
    if (own) {
      types_with_table_.insert(type_id);
    } else {
      types_with_table_.erase(type_id);
    }
  }
  const BusTable* const before =
      place->exchange(table.release(), std::memory_order_acq_rel);
  if (before != nullptr) replaced_.emplace_back(before);
}

void BusRoutes::FreeUnread() {
  std::vector<std::unique_ptr<const BusTable>> unread;
  {
    const std::lock_guard lock(mutex_);
    if (replaced_.empty()) return;
    HeavyBarrier();
    const auto first = std::stable_partition(
        replaced_.begin(), replaced_.end(),
        [](const auto& table) { return AnyoneReads(table.get()); });
    unread.assign(std::make_move_iterator(first),
                  std::make_move_iterator(replaced_.end()));
    replaced_.erase(first, replaced_.end());
  }
  // Freed without the lock: what handlers own may call in here.
}

}  // namespace mycelium::core
