#include "broker/outbox.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "config/limits.h"

namespace mycelium::broker {
namespace {

// GAP frames stay under the least frame_bytes_max (1 KiB): a range takes at
// most 30 bytes.
constexpr size_t kRangesPerGap = 32;

// Copies of small frames that a group's member has not acknowledged lie side by
// side in blocks of this size.
constexpr uint32_t kCopiesBytes = 16 << 10;

uint64_t FrameBytes(const Ref<Block>& block, uint32_t at) {
  return uint64_t{kHeaderBytes} + LoadHeader(block->bytes() + at).body_bytes;
}

bool Concerns(const Ref<Delivery>& delivery, const Subscription* subscription) {
  return delivery &&
         std::any_of(delivery->subscriptions.begin(),
                     delivery->subscriptions.end(),
                     [&](const auto& s) { return s.get() == subscription; });
}

// REQUIRES: the delivery is for somebody.
bool IsConflating(const Ref<Delivery>& delivery) {
  return delivery->subscriptions[0]->overflow == wire::OVERFLOW_CONFLATE;
}

// Whether it is data of a subscription that conflates.
bool Conflates(const Ref<Delivery>& delivery) {
  return delivery && delivery->addressee != 0 && IsConflating(delivery);
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

std::string ControlFrame(ControlKind kind, uint64_t id, std::string_view body) {
  std::string frame(kHeaderBytes, '\0');
  StoreHeader({.body_bytes = static_cast<uint32_t>(body.size()),
               .type_id = 0,
               .kind = static_cast<uint8_t>(kind),
               .topic_bytes = 0,
               .id = id},
              reinterpret_cast<uint8_t*>(frame.data()));
  frame.append(body);
  return frame;
}

void Outbox::Append(const Ref<Block>& block, uint32_t begin, uint32_t end,
                    uint32_t frames, const Ref<Delivery>& delivery) {
  if ((delivery->addressee | tail_addressee_) != 0) [[unlikely]] {
    if (delivery->addressee != tail_addressee_) {
      PushAddressee(delivery->addressee);
    }
    may_conflate_ |= Conflates(delivery);
  }
  const uint32_t bytes = end - begin;
  queued_bytes_ += bytes;
  for (const auto& s : delivery->subscriptions) {
    s->queued_bytes += bytes;
    s->frames += frames;
  }
  if (delivery->replayed) [[unlikely]]
    delivery->subscriptions[0]->replayed_bytes += bytes;
  if (delivery->subscriptions.empty()) [[unlikely]]
    answer_bytes_ += bytes;
  const bool waiting = head_ < items_.size();
  if (waiting) {
    Item& last = items_.back();
    if (last.block == block && last.end == begin && last.delivery == delivery) {
      last.end = end;
      last.frames += frames;
      return;
    }
  }
  if (!waiting || items_.back().block != block)
    pinned_bytes_ += block->capacity;
  items_.push_back({block, begin, end, frames, Item::Kind::kUsual, delivery});
}

Outbox::Item Outbox::MakeControl(std::string_view frames) {
  Item item;
  item.block = pool_->TakeExact(static_cast<uint32_t>(frames.size()));
  item.end = item.block->capacity;
  std::memcpy(item.block->bytes(), frames.data(), frames.size());
  return item;
}

// Not counted among the control frames: it goes with its data.
void Outbox::PushAddressee(uint32_t subscription_id) {
  wire::Addressee addressee;
  addressee.set_subscription_id(subscription_id);
  Item item = MakeControl(
      ControlFrame(ControlKind::kAddressee, 0, addressee.SerializeAsString()));
  item.kind = Item::Kind::kAddressee;
  queued_bytes_ += item.end;
  pinned_bytes_ += item.end;
  items_.push_back(std::move(item));
  tail_addressee_ = subscription_id;
}

void Outbox::PushControl(ControlKind kind, uint64_t id, std::string_view body) {
  items_.push_back(MakeControl(ControlFrame(kind, id, body)));
  const uint32_t bytes = items_.back().end;
  queued_bytes_ += bytes;
  control_bytes_ += bytes;
  pinned_bytes_ += bytes;
}

void Outbox::PushExpress(ControlKind kind, uint64_t id, std::string_view body) {
  const std::string frame = ControlFrame(kind, id, body);
  express_ += frame;
  queued_bytes_ += frame.size();
  control_bytes_ += frame.size();
}

void Outbox::PlaceExpress() {
  if (express_.empty()) return;
  Item item = MakeControl(express_);
  item.kind = Item::Kind::kExpress;
  express_ = {};
  size_t at = SplitBegun();
  while (at < items_.size() && items_[at].kind == Item::Kind::kExpress) ++at;
  items_.insert(items_.begin() + static_cast<ptrdiff_t>(at), std::move(item));
  Recount();
}

size_t Outbox::SplitBegun() {
  if (front_written_ == 0) return head_;
  Item& front = items_[head_];
  uint32_t boundary = front.begin;
  uint32_t frames = 0;
  while (boundary - front.begin < front_written_) {
    boundary += static_cast<uint32_t>(FrameBytes(front.block, boundary));
    ++frames;
  }
  if (boundary < front.end) {
    Item rest = front;
    rest.begin = boundary;
    front.end = boundary;
    if (front.delivery) {
      rest.frames = front.frames - frames;
      front.frames = frames;
    }
    items_.insert(items_.begin() + static_cast<ptrdiff_t>(head_) + 1,
                  std::move(rest));
  }
  const Item& begun = items_[head_];
  if (begun.end - begun.begin > front_written_) return head_ + 1;
  // What was written ends with a frame: nothing of it is left to write, and if
  // the rest is dropped nobody would ever take it away.
  settled_frames_ += begun.frames;
  PopFront();
  return head_;
}

void Outbox::EncodeGap(Item* marker) {
  Subscription& subscription = *marker->delivery->subscriptions[0];
  std::string frames;
  wire::Gap gap;
  const auto flush = [&] {
    if (gap.ranges_size() == 0) return;
    gap.set_subscription_id(subscription.id);
    frames += ControlFrame(ControlKind::kGap, 0, gap.SerializeAsString());
    gap.Clear();
  };
  for (const auto& [place, loss] : subscription.losses) {
    const auto [reason, type_id] = place;
    if (gap.reason() != reason || gap.ranges_size() == kRangesPerGap) flush();
    gap.set_reason(reason);
    wire::Gap::Range* const range = gap.add_ranges();
    range->set_type_id(type_id);
    range->set_frames(loss.frames);
    range->set_first_sequence(loss.first_sequence);
    range->set_last_sequence(loss.last_sequence);
    // A member counts them with those that it has done with.
    if (!subscription.group.empty()) {
      subscription.acknowledged_frames += loss.frames;
      subscription.frames_sent += loss.frames;
    }
  }
  flush();
  subscription.losses.clear();
  *marker = MakeControl(frames);
  queued_bytes_ += frames.size();
  control_bytes_ += frames.size();
}

size_t Outbox::Gather(std::span<iovec> iovecs) {
  if (waited_) {
    waited_ = false;
    if (may_conflate_) Conflate();
  }
  return GatherShared(iovecs, {});
}

size_t Outbox::GatherShared(std::span<iovec> iovecs,
                            std::span<Ref<Block>> blocks) {
  waited_ |= !blocks.empty();
  PlaceExpress();
  size_t count = 0;
  bool encoded = false;
  for (size_t i = head_; i < items_.size(); ++i) {
    if (!items_[i].block) {
      EncodeGap(&items_[i]);
      encoded = true;
    }
    const Item& item = items_[i];
    const uint64_t skip = i == head_ ? front_written_ : 0;
    uint8_t* const start = item.block->bytes() + item.begin + skip;
    const size_t bytes = item.end - item.begin - skip;
    if (count > 0) {
      iovec& last = iovecs[count - 1];
      if (static_cast<uint8_t*>(last.iov_base) + last.iov_len == start) {
        last.iov_len += bytes;
        continue;
      }
    }
    if (count == iovecs.size()) break;
    if (!blocks.empty()) blocks[count] = item.block;
    iovecs[count++] = {start, bytes};
  }
  if (encoded) Recount();
  return count;
}

void Outbox::PopFront() {
  Item& front = items_[head_];
  if (front.delivery && front.delivery->addressee != 0) [[unlikely]] {
    Subscription& subscription = *front.delivery->subscriptions[0];
    if (!subscription.group.empty() && subscription.port != nullptr) {
      AwaitAcknowledgement(&subscription,
                           {front.block, front.begin, front.end, front.frames});
    }
  }
  const bool last = head_ + 1 == items_.size();
  if (front.block && (last || items_[head_ + 1].block != front.block)) {
    pinned_bytes_ -= front.block->capacity;
  }
  front = {};
  front_written_ = 0;
  if (++head_ == items_.size()) {
    items_.clear();
    head_ = 0;
    if (items_.capacity() > 64) items_.shrink_to_fit();
  } else if (head_ >= 1024 && head_ > items_.size() / 2) {
    items_.erase(items_.begin(),
                 items_.begin() + static_cast<ptrdiff_t>(head_));
    head_ = 0;
  }
}

void Outbox::Discharge(const Item& item, uint64_t bytes,
                       std::vector<Subscription*>* relieved) {
  queued_bytes_ -= bytes;
  if (!item.delivery) {
    if (item.kind != Item::Kind::kAddressee) control_bytes_ -= bytes;
    return;
  }
  if (item.delivery->subscriptions.empty()) answer_bytes_ -= bytes;
  for (const auto& s : item.delivery->subscriptions) {
    // A member's frames are charged until it has acknowledged them.
    if (!s->group.empty() && s->port != nullptr && relieved != nullptr)
      continue;
    s->queued_bytes -= bytes;
    if (item.delivery->replayed) [[unlikely]]
      s->replayed_bytes -= bytes;
    if (relieved != nullptr && s->port != nullptr &&
        s->state != Subscription::State::kFlowing &&
        s->queued_bytes <= s->queue_bytes_max / 2) {
      relieved->push_back(s.get());
    }
  }
}

Outbox::Traffic Outbox::Consume(uint64_t bytes,
                                std::vector<Subscription*>* relieved) {
  Traffic data{.frames = std::exchange(settled_frames_, 0)};
  while (bytes > 0) {
    const Item& front = items_[head_];
    const uint64_t left = front.end - front.begin - front_written_;
    const uint64_t now = std::min(left, bytes);
    Discharge(front, now, relieved);
    if (front.delivery) data.bytes += now;
    bytes -= now;
    front_written_ += now;
    if (now == left) {
      data.frames += front.frames;
      PopFront();
    }
  }
  if (front_written_ > 0) data.frames += SettleFront();
  return data;
}

// Of a group's member, what is written in full can be acknowledged, though more
// of the same item waits.
uint32_t Outbox::SettleFront() {
  Item& front = items_[head_];
  if (!front.delivery || front.delivery->addressee == 0) return 0;
  Subscription& subscription = *front.delivery->subscriptions[0];
  if (subscription.group.empty()) return 0;
  uint32_t end = front.begin;
  uint32_t frames = 0;
  while (true) {
    const auto bytes = static_cast<uint32_t>(FrameBytes(front.block, end));
    if (end - front.begin + bytes > front_written_) break;
    end += bytes;
    ++frames;
  }
  if (frames == 0) return 0;
  if (subscription.port != nullptr) {
    AwaitAcknowledgement(&subscription,
                         {front.block, front.begin, end, frames});
  }
  front_written_ -= end - front.begin;
  front.begin = end;
  front.frames -= frames;
  return frames;
}

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
  const size_t first = SplitBegun();
  Newest newest;
  for (size_t i = items_.size(); i > first; --i) {
    Item& item = items_[i - 1];
    if (!item.block && IsConflating(item.delivery)) {
      newest.Mark(item.delivery->subscriptions[0].get());
    } else if (Conflates(item.delivery)) {
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

// A frame that lies in a far larger block is copied, so that what nobody
// acknowledges for long does not pin much more memory than it is.
void Outbox::AwaitAcknowledgement(Subscription* subscription, Slice slice) {
  std::deque<Slice>& waiting = subscription->unacknowledged;
  const uint32_t bytes = slice.end - slice.begin;
  subscription->frames_sent += slice.frames;
  subscription->unacknowledged_bytes += bytes;
  if (uint64_t{bytes} * 4 >= slice.block->capacity) {
    waiting.push_back(std::move(slice));
    return;
  }
  Ref<Block>& copies = subscription->copies;
  uint32_t& end = subscription->copies_end;
  if (waiting.empty()) end = 0;  // nobody has its bytes any more
  if (!copies || copies->capacity - end < bytes) {
    copies = pool_->TakeExact(std::max(bytes, kCopiesBytes));
    end = 0;
  }
  std::memcpy(copies->bytes() + end, slice.block->bytes() + slice.begin, bytes);
  if (!waiting.empty() && waiting.back().block == copies &&
      waiting.back().end == end) {
    waiting.back().end += bytes;
    waiting.back().frames += slice.frames;
  } else {
    waiting.push_back({copies, end, end + bytes, slice.frames});
  }
  end += bytes;
}

bool Outbox::Acknowledge(Subscription* subscription, uint64_t frames) {
  if (frames > subscription->frames_sent) return false;
  std::deque<Slice>& waiting = subscription->unacknowledged;
  while (subscription->acknowledged_frames < frames) {
    Slice& slice = waiting.front();
    const auto now = static_cast<uint32_t>(std::min<uint64_t>(
        slice.frames, frames - subscription->acknowledged_frames));
    uint32_t end = slice.end;
    if (now < slice.frames) {
      end = slice.begin;
      for (uint32_t i = 0; i < now; ++i) {
        end += static_cast<uint32_t>(FrameBytes(slice.block, end));
      }
    }
    subscription->queued_bytes -= end - slice.begin;
    subscription->unacknowledged_bytes -= end - slice.begin;
    subscription->acknowledged_frames += now;
    slice.frames -= now;
    slice.begin = end;
    if (slice.frames == 0) waiting.pop_front();
  }
  return true;
}

absl::btree_set<uint16_t> Outbox::UnwrittenTypes() const {
  absl::btree_set<uint16_t> types;
  for (size_t i = head_; i < items_.size(); ++i) {
    const Item& item = items_[i];
    // All frames of an item have one type.
    if (!item.delivery || !item.block || item.delivery->addressee != 0)
      continue;
    types.insert(LoadHeader(item.block->bytes() + item.begin).type_id);
  }
  return types;
}

void Outbox::DropAll() {
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

void Outbox::CompactIfSparse() {
  if (pinned_bytes_ <= 4 * queued_bytes_ + (uint64_t{1} << 20)) return;
  const size_t first = SplitBegun();
  std::vector<Item> packed(
      std::make_move_iterator(items_.begin() + static_cast<ptrdiff_t>(head_)),
      std::make_move_iterator(items_.begin() + static_cast<ptrdiff_t>(first)));
  uint64_t left = queued_bytes_;
  Ref<Block> block;
  uint32_t used = 0;
  for (size_t i = first; i < items_.size(); ++i) {
    Item& item = items_[i];
    const uint32_t bytes = item.end - item.begin;
    if (!item.block || bytes > kBlockBytes / 2) {
      packed.push_back(std::move(item));
      continue;
    }
    if (!block || block->capacity - used < bytes) {
      const uint64_t wanted = std::max<uint64_t>(left, bytes);
      block = wanted < kBlockBytes
                  ? pool_->TakeExact(static_cast<uint32_t>(wanted))
                  : pool_->Take();
      used = 0;
    }
    std::memcpy(block->bytes() + used, item.block->bytes() + item.begin, bytes);
    Item* const last = packed.empty() ? nullptr : &packed.back();
    if (last != nullptr && last->block == block && last->end == used &&
        last->delivery && last->delivery == item.delivery) {
      last->end += bytes;
      last->frames += item.frames;
    } else {
      packed.push_back({block, used, used + bytes, item.frames, item.kind,
                        std::move(item.delivery)});
    }
    used += bytes;
    left -= std::min<uint64_t>(left, bytes);
  }
  items_ = std::move(packed);
  head_ = 0;
  Recount();
}

void Outbox::Recount() {
  pinned_bytes_ = 0;
  for (size_t i = head_; i < items_.size(); ++i) {
    const Ref<Block>& block = items_[i].block;
    if (block && (i == head_ || items_[i - 1].block != block)) {
      pinned_bytes_ += block->capacity;
    }
  }
}

}  // namespace mycelium::broker
