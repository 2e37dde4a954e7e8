// Clients that are known beyond their connection, by instance_id: what was
// accepted of them, and what their subscriptions would have been given
// meanwhile.  Pure: the time comes in.  Not thread-safe: belongs to one
// broker's thread.
#ifndef MYCELIUM_BROKER_INSTANCES_H_
#define MYCELIUM_BROKER_INSTANCES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "broker/router.h"
#include "broker/schema_registry.h"

namespace mycelium::broker {

struct Instance {
  std::string id;
  std::string principal;         // of its first session
  Port* session = nullptr;       // null: away
  uint64_t last_publish_id = 0;  // the last counted PUBLISH accepted
  uint32_t first_session_id = 0;
  // In the place of those that it had when it went away, by their ids: they
  // only count.
  std::map<uint32_t, Ref<Subscription>> kept;
  const KnownSchema* schema = nullptr;  // held while it is away
  int64_t forget_ms = 0;                // what is kept goes then
};

class Instances {
 public:
  // Both outlive it.
  Instances(Router* router, SchemaRegistry* schemas, BlockPool* pool);
  ~Instances();
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  // Null: nobody has that id.
  Instance* Find(std::string_view id);
  // REQUIRES: Find is null.
  Instance* Make(std::string_view id, std::string_view principal,
                 Port* session);
  // REQUIRES: it is away.  It has a session again; what is kept stays for the
  // window.
  void Returned(Instance* instance, Port* session, int64_t now_ms);

  // A subscription of an instance that goes away, in the place of what was kept
  // under its id.  REQUIRES: it is still routed, and neither a responder nor of
  // a group.
  void Keep(Instance* instance, const Subscription& subscription);
  // The session has ended; `schema` is handed over, may be null.  The instance
  // is forgotten after the window, or by the next Tick if too many are away:
  // one that is taken over is so for a moment.
  void Left(Instance* instance, const KnownSchema* schema, int64_t now_ms);
  // What was kept under that id, which is no longer; null: nothing.
  Ref<Subscription> Take(Instance* instance, uint32_t subscription_id);
  void Forget(Instance* instance);

  void Tick(int64_t now_ms);
  // When Tick is due; INT64_MAX: never.
  int64_t next_due_ms() const;

  // `kept_max` subscriptions of each instance.
  void set_limits(int64_t window_ms, size_t away_max, size_t kept_max) {
    window_ms_ = window_ms;
    away_max_ = away_max;
    kept_max_ = kept_max;
  }
  size_t away() const { return away_; }

 private:
  void DropKept(Instance* instance);
  void ReleaseSchema(Instance* instance);
  void ForgetOldest();

  Router* const router_;
  SchemaRegistry* const schemas_;
  Port away_port_;  // takes nothing
  int64_t window_ms_ = 0;
  size_t away_max_ = 0;
  size_t kept_max_ = 0;
  size_t away_ = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Instance>> instances_;
  // An entry whose time is not its instance's any more is void.
  std::deque<std::pair<int64_t, std::string>> due_;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_INSTANCES_H_
