#include "client/core/bus_respondent.h"

#include <string>

#include "config/limits.h"

namespace mycelium::core {

BusRespondent::~BusRespondent() {
  if (answered_.load()) return;
  const Status told =
      Fail({StatusCode::kInternal, "respond: the responder gave no answer"});
  static_cast<void>(told);  // perhaps nobody waits for it any more
}

Status BusRespondent::Reply(uint16_t type_id,
                            std::span<const uint8_t> payload) {
  if (type_id == 0) {
    return {StatusCode::kInvalidArgument,
            "reply: type_id 0, allowed 1 to 65535"};
  }
  if (payload.size() > kFrameBytesMaxDefault) {
    return {StatusCode::kInvalidArgument,
            "reply: body_bytes " + std::to_string(payload.size()) +
                ", frame_bytes_max " + std::to_string(kFrameBytesMaxDefault)};
  }
  const Message reply{.type_id = type_id,
                      .kind = DataKind::kReply,
                      .topic = {},
                      .payload = payload};
  return Answer({}, &reply);
}

Status BusRespondent::Fail(const Status& error) {
  if (error.ok()) {
    return {StatusCode::kInvalidArgument,
            "reply: an error with code 0, allowed 1 to 16"};
  }
  return Answer(error, nullptr);
}

bool BusRespondent::cancelled() const {
  return !answered_.load() && !requester_->bus->requests.IsOpen(id_);
}

Status BusRespondent::Answer(const Status& status, const Message* reply) {
  if (answered_.exchange(true)) {
    return {StatusCode::kFailedPrecondition,
            "reply: the request has been answered, allowed once"};
  }
  BusRequests& requests = requester_->bus->requests;
  if (requests.Answer(id_, status, reply)) return {};
  if (!requests.InForce(*responder_)) {
    return {StatusCode::kUnavailable,
            "reply: the responder has unsubscribed or its client is closed"};
  }
  if (reply != nullptr) requester_->tally->AddLateReply();
  return {};
}

}  // namespace mycelium::core
