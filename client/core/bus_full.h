// What a publish does at a full queue of an in-process subscription.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_CORE_BUS_FULL_H_
#define MYCELIUM_CLIENT_CORE_BUS_FULL_H_

#include <atomic>

#include "client/core/bus_routes.h"
#include "client/core/client.h"
#include "proto/frame.h"

namespace mycelium::core {

// What Publish says, with one of kUnavailable (it was not to wait),
// kDeadlineExceeded, and kResourceExhausted (it would wait for itself).
Status QueueFull(const BusRoute& route, const FrameHeader& header,
                 StatusCode code);

// Whether this thread runs the callback that must empty the queue, whose
// publishers are held without end.
bool WaitsForItself(const BusRoute& route);

// Until a Reserve in its queue is worth trying again.
Status AwaitRoom(BusRoute* route, const FrameHeader& header, Deadline deadline,
                 const std::atomic<bool>* closed);

// The queue has said kDisconnected: its client ends.
void EndStalled(BusRoute* route);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_FULL_H_
