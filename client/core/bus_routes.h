// The routes of one in-process bus: for each type id an immutable table of who
// wants its frames, replaced whole when somebody subscribes or leaves, and
// freed when no publishing thread reads it any more.
//
// Threads: everything may be called from any.  Owner: the bus.
#ifndef MYCELIUM_CLIENT_CORE_BUS_ROUTES_H_
#define MYCELIUM_CLIENT_CORE_BUS_ROUTES_H_

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker/subscription_index.h"
#include "client/core/asymmetric_barrier.h"
#include "client/core/bus_tally.h"
#include "client/core/client.h"
#include "client/core/publisher_slot.h"
#include "client/core/queue.h"

namespace mycelium::core {

struct BusPeer;

// What the members of one group share.
struct BusGroup {
  std::string name;
  const std::shared_ptr<RoomBell> bell = std::make_shared<RoomBell>();
  std::atomic<uint32_t> turn{0};
};

// One subscription, as publishers see it.
struct BusRoute {
  BusRoute() = default;
  BusRoute(const BusRoute&) = delete;
  BusRoute& operator=(const BusRoute&) = delete;
  ~BusRoute() {
    if (queue != nullptr) tally->queues().Remove(queue.get());
  }

  // What a delivery looks at, side by side.
  std::atomic<bool> in_force{true};   // false: no callback begins any more
  std::unique_ptr<FrameQueue> queue;  // null: direct
  std::shared_ptr<BusTally> tally;
  // Emptied under `mutex` once no callback runs and none will.
  Handler handler;
  SubscribeOptions options;

  std::weak_ptr<BusPeer> peer;
  const void* owner = nullptr;  // the client's
  std::shared_ptr<BusGroup> group;
  // Of a member: held while a frame goes into `queue` and when in_force falls,
  // so that what has been put is there to be handed to others.
  std::mutex member_mutex;
  std::mutex mutex;
  bool thread_runs = false;   // guarded by mutex: a thread pops `queue`
  bool ended_within = false;  // that thread's: ended by its own callback
  std::condition_variable thread_ended;
  // Lanes of `queue` by the publisher's slot; each is its thread's alone.
  std::array<FrameQueue::Lane*, kInprocPublishersMax> lanes{};
};

struct BusTable {
  explicit BusTable(std::vector<std::shared_ptr<BusRoute>> all);

  const std::vector<std::shared_ptr<BusRoute>> routes;
  const SubscriptionIndex index;  // of the places in `routes`
  const bool has_filters;
  // Those without a filter and without a group.
  std::vector<BusRoute*> queued;
  std::vector<BusRoute*> direct;
  // Those without a filter and with a group, group by group.
  std::vector<BusRoute*> members;
  bool has_groups = false;
};

// One type id.  Has a cache line of its own: all publishers of it write here.
struct alignas(64) BusType {
  std::atomic<const BusTable*> table{nullptr};  // null: that of all types
  std::atomic<uint64_t> sequence{0};
  bool is_kept = false;  // by the bus's history; never changes
};

class BusRoutes {
 public:
  using Type = BusType;

  // `keeps`: of which types there is a history.
  explicit BusRoutes(std::function<bool(uint16_t)> keeps)
      : keeps_(std::move(keeps)) {}
  BusRoutes(const BusRoutes&) = delete;
  BusRoutes& operator=(const BusRoutes&) = delete;
  // REQUIRES: nobody publishes.
  ~BusRoutes();

  Type& Find(uint16_t type_id) {
    Page* page =
        pages_[type_id / kTypesPerPage].load(std::memory_order_acquire);
    if (page == nullptr) [[unlikely]]
      page = MakePage(type_id);
    return (*page)[type_id % kTypesPerPage];
  }

  // The table in force (null: nobody subscribes).  It is kept as long as it
  // stands in *reads, a field of this thread's slot.
  const BusTable* Read(const Type& type,
                       std::atomic<const void*>* reads) const {
    const BusTable* table = InForce(type);
    while (true) {
      reads->store(table, std::memory_order_release);
      LightBarrier();
      const BusTable* const still = InForce(type);
      if (still == table) [[likely]]
        return table;
      table = still;
    }
  }
  // Ends a Read: clears *reads, and frees the table if it has been replaced
  // meanwhile and nobody else reads it.
  void EndRead(const Type& type, const BusTable* table,
               std::atomic<const void*>* reads) {
    reads->store(nullptr, std::memory_order_release);
    LightBarrier();
    if (InForce(type) != table) [[unlikely]]
      FreeUnread();
  }

  bool IsInForce(const Type& type, const BusTable* table) const {
    return InForce(type) == table;
  }

  // When it returns, every Read sees the route.
  void Add(const std::shared_ptr<BusRoute>& route);
  // Takes out those that `leaves` says; when it returns, no Read sees them.
  std::vector<std::shared_ptr<BusRoute>> Remove(
      const std::function<bool(const BusRoute&)>& leaves);
  uint32_t Count(const void* owner) const;
  void WakeProducers() const;
  std::shared_ptr<BusGroup> FindGroup(const std::string& name);
  // Its members that take this type and topic.
  std::vector<std::shared_ptr<BusRoute>> Members(const BusGroup& group,
                                                 uint16_t type_id,
                                                 std::string_view topic) const;

 private:
  static constexpr uint32_t kTypesPerPage = 64;
  using Page = std::array<Type, kTypesPerPage>;

  const BusTable* InForce(const Type& type) const {
    const BusTable* table = type.table.load(std::memory_order_acquire);
    return table != nullptr ? table
                            : all_types_.load(std::memory_order_acquire);
  }
  Page* MakePage(uint16_t type_id);
  void Rebuild(uint16_t type_id);
  void RebuildFor(std::span<const std::shared_ptr<BusRoute>> changed);
  void FreeUnread();

  const std::function<bool(uint16_t)> keeps_;
  std::array<std::atomic<Page*>, 0x10000 / kTypesPerPage> pages_{};
  std::atomic<const BusTable*> all_types_{nullptr};

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::vector<std::shared_ptr<BusRoute>> routes_;
  std::set<uint16_t> types_with_table_;
  std::vector<std::unique_ptr<const BusTable>> replaced_;
  std::map<std::string, std::weak_ptr<BusGroup>> groups_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_ROUTES_H_
