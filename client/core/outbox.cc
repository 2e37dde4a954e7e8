#include "client/core/outbox.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cerrno>
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
// Chunks that one call writes; a socket takes a few of them at a time.
constexpr size_t kPiecesMax = 8;

void SleepFor(int64_t us) {
  const timespec time{.tv_sec = 0, .tv_nsec = us * 1'000};
  nanosleep(&time, nullptr);
}

// All of the pieces, as far as the socket takes them without being waited for.
// How many bytes that was; *error is not 0 if it was not all.
uint64_t SendPieces(int socket, std::span<std::span<const uint8_t>> pieces,
                    int* error) {
  uint64_t total = 0;
  while (!pieces.empty()) {
    std::array<iovec, kPiecesMax> vectors;
    for (size_t i = 0; i < pieces.size(); ++i) {
      vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};
    }
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = pieces.size();
    const ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      *error = errno;
      break;
    }
    total += static_cast<uint64_t>(sent);
    auto left = static_cast<size_t>(sent);
    while (left != 0) {
      const size_t step = std::min(left, pieces.front().size());
      pieces.front() = pieces.front().subspan(step);
      left -= step;
      if (pieces.front().empty()) pieces = pieces.subspan(1);
    }
  }
  return total;
}

}  // namespace

Outbox::~Outbox() {
  {
    const Lock lock(mutex_);
    stop_ = true;
  }
  thread_wanted_.notify_all();
  if (thread_.joinable()) thread_.join();
}

// --- Publishing -------------------------------------------------------------

const HoldBody* Outbox::HolderOf(uint16_t type_id) const {
  if (type_id == 0) return nullptr;  // no PUBLISH
  for (const uint16_t held : {type_id, uint16_t{0}}) {
    const auto it = holds_.find(held);
    if (it != holds_.end()) return &it->second;
  }
  return nullptr;
}

Status Outbox::WhyNot(uint16_t type_id, uint64_t frame_bytes) {
  if (!ended_.ok()) return ended_;
  if (const HoldBody* by = HolderOf(type_id)) {
    return {StatusCode::kUnavailable,
            "publish: would block, type " + std::to_string(type_id) +
                " is held back by session " +
                std::to_string(by->by_session_id) + " (" + by->by_name + ")"};
  }
  if (log_.HasRoom(frame_bytes)) return {};
  return {StatusCode::kUnavailable,
          std::string(type_id == 0 ? "request" : "publish") +
              ": would block, " + std::to_string(log_.used_bytes()) +
              " bytes are not yet accepted, publish_bytes_max " +
              std::to_string(log_.bytes_max())};
}

Status Outbox::TryPublish(uint16_t type_id, std::string_view topic,
                          std::span<const uint8_t> payload,
                          OnAccepted* on_accepted, bool* would_block) {
  const uint64_t frame_bytes = kHeaderBytes + topic.size() + payload.size();
  Lock lock(mutex_);
  if (refuses_ || !log_.HasRoom(frame_bytes)) [[unlikely]] {
    Status why = WhyNot(type_id, frame_bytes);
    if (!why.ok()) {
      *would_block = ended_.ok();
      return why;
    }
  }
  const uint64_t id = log_.Publish(type_id, topic, payload);
  if (on_accepted != nullptr) [[unlikely]] {
    calls_.emplace_back(id, std::move(*on_accepted));
    AskForAck();
  }
  OnPublished(&lock);
  return {};
}

void Outbox::OnPublished(Lock* lock) {
  if (gathering_) {
    if (writing_ || log_.unwritten_bytes() < kGatherBytes) return;
    do {
      WriteOnce(lock);
    } while (std::exchange(tick_missed_, false) && !writing_);
    return;
  }
  if (broken_) [[unlikely]]
    return;
  if (writing_) {
    ++burst_publishes_;
  } else {
    const bool close = Clock::now() - last_write_end_ < kBurstGap;
    burst_publishes_ = close ? burst_publishes_ + 1 : 0;
  }
  if (burst_publishes_ >= kBurstPublishes && StartThread()) {
    gathering_ = true;
    last_tick_id_ = log_.last_publish_id();
    thread_wanted_.notify_one();
    return;
  }
  if (!writing_) WriteAll(lock);
}

Status Outbox::WaitForRoom(uint16_t type_id, uint64_t frame_bytes,
                           Deadline deadline) {
  Lock lock(mutex_);
  ++waiting_;
  const bool for_room = !log_.HasRoom(frame_bytes);
  if (for_room) {
    ++waiting_for_room_;
    AskForRoom();
    if (!writing_) WriteAll(&lock);
  }
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
  if (for_room) --waiting_for_room_;
  --waiting_;
  return why;
}

void Outbox::Append(std::span<const uint8_t> frame) {
  Lock lock(mutex_);
  log_.Append(frame);
  if (!writing_) WriteAll(&lock);
}

void Outbox::Append(std::span<const uint8_t> frame,
                    uint64_t connection_number) {
  Lock lock(mutex_);
  if (connection_number != connection_number_) return;
  log_.Append(frame);
  if (!writing_) WriteAll(&lock);
}

Status Outbox::TryAppend(std::span<const uint8_t> frame, bool* would_block) {
  Lock lock(mutex_);
  *would_block = false;
  Status why = WhyNot(/*type_id=*/0, frame.size());
  if (why.ok() && !log_.connected()) {
    why = {StatusCode::kUnavailable, "request: no connection"};
  } else if (!why.ok()) {
    *would_block = ended_.ok();
  }
  if (!why.ok()) return why;
  log_.Append(frame);
  if (!writing_) WriteAll(&lock);
  return {};
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

// --- Accepting --------------------------------------------------------------

// One such FLUSH at a time: when it comes back the next one may go.
void Outbox::AskForAck() {
  if (flush_on_way_ || !log_.connected()) return;
  flush_on_way_ = true;
  log_.Append(
      EncodeEmpty(ControlKind::kFlush, kOwnFlush | log_.last_publish_id()));
}

// The broker tells by itself what it has accepted, but not at once.
void Outbox::AskForRoom() {
  if (waiting_for_room_ == 0 || log_.unwritten_bytes() != 0) return;
  if (log_.settled_id() != log_.last_publish_id()) AskForAck();
}

bool Outbox::Settle(uint64_t publish_id, std::vector<OnAccepted>* settled) {
  if (!log_.Acked(publish_id)) return false;
  while (!calls_.empty() && calls_.front().first <= log_.settled_id()) {
    settled->push_back(std::move(calls_.front().second));
    calls_.pop_front();
  }
  if (waiting_ != 0 && WorthWaking()) changed_.notify_all();
  return true;
}

// Whoever waits for room alone can wait until there is enough of it for many
// frames: otherwise every ACK would wake it for a few.  The last ACK always
// is worth it, since nothing is left then.
bool Outbox::WorthWaking() {
  return waiting_ != waiting_for_room_ ||
         log_.used_bytes() <= log_.bytes_max() / 2;
}

bool Outbox::Acked(uint64_t publish_id, std::vector<OnAccepted>* settled) {
  const Lock lock(mutex_);
  return Settle(publish_id, settled);
}

bool Outbox::Flushed(uint64_t request_id, std::vector<OnAccepted>* settled) {
  Lock lock(mutex_);
  flush_on_way_ = false;
  if (!Settle(request_id & ~kOwnFlush, settled)) return false;
  if (!calls_.empty() ||
      (accepted_wanted_ && log_.settled_id() != log_.last_publish_id())) {
    AskForAck();
  }
  AskForRoom();
  if (!writing_) WriteAll(&lock);
  return true;
}

std::vector<Outbox::OnAccepted> Outbox::TakeCalls(uint64_t publish_id) {
  const Lock lock(mutex_);
  std::vector<OnAccepted> taken;
  while (!calls_.empty() && calls_.front().first <= publish_id) {
    taken.push_back(std::move(calls_.front().second));
    calls_.pop_front();
  }
  return taken;
}

// --- Connections ------------------------------------------------------------

bool Outbox::CanResumeAfter(uint64_t last_publish_id) const {
  const Lock lock(mutex_);
  return log_.CanResumeAfter(last_publish_id);
}

PublishLog::GivenBack Outbox::Connected(
    std::shared_ptr<const OwnedSocket> socket, uint64_t bytes_max,
    const WelcomeBody& welcome, std::span<const uint8_t> first) {
  Lock lock(mutex_);
  if (!ended_.ok()) return {};
  socket_ = std::move(socket);
  broken_ = false;
  ++connection_number_;
  log_.set_bytes_max(bytes_max);
  PublishLog::GivenBack given_back =
      log_.Connected(welcome.resumed, welcome.last_publish_id, first);
  flush_on_way_ = false;
  if (!calls_.empty() && calls_.back().first > log_.settled_id()) AskForAck();
  changed_.notify_all();
  WriteAll(&lock);
  return given_back;
}

void Outbox::Disconnected() {
  Lock lock(mutex_);
  broken_ = true;
  ++waiting_;
  changed_.wait(lock, [this] { return !writing_; });
  --waiting_;
  socket_ = nullptr;
  gathering_ = false;
  burst_publishes_ = 0;
  if (log_.connected()) log_.Disconnected();
  holds_.clear();
  refuses_ = !ended_.ok();
  changed_.notify_all();
}

PublishLog::GivenBack Outbox::GiveBackWritten() {
  const Lock lock(mutex_);
  changed_.notify_all();
  return log_.GiveBackWritten();
}

PublishLog::GivenBack Outbox::GiveBackAll() {
  const Lock lock(mutex_);
  return log_.GiveBackAll();
}

// --- The end ----------------------------------------------------------------

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
  const bool drained = changed_.wait_until(lock, deadline, [this] {
    return broken_ || (log_.unwritten_bytes() == 0 && !writing_);
  });
  --waiting_;
  return drained && !broken_;
}

bool Outbox::AwaitAccepted(Deadline deadline) {
  Lock lock(mutex_);
  accepted_wanted_ = true;
  const auto done = [this] {
    return broken_ || log_.settled_id() == log_.last_publish_id();
  };
  if (!done()) AskForAck();
  if (!writing_) WriteAll(&lock);
  ++waiting_;
  const bool accepted = changed_.wait_until(lock, deadline, done);
  --waiting_;
  return accepted;
}

// --- How it stands ----------------------------------------------------------

uint64_t Outbox::last_publish_id() const {
  const Lock lock(mutex_);
  return log_.last_publish_id();
}

uint64_t Outbox::connection_number() const {
  const Lock lock(mutex_);
  return connection_number_;
}

void Outbox::Count(ClientCounters* counters) const {
  const Lock lock(mutex_);
  counters->frames_published = log_.frames_published();
  counters->frames_accepted = log_.frames_accepted();
  counters->frames_resent = log_.frames_resent();
  counters->frames_unaccepted = log_.frames_given_back();
}

// --- Writing ----------------------------------------------------------------

// Until nothing is left, or somebody else sees to it.
void Outbox::WriteAll(Lock* lock) {
  do {
    WriteOnce(lock);
  } while (!broken_ && !writing_ && !gathering_ && log_.unwritten_bytes() != 0);
}

// REQUIRES: !writing_.
void Outbox::WriteOnce(Lock* lock) {
  if (broken_ || log_.unwritten_bytes() == 0) return;
  writing_ = true;
  Send(lock);
}

// REQUIRES: writing_, set by the caller or handed to it.
void Outbox::Send(Lock* lock) {
  std::array<std::span<const uint8_t>, kPiecesMax> pieces;
  const size_t count = log_.Take(pieces);
  const int descriptor = socket_->descriptor();
  int error = 0;
  lock->unlock();
  const uint64_t sent =
      SendPieces(descriptor, std::span(pieces).first(count), &error);
  lock->lock();
  log_.Wrote(sent);
  if (error == EAGAIN && StartThread()) {
    socket_full_ = true;
    thread_wanted_.notify_one();
    return;
  }
  if (error != 0) {
    // The reading side sees the end next, with the broker's reason if it gave
    // one, and tells everybody.
    broken_ = true;
    socket_->ShutDown();
  }
  writing_ = false;
  if (!gathering_) last_write_end_ = Clock::now();
  if (waiting_ != 0) {
    AskForRoom();
    changed_.notify_all();
  }
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
      pollfd writable{
          .fd = socket_->descriptor(), .events = POLLOUT, .revents = 0};
      lock.unlock();
      poll(&writable, 1, -1);
      lock.lock();
      socket_full_ = false;
      Send(&lock);
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
  const uint64_t publishes = log_.last_publish_id() - last_tick_id_;
  last_tick_id_ = log_.last_publish_id();
  if (publishes >= kGatherPublishesMin) return;
  gathering_ = false;
  burst_publishes_ = 0;
}

}  // namespace mycelium::core
