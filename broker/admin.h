// What ADMIN is told: sessions, counters, schemas.  Pure: reads the parts of a
// Broker and changes nothing.  Not thread-safe.
#ifndef MYCELIUM_BROKER_ADMIN_H_
#define MYCELIUM_BROKER_ADMIN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "broker/session.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::broker {

// Lives for one answer.
struct AdminView {
  const SessionContext& context;
  const std::vector<std::string>& listeners;  // urls
  const SessionMap& sessions;
  int64_t started_ms;
  int64_t now_ms;
};

void AnswerAdmin(const wire::AdminRequest& request, const AdminView& view,
                 wire::AdminReply* reply);

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_ADMIN_H_
