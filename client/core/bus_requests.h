// The requests of one in-process bus: who answers, which are open, and how each
// ends: by the reply, the deadline, Cancel, or the end of either side, whoever
// comes first.  A direct responder is called within the request.
//
// Threads: everything may be called from any.  Callbacks are called without a
// lock.  Owner: the bus.
#ifndef MYCELIUM_CLIENT_CORE_BUS_REQUESTS_H_
#define MYCELIUM_CLIENT_CORE_BUS_REQUESTS_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/core/client.h"
#include "client/core/deadline_timer.h"

namespace mycelium::core {

class Bus;
struct BusPeer;

// One that answers.
struct BusResponder {
  struct Request {
    uint64_t id;
    uint16_t type_id;
    std::string topic;
    std::vector<uint8_t> payload;
  };

  SubscribeOptions options;
  const void* owner = nullptr;  // the client's
  std::string told_as;          // "session 12 (name)"

  // Guarded by the mutex of BusRequests.
  RequestHandler on_request;  // emptied once no call runs and none will
  bool in_force = true;
  uint32_t open = 0;          // what it was asked and has not answered
  uint32_t running = 0;       // calls of a direct one
  bool thread_runs = false;   // a thread takes from `queue`
  std::deque<Request> queue;  // of a queued one
  uint64_t queued_bytes = 0;
  std::condition_variable changed;
};

class BusRequests {
 public:
  BusRequests() = default;
  BusRequests(const BusRequests&) = delete;
  BusRequests& operator=(const BusRequests&) = delete;

  // --- Those who answer ---

  void Add(const std::shared_ptr<BusResponder>& responder);
  // The thread of a queued one.
  void Run(const std::shared_ptr<BusResponder>& responder);
  // Whoever asked it and has no answer is told.
  void End(const std::shared_ptr<BusResponder>& responder);
  // After End: returns when no call runs, unless one runs on this thread.
  void Await(const std::shared_ptr<BusResponder>& responder);
  uint32_t Count(const void* owner) const;
  bool InForce(const BusResponder& responder) const;

  // --- Those who ask ---

  Status Ask(const std::shared_ptr<BusPeer>& requester, uint16_t type_id,
             std::span<const uint8_t> payload, const RequestOptions& options,
             ReplyHandler on_reply, uint64_t* call);
  // Ends an open request; `reply` is null unless `status` is kOk.  False: it
  // has ended already.
  bool Answer(uint64_t id, const Status& status, const Message* reply);
  // As Answer, if it is one of `requester`.
  void Cancel(const BusPeer* requester, uint64_t id, const Status& why);
  bool IsOpen(uint64_t id) const;

  // --- The end of a client ---

  // Everything that it has asked or was asked; it is marked closed.  Returns
  // its responders, for Await.
  std::vector<std::shared_ptr<BusResponder>> EndAll(const BusPeer* peer,
                                                    const Status& why);
  // After EndAll: returns when none of its callbacks runs here and none will,
  // unless one runs on this thread.
  void AwaitAll(const BusPeer* peer);

 private:
  // A requester that waits, and calls on_reply itself.
  struct Waiting {
    bool ended = false;
    Status status;
    uint16_t type_id = 0;
    std::vector<uint8_t> payload;
    std::condition_variable changed;
  };
  struct Open {
    uint64_t id = 0;  // 0: free
    uint32_t generation = 0;
    std::shared_ptr<BusPeer> requester;
    std::shared_ptr<BusResponder> responder;
    ReplyHandler on_reply;
    std::shared_ptr<Waiting> waiting;
    std::optional<DeadlineTimer::Key> timer;
  };
  // What is left to do for a request that has ended: to be called without the
  // lock.  The requester counts it as running.
  struct Ended {
    std::shared_ptr<BusPeer> requester;
    ReplyHandler on_reply;
    std::shared_ptr<Waiting> waiting;
  };
  using Lock = std::unique_lock<std::mutex>;

  // All of these need mutex_.
  Status Choose(const BusPeer& requester, const Message& request,
                std::shared_ptr<BusResponder>* chosen);
  uint64_t Begin(const std::shared_ptr<BusPeer>& requester,
                 const std::shared_ptr<BusResponder>& responder,
                 const Message& request);
  Open* Find(uint64_t id);
  Open* Make();
  Ended Take(Open* open);
  template <typename Ends>
  std::vector<Ended> TakeAll(Ends ends);

  void Tell(Ended ended, const Status& status, const Message* reply);
  void CallReply(const std::shared_ptr<BusPeer>& requester,
                 const ReplyHandler& on_reply, const Status& status,
                 const Message* reply);
  void CallDirect(const std::shared_ptr<BusResponder>& responder,
                  const std::shared_ptr<BusPeer>& requester, uint64_t id,
                  const Message& request);
  void WaitForAnswer(uint64_t id, const std::shared_ptr<Waiting>& waiting,
                     const std::shared_ptr<BusPeer>& requester,
                     const ReplyHandler& on_reply, Deadline deadline);
  void SetTimer(const std::shared_ptr<BusPeer>& requester, uint64_t id,
                Deadline deadline);

  mutable std::mutex mutex_;
  // Guarded by mutex_.
  std::map<uint16_t, std::vector<std::shared_ptr<BusResponder>>> responders_;
  std::vector<std::unique_ptr<Open>> slots_;
  std::vector<uint32_t> free_;
  uint32_t turn_ = 0;
  std::condition_variable reply_over_;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_BUS_REQUESTS_H_
