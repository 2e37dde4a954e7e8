// How subscriptions of in-process clients end.
//
// Threads: everything may be called from any.
#ifndef MYCELIUM_CLIENT_CORE_BUS_SUBSCRIPTION_H_
#define MYCELIUM_CLIENT_CORE_BUS_SUBSCRIPTION_H_

#include "client/core/bus_peer.h"
#include "client/core/bus_routes.h"
#include "client/core/client.h"

namespace mycelium::core {

// What Next says then.
Status UnsubscribedStatus();

// No direct callback begins after this, and nothing goes to it as a member.
void TakeOutOfForce(BusRoute* route);

// Closes its queue, with what is in it or, of a member of a group, after
// others have got that.
// REQUIRES: TakeOutOfForce, and it is out of all tables.
void Stop(Bus* bus, BusRoute* route, const Status& why, bool keep_queued);

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_SUBSCRIPTION_H_
