// What a Connection does for those who ask and those who answer; the reading
// thread's part is in reading_thread.cc.
#include <utility>

#include "client/core/arguments.h"
#include "client/core/connection.h"

namespace mycelium::core {
namespace {

Status TooLate() {
  return {StatusCode::kDeadlineExceeded,
          "request: no answer before the deadline"};
}

}  // namespace

Status Connection::Request(uint16_t type_id, std::span<const uint8_t> payload,
                           const RequestOptions& options, ReplyHandler on_reply,
                           uint64_t* call) {
  Status status = CheckRequest(type_id, options.topic, payload.size(),
                               frame_bytes_max_.load());
  if (!status.ok()) return status;
  if (options.deadline <= Clock::now()) return TooLate();
  const uint64_t frame_bytes =
      kHeaderBytes + options.topic.size() + payload.size();
  const auto waiting =
      options.wait ? std::make_shared<Requests::Waiting>() : nullptr;
  uint64_t number;
  if (call == nullptr) call = &number;
  bool would_block, nearer;
  while (true) {
    status = requests_.Begin(type_id, payload, options, &on_reply, waiting,
                             call, &would_block, &nearer);
    if (!would_block) break;
    status = AwaitRoom(/*type_id=*/0, frame_bytes, options.deadline);
    if (!status.ok()) return status;
  }
  if (!status.ok()) return status;
  if (nearer && !OnReadingThread()) waker_.Wake();
  if (waiting != nullptr) {
    AwaitReply(*call, *waiting, options.deadline);
    Requests::Finish(std::move(waiting->how));
  } else {
    const Lock lock(mutex_);
    WakeStuckReader();
  }
  return {};
}

void Connection::AwaitReply(uint64_t call, const Requests::Waiting& waiting,
                            Deadline deadline) {
  Status status;
  if (OnReadingThread()) {
    status = ReadOn("request", deadline, /*poll_ms_max=*/-1,
                    [&] { return requests_.HasEnded(waiting); });
    if (status.code == StatusCode::kDeadlineExceeded) status = TooLate();
  } else {
    {
      const Lock lock(mutex_);
      ++waiting_;
      WakeStuckReader();
    }
    if (!requests_.Await(waiting, deadline)) status = TooLate();
    const Lock lock(mutex_);
    --waiting_;
  }
  if (status.ok()) return;
  Requests::Ended none;  // it is waited for, and so is told itself
  requests_.Cancel(call, status, &none);
}

void Connection::Cancel(uint64_t call) {
  Requests::Ended ended;
  const Status cancelled = {StatusCode::kCancelled, "request: cancelled"};
  if (!requests_.Cancel(call, cancelled, &ended)) return;
  if (ended.on_reply != nullptr) {
    Requests::Finish(std::move(ended));
  } else {
    waker_.Wake();  // it may be the reading thread that waits
  }
}

Status Connection::Respond(const SubscribeOptions& options,
                           RequestHandler on_request,
                           std::shared_ptr<Subscriber>* subscriber) {
  const Status status = CheckRespond(options, on_request);
  if (!status.ok()) return status;
  Handler handler;
  handler.on_message = [responses = responses_,
                        on_request =
                            std::move(on_request)](const Message& message) {
    auto respondent = responses->Begin(message.sequence, message.type_id);
    if (respondent == nullptr) return;
    Message request = message;
    request.sequence = 0;
    on_request(request, std::move(respondent));
  };
  return AddSubscriber(options, std::move(handler), /*responder=*/true,
                       subscriber);
}

ClientCounters Connection::counters() const {
  ClientCounters counters;
  outbox_.Count(&counters);
  {
    const Lock lock(mutex_);
    counters.reconnects = reconnects_;
  }
  counters.frames_received = received_.frames.load(std::memory_order_relaxed);
  counters.frames_missed = received_.missed.load(std::memory_order_relaxed);
  counters.gaps = received_.gaps.load(std::memory_order_relaxed);
  received_.queues.AddTo(&counters);
  counters.replies_late = requests_.replies_late();
  return counters;
}

}  // namespace mycelium::core
