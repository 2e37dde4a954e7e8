// What an in-process bus keeps for later subscriptions (broker/history.h), and
// the order between what is replayed and what is published meanwhile: both
// happen under one mutex.
//
// Threads: Keeps may be called from any, the rest needs `mutex`.  Owner: the
// bus.
#ifndef MYCELIUM_CLIENT_CORE_BUS_HISTORY_H_
#define MYCELIUM_CLIENT_CORE_BUS_HISTORY_H_

#include <cstdint>
#include <mutex>
#include <string_view>
#include <vector>

#include "broker/block.h"
#include "broker/history.h"
#include "client/core/client.h"
#include "client/core/frame_store.h"

namespace mycelium::core {

class BusHistory {
 public:
  explicit BusHistory(const std::vector<HistoryRule>& rules);
  BusHistory(const BusHistory&) = delete;
  BusHistory& operator=(const BusHistory&) = delete;

  bool Keeps(uint16_t type_id) const { return history_.Keeps(type_id); }

  // --- Under mutex ---
  std::mutex mutex;

  void Add(std::string_view topic, const StoredFrame& frame);
  // What a subscription with a start gets first: a gap for what is missing, and
  // frames.  `count`: how many frames of its type there have been.
  Status Replay(const SubscribeOptions& options, uint64_t count,
                std::vector<StoredFrame>* frames);

 private:
  uint64_t Find(const History::Query& query, std::vector<StoredFrame>* frames);

  broker::BlockPool pool_;
  History history_;
};

// Whether a subscription may begin like this.  `history` may be null, `count`
// is as above.
Status CheckStart(const SubscribeOptions& options, const BusHistory* history,
                  uint64_t count);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_HISTORY_H_
