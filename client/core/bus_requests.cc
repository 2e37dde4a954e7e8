#include "client/core/bus_requests.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "broker/subscription_index.h"
#include "client/core/bus_peer.h"
#include "client/core/bus_respondent.h"
#include "config/limits.h"

namespace mycelium::core {
namespace {

// While it lives, this thread runs a callback of `whose`: a client's on_reply,
// or a responder.
class Runs {
 public:
  explicit Runs(const void* whose) : whose_(whose), outer_(innermost) {
    innermost = this;
  }
  Runs(const Runs&) = delete;
  Runs& operator=(const Runs&) = delete;
  ~Runs() { innermost = outer_; }

  static bool Here(const void* whose) {
    for (const Runs* each = innermost; each != nullptr; each = each->outer_) {
      if (each->whose_ == whose) return true;
    }
    return false;
  }
  static uint32_t Depth() {
    uint32_t depth = 0;
    for (const Runs* each = innermost; each != nullptr; each = each->outer_) {
      ++depth;
    }
    return depth;
  }

 private:
  static thread_local constinit const Runs* innermost;

  const void* const whose_;
  const Runs* const outer_;
};
thread_local constinit const Runs* Runs::innermost = nullptr;

Status LostStatus(const BusResponder& responder) {
  return {StatusCode::kUnavailable,
          "request: " + responder.told_as + " was lost before it answered"};
}

Status TooLate() {
  return {StatusCode::kDeadlineExceeded,
          "request: no answer before the deadline"};
}

// Of a Message, or a request in a queue.
template <typename Request>
uint64_t FrameBytes(const Request& request) {
  return kHeaderBytes + request.topic.size() + request.payload.size();
}

}  // namespace

// --- Open requests ----------------------------------------------------------

BusRequests::Open* BusRequests::Find(uint64_t id) {
  const auto place = static_cast<uint32_t>(id);
  if (place >= slots_.size() || slots_[place]->id != id) return nullptr;
  return slots_[place].get();
}

BusRequests::Open* BusRequests::Make() {
  if (free_.empty()) {
    free_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.push_back(std::make_unique<Open>());
  }
  const uint32_t place = free_.back();
  free_.pop_back();
  Open* const open = slots_[place].get();
  open->id = uint64_t{++open->generation} << 32 | place;
  return open;
}

BusRequests::Ended BusRequests::Take(Open* open) {
  BusResponder& responder = *open->responder;
  --responder.open;
  // Perhaps it has not begun.
  const auto queued = std::find_if(
      responder.queue.begin(), responder.queue.end(),
      [open](const auto& request) { return request.id == open->id; });
  if (queued != responder.queue.end()) {
    responder.queued_bytes -= FrameBytes(*queued);
    responder.queue.erase(queued);
  }
  if (open->timer.has_value()) DeadlineTimer::Get().Remove(*open->timer);
  Ended ended{std::move(open->requester), std::move(open->on_reply),
              std::move(open->waiting)};
  --ended.requester->requests_open;
  ++ended.requester->replies_running;
  open->responder.reset();
  open->on_reply = nullptr;
  open->timer.reset();
  free_.push_back(static_cast<uint32_t>(open->id));
  open->id = 0;
  return ended;
}

template <typename Ends>
std::vector<BusRequests::Ended> BusRequests::TakeAll(Ends ends) {
  std::vector<Ended> all;
  for (const std::unique_ptr<Open>& open : slots_) {
    if (open->id != 0 && ends(*open)) all.push_back(Take(open.get()));
  }
  return all;
}

// Without mutex_.
void BusRequests::Tell(Ended ended, const Status& status,
                       const Message* reply) {
  if (ended.waiting == nullptr) {
    return CallReply(ended.requester, ended.on_reply, status, reply);
  }
  const std::lock_guard lock(mutex_);
  Waiting& waiting = *ended.waiting;
  waiting.status = status;
  if (reply != nullptr) {
    waiting.type_id = reply->type_id;
    waiting.payload.assign(reply->payload.begin(), reply->payload.end());
  }
  waiting.ended = true;
  waiting.changed.notify_all();
}

// Without mutex_, and counted as running already.
void BusRequests::CallReply(const std::shared_ptr<BusPeer>& requester,
                            const ReplyHandler& on_reply, const Status& status,
                            const Message* reply) {
  {
    const Runs runs(requester.get());
    on_reply(status, reply);
  }
  const std::lock_guard lock(mutex_);
  --requester->replies_running;
  reply_over_.notify_all();
}

bool BusRequests::Answer(uint64_t id, const Status& status,
                         const Message* reply) {
  Ended ended;
  {
    const std::lock_guard lock(mutex_);
    Open* const open = Find(id);
    if (open == nullptr) return false;
    ended = Take(open);
  }
  Tell(std::move(ended), status, reply);
  return true;
}

void BusRequests::Cancel(const BusPeer* requester, uint64_t id,
                         const Status& why) {
  Ended ended;
  {
    const std::lock_guard lock(mutex_);
    Open* const open = Find(id);
    if (open == nullptr || open->requester.get() != requester) return;
    ended = Take(open);
  }
  Tell(std::move(ended), why, nullptr);
}

bool BusRequests::IsOpen(uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto place = static_cast<uint32_t>(id);
  return place < slots_.size() && slots_[place]->id == id;
}

// --- Asking -----------------------------------------------------------------

// The least busy one that has room; of equals each in turn.
Status BusRequests::Choose(const BusPeer& requester, const Message& request,
                           std::shared_ptr<BusResponder>* chosen) {
  if (requester.requests_open >= kRequestsPerSessionMaxDefault) {
    return {StatusCode::kResourceExhausted,
            "request: " + std::to_string(requester.requests_open) +
                " are open, allowed " +
                std::to_string(kRequestsPerSessionMaxDefault)};
  }
  uint32_t matching = 0;
  ++turn_;
  for (const uint16_t of : {request.type_id, uint16_t{0}}) {
    const auto it = responders_.find(of);
    if (it == responders_.end()) continue;
    const size_t count = it->second.size();
    for (size_t i = 0; i < count; ++i) {
      const auto& each = it->second[(turn_ + i) % count];
      if (!TopicMatches(each->options.topic_filter, request.topic)) continue;
      ++matching;
      if (each->queued_bytes + FrameBytes(request) <=
              each->options.policy.queue_bytes_max &&
          each->open < kRequestsPerSessionMaxDefault &&
          (*chosen == nullptr || each->open < (*chosen)->open)) {
        *chosen = each;
      }
    }
  }
  if (*chosen != nullptr) return {};
  const std::string type = std::to_string(request.type_id);
  if (matching != 0) {
    return {StatusCode::kResourceExhausted,
            "request: all " + std::to_string(matching) +
                " responders of type " + type + " are full"};
  }
  return {StatusCode::kNotFound, "request: nobody answers type " + type +
                                     (request.topic.empty() ? "" : " topic ") +
                                     std::string(request.topic)};
}

Status BusRequests::Ask(const std::shared_ptr<BusPeer>& requester,
                        uint16_t type_id, std::span<const uint8_t> payload,
                        const RequestOptions& options, ReplyHandler on_reply,
                        uint64_t* call) {
  if (Runs::Depth() >= kInprocNestingMax) {
    return {StatusCode::kResourceExhausted,
            "request: nested " + std::to_string(kInprocNestingMax + 1) +
                " deep, inproc_nesting_max " +
                std::to_string(kInprocNestingMax)};
  }
  const Message request{.type_id = type_id,
                        .kind = DataKind::kRequest,
                        .topic = options.topic,
                        .payload = payload};
  std::shared_ptr<BusResponder> responder;
  std::shared_ptr<Waiting> waiting;
  if (options.wait) waiting = std::make_shared<Waiting>();
  uint64_t id = 0;
  {
    Lock lock(mutex_);
    if (requester->closed.load()) {
      lock.unlock();
      return requester->OpenOr("request");
    }
    const Status refused = Choose(*requester, request, &responder);
    if (!refused.ok()) {
      ++requester->replies_running;
      lock.unlock();
      CallReply(requester, on_reply, refused, nullptr);
      return {};
    }
    id = Begin(requester, responder, request);
    Open* const open = Find(id);
    open->waiting = waiting;
    if (waiting == nullptr) open->on_reply = std::move(on_reply);
    if (call != nullptr) *call = id;
  }
  if (responder->options.delivery == Delivery::kDirect) {
    CallDirect(responder, requester, id, request);
  }
  if (waiting != nullptr) {
    WaitForAnswer(id, waiting, requester, on_reply, options.deadline);
  } else if (options.deadline != kNoDeadline) {
    SetTimer(requester, id, options.deadline);
  }
  return {};
}

// Opens a request and puts it into its responder's queue, or counts a call of
// it as running.
uint64_t BusRequests::Begin(const std::shared_ptr<BusPeer>& requester,
                            const std::shared_ptr<BusResponder>& responder,
                            const Message& request) {
  Open* const open = Make();
  open->requester = requester;
  open->responder = responder;
  ++requester->requests_open;
  ++responder->open;
  if (responder->options.delivery == Delivery::kDirect) {
    ++responder->running;
    return open->id;
  }
  responder->queued_bytes += FrameBytes(request);
  responder->queue.push_back(
      {open->id,
       request.type_id,
       std::string(request.topic),
       {request.payload.begin(), request.payload.end()}});
  responder->changed.notify_all();
  return open->id;
}

// Counted as running already.
void BusRequests::CallDirect(const std::shared_ptr<BusResponder>& responder,
                             const std::shared_ptr<BusPeer>& requester,
                             uint64_t id, const Message& request) {
  {
    const Runs runs(responder.get());
    responder->on_request(
        request, std::make_unique<BusRespondent>(requester, responder, id));
  }
  RequestHandler released;  // what it owns may call in here
  const std::lock_guard lock(mutex_);
  if (--responder->running != 0 || responder->in_force) return;
  std::swap(released, responder->on_request);
  responder->changed.notify_all();
}

void BusRequests::WaitForAnswer(uint64_t id,
                                const std::shared_ptr<Waiting>& waiting,
                                const std::shared_ptr<BusPeer>& requester,
                                const ReplyHandler& on_reply,
                                Deadline deadline) {
  const auto ended = [&waiting] { return waiting->ended; };
  Lock lock(mutex_);
  if (deadline == kNoDeadline) {
    waiting->changed.wait(lock, ended);
  } else if (!waiting->changed.wait_until(lock, deadline, ended)) {
    Open* const open = Find(id);
    if (open != nullptr) {
      Take(open);
      waiting->status = TooLate();
    } else {
      waiting->changed.wait(lock, ended);  // somebody is about to say it
    }
  }
  lock.unlock();
  const Message reply{.type_id = waiting->type_id,
                      .kind = DataKind::kReply,
                      .topic = {},
                      .payload = waiting->payload};
  CallReply(requester, on_reply, waiting->status,
            waiting->status.ok() ? &reply : nullptr);
}

// If it has not been answered yet.
void BusRequests::SetTimer(const std::shared_ptr<BusPeer>& requester,
                           uint64_t id, Deadline deadline) {
  Ended ended;
  Status why;
  {
    const std::lock_guard lock(mutex_);
    Open* const open = Find(id);
    if (open == nullptr) return;
    try {
      const std::weak_ptr<Bus> weak = requester->bus;
      open->timer = DeadlineTimer::Get().Add(deadline, [weak, id] {
        const std::shared_ptr<Bus> bus = weak.lock();
        if (bus != nullptr) bus->requests.Answer(id, TooLate(), nullptr);
      });
      return;
    } catch (const std::system_error& error) {
      why = {
          StatusCode::kResourceExhausted,
          std::string("request: no thread for its deadline, ") + error.what()};
      ended = Take(open);
    }
  }
  Tell(std::move(ended), why, nullptr);
}

// --- Answering --------------------------------------------------------------

void BusRequests::Add(const std::shared_ptr<BusResponder>& responder) {
  const std::lock_guard lock(mutex_);
  responders_[responder->options.type_id].push_back(responder);
}

uint32_t BusRequests::Count(const void* owner) const {
  const std::lock_guard lock(mutex_);
  uint32_t count = 0;
  for (const auto& [type_id, all] : responders_) {
    for (const auto& each : all) count += each->owner == owner ? 1 : 0;
  }
  return count;
}

bool BusRequests::InForce(const BusResponder& responder) const {
  const std::lock_guard lock(mutex_);
  return responder.in_force;
}

void BusRequests::Run(const std::shared_ptr<BusResponder>& responder) {
  const Runs runs(responder.get());
  Lock lock(mutex_);
  while (true) {
    responder->changed.wait(lock, [&responder] {
      return !responder->in_force || !responder->queue.empty();
    });
    if (!responder->in_force) break;
    const BusResponder::Request next = std::move(responder->queue.front());
    responder->queue.pop_front();
    responder->queued_bytes -= FrameBytes(next);
    // What has ended meanwhile is not in the queue any more.
    const std::shared_ptr<BusPeer> requester = Find(next.id)->requester;
    lock.unlock();
    responder->on_request(
        Message{.type_id = next.type_id,
                .kind = DataKind::kRequest,
                .topic = next.topic,
                .payload = next.payload},
        std::make_unique<BusRespondent>(requester, responder, next.id));
    lock.lock();
  }
  RequestHandler released = std::move(responder->on_request);
  responder->on_request = nullptr;
  lock.unlock();
  released = nullptr;
  lock.lock();
  responder->thread_runs = false;
  responder->changed.notify_all();
}

void BusRequests::End(const std::shared_ptr<BusResponder>& responder) {
  std::vector<Ended> ended;
  RequestHandler released;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(responder->in_force, false)) return;
    const auto it = responders_.find(responder->options.type_id);
    std::erase(it->second, responder);
    if (it->second.empty()) responders_.erase(it);
    ended =
        TakeAll([&](const Open& open) { return open.responder == responder; });
    responder->changed.notify_all();
    if (responder->running == 0 && !responder->thread_runs) {
      std::swap(released, responder->on_request);
    }
  }
  for (Ended& each : ended) {
    Tell(std::move(each), LostStatus(*responder), nullptr);
  }
}

void BusRequests::Await(const std::shared_ptr<BusResponder>& responder) {
  if (Runs::Here(responder.get())) return;
  Lock lock(mutex_);
  responder->changed.wait(lock, [&responder] {
    return responder->running == 0 && !responder->thread_runs;
  });
}

// --- The end of a client ----------------------------------------------------

std::vector<std::shared_ptr<BusResponder>> BusRequests::EndAll(
    const BusPeer* peer, const Status& why) {
  std::vector<Ended> ended;
  std::vector<std::shared_ptr<BusResponder>> responders;
  {
    const std::lock_guard lock(mutex_);
    ended = TakeAll(
        [peer](const Open& open) { return open.requester.get() == peer; });
    for (const auto& [type_id, all] : responders_) {
      for (const auto& each : all) {
        if (each->owner == peer) responders.push_back(each);
      }
    }
  }
  for (const auto& each : responders) End(each);
  for (Ended& each : ended) Tell(std::move(each), why, nullptr);
  return responders;
}

void BusRequests::AwaitAll(const BusPeer* peer) {
  if (Runs::Here(peer)) return;
  Lock lock(mutex_);
  reply_over_.wait(lock, [peer] { return peer->replies_running == 0; });
}

}  // namespace mycelium::core
