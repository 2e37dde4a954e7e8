#include "client/core/bus_full.h"

#include <memory>
#include <string>

#include "client/core/bus_call.h"
#include "client/core/bus_peer.h"

namespace mycelium::core {

Status QueueFull(const BusRoute& route, const FrameHeader& header,
                 StatusCode code) {
  const char* seen = "within the callback that must empty";
  if (code == StatusCode::kUnavailable) seen = "would block,";
  if (code == StatusCode::kDeadlineExceeded) seen = "deadline passed at";
  return {code, std::string("publish: ") + seen +
                    " a subscription's full queue for type " +
                    std::to_string(header.type_id) + ", queue_bytes_max " +
                    std::to_string(route.options.policy.queue_bytes_max)};
}

bool WaitsForItself(const BusRoute& route) {
  return internal::this_thread_route == &route &&
         route.options.policy.stall_ms_max < 0;
}

Status AwaitRoom(BusRoute* route, const FrameHeader& header, Deadline deadline,
                 const std::atomic<bool>* closed) {
  if (WaitsForItself(*route)) {
    return QueueFull(*route, header, StatusCode::kResourceExhausted);
  }
  switch (route->queue->WaitForRoom(deadline, closed)) {
    case PushResult::kQueued:
    case PushResult::kClosed:
    case PushResult::kDisconnected:
      return {};
    case PushResult::kCancelled:
      return {StatusCode::kCancelled, "publish: the client was closed"};
    case PushResult::kWouldBlock:
      break;
  }
  return QueueFull(*route, header,
                   deadline == kNoWait ? StatusCode::kUnavailable
                                       : StatusCode::kDeadlineExceeded);
}

void EndStalled(BusRoute* route) {
  const std::shared_ptr<BusPeer> peer = route->peer.lock();
  if (peer == nullptr) return;
  EndPeer(peer.get(), route->queue->close_status());
}

}  // namespace mycelium::core
