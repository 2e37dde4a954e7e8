// Frames that are kept for those who come later: for each rule of the
// configuration the newest that it takes, in the order of their arrival.
// Standard library only.  Pure: the time comes in.  Not thread-safe: belongs to
// one broker's thread; the in-process bus has a mutex around it.
#ifndef MYCELIUM_BROKER_HISTORY_H_
#define MYCELIUM_BROKER_HISTORY_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "broker/block.h"
#include "config/history_rules.h"
#include "proto/frame.h"

namespace mycelium {

class History {
 public:
  // Which of the frames that a subscription takes.
  struct Query {
    uint16_t type_id = 0;  // 0: all
    std::string_view topic_filter = {};
    // At most so many of each type and topic, the newest; 0: no such bound.
    uint32_t last = 0;
    // Those beyond it, of each type; of types that do not stand in it, all.
    std::function<uint64_t(uint16_t type_id)> after = {};
    int64_t since_ms = INT64_MIN;  // accepted then or later
    uint64_t since_arrival = 0;    // or as this one or later (next_arrival)
  };
  // Whole frames side by side.
  using Found =
      std::function<void(const broker::Ref<broker::Block>& block,
                         uint32_t begin, uint32_t end, uint32_t frames)>;

  // The pool outlives it.
  explicit History(broker::BlockPool* pool) : pool_(pool) {}
  History(const History&) = delete;
  History& operator=(const History&) = delete;

  // A rule that was there before keeps its frames.
  void Configure(const std::vector<HistoryRule>& rules);

  bool empty() const { return kept_.empty(); }
  // Whether some frame of the type, or of any with 0, would be kept.
  bool Keeps(uint16_t type_id) const;

  // `frames` frames of one type and topic, accepted in this order; copied.  One
  // that is larger than its rule's bytes_max is not kept.
  void Add(uint16_t type_id, std::string_view topic, const uint8_t* bytes,
           uint32_t frames, int64_t now_ms);
  // What is too old goes.
  void Tick(int64_t now_ms);
  // When Tick is due; INT64_MAX: nothing gets too old.
  int64_t next_due_ms() const;

  // In the order of their arrival; how many frames.  *first_arrival is that of
  // the first, if there is one.
  uint64_t Find(const Query& query, const Found& found,
                uint64_t* first_arrival = nullptr) const;

  // The highest count of the type that is not kept although it was added: after
  // it history has no hole.  0: there is none.
  uint64_t Hole(uint16_t type_id) const;
  // When the newest of those was accepted; INT64_MIN: there is none.
  int64_t MissingUntil(uint16_t type_id) const;
  // What the next frame will have; grows with each that is kept.
  uint64_t next_arrival() const { return next_arrival_; }

  struct Kept {
    const HistoryRule& rule;
    uint64_t frames;
    uint64_t bytes;
  };
  std::vector<Kept> Status() const;

 private:
  struct Entry {
    broker::Ref<broker::Block> block;
    uint32_t begin;
    uint32_t bytes;
    uint64_t arrival;
    int64_t time_ms;
  };
  struct Store {
    HistoryRule rule;
    std::deque<Entry> entries;
    uint64_t bytes = 0;
    broker::Ref<broker::Block> block;  // where the next copies go
    uint32_t used = 0;
  };
  // Of one type, the newest that was added and is not kept.
  struct Missing {
    uint64_t through = 0;
    int64_t accepted_ms = INT64_MIN;
  };

  static bool Takes(const HistoryRule& rule, uint16_t type_id);
  Store* StoreFor(uint16_t type_id, std::string_view topic);
  void Keep(Store* store, const uint8_t* frame, uint32_t bytes, int64_t now_ms);
  void Gone(const FrameHeader& header, int64_t accepted_ms);
  void PopFront(Store* store);
  void Trim(Store* store, int64_t now_ms);
  std::vector<const Entry*> Matching(const Query& query) const;

  broker::BlockPool* const pool_;
  std::vector<std::unique_ptr<Store>> kept_;
  uint64_t next_arrival_ = 1;
  std::map<uint16_t, Missing> missing_;
};

}  // namespace mycelium

#endif  // MYCELIUM_BROKER_HISTORY_H_
