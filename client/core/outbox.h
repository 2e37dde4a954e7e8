// The way of a publish from its caller to the socket, and what has to be known
// until the broker has accepted it (publish_log.h), over all of a client's
// connections.
//
// A lone publish is written at once by its caller; what others add meanwhile
// goes with the next write.  A burst (kBurstPublishes in a row, each within
// kBurstGap of the write before it) is gathered instead: the caller that fills
// kGatherBytes writes them, and a thread that is woken once for the burst
// writes what is left every kGatherUsMax.  The same thread takes over when the
// socket is full; so nobody but it ever waits for the socket, and a publisher
// waits only for room here.
//
// Thread-safe; Connected, Disconnected and what gives frames back belong to one
// thread at a time.
#ifndef MYCELIUM_CLIENT_CORE_OUTBOX_H_
#define MYCELIUM_CLIENT_CORE_OUTBOX_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "client/core/owned_socket.h"
#include "client/core/publish_log.h"

namespace mycelium::core {

class Outbox {
 public:
  using OnAccepted = std::function<void(const Status&)>;

  // Begins without a connection.
  Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  // REQUIRES: Disconnected, or never connected.
  ~Outbox();

  // --- Publishing ---

  // Takes a PUBLISH, or says in kUnavailable "publish: would block, ..." why
  // not (and sets *would_block).  With `on_accepted` (which it then moves from)
  // the broker is asked to tell soon that it has accepted it; TakeCalls.
  // REQUIRES: valid arguments.
  Status TryPublish(uint16_t type_id, std::string_view topic,
                    std::span<const uint8_t> payload, OnAccepted* on_accepted,
                    bool* would_block);
  // kOk: a TryPublish of that size is worth trying.
  Status WaitForRoom(uint16_t type_id, uint64_t frame_bytes, Deadline deadline);

  // A frame that is not a PUBLISH, behind everything published before; never
  // waits.  With a number only on that connection (see connection_number).
  void Append(std::span<const uint8_t> frame);
  void Append(std::span<const uint8_t> frame, uint64_t connection_number);
  // The same for a REQUEST, within the bound; as TryPublish, and kUnavailable
  // without a connection.  To wait for room: type_id 0, which nothing holds
  // back.
  Status TryAppend(std::span<const uint8_t> frame, bool* would_block);
  // For a burst of which the end is known; never waits.
  void WriteGathered();

  // HOLD and RELEASE.  True: something was held back before and now nothing is,
  // or the other way round.
  bool Hold(const HoldBody& hold);
  bool Release(uint16_t type_id);

  // --- Accepting ---

  // False: it cannot be; nothing was done.
  // What was waited for in TryPublish goes to *settled, once each.
  bool Acked(uint64_t publish_id, std::vector<OnAccepted>* settled);
  // Whether the request of this FLUSHED was the outbox's own; then as Acked.
  static bool IsOwnFlush(uint64_t request_id) {
    return (request_id & kOwnFlush) != 0;
  }
  bool Flushed(uint64_t request_id, std::vector<OnAccepted>* settled);
  // The same of what was given back, up to this id.
  std::vector<OnAccepted> TakeCalls(uint64_t publish_id);

  // --- Connections ---

  // As PublishLog's; after End nothing is connected any more.
  bool CanResumeAfter(uint64_t last_publish_id) const;
  PublishLog::GivenBack Connected(std::shared_ptr<const OwnedSocket> socket,
                                  uint64_t bytes_max,
                                  const WelcomeBody& welcome,
                                  std::span<const uint8_t> first);
  // Nothing is held any more.  Waits until nobody writes.
  // REQUIRES: the socket is shut down.
  void Disconnected();
  PublishLog::GivenBack GiveBackWritten();
  PublishLog::GivenBack GiveBackAll();

  // --- The end ---

  // Every publish, also one that waits, gets `why` from now on.  Only the first
  // call counts.
  void End(const Status& why);
  // False: not everything could be written before `deadline`.
  bool Drain(Deadline deadline);
  // True: everything is accepted (or given back), or cannot be any more.
  bool AwaitAccepted(Deadline deadline);

  // --- How it stands ---

  uint64_t last_publish_id() const;
  // Of the present or the last one, 1, 2, ...
  uint64_t connection_number() const;
  // The frames_ of publishing.
  void Count(ClientCounters* counters) const;

 private:
  using Lock = std::unique_lock<std::mutex>;
  // In the id of a FLUSH that nobody but the outbox waits for; the rest is the
  // id of the last PUBLISH before it.
  static constexpr uint64_t kOwnFlush = uint64_t{1} << 63;

  // All of these need mutex_; those that take the lock may release it
  // meanwhile.
  Status WhyNot(uint16_t type_id, uint64_t frame_bytes);
  const HoldBody* HolderOf(uint16_t type_id) const;
  void OnPublished(Lock* lock);
  void AskForAck();
  bool Settle(uint64_t publish_id, std::vector<OnAccepted>* settled);
  bool WorthWaking();
  void AskForRoom();
  bool StartThread();
  void WriteOnce(Lock* lock);
  void WriteAll(Lock* lock);
  void Send(Lock* lock);
  void RunThread();
  void EndGatheringIfSlow();

  mutable std::mutex mutex_;
  std::condition_variable changed_;  // room, holds, ended, all written
  uint32_t waiting_ = 0;             // for changed_
  uint32_t waiting_for_room_ = 0;    // of these
  bool accepted_wanted_ = false;     // see AwaitAccepted
  PublishLog log_{kPublishBytesMaxDefault};
  std::shared_ptr<const OwnedSocket> socket_;  // writing_ keeps it
  uint64_t connection_number_ = 0;
  bool writing_ = false;  // somebody reads what log_ has handed out
  bool broken_ = true;    // nothing can be written on this connection
  std::map<uint16_t, HoldBody> holds_;
  Status ended_;
  bool refuses_ = false;  // ended_ or holds_ say something

  std::deque<std::pair<uint64_t, OnAccepted>> calls_;  // by publish id
  bool flush_on_way_ = false;                          // the outbox's own

  bool gathering_ = false;
  uint32_t burst_publishes_ = 0;  // in a row
  Deadline last_write_end_{};
  uint64_t last_tick_id_ = 0;  // the last PUBLISH at the thread's last look
  bool tick_missed_ = false;   // a caller was writing when it looked

  std::condition_variable thread_wanted_;
  std::thread thread_;
  bool socket_full_ = false;  // writing_ has been handed to the thread
  bool stop_ = false;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_OUTBOX_H_
