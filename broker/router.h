// Who gets a frame, and who has to wait: routes by type and topic, the count of
// each type, and the holding back of publishers when a queue is full.  Pure:
// the time comes in.  Not thread-safe: belongs to one broker's thread.
#ifndef MYCELIUM_BROKER_ROUTER_H_
#define MYCELIUM_BROKER_ROUTER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/outbox.h"
#include "broker/subscription_index.h"
#include "proto/frame.h"

namespace mycelium::broker {

struct TrafficCounters {
  uint64_t frames_in = 0;
  uint64_t bytes_in = 0;
  uint64_t frames_out = 0;
  uint64_t bytes_out = 0;
  uint64_t frames_dropped = 0;
  uint64_t gaps = 0;
  uint64_t holds = 0;
};

// A session as the router sees it: where its frames go, and what it publishes.
struct Port {
  explicit Port(BlockPool* pool) : outbox(pool) {}

  uint32_t session_id = 0;
  std::string name;
  Outbox outbox;
  TrafficCounters counters;
  std::vector<uint16_t> published_types;  // sorted
  bool closed = false;                    // takes no frames any more
  bool read_paused = false;  // sent on although it was asked to hold
  bool touched = false;      // stands in Router::touched
};

class Router {
 public:
  // `counters` of the whole broker outlive the router.
  explicit Router(TrafficCounters* counters);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // The route is live at once.  REQUIRES: subscription->port is set.
  void Subscribe(const Ref<Subscription>& subscription);
  // Ends it and whatever it holds.
  void Unsubscribe(const Ref<Subscription>& subscription);
  // A session has ended: it publishes nothing any more.
  void RemovePublisher(Port* port);

  struct Type;
  // What a run of frames needs; valid until the next Subscribe or Unsubscribe.
  struct Route {
    struct Target {
      Port* port;
      Ref<Delivery> delivery;
    };
    std::vector<Target> targets;
  };

  // The type's next count is *NextSequence(type) + 1.
  Type* FindType(uint16_t type_id);
  uint64_t* Sequence(Type* type);
  // Notes that `publisher` publishes this type; it is told if the type is held.
  void NotePublisher(Type* type, Port* publisher);

  // Appends `frames` frames of one type and topic, already counted, at
  // block[begin, end) to everyone who wants them.
  void Deliver(Type* type, std::string_view topic, Port* publisher,
               const Ref<Block>& block, uint32_t begin, uint32_t end,
               uint32_t frames, int64_t now_ms);

  // Subscriptions that fell to half of their queue (Outbox::Consume).
  void Relieve(const std::vector<Subscription*>& relieved);

  // Ends the holds whose time is over.
  void Tick(int64_t now_ms);
  // When Tick is due; INT64_MAX: no hold will end by itself.
  int64_t next_due_ms() const { return next_due_ms_; }

  // Makes room when the broker's own bound is reached: drops half of the
  // largest queue that may drop.  False if none may.
  bool DropHalfOfLargest();

  // Ports with something new to write or to read again; the taker clears their
  // `touched`.
  void Touch(Port* port);
  std::vector<Port*> TakeTouched();

 private:
  uint64_t Generation(const Type& type) const;
  const Route& FindRoute(Type* type, std::string_view topic);
  void Rebuild(Type* type);
  static Route MakeRoute(const Type& type, std::string_view topic);
  void OnFull(Subscription* subscription, Port* publisher, int64_t now_ms);
  void Drop(Subscription* subscription, uint64_t target_bytes,
            wire::GapReason reason);
  void Hold(Subscription* subscription, int64_t now_ms);
  void Release(Subscription* subscription);
  void SendHold(Port* publisher, uint16_t type_id, const Port& holder);
  std::vector<Port*> PublishersOf(uint16_t type_id);
  uint32_t* HoldCount(uint16_t type_id);

  TrafficCounters* const counters_;
  std::array<std::unique_ptr<Type>, 65536> types_;
  std::vector<Ref<Subscription>> all_;  // to type 0
  uint64_t all_generation_ = 0;
  uint32_t all_holds_ = 0;
  absl::flat_hash_map<Port*, uint32_t> publishers_;  // and how many types each
  absl::flat_hash_set<Subscription*> subscriptions_;
  absl::flat_hash_set<Subscription*> holding_;
  int64_t next_due_ms_ = INT64_MAX;
  std::vector<Port*> paused_;
  std::vector<Port*> touched_;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_ROUTER_H_
