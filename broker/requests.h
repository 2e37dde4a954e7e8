// Requests on their way: who answers which type and topic, who waits for what,
// and how answers come home.  Pure.  Not thread-safe: belongs to one broker's
// thread.
#ifndef MYCELIUM_BROKER_REQUESTS_H_
#define MYCELIUM_BROKER_REQUESTS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/outbox.h"
#include "broker/router.h"
#include "broker/subscription_index.h"
#include "proto/frame.h"

namespace mycelium::broker {

class Requests {
 public:
  // All of them outlive it.
  Requests(TrafficCounters* counters, BlockPool* pool, Router* router);
  ~Requests();
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  // REQUIRES: subscription->responder, subscription->port.
  void AddResponder(const Ref<Subscription>& subscription);
  // Whoever waits for an answer of it is told; it may answer all the same.
  void RemoveResponder(const Ref<Subscription>& subscription);

  // What is wrong with it, or empty.  `frame` is of one whole frame of that
  // kind, whose id is changed in place.  At most `open_max` requests of a
  // session are open, and as many of a responder.
  std::string Ask(Port* requester, const Slice& frame, uint32_t open_max);
  // *requester is who gets the answer, or null.
  std::string Answer(Port* responder, const Slice& frame, Port** requester);
  void Cancel(Port* requester, uint64_t id);

  // The session has ended: nobody waits for what it asked, and whoever waits
  // for it is told.
  void EndPort(Port* port);

 private:
  struct Open {
    Port* requester = nullptr;  // null: nobody waits any more
    Ref<Subscription> responder;
    Port* responder_port = nullptr;
    uint16_t type_id = 0;  // the request's
  };
  struct Responder {
    Ref<Subscription> subscription;
    Ref<Delivery> delivery;
  };
  // Those of one type; of 0: those that take all.
  struct Type {
    std::vector<Responder> responders;
    SubscriptionIndex index;
  };

  static void Reindex(Type* type);
  void Match(uint16_t type_id, std::string_view topic);
  void SendError(Port* requester, uint16_t type_id, uint32_t number,
                 uint32_t status, const std::string& message);
  void TellLost(uint64_t id, Open* open);
  void ToRequester(Port* requester, const Slice& frame);

  TrafficCounters* const counters_;
  BlockPool* const pool_;
  Router* const router_;
  absl::flat_hash_map<uint16_t, Type> types_;
  absl::flat_hash_map<uint64_t, Open> open_;  // by session id and number
  const Ref<Delivery> home_;                  // of no subscription
  std::vector<const Responder*> matches_;     // of the last Match
  std::vector<uint32_t> numbers_;
  size_t turn_ = 0;
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_REQUESTS_H_
