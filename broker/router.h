// Who gets a frame, and who has to wait: routes by type and topic, the count of
// each type, and the holding back of publishers when a queue is full.  Pure:
// the time comes in.  Not thread-safe: belongs to one broker's thread.
#ifndef MYCELIUM_BROKER_ROUTER_H_
#define MYCELIUM_BROKER_ROUTER_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/history.h"
#include "broker/outbox.h"
#include "broker/subscription_index.h"
#include "config/limits.h"
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
  uint64_t frames_conflated = 0;    // of frames_dropped
  uint64_t frames_duplicate = 0;    // sent again after a reconnect
  uint64_t frames_redelivered = 0;  // of a group: handed to another member
  uint64_t frames_replayed = 0;     // out of history
  uint64_t requests = 0;
  uint64_t requests_unanswered = 0;
  uint64_t replies_late = 0;
  uint64_t resumed = 0;
  uint64_t deadlocks = 0;
};

// A session as the router sees it: where its frames go, and what it publishes.
struct Port {
  explicit Port(BlockPool* pool) : outbox(pool) {}

  uint32_t session_id = 0;
  std::string name;
  Outbox outbox;
  TrafficCounters counters;
  std::vector<uint16_t> published_types;  // sorted
  // By session id and number (requests.h): that wait for an answer, and that it
  // has to answer.
  absl::flat_hash_set<uint64_t> requests_open;
  absl::flat_hash_set<uint64_t> requests_asked;
  bool closed = false;       // takes no frames any more
  bool read_paused = false;  // sent on although it was asked to hold
  bool touched = false;      // stands in Router::touched
};

class Router {
 public:
  // `counters` and `metrics` of the whole broker and the pool outlive the
  // router.
  Router(TrafficCounters* counters, Counters* metrics, BlockPool* pool);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // The route is live at once.  REQUIRES: subscription->port is set.
  void Subscribe(const Ref<Subscription>& subscription);
  // Ends it and whatever it holds; what a group's member has not done with goes
  // to the others.
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
    // Each frame goes to one of them.
    struct Group {
      std::vector<Target> members;
      size_t turn = 0;  // where the search for the least loaded begins
    };
    std::vector<Target> targets;
    std::vector<Group> groups;
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

  // A group's member has done with `frames` in all.  False: see
  // Outbox::Acknowledge.
  bool Acknowledge(Subscription* subscription, uint64_t frames);

  // Subscriptions that fell to half of their queue (Outbox::Consume).
  void Relieve(const std::vector<Subscription*>& relieved);

  // Ends the holds whose time is over.
  void Tick(int64_t now_ms);
  // When Tick is due; INT64_MAX: no hold will end by itself.
  int64_t next_due_ms() const {
    return std::min(next_due_ms_, history_.next_due_ms());
  }

  // What is kept for later subscriptions.
  void ConfigureHistory(const std::vector<HistoryRule>& rules, int64_t now_ms);
  const History& history() const { return history_; }
  // How many hold publishers back now.
  size_t holding() const { return holding_.size(); }
  // Of a type, what was accepted so far; and up to where history may lack
  // frames of it.
  uint64_t Count(uint16_t type_id) const;
  uint64_t HistoryHole(uint16_t type_id) const;
  // Whether it may lack frames of the type, or of any with 0, that were
  // accepted then or later.
  bool HistoryLacks(uint16_t type_id, int64_t since_ms) const;
  std::vector<uint16_t> CountedTypes() const;

  // Full for too long, with OVERFLOW_DISCONNECT: their sessions have to end.
  std::vector<Ref<Subscription>> TakeOverflowed();

  // Who holds what back that `port` publishes.
  std::vector<const Subscription*> HoldersOf(const Port& port) const;

  // Frames that are delivered from now on came in at `ns`: how long they wait
  // is measured (Outbox::Probe).  0: it is not.
  void set_probe_ns(uint64_t ns) { probe_ns_ = ns; }

  void set_deadlock_ms(int64_t deadlock_ms) { deadlock_ms_ = deadlock_ms; }

  // Makes room when the broker's own bound is reached: drops half of the
  // largest queue that may drop.  False if none may.
  bool DropHalfOfLargest();

  // Ports with something new to write or to read again; the taker clears their
  // `touched`.
  void Touch(Port* port);
  std::vector<Port*> TakeTouched();

 private:
  uint64_t Generation(const Type& type) const;
  Route& FindRoute(Type* type, std::string_view topic);
  void Rebuild(Type* type);
  static Route MakeRoute(const Type& type, std::string_view topic);
  void DeliverToGroup(Route::Group* group, Port* publisher, const Slice& slice,
                      int64_t now_ms);
  // The member with the least that waits; one with room for `bytes`, if there
  // is one.  Null: there is no member but `other_than`.
  static Route::Target* LeastLoaded(Route::Group* group, uint64_t bytes,
                                    const Subscription* other_than);
  void Append(const Route::Target& target, Port* publisher, const Slice& slice,
              int64_t now_ms);
  void HandOver(const Subscription& from, const std::vector<Slice>& slices,
                int64_t now_ms);
  void HandOverFrame(const Subscription& from, const Slice& frame,
                     int64_t now_ms);
  void HandOverStuck(int64_t now_ms);
  Route::Group* FindGroup(const Subscription& member, const FrameView& frame);
  bool ForgetHalfOfLargest();
  void LookForCircles(int64_t now_ms);
  std::string CircleOf(const Subscription& subscription,
                       const std::vector<Subscription*>& still);
  void OnFull(Subscription* subscription, Port* publisher, int64_t now_ms);
  void Overflow(Subscription* subscription);
  void Drop(Subscription* subscription, uint64_t target_bytes,
            wire::GapReason reason);
  void Hold(Subscription* subscription, int64_t now_ms);
  void Release(Subscription* subscription);
  void SendHold(Port* publisher, uint16_t type_id, const Port& holder);
  std::vector<Port*> PublishersOf(uint16_t type_id);
  uint32_t* HoldCount(uint16_t type_id);

  TrafficCounters* const counters_;
  Counters* const metrics_;
  BlockPool* const pool_;
  History history_;
  int64_t last_now_ms_ = 0;  // of the last Tick or Deliver to a group
  std::array<std::unique_ptr<Type>, 65536> types_;
  std::vector<Ref<Subscription>> all_;  // to type 0
  uint64_t all_generation_ = 0;
  uint32_t all_holds_ = 0;
  absl::flat_hash_map<Port*, uint32_t> publishers_;  // and how many types each
  absl::flat_hash_set<Subscription*> subscriptions_;
  absl::flat_hash_set<Subscription*> holding_;
  int64_t next_due_ms_ = INT64_MAX;
  uint64_t probe_ns_ = 0;
  int64_t deadlock_ms_ = kDeadlockMsDefault;
  int64_t circle_due_ms_ = INT64_MAX;           // when to look for one
  absl::flat_hash_set<Subscription*> members_;  // of all groups
  std::vector<Ref<Subscription>> overflowed_;
  std::vector<Port*> paused_;
  std::vector<Port*> touched_;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_ROUTER_H_
