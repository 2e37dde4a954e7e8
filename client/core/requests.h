// The requests of a client that wait for an answer: their numbers, deadlines
// and endings.  Each ends once, whoever comes first: the reply, the deadline,
// Cancel, the end of the connection.
//
// Thread-safe.  Callbacks are called without any lock, by whoever is told so.
#ifndef MYCELIUM_CLIENT_CORE_REQUESTS_H_
#define MYCELIUM_CLIENT_CORE_REQUESTS_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/outbox.h"
#include "proto/frame.h"

namespace mycelium::core {

class Requests {
 public:
  // How one has ended; Finish calls on_reply.
  struct Ended {
    ReplyHandler on_reply;
    Status status;
    Bytes reply;  // the whole frame, if the status is kOk
  };
  // One whose caller waits for it.
  struct Waiting {
    bool ended = false;  // guarded by the mutex of Requests
    Ended how;
  };

  explicit Requests(Outbox* outbox) : outbox_(outbox) {}
  Requests(const Requests&) = delete;
  Requests& operator=(const Requests&) = delete;

  // --- Any thread ---

  // Gives it a number and the outbox its frame (and moves from *on_reply), or
  // says why not: then nothing has begun, and *would_block says whether there
  // is only no room.  With `waiting` its end goes there and the deadline is the
  // caller's to watch; otherwise *nearer says whether its deadline is the
  // nearest of all.
  Status Begin(uint16_t type_id, std::span<const uint8_t> payload,
               const RequestOptions& options, ReplyHandler* on_reply,
               const std::shared_ptr<Waiting>& waiting, uint64_t* call,
               bool* would_block, bool* nearer);
  // Ends it before a reply does, with a CANCEL to the broker.  False: it has
  // ended already.  One that is waited for is told; for any other *ended is to
  // be finished.
  bool Cancel(uint64_t call, const Status& why, Ended* ended);
  // False: the deadline came first.
  bool Await(const Waiting& waiting, Deadline deadline);
  bool HasEnded(const Waiting& waiting) const;
  static void Finish(Ended ended);

  // All of them, and every later one if `final`; what is returned is to be
  // finished.
  std::vector<Ended> FailAll(const Status& why, bool final);

  // --- The reading thread ---

  // A frame of kind REPLY or ERROR_REPLY.  False: it is for none of those that
  // are waited for.
  bool EndWaiting(const FrameView& frame);
  // For one that is not waited for; what comes too late is counted.
  void OnReply(const FrameView& frame);
  // kNoDeadline: none of those that are not waited for has one.
  Deadline NextDeadline() const;
  // Whose deadline has come; to be finished.
  std::vector<Ended> Expire(Deadline now);

  bool any() const { return open_.load(std::memory_order_relaxed) != 0; }
  uint64_t replies_late() const { return replies_late_.load(); }

 private:
  struct Open {
    uint64_t call;
    Deadline deadline;
    ReplyHandler on_reply;
    std::shared_ptr<Waiting> waiting;
  };
  using Numbers = std::unordered_map<uint32_t, Open>;

  // All of these need mutex_.
  uint32_t NextNumber();
  Open Take(Numbers::iterator it);
  void Tell(Open open, Ended how, std::vector<Ended>* ended);

  Outbox* const outbox_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;  // one that is waited for
  uint64_t last_call_ = 0;
  Numbers numbers_;
  std::set<std::pair<Deadline, uint32_t>> deadlines_;
  Status closed_;  // not kOk: nothing begins any more
  std::atomic<size_t> open_{0};
  std::atomic<uint64_t> replies_late_{0};
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_REQUESTS_H_
