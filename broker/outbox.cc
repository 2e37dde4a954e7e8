#include "broker/outbox.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "config/limits.h"

namespace mycelium::broker {
namespace {

// GAP frames stay under the least frame_bytes_max (1 KiB): a range takes at
// most 30 bytes.
constexpr size_t kRangesPerGap = 32;

uint64_t FrameBytes(const Ref<Block>& block, uint32_t at) {
  return uint64_t{kHeaderBytes} + LoadHeader(block->bytes() + at).body_bytes;
}

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
  const uint32_t bytes = end - begin;
  queued_bytes_ += bytes;
  for (const auto& s : delivery->subscriptions) s->queued_bytes += bytes;
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
  items_.push_back({block, begin, end, frames, false, delivery});
}

Outbox::Item Outbox::MakeControl(std::string_view frames) {
  Item item;
  item.block = pool_->TakeExact(static_cast<uint32_t>(frames.size()));
  item.end = item.block->capacity;
  std::memcpy(item.block->bytes(), frames.data(), frames.size());
  return item;
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
  item.express = true;
  express_ = {};
  size_t at = SplitBegun();
  while (at < items_.size() && items_[at].express) ++at;
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
  return head_ + 1;
}

void Outbox::EncodeGap(Item* marker) {
  Subscription& subscription = *marker->delivery->subscriptions[0];
  std::string frames;
  wire::Gap gap;
  const auto flush = [&] {
    gap.set_subscription_id(subscription.id);
    gap.set_reason(subscription.loss_reason);
    frames += ControlFrame(ControlKind::kGap, 0, gap.SerializeAsString());
    gap.Clear();
  };
  for (const auto& [type_id, loss] : subscription.losses) {
    wire::Gap::Range* const range = gap.add_ranges();
    range->set_type_id(type_id);
    range->set_frames(loss.frames);
    range->set_first_sequence(loss.first_sequence);
    range->set_last_sequence(loss.last_sequence);
    if (gap.ranges_size() == kRangesPerGap) flush();
  }
  if (gap.ranges_size() > 0) flush();
  subscription.losses.clear();
  *marker = MakeControl(frames);
  queued_bytes_ += frames.size();
  control_bytes_ += frames.size();
}

size_t Outbox::Gather(std::span<iovec> iovecs) {
  return GatherShared(iovecs, {});
}

size_t Outbox::GatherShared(std::span<iovec> iovecs,
                            std::span<Ref<Block>> blocks) {
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
    control_bytes_ -= bytes;
    return;
  }
  for (const auto& s : item.delivery->subscriptions) {
    s->queued_bytes -= bytes;
    if (relieved != nullptr && s->port != nullptr &&
        s->state != Subscription::State::kFlowing &&
        s->queued_bytes <= s->queue_bytes_max / 2) {
      relieved->push_back(s.get());
    }
  }
}

Outbox::Traffic Outbox::Consume(uint64_t bytes,
                                std::vector<Subscription*>* relieved) {
  Traffic data;
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
  return data;
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
      marked = true;
      kept.push_back(item);
      continue;
    }
    const uint32_t begin = item.begin;
    const uint32_t frames = DropFrom(&item, subscription, target_bytes);
    dropped += frames;
    // The gap goes before what others of the session still get of it, so that
    // the peer knows that those frames are not for this subscription.
    if (frames > 0 && !std::exchange(marked, true)) {
      Item marker;
      marker.delivery = Ref<Delivery>(new Delivery);
      marker.delivery->subscriptions.push_back(Ref<Subscription>(subscription));
      kept.push_back(std::move(marker));
    }
    Ref<Delivery> others = Without(item.delivery, subscription);
    if (!others) {
      queued_bytes_ -= item.begin - begin;
    } else if (frames > 0) {
      kept.push_back(
          {item.block, begin, item.begin, frames, false, std::move(others)});
    }
    if (item.begin < item.end) break;
  }
  if (dropped == 0) return;
  subscription->frames_dropped += dropped;
  subscription->loss_reason = reason;
  const auto at = items_.erase(items_.begin() + static_cast<ptrdiff_t>(first),
                               items_.begin() + static_cast<ptrdiff_t>(i));
  items_.insert(at, std::make_move_iterator(kept.begin()),
                std::make_move_iterator(kept.end()));
  Recount();
}

uint32_t Outbox::DropFrom(Item* item, Subscription* subscription,
                          uint64_t target_bytes) {
  uint32_t frames = 0;
  while (item->begin < item->end && subscription->queued_bytes > target_bytes) {
    const FrameHeader header = LoadHeader(item->block->bytes() + item->begin);
    const uint32_t bytes = kHeaderBytes + header.body_bytes;
    if (bytes == subscription->queued_bytes) break;  // its newest
    Subscription::Loss& loss = subscription->losses[header.type_id];
    if (loss.frames++ == 0) loss.first_sequence = header.id;
    loss.last_sequence = header.id;
    subscription->queued_bytes -= bytes;
    item->begin += bytes;
    ++frames;
  }
  item->frames -= frames;
  return frames;
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
      packed.push_back({block, used, used + bytes, item.frames, item.express,
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
