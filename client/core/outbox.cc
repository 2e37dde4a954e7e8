#include "client/core/outbox.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "client/core/own_thread.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// Publishes in a row that make a burst.
constexpr uint32_t kBurstPublishes = 8;
// A publisher that does anything between two publishes, if only waiting for an
// answer, takes longer than this.
constexpr auto kBurstGap = std::chrono::microseconds(2);
// Fewer publishes than this in kGatherUsMax are cheaper written one by one.
constexpr uint64_t kGatherPublishesMin = 32;
constexpr size_t kBufferBytesMin = 4 << 10;

void SleepFor(int64_t us) {
  const timespec time{.tv_sec = 0, .tv_nsec = us * 1'000};
  nanosleep(&time, nullptr);
}

}  // namespace

uint8_t* Outbox::Buffer::Extend(size_t bytes) {
  if (capacity_ - size_ < bytes) [[unlikely]] {
    const size_t capacity =
        std::max({kBufferBytesMin, capacity_ * 2, size_ + bytes});
    std::unique_ptr<uint8_t[]> larger(new uint8_t[capacity]);
    if (size_ != 0) std::memcpy(larger.get(), bytes_.get(), size_);
    bytes_ = std::move(larger);
    capacity_ = capacity;
  }
  uint8_t* const at = bytes_.get() + size_;
  size_ += bytes;
  return at;
}

Outbox::Outbox(int socket, uint64_t bytes_max)
    : socket_(socket), bytes_max_(bytes_max) {}

Outbox::~Outbox() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  thread_wanted_.notify_all();
  if (thread_.joinable()) thread_.join();
}

const HoldBody* Outbox::HolderOf(uint16_t type_id) const {
  for (const uint16_t held : {type_id, uint16_t{0}}) {
    const auto it = holds_.find(held);
    if (it != holds_.end()) return &it->second;
  }
  return nullptr;
}

// A frame that is larger than the bound goes alone.
bool Outbox::HasRoom(uint64_t frame_bytes) const {
  const uint64_t used = pending_.size() + in_flight_left_;
  return used == 0 || used + frame_bytes <= bytes_max_;
}

Status Outbox::WhyNot(uint16_t type_id, uint64_t frame_bytes) const {
  if (!ended_.ok()) return ended_;
  if (const HoldBody* by = HolderOf(type_id)) {
    return {StatusCode::kUnavailable,
            "publish: would block, type " + std::to_string(type_id) +
                " is held back by session " +
                std::to_string(by->by_session_id) + " (" + by->by_name + ")"};
  }
  if (HasRoom(frame_bytes)) return {};
  return {StatusCode::kUnavailable,
          "publish: would block, " +
              std::to_string(pending_.size() + in_flight_left_) +
              " bytes are not yet written, publish_bytes_max " +
              std::to_string(bytes_max_)};
}

Status Outbox::TryPublish(uint16_t type_id, std::string_view topic,
                          std::span<const uint8_t> payload, bool* would_block) {
  const size_t body_bytes = topic.size() + payload.size();
  Lock lock(mutex_);
  if (refuses_ || !HasRoom(kHeaderBytes + body_bytes)) [[unlikely]] {
    Status why = WhyNot(type_id, kHeaderBytes + body_bytes);
    if (!why.ok()) {
      *would_block = ended_.ok();
      return why;
    }
  }
  uint8_t* const frame = pending_.Extend(kHeaderBytes + body_bytes);
  StoreHeader({.body_bytes = static_cast<uint32_t>(body_bytes),
               .type_id = type_id,
               .kind = static_cast<uint8_t>(DataKind::kPublish),
               .topic_bytes = static_cast<uint8_t>(topic.size()),
               .id = ++publish_count_},
              frame);
  if (!topic.empty()) {
    std::memcpy(frame + kHeaderBytes, topic.data(), topic.size());
  }
  if (!payload.empty()) {
    std::memcpy(frame + kHeaderBytes + topic.size(), payload.data(),
                payload.size());
  }
  OnPublished(&lock);
  return {};
}

void Outbox::OnPublished(Lock* lock) {
  if (gathering_) {
    if (pending_.size() < kGatherBytes || writing_) return;
    do {
      WriteOnce(lock);
    } while (std::exchange(tick_missed_, false) && !writing_);
    return;
  }
  if (writing_) {
    ++burst_publishes_;
  } else {
    const bool close = Clock::now() - last_write_end_ < kBurstGap;
    burst_publishes_ = close ? burst_publishes_ + 1 : 0;
  }
  if (burst_publishes_ >= kBurstPublishes && StartThread()) {
    gathering_ = true;
    last_tick_count_ = publish_count_;
    thread_wanted_.notify_one();
    return;
  }
  if (!writing_) WriteAll(lock);
}

Status Outbox::WaitForRoom(uint16_t type_id, uint64_t frame_bytes,
                           Deadline deadline) {
  Lock lock(mutex_);
  ++waiting_;
  Status why;
  while (true) {
    why = WhyNot(type_id, frame_bytes);
    if (why.ok() || !ended_.ok()) break;
    if (deadline == kNoDeadline) {
      changed_.wait(lock);
    } else if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
      why = WhyNot(type_id, frame_bytes);
      if (!why.ok() && ended_.ok()) why.code = StatusCode::kDeadlineExceeded;
      break;
    }
  }
  --waiting_;
  return why;
}

void Outbox::Append(std::span<const uint8_t> frame) {
  Lock lock(mutex_);
  std::memcpy(pending_.Extend(frame.size()), frame.data(), frame.size());
  if (!writing_) WriteAll(&lock);
}

void Outbox::WriteGathered() {
  Lock lock(mutex_);
  if (!writing_) WriteOnce(&lock);
}

bool Outbox::Hold(const HoldBody& hold) {
  const Lock lock(mutex_);
  const bool first = holds_.empty();
  holds_[hold.type_id] = hold;
  refuses_ = true;
  return first;
}

bool Outbox::Release(uint16_t type_id) {
  const Lock lock(mutex_);
  const bool released = holds_.erase(type_id) != 0;
  refuses_ = !holds_.empty() || !ended_.ok();
  changed_.notify_all();
  return released && holds_.empty();
}

void Outbox::End(const Status& why) {
  const Lock lock(mutex_);
  if (ended_.ok()) ended_ = why;
  refuses_ = true;
  changed_.notify_all();
}

bool Outbox::Drain(Deadline deadline) {
  Lock lock(mutex_);
  if (!writing_) WriteAll(&lock);
  ++waiting_;
  changed_.wait_until(lock, deadline, [this] {
    return broken_ || (pending_.empty() && !writing_);
  });
  --waiting_;
  return pending_.empty() && !writing_;
}

// --- Writing ----------------------------------------------------------------

// Until nothing is left, or somebody else sees to it.
void Outbox::WriteAll(Lock* lock) {
  do {
    WriteOnce(lock);
  } while (!pending_.empty() && !writing_ && !gathering_ && !broken_);
}

// REQUIRES: !writing_.
void Outbox::WriteOnce(Lock* lock) {
  if (broken_ || pending_.empty()) return;
  writing_ = true;
  std::swap(pending_, in_flight_);
  in_flight_left_ = in_flight_.size();
  SendInFlight(lock);
}

// REQUIRES: writing_, set by the caller or handed to it.
void Outbox::SendInFlight(Lock* lock) {
  size_t left = in_flight_left_;
  const uint8_t* const end = in_flight_.data() + in_flight_.size();
  lock->unlock();
  int error = 0;
  while (left != 0) {
    const ssize_t sent =
        send(socket_, end - left, left, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      left -= static_cast<size_t>(sent);
    } else if (errno != EINTR) {
      error = errno;
      break;
    }
  }
  lock->lock();
  in_flight_left_ = left;
  if (error == EAGAIN && StartThread()) {
    socket_full_ = true;
    thread_wanted_.notify_one();
    return;
  }
  if (error != 0) {
    // The reading side sees the end next, with the broker's reason if it gave
    // one, and tells everybody.
    broken_ = true;
    shutdown(socket_, SHUT_RDWR);
  } else {
    in_flight_.Clear();
  }
  writing_ = false;
  if (!gathering_) last_write_end_ = Clock::now();
  if (waiting_ != 0) changed_.notify_all();
}

// --- The thread -------------------------------------------------------------

// False: the system has no thread to give.
bool Outbox::StartThread() {
  if (thread_.joinable()) return true;
  try {
    thread_ = StartOwnThread("mycelium-write", [this] { RunThread(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void Outbox::RunThread() {
  // Otherwise each sleep may last 50 us longer than asked for.
  prctl(PR_SET_TIMERSLACK, 1);
  Lock lock(mutex_);
  while (true) {
    thread_wanted_.wait(lock,
                        [this] { return stop_ || socket_full_ || gathering_; });
    if (socket_full_) {
      lock.unlock();
      pollfd writable{.fd = socket_, .events = POLLOUT, .revents = 0};
      poll(&writable, 1, -1);
      lock.lock();
      socket_full_ = false;
      SendInFlight(&lock);
      if (!socket_full_ && !gathering_) WriteAll(&lock);
      continue;
    }
    if (stop_) return;
    tick_missed_ = writing_;
    if (!writing_) WriteOnce(&lock);
    if (socket_full_) continue;
    lock.unlock();
    SleepFor(kGatherUsMax);
    lock.lock();
    EndGatheringIfSlow();
    if (!gathering_ && !writing_) WriteAll(&lock);
  }
}

void Outbox::EndGatheringIfSlow() {
  const uint64_t publishes = publish_count_ - last_tick_count_;
  last_tick_count_ = publish_count_;
  if (publishes >= kGatherPublishesMin) return;
  gathering_ = false;
  burst_publishes_ = 0;
}

}  // namespace mycelium::core
