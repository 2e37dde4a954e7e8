// What a client has taken and not yet written, and the way of a publish from
// its caller to the socket.
//
// A lone publish is written at once by its caller; what others add meanwhile
// goes with the next write.  A burst (kBurstPublishes in a row, each within
// kBurstGap of the write before it) is gathered instead: the caller that fills
// kGatherBytes writes them, and a thread that is woken once for the burst
// writes what is left every kGatherUsMax.  The same thread takes over when the
// socket is full; so nobody but it ever waits for the socket, and a publisher
// waits only for room here.
//
// Thread-safe.  Does not own the socket.
#ifndef MYCELIUM_CLIENT_CORE_OUTBOX_H_
#define MYCELIUM_CLIENT_CORE_OUTBOX_H_

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <thread>

#include "client/core/client.h"
#include "client/core/control_body.h"

namespace mycelium::core {

class Outbox {
 public:
  // `socket` is a connected stream, `bytes_max` the bound on what is unwritten.
  Outbox(int socket, uint64_t bytes_max);
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;
  // REQUIRES: the socket is shut down, or all is written.
  ~Outbox();

  // Takes a PUBLISH, or says in kUnavailable "publish: would block, ..." why
  // not (and sets *would_block).
  // REQUIRES: valid arguments.
  Status TryPublish(uint16_t type_id, std::string_view topic,
                    std::span<const uint8_t> payload, bool* would_block);
  // kOk: a TryPublish of that size is worth trying.
  Status WaitForRoom(uint16_t type_id, uint64_t frame_bytes, Deadline deadline);

  // A control frame, behind everything published before; never waits.
  void Append(std::span<const uint8_t> frame);
  // For a burst of which the end is known; never waits.
  void WriteGathered();

  // HOLD and RELEASE.  True: something was held back before and now nothing is,
  // or the other way round.
  bool Hold(const HoldBody& hold);
  bool Release(uint16_t type_id);

  // Every publish, also one that waits, gets `why` from now on.  Only the first
  // call counts.
  void End(const Status& why);
  // False: not everything could be written before `deadline`.
  bool Drain(Deadline deadline);

 private:
  // Grows and never shrinks; what it holds is not initialised.
  class Buffer {
   public:
    uint8_t* Extend(size_t bytes);
    void Clear() { size_ = 0; }
    const uint8_t* data() const { return bytes_.get(); }
    size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

   private:
    std::unique_ptr<uint8_t[]> bytes_;
    size_t size_ = 0;
    size_t capacity_ = 0;
  };
  using Lock = std::unique_lock<std::mutex>;

  // All of these need mutex_; those that take the lock may release it
  // meanwhile.
  Status WhyNot(uint16_t type_id, uint64_t frame_bytes) const;
  const HoldBody* HolderOf(uint16_t type_id) const;
  bool HasRoom(uint64_t frame_bytes) const;
  void OnPublished(Lock* lock);
  bool StartThread();
  void WriteOnce(Lock* lock);
  void WriteAll(Lock* lock);
  void SendInFlight(Lock* lock);
  void RunThread();
  void EndGatheringIfSlow();

  const int socket_;
  const uint64_t bytes_max_;

  std::mutex mutex_;
  std::condition_variable changed_;  // room, holds, ended, all written
  uint32_t waiting_ = 0;             // for changed_
  Buffer pending_;
  Buffer in_flight_;           // belongs to whoever set writing_
  size_t in_flight_left_ = 0;  // of it, not yet written
  bool writing_ = false;
  bool broken_ = false;         // nothing can be written any more
  uint64_t publish_count_ = 0;  // the id of the last PUBLISH
  std::map<uint16_t, HoldBody> holds_;
  Status ended_;
  bool refuses_ = false;  // ended_ or holds_ say something

  bool gathering_ = false;
  uint32_t burst_publishes_ = 0;  // in a row
  Deadline last_write_end_{};
  uint64_t last_tick_count_ = 0;  // publish_count_ at the thread's last look
  bool tick_missed_ = false;      // a caller was writing when it looked

  std::condition_variable thread_wanted_;
  std::thread thread_;
  bool socket_full_ = false;  // writing_ has been handed to the thread
  bool stop_ = false;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_OUTBOX_H_
