// The subscriptions of a socket client, and which of them take a frame.
//
// Threads: Find and FindById belong to the client's reading thread, the rest to
// any.
#ifndef MYCELIUM_CLIENT_CORE_SUBSCRIBER_TABLE_H_
#define MYCELIUM_CLIENT_CORE_SUBSCRIBER_TABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "broker/subscription_index.h"
#include "client/core/subscriber.h"

namespace mycelium::core {

class SubscriberTable {
 public:
  // The reading thread's next Find sees it.
  void Add(std::shared_ptr<Subscriber> subscriber);
  // Null: it was not there.
  std::shared_ptr<Subscriber> Remove(uint32_t id);
  std::vector<std::shared_ptr<Subscriber>> All() const;

  // All subscribers that take frames of this type and topic, once each.  Valid
  // until the next Find; they are alive for as long.
  const std::vector<Subscriber*>& Find(uint16_t type_id,
                                       std::string_view topic);
  // Null: it has ended.
  Subscriber* FindById(uint32_t id);

 private:
  struct TopicHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Targets = std::vector<Subscriber*>;
  struct Type {
    SubscriptionIndex index;
    std::unordered_map<std::string, Targets, TopicHash, std::equal_to<>> topics;
  };

  void Refresh();
  Type* FindType(uint16_t type_id);
  const Targets& FindInType(Type* type, std::string_view topic);

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;  // guarded
  std::atomic<uint64_t> version_{0};  // grows with each Add and Remove

  // The reading thread's view of it.
  uint64_t seen_version_ = 0;
  std::vector<std::shared_ptr<Subscriber>> seen_;
  std::unordered_map<uint16_t, Type> types_;
  const Targets* last_targets_ = nullptr;  // of last_type_id_ and last_topic_
  uint16_t last_type_id_ = 0;
  std::string last_topic_;
  Subscriber* last_found_ = nullptr;  // by its id
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_SUBSCRIBER_TABLE_H_
