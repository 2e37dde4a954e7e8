// What the Router does for groups: who of one gets a frame, and what becomes of
// frames whose member has gone or stands still.
#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "broker/router.h"
#include "config/limits.h"
#include "glog/logging.h"
#include "proto/frame.h"

namespace mycelium::broker {

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
    metrics_->CountDropped(wire::GAP_REASON_UNSPECIFIED, 1);
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

}  // namespace mycelium::broker
