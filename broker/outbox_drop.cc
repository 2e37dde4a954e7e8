// What is taken out of an Outbox again before it is written: what is dropped,
// what is conflated, what goes to others.
#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "broker/outbox.h"

namespace mycelium::broker {
namespace {

bool Concerns(const Ref<Delivery>& delivery, const Subscription* subscription) {
  return delivery &&
         std::any_of(delivery->subscriptions.begin(),
                     delivery->subscriptions.end(),
                     [&](const auto& s) { return s.get() == subscription; });
}

// `delivery` without `subscription`; null if nobody else is left.
Ref<Delivery> Without(const Ref<Delivery>& delivery,
                      const Subscription* subscription) {
  if (delivery->subscriptions.size() == 1) return {};
  Ref<Delivery> rest(new Delivery);
  for (const auto& other : delivery->subscriptions) {
    if (other.get() != subscription) rest->subscriptions.push_back(other);
  }
  return rest;
}

}  // namespace

Outbox::Item Outbox::MakeMarker(Subscription* subscription) {
  Item marker;
  marker.delivery = Ref<Delivery>(new Delivery);
  marker.delivery->subscriptions.push_back(Ref<Subscription>(subscription));
  return marker;
}

void Outbox::Keep(Item item, std::vector<Item>* kept) {
  if (item.kind == Item::Kind::kAddressee && !kept->empty() &&
      kept->back().kind == Item::Kind::kAddressee) {
    queued_bytes_ -= kept->back().end - kept->back().begin;
    kept->pop_back();
  }
  kept->push_back(std::move(item));
}

void Outbox::RemoveMarkers(const Subscription* subscription, size_t from) {
  const auto begin = items_.begin() + static_cast<ptrdiff_t>(from);
  items_.erase(std::remove_if(begin, items_.end(),
                              [subscription](const Item& item) {
                                return !item.block &&
                                       Concerns(item.delivery, subscription);
                              }),
               items_.end());
}

void Outbox::AddLoss(Subscription* subscription, wire::GapReason reason,
                     const FrameHeader& header) {
  Subscription::Loss& loss = subscription->losses[{reason, header.type_id}];
  if (loss.frames++ == 0) loss.first_sequence = header.id;
  loss.first_sequence = std::min(loss.first_sequence, header.id);
  loss.last_sequence = std::max(loss.last_sequence, header.id);
  ++subscription->frames_dropped;
}

void Outbox::DropOldest(Subscription* subscription, uint64_t target_bytes,
                        wire::GapReason reason) {
  probe_bytes_ = 0;
  const size_t first = SplitBegun();
  std::vector<Item> kept;
  bool marked = false;
  uint64_t dropped = 0;
  size_t i = first;
  for (; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (!Concerns(item.delivery, subscription)) {
      kept.push_back(item);
      continue;
    }
    if (!item.block) {  // its older gap marker tells of the new losses too
      if (!std::exchange(marked, true)) kept.push_back(item);
      continue;
    }
    const uint32_t begin = item.begin;
    const uint32_t frames = DropFrom(&item, subscription, target_bytes, reason);
    dropped += frames;
    // The gap goes before what others of the session still get of it, so that
    // the peer knows that those frames are not for this subscription.
    if (frames > 0 && !std::exchange(marked, true)) {
      kept.push_back(MakeMarker(subscription));
    }
    Ref<Delivery> others = Without(item.delivery, subscription);
    if (!others) {
      queued_bytes_ -= item.begin - begin;
    } else if (frames > 0) {
      kept.push_back({item.block, begin, item.begin, frames, Item::Kind::kUsual,
                      std::move(others)});
    }
    if (item.begin < item.end) break;
  }
  if (dropped == 0) return;
  if (subscription->addressed()) RemoveMarkers(subscription, i);
  const auto at = items_.erase(items_.begin() + static_cast<ptrdiff_t>(first),
                               items_.begin() + static_cast<ptrdiff_t>(i));
  std::vector<Item> rebuilt;
  for (Item& item : kept) Keep(std::move(item), &rebuilt);
  items_.insert(at, std::make_move_iterator(rebuilt.begin()),
                std::make_move_iterator(rebuilt.end()));
  Recount();
}

uint32_t Outbox::DropFrom(Item* item, Subscription* subscription,
                          uint64_t target_bytes, wire::GapReason reason) {
  uint32_t frames = 0;
  while (item->begin < item->end && subscription->queued_bytes > target_bytes) {
    const FrameHeader header = LoadHeader(item->block->bytes() + item->begin);
    const uint32_t bytes = kHeaderBytes + header.body_bytes;
    if (bytes == subscription->unwritten_bytes()) break;  // its newest
    AddLoss(subscription, reason, header);
    subscription->queued_bytes -= bytes;
    if (item->delivery->replayed) subscription->replayed_bytes -= bytes;
    item->begin += bytes;
    ++frames;
  }
  item->frames -= frames;
  return frames;
}

// What a pass from the newest frame to the oldest has seen.
struct Outbox::Newest {
  using Key = std::tuple<const Subscription*, uint16_t, std::string_view>;

  absl::flat_hash_set<Key> keys;
  std::vector<Item> kept;  // newest first
  // Where the gap marker of each stands in `kept`.
  absl::flat_hash_map<const Subscription*, size_t> markers;

  // The marker goes before all that is older.
  void Mark(Subscription* subscription) {
    const auto [at, first] = markers.try_emplace(subscription, kept.size());
    if (!first) {
      if (at->second + 1 == kept.size()) return;
      kept[at->second] = {};  // nothing: is left out in the end
      at->second = kept.size();
    }
    kept.push_back(MakeMarker(subscription));
  }
};

void Outbox::Conflate() {
  may_conflate_ = false;
  probe_bytes_ = 0;
  const size_t first = SplitBegun();
  Newest newest;
  for (size_t i = items_.size(); i > first; --i) {
    Item& item = items_[i - 1];
    Subscription* const marked =
        item.block ? nullptr : item.delivery->subscriptions[0].get();
    if (marked != nullptr && marked->overflow == wire::OVERFLOW_CONFLATE) {
      newest.Mark(marked);
    } else if (item.delivery && item.delivery->conflates()) {
      ConflateItem(&item, &newest);
    } else {
      newest.kept.push_back(std::move(item));
    }
  }
  std::vector<Item> oldest_first;
  for (; !newest.kept.empty(); newest.kept.pop_back()) {
    Item& item = newest.kept.back();
    if (item.block || item.delivery) Keep(std::move(item), &oldest_first);
  }
  items_.resize(first);
  items_.insert(items_.end(), std::make_move_iterator(oldest_first.begin()),
                std::make_move_iterator(oldest_first.end()));
  Recount();
}

void Outbox::ConflateItem(Item* item, Newest* newest) {
  Subscription* const subscription = item->delivery->subscriptions[0].get();
  std::vector<uint32_t> begins;
  for (uint32_t at = item->begin; at < item->end;
       at += static_cast<uint32_t>(FrameBytes(item->block, at))) {
    begins.push_back(at);
  }
  for (; !begins.empty(); begins.pop_back()) {
    const uint32_t begin = begins.back();
    const uint8_t* const bytes = item->block->bytes() + begin;
    const FrameView frame{LoadHeader(bytes), bytes};
    const uint32_t end = begin + static_cast<uint32_t>(frame.frame_bytes());
    if (!newest->keys.emplace(subscription, frame.header.type_id, frame.topic())
             .second) {
      AddLoss(subscription, wire::GAP_REASON_CONFLATED, frame.header);
      ++conflated_frames_;
      subscription->queued_bytes -= end - begin;
      if (item->delivery->replayed) subscription->replayed_bytes -= end - begin;
      queued_bytes_ -= end - begin;
      newest->Mark(subscription);
      continue;
    }
    Item* const newer = newest->kept.empty() ? nullptr : &newest->kept.back();
    if (newer != nullptr && newer->block == item->block &&
        newer->delivery == item->delivery && newer->begin == end) {
      newer->begin = begin;
      ++newer->frames;
    } else {
      newest->kept.push_back(
          {item->block, begin, end, 1, Item::Kind::kUsual, item->delivery});
    }
  }
}

std::vector<Slice> Outbox::TakeUnwritten(Subscription* subscription) {
  probe_bytes_ = 0;
  const size_t first = SplitBegun();
  std::vector<Slice> taken;
  std::vector<Item> kept;
  for (size_t i = first; i < items_.size(); ++i) {
    Item& item = items_[i];
    if (!item.block || !Concerns(item.delivery, subscription)) {
      Keep(std::move(item), &kept);
      continue;
    }
    queued_bytes_ -= item.end - item.begin;
    subscription->queued_bytes -= item.end - item.begin;
    taken.push_back({std::move(item.block), item.begin, item.end, item.frames});
  }
  items_.resize(first);
  items_.insert(items_.end(), std::make_move_iterator(kept.begin()),
                std::make_move_iterator(kept.end()));
  Recount();
  return taken;
}

Slice Outbox::Begun(const Subscription* subscription) {
  if (SplitBegun() == head_) return {};
  const Item& item = items_[head_];
  if (!item.block || !Concerns(item.delivery, subscription)) return {};
  return {item.block, item.begin, item.end, item.frames};
}

void Outbox::DropAll() {
  probe_bytes_ = 0;
  queued_bytes_ -= express_.size();
  control_bytes_ -= express_.size();
  express_ = {};
  const size_t first = SplitBegun();
  for (size_t i = first; i < items_.size(); ++i) {
    if (items_[i].block) {
      Discharge(items_[i], items_[i].end - items_[i].begin, nullptr);
    }
  }
  items_.resize(first);
  Recount();
}

}  // namespace mycelium::broker
