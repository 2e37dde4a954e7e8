// What a responder of an in-process bus answers a request with.
//
// Thread-safe.  Owner: the responder's user.
#ifndef MYCELIUM_CLIENT_CORE_BUS_RESPONDENT_H_
#define MYCELIUM_CLIENT_CORE_BUS_RESPONDENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "client/core/bus_peer.h"
#include "client/core/bus_requests.h"
#include "client/core/client.h"

namespace mycelium::core {

class BusRespondent : public Respondent {
 public:
  BusRespondent(std::shared_ptr<BusPeer> requester,
                std::shared_ptr<BusResponder> responder, uint64_t id)
      : requester_(std::move(requester)),
        responder_(std::move(responder)),
        id_(id) {}
  BusRespondent(const BusRespondent&) = delete;
  BusRespondent& operator=(const BusRespondent&) = delete;
  ~BusRespondent() override;

  Status Reply(uint16_t type_id, std::span<const uint8_t> payload) override;
  Status Fail(const Status& error) override;
  bool cancelled() const override;

 private:
  Status Answer(const Status& status, const Message* reply);

  const std::shared_ptr<BusPeer> requester_;
  const std::shared_ptr<BusResponder> responder_;
  const uint64_t id_;
  std::atomic<bool> answered_{false};
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_RESPONDENT_H_
