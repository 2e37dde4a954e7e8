// What a member of a group has done with, and when it says so to the broker.
//
// Thread-safe: frames are given by the reading thread and done with on any.
#ifndef MYCELIUM_CLIENT_CORE_GROUP_ACKS_H_
#define MYCELIUM_CLIENT_CORE_GROUP_ACKS_H_

#include <cstdint>
#include <functional>
#include <mutex>

namespace mycelium::core {

class GroupAcks {
 public:
  // The ACK's `frames`, in rising order, and the connection that it is for.
  using Send = std::function<void(uint64_t frames, uint64_t connection_number)>;

  // Beyond `due_bytes` an ACK does not wait for the end of a batch.
  GroupAcks(uint64_t due_bytes, Send send)
      : due_bytes_(due_bytes), send_(std::move(send)) {}

  // SUBSCRIBED on another connection: of what was given before, nobody is to be
  // told any more.
  void Activate(uint64_t connection_number) {
    const std::lock_guard lock(mutex_);
    connection_number_ = connection_number;
    before_ = given_;
    sent_ = 0;
  }
  void Gave(uint64_t frames) {
    const std::lock_guard lock(mutex_);
    given_ += frames;
  }

  // The user has `frames` of `bytes` now, in the order in which they were
  // given; and is done with what it had before.
  void Begin(uint64_t frames, uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    FinishInHand();
    in_hand_ = frames;
    in_hand_bytes_ = bytes;
  }
  // Done with that.  Sends if enough has come together or, `idle`, if anything
  // has.
  void Finish(bool idle) {
    const std::lock_guard lock(mutex_);
    FinishInHand();
    if (idle || done_bytes_ >= due_bytes_) SendDone();
  }
  // The same, and nothing is sent after it.
  void Stop() {
    const std::lock_guard lock(mutex_);
    FinishInHand();
    SendDone();
    stopped_ = true;
  }

 private:
  void FinishInHand() {
    done_ += in_hand_;
    done_bytes_ += in_hand_bytes_;
    in_hand_ = in_hand_bytes_ = 0;
  }
  void SendDone() {
    const uint64_t frames = done_ > before_ ? done_ - before_ : 0;
    if (stopped_ || frames <= sent_) return;
    sent_ = frames;
    done_bytes_ = 0;
    send_(frames, connection_number_);
  }

  const uint64_t due_bytes_;
  const Send send_;
  std::mutex mutex_;
  uint64_t connection_number_ = 0;
  // Frames since the first SUBSCRIBED; those told in gaps count too.
  uint64_t given_ = 0;
  uint64_t before_ = 0;  // of them, on earlier connections
  uint64_t done_ = 0;
  uint64_t in_hand_ = 0;
  uint64_t sent_ = 0;  // on this connection
  bool stopped_ = false;
  // Not yet acknowledged.
  uint64_t done_bytes_ = 0;
  uint64_t in_hand_bytes_ = 0;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_GROUP_ACKS_H_
