// Groups of in-process subscriptions: each frame goes to one of those that
// share a name and take it, and what a member has not begun when it leaves goes
// to another.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_CORE_BUS_GROUP_H_
#define MYCELIUM_CLIENT_CORE_BUS_GROUP_H_

#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "client/core/bus_peer.h"
#include "client/core/bus_routes.h"
#include "client/core/client.h"
#include "client/core/publisher_slot.h"
#include "client/core/queue.h"
#include "proto/frame.h"

namespace mycelium::core {

// The members of one group that a frame is for; not empty.
using Candidates = std::span<BusRoute* const>;

// The first group of `members`, which stand group by group.
Candidates FirstGroup(std::span<BusRoute* const> members);

// The least loaded that is direct or has room for `body_bytes`, which is
// reserved in it; of equals each in turn.  If none has, what their policies
// say.  Null: all hold their publishers, or (*all_left) none is there any more.
BusRoute* ReserveMember(PublisherSlot* slot, Candidates candidates,
                        uint64_t body_bytes, bool* all_left);

// Until it is worth trying again.
Status AwaitMember(PublisherSlot* slot, Candidates candidates,
                   const FrameHeader& header, Deadline deadline,
                   const std::atomic<bool>* closed);

// False: it has left, and nothing stays reserved.
// REQUIRES: ReserveMember has chosen it, and it is not direct.
bool CommitToMember(PublisherSlot* slot, BusRoute* member,
                    const FrameHeader& header, std::string_view topic,
                    std::span<const uint8_t> payload);

// To the least loaded member that is there now, whatever its bound.  To nobody
// if there is none, or if only direct ones are and this thread can't call them.
void GiveToGroup(Bus* bus, const BusGroup& group, StoredFrame frame);

// What `route` had not begun goes to others.
// REQUIRES: it is out of force and of all tables.
void HandOver(Bus* bus, BusRoute* route);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_GROUP_H_
