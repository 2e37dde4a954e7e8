// The requests that a client was asked and has not answered.
//
// Thread-safe.  Owners: the connection and the Respondents, which may outlive
// it.
#ifndef MYCELIUM_CLIENT_CORE_RESPONSES_H_
#define MYCELIUM_CLIENT_CORE_RESPONSES_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/outbox.h"
#include "client/core/session.h"

namespace mycelium::core {

class Responses : public std::enable_shared_from_this<Responses> {
 public:
  Responses(Outbox* outbox, uint32_t frame_bytes_max)
      : frame_bytes_max_(frame_bytes_max), outbox_(outbox) {}
  Responses(const Responses&) = delete;
  Responses& operator=(const Responses&) = delete;

  // A run of REQUESTs for that responder, as it is read; and when it is not
  // there to get them.
  void Asked(uint32_t subscription_id, const FrameRun& run);
  void Forget(const FrameRun& run);
  void OnCancel(uint64_t id);
  // That responder says no more: the broker is about to be told so, and tells
  // those who asked.
  void Forget(uint32_t subscription_id);
  // The connection is lost, and with it everything that was asked.
  void ForgetAll();
  // The outbox is no more.
  void End();

  // For the responder's callback; null: nobody waits for an answer.
  std::unique_ptr<Respondent> Begin(uint64_t id, uint16_t type_id);

 private:
  class Answering;
  struct Request {
    explicit Request(uint32_t by) : subscription_id(by) {}
    const uint32_t subscription_id;
    std::atomic<bool> cancelled{false};
  };

  bool Answer(uint64_t id, const std::shared_ptr<Request>& request,
              const Bytes& frame);

  const uint32_t frame_bytes_max_;
  std::mutex mutex_;
  Outbox* outbox_;  // null: ended
  std::unordered_map<uint64_t, std::shared_ptr<Request>> requests_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_RESPONSES_H_
