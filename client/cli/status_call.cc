#include "client/cli/status_call.h"

namespace mycelium::cli {
namespace {

absl::StatusOr<wire::Status> AskPage(const AdminCall& call,
                                     uint32_t after_session_id,
                                     absl::Duration timeout) {
  wire::AdminRequest request;
  request.mutable_status()->set_after_session_id(after_session_id);
  absl::StatusOr<wire::AdminReply> reply = Ask(call, request, timeout);
  if (!reply.ok()) return reply.status();
  return reply->status();
}

}  // namespace

absl::StatusOr<wire::Status> AskStatus(const AdminCall& call,
                                       const Timeout& timeout) {
  absl::StatusOr<wire::Status> all = AskPage(call, 0, timeout.Left());
  if (!all.ok()) return all;
  while (all->more() && all->sessions_size() > 0) {
    uint32_t last = all->sessions().rbegin()->session_id();
    absl::StatusOr<wire::Status> page = AskPage(call, last, timeout.Left());
    if (!page.ok()) return page.status();
    // An empty page brings nothing to ask further after.
    all->set_more(page->more() && page->sessions_size() > 0);
    all->mutable_sessions()->MergeFrom(page->sessions());
  }
  return all;
}

}  // namespace mycelium::cli
