// What a Session does with SUBSCRIBE and UNSUBSCRIBE: where a subscription
// begins, and how it goes on after a reconnect.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "broker/request_faults.h"
#include "broker/session.h"
#include "config/limits.h"

namespace mycelium::broker {
namespace {

absl::flat_hash_map<uint16_t, uint64_t> SeenOf(const wire::Resume& resume) {
  absl::flat_hash_map<uint16_t, uint64_t> seen;
  for (const wire::TypeSequence& one : resume.seen()) {
    seen[static_cast<uint16_t>(one.type_id())] = one.sequence();
  }
  return seen;
}

void AddRange(wire::Gap* gap, uint16_t type_id, uint64_t frames, uint64_t first,
              uint64_t last) {
  wire::Gap::Range* const range = gap->add_ranges();
  range->set_type_id(type_id);
  range->set_frames(frames);
  if (type_id == 0) return;
  range->set_first_sequence(first);
  range->set_last_sequence(std::max(first, last));
}

std::string StartFault(const wire::Subscribe& request, const Router& router) {
  const bool alone = !request.responder() && request.group().empty();
  if (request.has_resume() && !alone) {
    return "subscribe: resume of a group's member or responder, allowed none";
  }
  if (request.start().from_case() == wire::Start::FROM_NOT_SET) return {};
  if (request.responder())
    return "subscribe: start of a responder, allowed none";
  if (!alone) return "subscribe: start with a group, allowed without one";
  const bool has_sequence = request.start().has_sequence();
  if (has_sequence && request.type_id() == 0) {
    return "subscribe: start.sequence with type_id 0, allowed one type";
  }
  const auto type_id = static_cast<uint16_t>(request.type_id());
  if (!router.history().Keeps(type_id)) {
    return absl::StrCat("subscribe: start, but no history keeps type ",
                        type_id);
  }
  const uint64_t next = router.Count(type_id) + 1;
  if (has_sequence && request.start().sequence() > next) {
    return absl::StrCat("subscribe: start.sequence ",
                        request.start().sequence(), ", allowed up to ", next);
  }
  return {};
}

}  // namespace

void Session::OnSubscribe(const FrameView& frame, int64_t now_ms) {
  wire::Subscribe request;
  if (!Parse(frame, &request, now_ms)) return;
  const uint32_t id = request.subscription_id();
  if (id == 0 || subscriptions_.contains(id)) {
    return Fail(wire::CODE_PROTOCOL,
                absl::StrCat("subscribe: subscription_id ", id,
                             ", allowed one that is not 0 and not in use"),
                now_ms);
  }
  wire::Subscribed reply;
  reply.set_subscription_id(id);
  wire::Code code = wire::CODE_SCHEMA;
  std::string fault = LacksSchema()
                          ? absl::StrCat("subscribe: ", kSchemaRequired)
                          : SubscribeFault(request, context_->limits,
                                           subscriptions_.size(), &code);
  if (fault.empty()) fault = StartFault(request, context_->router);
  if (!fault.empty()) {
    if (code == wire::CODE_OK) code = wire::CODE_INVALID_ARGUMENT;
    reply.set_code(code);
    reply.set_reason(fault);
    return Send(ControlKind::kSubscribed, frame.header.id,
                reply.SerializeAsString());
  }
  const Ref<Subscription> subscription = MakeSubscription(request);
  subscriptions_.emplace(id, subscription);
  if (!subscription->addressed()) {
    for (const uint16_t type_id : outbox.UnwrittenTypes()) {
      if (request.type_id() != 0 && request.type_id() != type_id) continue;
      wire::TypeSequence* const start = reply.add_starts();
      start->set_type_id(type_id);
      start->set_sequence(context_->router.Count(type_id));
    }
  }
  Send(ControlKind::kSubscribed, frame.header.id, reply.SerializeAsString());
  // Without resume it is another one, under an id that was kept for the last.
  Ref<Subscription> kept;
  if (instance_ != nullptr) kept = context_->instances.Take(instance_, id);
  if (subscription->responder) {
    return context_->requests.AddResponder(subscription);
  }
  if (request.has_resume()) {
    Resume(subscription, request.resume(), kept);
  } else if (request.has_start()) {
    StartFrom(subscription, request.start());
  }
  context_->router.Subscribe(subscription);
}

Ref<Subscription> Session::MakeSubscription(const wire::Subscribe& request) {
  Ref<Subscription> subscription(new Subscription);
  subscription->id = request.subscription_id();
  subscription->port = this;
  subscription->type_id = static_cast<uint16_t>(request.type_id());
  subscription->topic_filter = request.topic_filter();
  subscription->group = request.group();
  subscription->responder = request.responder();
  subscription->since_arrival = context_->router.history().next_arrival();
  subscription->since_session = session_id;
  const wire::Policy& policy = request.policy();
  subscription->overflow = policy.overflow();
  subscription->queue_bytes_max = policy.queue_bytes_max() != 0
                                      ? policy.queue_bytes_max()
                                      : context_->limits.queue_bytes_max;
  subscription->stall_ms_max = policy.has_stall_ms_max()
                                   ? policy.stall_ms_max()
                                   : context_->limits.stall_ms_max;
  return subscription;
}

// --- Out of history ---------------------------------------------------------

// What is found is given to the subscription, which then reaches back to it.
uint64_t Session::FindHistory(const History::Query& query,
                              Subscription* subscription,
                              std::vector<Slice>* found) const {
  uint64_t first_arrival = subscription->since_arrival;
  const uint64_t frames = context_->router.history().Find(
      query,
      [found](const Ref<Block>& block, uint32_t begin, uint32_t end,
              uint32_t frames) {
        found->push_back({block, begin, end, frames});
      },
      &first_arrival);
  subscription->since_arrival =
      std::min(subscription->since_arrival, first_arrival);
  return frames;
}

// The gap, if it says anything, and then what was found.
void Session::Replay(const Ref<Subscription>& subscription, wire::Gap* gap,
                     const std::vector<Slice>& found) {
  if (gap->unknown() || gap->ranges_size() > 0) {
    gap->set_subscription_id(subscription->id);
    gap->set_reason(wire::GAP_REASON_RECONNECT);
    for (const wire::Gap::Range& range : gap->ranges()) {
      subscription->frames += range.frames();
    }
    if (gap->unknown()) subscription->unknown_at = subscription->frames + 1;
    outbox.PushControl(ControlKind::kGap, 0, gap->SerializeAsString());
    for (TrafficCounters* c : {&context_->counters, &counters}) ++c->gaps;
    context_->metrics.CountGap(wire::GAP_REASON_RECONNECT, 0);
  }
  Ref<Delivery> delivery(new Delivery);
  delivery->subscriptions.push_back(subscription);
  delivery->addressee = subscription->id;
  delivery->replayed = true;
  for (const Slice& slice : found) {
    outbox.Append(slice.block, slice.begin, slice.end, slice.frames, delivery);
    for (TrafficCounters* c : {&context_->counters, &counters}) {
      c->frames_replayed += slice.frames;
    }
  }
  context_->router.Touch(this);
}

void Session::StartFrom(const Ref<Subscription>& subscription,
                        const wire::Start& start) {
  const Router& router = context_->router;
  const uint16_t type_id = subscription->type_id;
  History::Query query{.type_id = type_id,
                       .topic_filter = subscription->topic_filter};
  std::vector<Slice> found;
  wire::Gap gap;
  switch (start.from_case()) {
    case wire::Start::FROM_NOT_SET:
      return;
    case wire::Start::kLast:
      if (start.last() == 0) return;
      query.last = start.last();
      FindHistory(query, subscription.get(), &found);
      break;
    case wire::Start::kSequence: {
      const uint64_t first = std::max<uint64_t>(start.sequence(), 1);
      query.after = [first](uint16_t) { return first - 1; };
      const uint64_t kept = FindHistory(query, subscription.get(), &found);
      const uint64_t hole = router.HistoryHole(type_id);
      const uint64_t wanted = router.Count(type_id) + 1 - first;
      if (subscription->topic_filter.empty()) {
        if (wanted > kept) AddRange(&gap, type_id, wanted - kept, first, hole);
      } else if (hole >= first) {
        gap.set_unknown(true);
        AddRange(&gap, type_id, 0, first, hole);
      }
      break;
    }
    case wire::Start::kTimeUnixMs:
      query.since_ms = context_->SteadyMs(start.time_unix_ms());
      FindHistory(query, subscription.get(), &found);
      gap.set_unknown(router.HistoryLacks(type_id, query.since_ms));
      break;
  }
  Replay(subscription, &gap, found);
}

// --- After a reconnect ------------------------------------------------------

void Session::Resume(const Ref<Subscription>& subscription,
                     const wire::Resume& resume,
                     const Ref<Subscription>& kept) {
  const uint16_t type_id = subscription->type_id;
  const auto seen = SeenOf(resume);
  const auto seen_of = [&seen](uint16_t of) {
    const auto it = seen.find(of);
    return it == seen.end() ? uint64_t{0} : it->second;
  };
  History::Query query{.type_id = type_id,
                       .topic_filter = subscription->topic_filter};
  std::vector<Slice> found;
  wire::Gap gap;
  if (resumed_ && resume.epoch() == context_->epoch) {
    subscription->frames = resume.frames();
    subscription->since_session = resume.session_id();
  }
  if (resume.epoch() != context_->epoch) {
    FindHistory(query, subscription.get(), &found);
    gap.set_unknown(true);
    if (seen_of(type_id) != 0) {
      AddRange(&gap, type_id, 0, seen_of(type_id) + 1, 0);
    }
  } else if (kept && kept->type_id == type_id &&
             kept->topic_filter == subscription->topic_filter &&
             resume.session_id() >= kept->since_session) {
    subscription->frames = resume.frames();
    subscription->since_arrival = kept->since_arrival;
    subscription->since_session = kept->since_session;
    // Whether the client has read of that gap is not known.
    gap.set_unknown(resume.frames() < kept->unknown_at);
    const uint64_t missing =
        kept->frames - std::min(kept->frames, resume.frames());
    if (missing == 0 && !gap.unknown()) return;
    query.after = seen_of;
    query.since_arrival = kept->since_arrival;
    const uint64_t found_frames =
        FindHistory(query, subscription.get(), &found);
    if (missing > found_frames) {
      const uint64_t hole = context_->router.HistoryHole(type_id);
      AddRange(&gap, type_id, missing - found_frames, seen_of(type_id) + 1,
               hole);
    }
  } else {
    // Of a type of which it has seen nothing, nobody knows where it began.
    query.after = [&seen](uint16_t of) {
      const auto it = seen.find(of);
      return it == seen.end() ? UINT64_MAX : it->second;
    };
    const uint64_t found_frames =
        FindHistory(query, subscription.get(), &found);
    TellForgotten(*subscription, seen_of, found_frames, &gap);
  }
  Replay(subscription, &gap, found);
}

// The broker is the same, but what this subscription was given it does not know
// any more.
void Session::TellForgotten(
    const Subscription& subscription,
    const std::function<uint64_t(uint16_t type_id)>& seen_of,
    uint64_t found_frames, wire::Gap* gap) const {
  const Router& router = context_->router;
  const uint16_t type_id = subscription.type_id;
  const uint64_t seen = seen_of(type_id);
  if (type_id != 0 && subscription.topic_filter.empty() && seen != 0) {
    const uint64_t count = router.Count(type_id);
    const uint64_t since = count - std::min(count, seen);
    if (since > found_frames) {
      AddRange(gap, type_id, since - found_frames, seen + 1,
               router.HistoryHole(type_id));
    }
    return;
  }
  std::vector<uint16_t> types{type_id};
  if (type_id == 0) types = router.CountedTypes();
  const bool complete =
      std::all_of(types.begin(), types.end(), [&](uint16_t type) {
        const uint64_t last = seen_of(type);
        return last == 0 ? router.Count(type) == 0
                         : router.HistoryHole(type) <= last;
      });
  gap->set_unknown(!complete);
}

void Session::OnUnsubscribe(const FrameView& frame, int64_t now_ms) {
  wire::Unsubscribe request;
  if (!Parse(frame, &request, now_ms)) return;
  const auto it = subscriptions_.find(request.subscription_id());
  if (it == subscriptions_.end()) {
    return Fail(
        wire::CODE_PROTOCOL,
        absl::StrCat("unsubscribe: subscription_id ", request.subscription_id(),
                     ", allowed one that is in use"),
        now_ms);
  }
  EndSubscription(it->second);
  subscriptions_.erase(it);
  wire::Unsubscribed reply;
  reply.set_subscription_id(request.subscription_id());
  outbox.PushControl(ControlKind::kUnsubscribed, frame.header.id,
                     reply.SerializeAsString());
  context_->router.Touch(this);
}

}  // namespace mycelium::broker
