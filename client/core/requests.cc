#include "client/core/requests.h"

#include <string>

namespace mycelium::core {
namespace {

Status ErrorOf(const FrameView& frame) {
  RequestErrorBody error;
  if (Decode(frame.payload(), &error)) return {error.status, error.message};
  return {StatusCode::kInternal,
          "request: an error of " + std::to_string(frame.payload().size()) +
              " bytes that is not a RequestError message"};
}

// How a reply ends a request.
Requests::Ended EndBy(const FrameView& frame) {
  Requests::Ended ended;
  if (frame.header.kind == static_cast<uint8_t>(DataKind::kReply)) {
    ended.reply.assign(frame.bytes, frame.bytes + frame.frame_bytes());
  } else {
    ended.status = ErrorOf(frame);
  }
  return ended;
}

}  // namespace

uint32_t Requests::NextNumber() {
  while (true) {
    const auto number = static_cast<uint32_t>(++last_call_);
    if (number != 0 && !numbers_.contains(number)) return number;
  }
}

Status Requests::Begin(uint16_t type_id, std::span<const uint8_t> payload,
                       const RequestOptions& options, ReplyHandler* on_reply,
                       const std::shared_ptr<Waiting>& waiting, uint64_t* call,
                       bool* would_block, bool* nearer) {
  *would_block = *nearer = false;
  const std::lock_guard lock(mutex_);
  if (!closed_.ok()) return closed_;
  const uint32_t number = NextNumber();
  const Bytes frame =
      EncodeData(DataKind::kRequest, type_id, options.topic, payload, number);
  // Before anybody can look for it: the reply is read under the same mutex.
  Status status = outbox_->TryAppend(frame, would_block);
  if (!status.ok()) return status;
  if (waiting == nullptr && options.deadline != kNoDeadline) {
    const auto [it, fresh] = deadlines_.emplace(options.deadline, number);
    *nearer = it == deadlines_.begin();
  }
  *call = last_call_;
  numbers_.emplace(number, Open{last_call_, options.deadline,
                                std::move(*on_reply), waiting});
  open_.store(numbers_.size(), std::memory_order_relaxed);
  return {};
}

Requests::Open Requests::Take(Numbers::iterator it) {
  deadlines_.erase({it->second.deadline, it->first});
  Open open = std::move(it->second);
  numbers_.erase(it);
  open_.store(numbers_.size(), std::memory_order_relaxed);
  return open;
}

void Requests::Tell(Open open, Ended how, std::vector<Ended>* ended) {
  how.on_reply = std::move(open.on_reply);
  if (open.waiting == nullptr) {
    ended->push_back(std::move(how));
    return;
  }
  open.waiting->how = std::move(how);
  open.waiting->ended = true;
  ended_.notify_all();
}

void Requests::Finish(Ended ended) {
  if (!ended.status.ok()) return ended.on_reply(ended.status, nullptr);
  const FrameView frame{LoadHeader(ended.reply.data()), ended.reply.data()};
  const Message reply = {.type_id = frame.header.type_id,
                         .kind = DataKind::kReply,
                         .topic = frame.topic(),
                         .payload = frame.payload()};
  ended.on_reply({}, &reply);
}

bool Requests::Cancel(uint64_t call, const Status& why, Ended* ended) {
  const std::lock_guard lock(mutex_);
  const auto it = numbers_.find(static_cast<uint32_t>(call));
  if (it == numbers_.end() || it->second.call != call) return false;
  const uint32_t number = it->first;
  std::vector<Ended> told;
  Tell(Take(it), {nullptr, why, {}}, &told);
  if (!told.empty()) *ended = std::move(told.front());
  outbox_->Append(EncodeEmpty(ControlKind::kCancel, number));
  return true;
}

bool Requests::Await(const Waiting& waiting, Deadline deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [&waiting] { return waiting.ended; };
  if (deadline != kNoDeadline) {
    return ended_.wait_until(lock, deadline, done);
  }
  ended_.wait(lock, done);
  return true;
}

bool Requests::HasEnded(const Waiting& waiting) const {
  const std::lock_guard lock(mutex_);
  return waiting.ended;
}

std::vector<Requests::Ended> Requests::FailAll(const Status& why, bool final) {
  const std::lock_guard lock(mutex_);
  if (final && closed_.ok()) closed_ = why;
  std::vector<Ended> ended;
  while (!numbers_.empty()) {
    Tell(Take(numbers_.begin()), {nullptr, why, {}}, &ended);
  }
  return ended;
}

// --- The reading thread -----------------------------------------------------

bool Requests::EndWaiting(const FrameView& frame) {
  const std::lock_guard lock(mutex_);
  if (frame.header.id > UINT32_MAX) return false;
  const auto it = numbers_.find(static_cast<uint32_t>(frame.header.id));
  if (it == numbers_.end() || it->second.waiting == nullptr) return false;
  Tell(Take(it), EndBy(frame), nullptr);
  return true;
}

void Requests::OnReply(const FrameView& frame) {
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    const auto it = frame.header.id > UINT32_MAX
                        ? numbers_.end()
                        : numbers_.find(static_cast<uint32_t>(frame.header.id));
    if (it == numbers_.end()) {
      replies_late_.fetch_add(1);
      return;
    }
    Tell(Take(it), EndBy(frame), &ended);
  }
  for (Ended& each : ended) Finish(std::move(each));
}

Deadline Requests::NextDeadline() const {
  if (!any()) return kNoDeadline;
  const std::lock_guard lock(mutex_);
  return deadlines_.empty() ? kNoDeadline : deadlines_.begin()->first;
}

std::vector<Requests::Ended> Requests::Expire(Deadline now) {
  std::vector<Ended> ended;
  if (!any()) return ended;
  const std::lock_guard lock(mutex_);
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const uint32_t number = deadlines_.begin()->second;
    Tell(Take(numbers_.find(number)),
         {nullptr,
          {StatusCode::kDeadlineExceeded,
           "request: no answer before the deadline"},
          {}},
         &ended);
    outbox_->Append(EncodeEmpty(ControlKind::kCancel, number));
  }
  return ended;
}

}  // namespace mycelium::core
