#include "broker/router.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
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

struct Router::Type {
  uint16_t id = 0;
  uint64_t sequence = 0;
  std::vector<Ref<Subscription>> own;  // to this type; type 0 stands in all_
  uint64_t own_generation = 1;
  std::vector<Port*> publishers;
  uint32_t holds = 0;
  bool kept = false;            // history may keep frames of it
  uint64_t unkept_through = 0;  // what was not added to history, at least
  int64_t unkept_until_ms = std::numeric_limits<int64_t>::min();  // and when

  // Built from `own` and all_ when one of them has changed.
  uint64_t built_generation = 0;
  std::vector<Ref<Subscription>> members;
  SubscriptionIndex index;
  Route plain;  // of frames without a topic
  absl::flat_hash_map<std::string, std::unique_ptr<Route>> by_topic;
};

Router::Router(TrafficCounters* counters, BlockPool* pool)
    : counters_(counters), pool_(pool), history_(pool) {}
Router::~Router() = default;

uint64_t* Router::Sequence(Type* type) { return &type->sequence; }

Router::Type* Router::FindType(uint16_t type_id) {
  std::unique_ptr<Type>& type = types_[type_id];
  if (type == nullptr) {
    type = std::make_unique<Type>();
    type->id = type_id;
    type->kept = history_.Keeps(type_id);
  }
  return type.get();
}

void Router::Subscribe(const Ref<Subscription>& subscription) {
  subscriptions_.insert(subscription.get());
  if (!subscription->group.empty()) members_.insert(subscription.get());
  if (subscription->type_id == 0) {
    all_.push_back(subscription);
    ++all_generation_;
  } else {
    Type* const type = FindType(subscription->type_id);
    type->own.push_back(subscription);
    ++type->own_generation;
  }
}

void Router::Unsubscribe(const Ref<Subscription>& subscription) {
  if (subscription->state == Subscription::State::kHolding) {
    Release(subscription.get());
  }
  subscriptions_.erase(subscription.get());
  members_.erase(subscription.get());
  if (subscription->type_id == 0) {
    std::erase(all_, subscription);
    ++all_generation_;
  } else {
    Type* const type = FindType(subscription->type_id);
    std::erase(type->own, subscription);
    ++type->own_generation;
  }
  Outbox& outbox = subscription->port->outbox;
  std::vector<Slice> left;
  if (!subscription->group.empty()) {
    left.assign(subscription->unacknowledged.begin(),
                subscription->unacknowledged.end());
    subscription->unacknowledged.clear();
    Slice begun = outbox.Begun(subscription.get());
    if (begun.block) left.push_back(std::move(begun));
    for (Slice& slice : outbox.TakeUnwritten(subscription.get())) {
      left.push_back(std::move(slice));
    }
  }
  subscription->port = nullptr;
  HandOver(*subscription, left, last_now_ms_);
}

uint64_t Router::Generation(const Type& type) const {
  return type.own_generation + all_generation_;
}

void Router::Rebuild(Type* type) {
  type->members = type->own;
  type->members.insert(type->members.end(), all_.begin(), all_.end());
  std::vector<SubscriptionIndex::Entry> entries;
  entries.reserve(type->members.size());
  for (uint32_t i = 0; i < type->members.size(); ++i) {
    entries.push_back({type->members[i]->topic_filter, i});
  }
  type->index = SubscriptionIndex(entries);
  type->plain = MakeRoute(*type, {});
  type->by_topic.clear();
  type->built_generation = Generation(*type);
}

Router::Route& Router::FindRoute(Type* type, std::string_view topic) {
  if (type->built_generation != Generation(*type)) Rebuild(type);
  // Without filters every topic goes the way of none.
  if (topic.empty() || !type->index.has_filters()) return type->plain;
  const absl::string_view key(topic.data(), topic.size());
  const auto known = type->by_topic.find(key);
  if (known != type->by_topic.end()) return *known->second;
  if (type->by_topic.size() >= kRoutesPerTypeMax) type->by_topic.clear();
  return *type->by_topic
              .emplace(key, std::make_unique<Route>(MakeRoute(*type, topic)))
              .first->second;
}

Router::Route Router::MakeRoute(const Type& type, std::string_view topic) {
  std::vector<uint32_t> matches;
  type.index.Match(topic, &matches);
  Route route;
  absl::flat_hash_map<Port*, size_t> at;
  absl::flat_hash_map<std::string_view, size_t> groups;
  for (const uint32_t match : matches) {
    const Ref<Subscription>& subscription = type.members[match];
    std::vector<Route::Target>* targets = &route.targets;
    if (!subscription->group.empty()) {
      const auto [it, first] =
          groups.try_emplace(subscription->group, route.groups.size());
      if (first) route.groups.emplace_back();
      targets = &route.groups[it->second].members;
    }
    size_t place = targets->size();
    if (!subscription->addressed()) {
      place = at.try_emplace(subscription->port, place).first->second;
    }
    if (place == targets->size()) {
      targets->push_back({subscription->port, Ref<Delivery>(new Delivery)});
    }
    Delivery& delivery = *(*targets)[place].delivery;
    delivery.subscriptions.push_back(subscription);
    if (subscription->addressed()) delivery.addressee = subscription->id;
  }
  return route;
}

void Router::NotePublisher(Type* type, Port* publisher) {
  std::vector<uint16_t>& types = publisher->published_types;
  const auto at = std::lower_bound(types.begin(), types.end(), type->id);
  if (at != types.end() && *at == type->id) return;
  types.insert(at, type->id);
  type->publishers.push_back(publisher);
  const bool first = publishers_[publisher]++ == 0;
  for (const Subscription* s : holding_) {
    if (s->type_id == type->id || (s->type_id == 0 && first)) {
      SendHold(publisher, s->type_id, *s->port);
    }
  }
}

void Router::RemovePublisher(Port* port) {
  for (const uint16_t type_id : port->published_types) {
    std::erase(types_[type_id]->publishers, port);
  }
  port->published_types.clear();
  publishers_.erase(port);
  std::erase(paused_, port);
  std::erase(touched_, port);
}

void Router::Deliver(Type* type, std::string_view topic, Port* publisher,
                     const Ref<Block>& block, uint32_t begin, uint32_t end,
                     uint32_t frames, int64_t now_ms) {
  if (type->kept) [[unlikely]] {
    history_.Add(type->id, topic, block->bytes() + begin, frames, now_ms);
  }
  Route& route = FindRoute(type, topic);
  for (const Route::Target& target : route.targets) {
    if (target.port->closed) {
      // Of instances that are away.
      for (const auto& s : target.delivery->subscriptions) s->frames += frames;
      continue;
    }
    target.port->outbox.Append(block, begin, end, frames, target.delivery);
    Touch(target.port);
    for (const auto& subscription : target.delivery->subscriptions) {
      if (subscription->full()) {
        OnFull(subscription.get(), publisher, now_ms);
      }
    }
  }
  if (route.groups.empty()) [[likely]]
    return;
  for (Route::Group& group : route.groups) {
    DeliverToGroup(&group, publisher, {block, begin, end, frames}, now_ms);
  }
}

void Router::ConfigureHistory(const std::vector<HistoryRule>& rules,
                              int64_t now_ms) {
  history_.Configure(rules);
  for (const std::unique_ptr<Type>& type : types_) {
    if (type == nullptr) continue;
    if (!type->kept && type->sequence > 0) {
      type->unkept_through = type->sequence;
      type->unkept_until_ms = now_ms;
    }
    type->kept = history_.Keeps(type->id);
  }
}

uint64_t Router::HistoryHole(uint16_t type_id) const {
  const Type* const type = types_[type_id].get();
  if (type == nullptr) return 0;
  if (!type->kept) return type->sequence;
  return std::max(type->unkept_through, history_.Hole(type_id));
}

bool Router::HistoryLacks(uint16_t type_id, int64_t since_ms) const {
  std::vector<uint16_t> ids{type_id};
  if (type_id == 0) ids = CountedTypes();
  return std::any_of(ids.begin(), ids.end(), [&](uint16_t id) {
    const Type* const type = types_[id].get();
    if (type == nullptr || type->sequence == 0) return false;
    // When the last of what nobody keeps came, nobody knows.
    return !type->kept || type->unkept_until_ms >= since_ms ||
           history_.MissingUntil(id) >= since_ms;
  });
}

uint64_t Router::Count(uint16_t type_id) const {
  return types_[type_id] == nullptr ? 0 : types_[type_id]->sequence;
}

std::vector<uint16_t> Router::CountedTypes() const {
  std::vector<uint16_t> counted;
  for (const std::unique_ptr<Type>& type : types_) {
    if (type != nullptr && type->sequence > 0) counted.push_back(type->id);
  }
  return counted;
}

// --- Groups -----------------------------------------------------------------

// A run is parted evenly; pieces go to whoever has the least by then.
void Router::DeliverToGroup(Route::Group* group, Port* publisher,
                            const Slice& slice, int64_t now_ms) {
  last_now_ms_ = now_ms;
  const auto members = static_cast<uint32_t>(group->members.size());
  const uint32_t share = (slice.frames + members - 1) / members;
  Slice rest = slice;
  while (rest.frames > 0) {
    Slice piece = rest;
    piece.frames = std::min(share, rest.frames);
    if (piece.frames < rest.frames) {
      piece.end = rest.begin;
      for (uint32_t i = 0; i < piece.frames; ++i) {
        piece.end += kHeaderBytes +
                     LoadHeader(rest.block->bytes() + piece.end).body_bytes;
      }
    }
    Route::Target* const target =
        LeastLoaded(group, piece.end - piece.begin, nullptr);
    Append(*target, publisher, piece, now_ms);
    rest.begin = piece.end;
    rest.frames -= piece.frames;
  }
}

Router::Route::Target* Router::LeastLoaded(Route::Group* group, uint64_t bytes,
                                           const Subscription* other_than) {
  Route::Target* best = nullptr;
  bool best_has_room = false;
  uint64_t best_load = 0;
  const size_t members = group->members.size();
  for (size_t i = 0; i < members; ++i) {
    Route::Target& target = group->members[(group->turn + i) % members];
    const Subscription& subscription = *target.delivery->subscriptions[0];
    if (&subscription == other_than || target.port->closed) continue;
    const uint64_t load = subscription.queued_bytes;
    const bool has_room = load + bytes <= subscription.queue_bytes_max;
    if (best == nullptr || (has_room && !best_has_room) ||
        (has_room == best_has_room && load < best_load)) {
      best = &target;
      best_has_room = has_room;
      best_load = load;
    }
  }
  if (best != nullptr) {
    group->turn = static_cast<size_t>(best - group->members.data()) + 1;
  }
  return best;
}

void Router::Append(const Route::Target& target, Port* publisher,
                    const Slice& slice, int64_t now_ms) {
  Subscription* const subscription = target.delivery->subscriptions[0].get();
  if (subscription->stuck_since_ms == 0) {
    subscription->stuck_since_ms = now_ms;
    subscription->stuck_frames_sent = subscription->frames_sent;
    next_due_ms_ = std::min(next_due_ms_, now_ms + kGroupStallMs);
  }
  target.port->outbox.Append(slice.block, slice.begin, slice.end, slice.frames,
                             target.delivery);
  Touch(target.port);
  if (subscription->full()) {
    OnFull(subscription, publisher, now_ms);
  }
}

void Router::HandOver(const Subscription& from,
                      const std::vector<Slice>& slices, int64_t now_ms) {
  for (const Slice& slice : slices) {
    // As a copy, since others may have the same bytes without the flag.
    const uint32_t bytes = slice.end - slice.begin;
    const Ref<Block> copy = pool_->TakeExact(bytes);
    std::memcpy(copy->bytes(), slice.block->bytes() + slice.begin, bytes);
    for (uint32_t at = 0; at < bytes;) {
      FrameHeader header = LoadHeader(copy->bytes() + at);
      header.kind |= kRedeliveredFlag;
      StoreHeader(header, copy->bytes() + at);
      const uint32_t end = at + kHeaderBytes + header.body_bytes;
      HandOverFrame(from, {copy, at, end, 1}, now_ms);
      at = end;
    }
  }
}

void Router::HandOverFrame(const Subscription& from, const Slice& frame,
                           int64_t now_ms) {
  uint8_t* const bytes = frame.block->bytes() + frame.begin;
  FrameHeader header = LoadHeader(bytes);
  Route::Group* const group = FindGroup(from, FrameView{header, bytes});
  Route::Target* target =
      group == nullptr ? nullptr
                       : LeastLoaded(group, frame.end - frame.begin, &from);
  if (target != nullptr) {
    ++counters_->frames_redelivered;
  } else if (from.port == nullptr) {
    ++counters_->frames_dropped;
    return;
  } else {
    // Nobody else takes it: it stays where it is.
    target = &*std::find_if(group->members.begin(), group->members.end(),
                            [&from](const Route::Target& member) {
                              return member.delivery->subscriptions[0].get() ==
                                     &from;
                            });
    header.kind &= static_cast<uint8_t>(~kRedeliveredFlag);
    StoreHeader(header, bytes);
    target->delivery->subscriptions[0]->frames -= 1;  // counted already
  }
  Append(*target, nullptr, frame, now_ms);
}

// Of the member's group, those that take the frame; null: nobody.
Router::Route::Group* Router::FindGroup(const Subscription& member,
                                        const FrameView& frame) {
  Route& route = FindRoute(FindType(frame.header.type_id), frame.topic());
  const auto it = std::find_if(
      route.groups.begin(), route.groups.end(), [&](const Route::Group& group) {
        return group.members[0].delivery->subscriptions[0]->group ==
               member.group;
      });
  return it == route.groups.end() ? nullptr : &*it;
}

void Router::HandOverStuck(int64_t now_ms) {
  std::vector<Subscription*> stuck;
  absl::flat_hash_set<std::string_view> moving;  // groups with such a member
  for (Subscription* const member : members_) {
    if (member->unwritten_bytes() == 0) {
      member->stuck_since_ms = 0;
    } else if (member->frames_sent != member->stuck_frames_sent) {
      member->stuck_frames_sent = member->frames_sent;
      member->stuck_since_ms = now_ms;
    } else if (now_ms - member->stuck_since_ms >= kGroupStallMs) {
      member->stuck_since_ms = now_ms;
      stuck.push_back(member);
      continue;
    }
    moving.insert(member->group);
  }
  std::sort(stuck.begin(), stuck.end(),
            [](const Subscription* a, const Subscription* b) {
              return std::pair(a->port->session_id, a->id) <
                     std::pair(b->port->session_id, b->id);
            });
  for (Subscription* const member : stuck) {
    // To somebody who does not move either it would only go to come back.
    if (!moving.contains(member->group)) continue;
    HandOver(*member, member->port->outbox.TakeUnwritten(member), now_ms);
    if (member->queued_bytes <= member->queue_bytes_max / 2) Relieve({member});
  }
  for (const Subscription* const member : members_) {
    if (member->stuck_since_ms == 0) continue;
    next_due_ms_ =
        std::min(next_due_ms_, member->stuck_since_ms + kGroupStallMs);
  }
}

bool Router::Acknowledge(Subscription* subscription, uint64_t frames) {
  if (!Outbox::Acknowledge(subscription, frames)) return false;
  if (subscription->state != Subscription::State::kFlowing &&
      subscription->queued_bytes <= subscription->queue_bytes_max / 2) {
    Relieve({subscription});
  }
  return true;
}

// --- Full queues ------------------------------------------------------------

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
}

uint32_t* Router::HoldCount(uint16_t type_id) {
  return type_id == 0 ? &all_holds_ : &FindType(type_id)->holds;
}

std::vector<Port*> Router::PublishersOf(uint16_t type_id) {
  if (type_id != 0) return FindType(type_id)->publishers;
  std::vector<Port*> ports;
  for (const auto& [port, types] : publishers_) ports.push_back(port);
  return ports;
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

// Without room nothing is read, acknowledgements neither: what members were
// sent must not wait for theirs.
bool Router::ForgetHalfOfLargest() {
  Subscription* largest = nullptr;
  for (Subscription* const member : members_) {
    if (largest == nullptr ||
        member->unacknowledged_bytes > largest->unacknowledged_bytes) {
      largest = member;
    }
  }
  if (largest == nullptr || largest->unacknowledged.empty()) return false;
  uint64_t frames = 0;
  const size_t slices = (largest->unacknowledged.size() + 1) / 2;
  for (size_t i = 0; i < slices; ++i) {
    frames += largest->unacknowledged[i].frames;
  }
  LOG(WARNING) << "session " << largest->port->session_id << " ("
               << absl::Utf8SafeCEscape(largest->port->name)
               << "): memory is full, " << frames
               << " frames that it has not acknowledged are not kept for "
                  "others of group "
               << absl::Utf8SafeCEscape(largest->group);
  Acknowledge(largest, largest->acknowledged_frames + frames);
  return true;
}

void Router::Touch(Port* port) {
  if (port->touched) return;
  port->touched = true;
  touched_.push_back(port);
}

std::vector<Port*> Router::TakeTouched() { return std::exchange(touched_, {}); }

}  // namespace mycelium::broker
