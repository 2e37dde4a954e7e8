#include "broker/requests.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {
namespace {

// absl::StatusCode.
constexpr uint32_t kNotFound = 5;
constexpr uint32_t kResourceExhausted = 8;
constexpr uint32_t kUnavailable = 14;

uint64_t FullId(uint32_t session_id, uint32_t number) {
  return uint64_t{session_id} << 32 | number;
}
uint32_t NumberOf(uint64_t id) { return static_cast<uint32_t>(id); }

}  // namespace

Requests::Requests(TrafficCounters* counters, BlockPool* pool, Router* router)
    : counters_(counters), pool_(pool), router_(router), home_(new Delivery) {}
Requests::~Requests() = default;

// --- Responders -------------------------------------------------------------

void Requests::Reindex(Type* type) {
  std::vector<SubscriptionIndex::Entry> entries;
  for (const Responder& responder : type->responders) {
    entries.push_back({responder.subscription->topic_filter,
                       static_cast<uint32_t>(entries.size())});
  }
  type->index = SubscriptionIndex(entries);
}

void Requests::AddResponder(const Ref<Subscription>& subscription) {
  Type& type = types_[subscription->type_id];
  Ref<Delivery> delivery(new Delivery);
  delivery->addressee = subscription->id;
  delivery->subscriptions.push_back(subscription);
  type.responders.push_back({subscription, std::move(delivery)});
  Reindex(&type);
}

void Requests::RemoveResponder(const Ref<Subscription>& subscription) {
  const auto it = types_.find(subscription->type_id);
  std::erase_if(it->second.responders, [&](const Responder& responder) {
    return responder.subscription == subscription;
  });
  Reindex(&it->second);
  if (it->second.responders.empty()) types_.erase(it);
  Port* const port = std::exchange(subscription->port, nullptr);
  for (const uint64_t id : port->requests_asked) {
    Open& open = open_.at(id);
    if (open.responder == subscription) TellLost(id, &open);
  }
  // What it has not been sent it cannot answer.
  for (const Slice& slice : port->outbox.TakeUnwritten(subscription.get())) {
    for (uint32_t at = slice.begin; at < slice.end;) {
      const FrameHeader header = LoadHeader(slice.block->bytes() + at);
      open_.erase(header.id);
      port->requests_asked.erase(header.id);
      at += kHeaderBytes + header.body_bytes;
    }
  }
}

void Requests::Match(uint16_t type_id, std::string_view topic) {
  matches_.clear();
  for (const uint16_t of : {type_id, uint16_t{0}}) {
    const auto it = types_.find(of);
    if (it == types_.end()) continue;
    numbers_.clear();
    it->second.index.Match(topic, &numbers_);
    for (const uint32_t number : numbers_) {
      matches_.push_back(&it->second.responders[number]);
    }
  }
}

// --- Requests ---------------------------------------------------------------

std::string Requests::Ask(Port* requester, const Slice& frame,
                          uint32_t open_max) {
  uint8_t* const bytes = frame.block->bytes() + frame.begin;
  const FrameView view{LoadHeader(bytes), bytes};
  const uint64_t number = view.header.id;
  const uint64_t id = FullId(requester->session_id, NumberOf(number));
  if (number == 0 || number >> 32 != 0) {
    return absl::StrCat("request: id ", number, ", allowed 1 to 4294967295");
  }
  if (open_.contains(id)) {
    return absl::StrCat("request: id ", number,
                        " is open already, allowed a new one");
  }
  const uint16_t type_id = view.header.type_id;
  ++counters_->requests;
  ++requester->counters.requests;
  const auto refuse = [&](uint32_t status, const std::string& message) {
    SendError(requester, type_id, NumberOf(number), status, message);
    return std::string();
  };
  if (requester->requests_open.size() >= open_max) {
    return refuse(kResourceExhausted,
                  absl::StrCat("request: ", requester->requests_open.size(),
                               " are open, allowed ", open_max));
  }
  const std::string_view topic = view.topic();
  Match(type_id, topic);
  if (matches_.empty()) {
    return refuse(kNotFound,
                  absl::StrCat("request: nobody answers type ", type_id,
                               topic.empty() ? "" : " topic ",
                               absl::string_view(topic.data(), topic.size())));
  }
  const uint32_t frame_bytes = frame.end - frame.begin;
  const Responder* best = nullptr;
  // Of those with as few to answer, in turn.
  ++turn_;
  for (size_t i = 0; i < matches_.size(); ++i) {
    const Responder* const responder = matches_[(turn_ + i) % matches_.size()];
    const Subscription& subscription = *responder->subscription;
    if (subscription.queued_bytes + frame_bytes >
            subscription.queue_bytes_max ||
        subscription.port->requests_asked.size() >= open_max) {
      continue;
    }
    if (best == nullptr ||
        subscription.requests_asked < best->subscription->requests_asked) {
      best = responder;
    }
  }
  if (best == nullptr) {
    return refuse(kResourceExhausted,
                  absl::StrCat("request: all ", matches_.size(),
                               " responders of type ", type_id, " are full"));
  }
  Port* const port = best->subscription->port;
  StoreId(id, bytes);
  open_.emplace(id, Open{requester, best->subscription, port, type_id});
  requester->requests_open.insert(id);
  port->requests_asked.insert(id);
  ++best->subscription->requests_asked;
  port->outbox.Append(frame.block, frame.begin, frame.end, 1, best->delivery);
  router_->Touch(port);
  return {};
}

std::string Requests::Answer(Port* responder, const Slice& frame,
                             Port** requester) {
  uint8_t* const bytes = frame.block->bytes() + frame.begin;
  const uint64_t id = LoadId(bytes);
  const auto it = open_.find(id);
  if (it == open_.end() || it->second.responder_port != responder) {
    return absl::StrCat("reply: request ", NumberOf(id), " of session ",
                        id >> 32, " was not asked of this session");
  }
  const Open open = std::move(it->second);
  open_.erase(it);
  responder->requests_asked.erase(id);
  --open.responder->requests_asked;
  *requester = open.requester;
  if (open.requester == nullptr) {
    ++counters_->replies_late;
    return {};
  }
  open.requester->requests_open.erase(id);
  StoreId(NumberOf(id), bytes);
  ToRequester(open.requester, frame);
  return {};
}

void Requests::Cancel(Port* requester, uint64_t id) {
  if (id >> 32 != 0) return;
  const uint64_t full_id = FullId(requester->session_id, NumberOf(id));
  if (requester->requests_open.erase(full_id) == 0) return;
  Open& open = open_.at(full_id);
  open.requester = nullptr;
  open.responder_port->outbox.PushControl(ControlKind::kCancel, full_id, {});
  router_->Touch(open.responder_port);
}

void Requests::EndPort(Port* port) {
  for (const uint64_t id : port->requests_asked) {
    const auto it = open_.find(id);
    TellLost(id, &it->second);
    --it->second.responder->requests_asked;
    open_.erase(it);
  }
  port->requests_asked.clear();
  for (const uint64_t id : port->requests_open) {
    Open& open = open_.at(id);
    open.requester = nullptr;
    open.responder_port->outbox.PushControl(ControlKind::kCancel, id, {});
    router_->Touch(open.responder_port);
  }
  port->requests_open.clear();
}

void Requests::TellLost(uint64_t id, Open* open) {
  Port* const requester = std::exchange(open->requester, nullptr);
  if (requester == nullptr) return;
  requester->requests_open.erase(id);
  const Port& lost = *open->responder_port;
  SendError(requester, open->type_id, NumberOf(id), kUnavailable,
            absl::StrCat("request: session ", lost.session_id, " (",
                         absl::Utf8SafeCEscape(lost.name),
                         ") was lost before it answered"));
}

void Requests::SendError(Port* requester, uint16_t type_id, uint32_t number,
                         uint32_t status, const std::string& message) {
  ++counters_->requests_unanswered;
  wire::RequestError error;
  error.set_status(status);
  error.set_message(message);
  error.set_from_broker(true);
  const std::string payload = error.SerializeAsString();
  const auto frame_bytes = static_cast<uint32_t>(kHeaderBytes + payload.size());
  Ref<Block> block = pool_->TakeExact(frame_bytes);
  StoreHeader({.body_bytes = static_cast<uint32_t>(payload.size()),
               .type_id = type_id,
               .kind = static_cast<uint8_t>(DataKind::kErrorReply),
               .topic_bytes = 0,
               .id = number},
              block->bytes());
  std::memcpy(block->bytes() + kHeaderBytes, payload.data(), payload.size());
  ToRequester(requester, {block, 0, frame_bytes, 1});
}

void Requests::ToRequester(Port* requester, const Slice& frame) {
  if (requester->closed) return;
  requester->outbox.Append(frame.block, frame.begin, frame.end, 1, home_);
  router_->Touch(requester);
}

}  // namespace mycelium::broker
