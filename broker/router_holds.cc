// What the Router does about full queues: holds publishers back, drops, and
// looks for holds that wait for each other.
#include <algorithm>
#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/router.h"
#include "config/limits.h"
#include "glog/logging.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {
namespace {

// A drop makes room for more than one frame, so that a full queue is not
// searched for every frame that comes.
constexpr uint64_t kDropShare = 16;
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// "1 (a), 3 (b)": from `first` to `last`, as `from` says how each was reached.
std::string DescribeWay(
    const Port* first, const Port* last,
    const absl::flat_hash_map<const Port*, const Port*>& from) {
  std::string way;
  for (const Port* port = last; port != first; port = from.at(port)) {
    way = absl::StrCat(", ", port->session_id, " (",
                       absl::Utf8SafeCEscape(port->name), ")", way);
  }
  return absl::StrCat(first->session_id, " (",
                      absl::Utf8SafeCEscape(first->name), ")", way);
}

}  // namespace

void Router::OnFull(Subscription* subscription, Port* publisher,
                    int64_t now_ms) {
  switch (subscription->state) {
    case Subscription::State::kFlowing:
      if (subscription->stall_ms_max != 0) {
        Hold(subscription, now_ms);
        return;
      }
      subscription->state = Subscription::State::kOverflowing;
      [[fallthrough]];
    case Subscription::State::kOverflowing:
      return Overflow(subscription);
    case Subscription::State::kHolding:
      if (subscription->queued_bytes > subscription->queue_bytes_max +
                                           subscription->replayed_bytes +
                                           kHoldGraceBytes &&
          publisher != nullptr && !publisher->read_paused) {
        publisher->read_paused = true;
        paused_.push_back(publisher);
        Touch(publisher);
      }
      return;
  }
}

void Router::Overflow(Subscription* subscription) {
  const uint64_t bytes_max =
      subscription->queue_bytes_max + subscription->replayed_bytes;
  if (subscription->overflow == wire::OVERFLOW_DISCONNECT) {
    overflowed_.push_back(Ref<Subscription>(subscription));
    return;
  }
  uint64_t target_bytes = bytes_max - bytes_max / kDropShare;
  if (subscription->overflow == wire::OVERFLOW_CONFLATE) {
    subscription->port->outbox.Conflate();
    if (subscription->queued_bytes <= target_bytes) return;
    // The newest ones alone are too many.
    target_bytes = bytes_max / 4 * 3;
  }
  // Without an end to its stall, only a circle has brought it here.
  Drop(subscription, target_bytes,
       subscription->stall_ms_max < 0 ? wire::GAP_REASON_DEADLOCK
                                      : wire::GAP_REASON_OVERFLOW);
}

void Router::Drop(Subscription* subscription, uint64_t target_bytes,
                  wire::GapReason reason) {
  const uint64_t before = subscription->frames_dropped;
  Port* const port = subscription->port;
  port->outbox.DropOldest(subscription, target_bytes, reason);
  const uint64_t dropped = subscription->frames_dropped - before;
  if (dropped == 0) return;
  for (TrafficCounters* counters : {counters_, &port->counters}) {
    counters->frames_dropped += dropped;
    ++counters->gaps;
  }
  metrics_->CountGap(reason, dropped);
}

void Router::SendHold(Port* publisher, uint16_t type_id, const Port& holder) {
  mycelium::wire::Hold hold;
  hold.set_type_id(type_id);
  hold.set_by_session_id(holder.session_id);
  hold.set_by_name(holder.name);
  publisher->outbox.PushExpress(ControlKind::kHold, 0,
                                hold.SerializeAsString());
  Touch(publisher);
}

void Router::Hold(Subscription* subscription, int64_t now_ms) {
  subscription->state = Subscription::State::kHolding;
  const bool endless = subscription->stall_ms_max < 0 ||
                       subscription->stall_ms_max > kNever - now_ms;
  subscription->hold_end_ms =
      endless ? kNever : now_ms + subscription->stall_ms_max;
  next_due_ms_ = std::min(next_due_ms_, subscription->hold_end_ms);
  if (endless) {
    subscription->hold_begin_ms = subscription->still_since_ms = now_ms;
    subscription->still_bytes_out = subscription->port->counters.bytes_out;
    circle_due_ms_ = std::min(circle_due_ms_, now_ms + deadlock_ms_);
    next_due_ms_ = std::min(next_due_ms_, circle_due_ms_);
  }
  holding_.insert(subscription);
  ++counters_->holds;
  ++subscription->port->counters.holds;
  if ((*HoldCount(subscription->type_id))++ > 0) return;
  for (Port* publisher : PublishersOf(subscription->type_id)) {
    SendHold(publisher, subscription->type_id, *subscription->port);
  }
}

void Router::Release(Subscription* subscription) {
  holding_.erase(subscription);
  subscription->state = Subscription::State::kFlowing;
  // All of them may read on: who should not is stopped by its next frame.
  for (Port* port : std::exchange(paused_, {})) {
    port->read_paused = false;
    Touch(port);
  }
  if (--*HoldCount(subscription->type_id) > 0) return;
  mycelium::wire::Release release;
  release.set_type_id(subscription->type_id);
  for (Port* publisher : PublishersOf(subscription->type_id)) {
    publisher->outbox.PushExpress(ControlKind::kRelease, 0,
                                  release.SerializeAsString());
    Touch(publisher);
  }
}

void Router::Relieve(const std::vector<Subscription*>& relieved) {
  for (Subscription* subscription : relieved) {
    if (subscription->port == nullptr) continue;
    if (subscription->state == Subscription::State::kHolding) {
      Release(subscription);
    }
    subscription->state = Subscription::State::kFlowing;
  }
}

void Router::Tick(int64_t now_ms) {
  last_now_ms_ = now_ms;
  history_.Tick(now_ms);
  next_due_ms_ = kNever;
  std::vector<Subscription*> over;
  for (Subscription* subscription : holding_) {
    if (subscription->hold_end_ms <= now_ms) {
      over.push_back(subscription);
    } else {
      next_due_ms_ = std::min(next_due_ms_, subscription->hold_end_ms);
    }
  }
  for (Subscription* subscription : over) {
    Release(subscription);
    subscription->state = Subscription::State::kOverflowing;
    if (subscription->full()) Overflow(subscription);
    Touch(subscription->port);
  }
  HandOverStuck(now_ms);
  if (circle_due_ms_ <= now_ms) LookForCircles(now_ms);
  next_due_ms_ = std::min(next_due_ms_, circle_due_ms_);
}

void Router::LookForCircles(int64_t now_ms) {
  circle_due_ms_ = kNever;
  std::vector<Subscription*> still;
  for (Subscription* const subscription : holding_) {
    if (subscription->hold_end_ms != kNever) continue;
    const uint64_t bytes_out = subscription->port->counters.bytes_out;
    if (bytes_out != subscription->still_bytes_out) {
      subscription->still_bytes_out = bytes_out;
      subscription->still_since_ms = now_ms;
    }
    const int64_t due_ms = subscription->still_since_ms + deadlock_ms_;
    if (due_ms <= now_ms) still.push_back(subscription);
    // A circle may also close later, by what somebody begins to publish.
    circle_due_ms_ = std::min(circle_due_ms_,
                              due_ms > now_ms ? due_ms : now_ms + deadlock_ms_);
  }
  std::sort(still.begin(), still.end(),
            [](const Subscription* a, const Subscription* b) {
              return std::tuple(a->hold_begin_ms, a->port->session_id, a->id) <
                     std::tuple(b->hold_begin_ms, b->port->session_id, b->id);
            });
  for (Subscription* const subscription : still) {
    const std::string circle = CircleOf(*subscription, still);
    if (circle.empty()) continue;
    LOG(WARNING) << "sessions " << circle
                 << " hold each other back in a circle, nothing was written "
                    "for "
                 << deadlock_ms_ << " ms: lossless subscription "
                 << subscription->id << " of the first loses its oldest frames";
    ++counters_->deadlocks;
    ++subscription->port->counters.deadlocks;
    Release(subscription);
    subscription->state = Subscription::State::kOverflowing;
    Drop(subscription, subscription->queue_bytes_max / 2,
         wire::GAP_REASON_DEADLOCK);
    Touch(subscription->port);
    return;  // one at a time: the others may move now
  }
}

// If those that it holds hold others, and so on, back to its session, by way of
// `still` ones alone: the names of the sessions on that way.
std::string Router::CircleOf(const Subscription& subscription,
                             const std::vector<Subscription*>& still) {
  // Who was reached, and by which other one's holding.
  absl::flat_hash_map<const Port*, const Port*> from;
  std::vector<const Subscription*> todo{&subscription};
  while (!todo.empty()) {
    const Subscription* const holder = todo.back();
    todo.pop_back();
    for (const Port* const held : PublishersOf(holder->type_id)) {
      if (held == subscription.port) {
        return DescribeWay(subscription.port, holder->port, from);
      }
      if (!from.emplace(held, holder->port).second) continue;
      for (const Subscription* const next : still) {
        if (next->port == held) todo.push_back(next);
      }
    }
  }
  return {};
}

std::vector<const Subscription*> Router::HoldersOf(const Port& port) const {
  std::vector<const Subscription*> holders;
  for (const Subscription* const subscription : holding_) {
    const bool held = subscription->type_id == 0
                          ? !port.published_types.empty()
                          : std::binary_search(port.published_types.begin(),
                                               port.published_types.end(),
                                               subscription->type_id);
    if (held) holders.push_back(subscription);
  }
  return holders;
}

std::vector<Ref<Subscription>> Router::TakeOverflowed() {
  return std::exchange(overflowed_, {});
}

bool Router::DropHalfOfLargest() {
  Subscription* largest = nullptr;
  for (Subscription* subscription : subscriptions_) {
    if (subscription->stall_ms_max < 0 || subscription->port->closed) continue;
    if (largest == nullptr ||
        subscription->unwritten_bytes() > largest->unwritten_bytes()) {
      largest = subscription;
    }
  }
  if (largest == nullptr || largest->unwritten_bytes() == 0) {
    return ForgetHalfOfLargest();
  }
  const uint64_t before = largest->queued_bytes;
  Drop(largest, largest->unacknowledged_bytes + largest->unwritten_bytes() / 2,
       wire::GAP_REASON_MEMORY);
  largest->port->outbox.CompactIfSparse();
  Touch(largest->port);
  return largest->queued_bytes < before || ForgetHalfOfLargest();
}

}  // namespace mycelium::broker
