// What ADMIN is told: sessions, counters, schemas, copies of the traffic. Pure:
// what needs more than the parts of a Broker is the bridge's.  Not thread-safe.
#ifndef MYCELIUM_BROKER_ADMIN_H_
#define MYCELIUM_BROKER_ADMIN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "broker/session.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::broker {

// What a bridge does when it is asked to.
struct Operations {
  // Calls Broker::StartDrain, and ends the loop when that is over.
  std::function<void()> drain;
  // Reads the configuration again and calls Broker::Configure.  On an error
  // nothing has changed.
  std::function<absl::Status(wire::Reload*)> reload;
};

// Lives for one answer.
struct AdminView {
  SessionContext& context;
  const std::vector<std::string>& listeners;  // urls
  const SessionMap& sessions;
  int64_t started_ms;
  int64_t now_ms;
  const Operations& operations;
};

// Of everything but DrainRequest, which Broker answers.
void AnswerAdmin(const Session& asker, const wire::AdminRequest& request,
                 const AdminView& view, wire::AdminReply* reply);

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_ADMIN_H_
