#include "client/core/bus_group.h"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include "client/core/bus_call.h"
#include "client/core/bus_full.h"

namespace mycelium::core {
namespace {

uint64_t LoadOf(const BusRoute& route) {
  return route.queue == nullptr ? 0 : route.queue->queued_bytes();
}

// Of `count` members; `at(i)` is one of them.
template <typename At>
size_t LeastLoaded(size_t count, uint32_t turn, At at) {
  size_t least = 0;
  uint64_t least_load = UINT64_MAX;
  for (size_t i = 0; i < count; ++i) {
    const size_t place = (turn + i) % count;
    const uint64_t load = LoadOf(*at(place));
    if (load >= least_load) continue;
    least = place;
    least_load = load;
  }
  return least;
}

bool HasRoomNow(PublisherSlot* slot, BusRoute* route, uint64_t body_bytes) {
  return route->queue == nullptr ||
         route->queue->ReserveNow(LaneOf(route, *slot), body_bytes);
}

// The least loaded first.
BusRoute* ReserveAnyMember(PublisherSlot* slot, Candidates candidates,
                           uint64_t body_bytes, bool* all_left) {
  std::vector<std::pair<uint64_t, BusRoute*>> by_load;
  for (BusRoute* const each : candidates) {
    by_load.emplace_back(LoadOf(*each), each);
  }
  std::stable_sort(
      by_load.begin(), by_load.end(),
      [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [load, each] : by_load) {
    if (HasRoomNow(slot, each, body_bytes)) return each;
  }
  *all_left = true;
  for (const auto& [load, each] : by_load) {
    switch (each->queue->Reserve(LaneOf(each, *slot), body_bytes)) {
      case PushResult::kQueued:
        *all_left = false;
        return each;
      case PushResult::kDisconnected:
        EndStalled(each);
        break;
      case PushResult::kWouldBlock:
        *all_left = false;
        break;
      case PushResult::kCancelled:
      case PushResult::kClosed:
        break;
    }
  }
  return nullptr;
}

bool CallMember(BusRoute* member, const StoredFrame& frame) {
  PublisherSlot* const slot = ThisThreadSlot();
  const uint32_t depth = slot->depth++;
  const bool called = CallDirect(slot, depth, member, ToMessage(frame.view()));
  --slot->depth;
  return called;
}

bool CanCallDirect() {
  const PublisherSlot* const slot = ThisThreadSlot();
  return slot != nullptr && slot->depth < kInprocNestingMax;
}

}  // namespace

Candidates FirstGroup(std::span<BusRoute* const> members) {
  size_t count = 1;
  while (count < members.size() && members[count]->group == members[0]->group) {
    ++count;
  }
  return members.first(count);
}

BusRoute* ReserveMember(PublisherSlot* slot, Candidates candidates,
                        uint64_t body_bytes, bool* all_left) {
  *all_left = false;
  const uint32_t turn = candidates[0]->group->turn.fetch_add(1);
  BusRoute* const least = candidates[LeastLoaded(
      candidates.size(), turn, [&](size_t i) { return candidates[i]; })];
  if (HasRoomNow(slot, least, body_bytes)) return least;
  return ReserveAnyMember(slot, candidates, body_bytes, all_left);
}

Status AwaitMember(PublisherSlot* slot, Candidates candidates,
                   const FrameHeader& header, Deadline deadline,
                   const std::atomic<bool>* closed) {
  BusRoute* const first = candidates[0];
  if (candidates.size() == 1 && WaitsForItself(*first)) {
    return QueueFull(*first, header, StatusCode::kResourceExhausted);
  }
  if (deadline == kNoWait) {
    return QueueFull(*first, header, StatusCode::kUnavailable);
  }
  RoomBell& bell = *first->group->bell;
  std::unique_lock lock(bell.mutex);
  const uint64_t times = bell.times;
  lock.unlock();
  // Whatever has changed before this is seen here, and what changes later
  // rings.
  Deadline until = deadline;
  for (BusRoute* const each : candidates) {
    if (HasRoomNow(slot, each, header.body_bytes)) {
      each->queue->Unreserve(LaneOf(each, *slot));
      return {};
    }
    until = std::min(until, each->queue->hold_end());
  }
  if (closed->load()) {
    return {StatusCode::kCancelled, "publish: the client was closed"};
  }
  lock.lock();
  const auto rung = [&] { return bell.times != times; };
  if (until == kNoDeadline) {
    bell.rung.wait(lock, rung);
  } else if (!bell.rung.wait_until(lock, until, rung) && until == deadline) {
    return QueueFull(*first, header, StatusCode::kDeadlineExceeded);
  }
  return {};
}

bool CommitToMember(PublisherSlot* slot, BusRoute* member,
                    const FrameHeader& header, std::string_view topic,
                    std::span<const uint8_t> payload) {
  FrameQueue::Lane* const lane = LaneOf(member, *slot);
  {
    const std::lock_guard lock(member->member_mutex);
    if (member->in_force.load()) {
      member->queue->Commit(lane, header, topic, payload);
      return true;
    }
  }
  member->queue->Unreserve(lane);
  return false;
}

void GiveToGroup(Bus* bus, const BusGroup& group, StoredFrame frame) {
  const FrameView view = frame.view();
  while (true) {
    std::vector<std::shared_ptr<BusRoute>> members =
        bus->routes.Members(group, view.header.type_id, QueuedTopic(view));
    if (!CanCallDirect()) {
      std::erase_if(members,
                    [](const auto& each) { return each->queue == nullptr; });
    }
    if (members.empty()) return;
    BusRoute* const member =
        members[LeastLoaded(members.size(), 0, [&](size_t i) {
          return members[i].get();
        })].get();
    if (member->queue == nullptr) {
      if (CallMember(member, frame)) return;
      continue;
    }
    const std::lock_guard lock(member->member_mutex);
    if (!member->in_force.load()) continue;
    return member->queue->PushStored(std::move(frame));
  }
}

void HandOver(Bus* bus, BusRoute* route) {
  if (route->group == nullptr || route->queue == nullptr) return;
  for (StoredFrame& frame : route->queue->TakeStored()) {
    frame.MarkRedelivered();
    GiveToGroup(bus, *route->group, std::move(frame));
  }
}

}  // namespace mycelium::core
