// Who may ask what of a broker.  Pure and thread-safe.
#ifndef MYCELIUM_BROKER_ADMIN_PERMISSION_H_
#define MYCELIUM_BROKER_ADMIN_PERMISSION_H_

#include <cstdint>
#include <string>

#include "broker/session.h"
#include "config/admin_rules.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::broker {

// Why `peer` may not ask for this; empty: it may.  What clients need for their
// work is for all, the rest for root, the broker's own user and whom `rules`
// name.
std::string AdminRefusal(wire::AdminRequest::RequestCase request,
                         const Peer& peer, const AdminRules& rules,
                         uint32_t own_uid);

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_ADMIN_PERMISSION_H_
