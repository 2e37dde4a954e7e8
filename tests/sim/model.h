// What must be true of a run: which frames the broker has accepted, and what
// each subscription must get of them.  Knows nothing of how either side works.
#ifndef MYCELIUM_TESTS_SIM_MODEL_H_
#define MYCELIUM_TESTS_SIM_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "client/core/client.h"

namespace mycelium::sim {

// An invariant does not hold.
struct Violation {
  std::string what;
};

struct Accepted {
  uint64_t epoch = 0;
  uint16_t type_id = 0;
  uint64_t sequence = 0;
  std::string topic;
  std::string payload;
  uint64_t publisher = 0;  // which client
  uint64_t number = 0;     // of its frames, from 1 up
};

std::string PayloadOf(uint64_t publisher, uint64_t number, size_t padding);

// All that every broker of a run has accepted, in that order.
class Truth {
 public:
  // Throws Violation: the publisher's frames came twice or out of order.
  void Add(uint64_t epoch, uint16_t type_id, uint64_t sequence,
           std::string topic, std::string payload);
  size_t size() const { return all_.size(); }
  const Accepted& at(size_t index) const { return all_[index]; }
  // size(): no such frame.
  size_t Find(uint64_t epoch, uint16_t type_id, uint64_t sequence) const;
  bool Has(uint64_t publisher, uint64_t number) const {
    return numbers_.contains({publisher, number});
  }

 private:
  std::vector<Accepted> all_;
  std::map<std::tuple<uint64_t, uint16_t, uint64_t>, size_t> places_;
  std::set<std::pair<uint64_t, uint64_t>> numbers_;
  std::map<uint64_t, uint64_t> last_numbers_;
};

// Members of one group, together.
struct GroupModel {
  std::map<size_t, uint32_t> first_deliveries;  // without the flag, by place
  std::set<size_t> delivered;
};

// One subscription of a client, over all of its connections.
class SubscriptionModel {
 public:
  SubscriptionModel(const Truth* truth, std::string name,
                    core::SubscribeOptions options, GroupModel* group)
      : truth_(truth),
        name_(std::move(name)),
        options_(std::move(options)),
        group_(group) {}

  // SUBSCRIBED.  The broker had accepted so many frames when it read the
  // SUBSCRIBE.  `certain`: the same epoch, resumed, and it was live before.
  void OnSubscribed(size_t accepted, bool certain, uint64_t epoch);
  void OnFrame(const core::Message& message, uint64_t epoch);
  void OnGap(const core::Gap& gap);
  // Nothing more comes, and everything has been read.
  void CheckComplete() const;

  const core::SubscribeOptions& options() const { return options_; }
  uint64_t delivered() const { return delivered_total_; }

 private:
  [[noreturn]] void Fail(const std::string& what) const;
  bool Takes(const Accepted& frame) const;
  // Those that it takes from from_ on and before `end`.
  uint64_t CountTaken(size_t end);
  void OnGroupFrame(const core::Message& message, size_t place);
  // Of the range, those that it takes from before from_.
  uint64_t CountBefore(const core::Gap::Range& range) const;

  const Truth* const truth_;
  const std::string name_;
  const core::SubscribeOptions options_;
  GroupModel* const group_;  // null: none

  bool live_ = false;
  bool certain_ = false;
  // Something has come since there may have been an unknown gap, so that it has
  // been read, and the broker knows that.
  bool settled_ = false;
  size_t begin_ = 0;  // when the broker read the last SUBSCRIBE
  size_t from_ = 0;   // from here on everything is delivered or told
  size_t counted_ = 0;
  uint64_t taken_ = 0;  // in [from_, counted_)
  uint64_t delivered_ = 0;
  uint64_t told_ = 0;
  // Of told_, so many may be out of history, from before from_.
  uint64_t told_before_ = 0;
  bool overflowed_ = false;  // even the newest may have been dropped
  uint64_t delivered_total_ = 0;
  size_t next_ = 0;  // the least place that may come
  std::map<std::pair<uint16_t, std::string>, size_t> newest_;
};

}  // namespace mycelium::sim

#endif  // MYCELIUM_TESTS_SIM_MODEL_H_
