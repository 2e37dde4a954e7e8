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

// Copies of small frames that a group's member has not acknowledged lie side by
// side in blocks of this size.
constexpr uint32_t kCopiesBytes = 16 << 10;

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
    may_conflate_ |= delivery->conflates();
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
  settled_type_ = TypeOf(begun);
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
                                std::vector<Subscription*>* relieved,
                                TypeTraffic* by_type) {
  Traffic data{.frames = std::exchange(settled_frames_, 0)};
  if (by_type != nullptr && data.frames > 0) {
    by_type->Of(settled_type_).frames_out += data.frames;
  }
  if (probe_bytes_ > bytes) {
    probe_bytes_ -= bytes;
  } else if (std::exchange(probe_bytes_, 0) != 0) {
    data.probe_ns = probe_ns_;
  }
  while (bytes > 0) {
    const Item& front = items_[head_];
    const uint64_t left = front.end - front.begin - front_written_;
    const uint64_t now = std::min(left, bytes);
    Discharge(front, now, relieved);
    const uint32_t done = now == left ? front.frames : 0;
    if (front.delivery) {
      data.bytes += now;
      if (by_type != nullptr) {
        TypeTraffic::Counts& counts = by_type->Of(TypeOf(front));
        counts.frames_out += done;
        counts.bytes_out += now;
      }
    }
    bytes -= now;
    front_written_ += now;
    if (now == left) {
      data.frames += done;
      PopFront();
    }
  }
  if (front_written_ > 0) {
    const uint16_t type_id = TypeOf(items_[head_]);
    const uint32_t settled = SettleFront();
    data.frames += settled;
    if (by_type != nullptr && settled > 0) {
      by_type->Of(type_id).frames_out += settled;
    }
  }
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
    if (!item.delivery || !item.block || item.delivery->addressee != 0)
      continue;
    types.insert(TypeOf(item));
  }
  return types;
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
