// What a Session does with data: PUBLISH, REQUEST and its answers, and the ACK
// of a group's member.
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/request_faults.h"
#include "broker/session.h"
#include "config/limits.h"

namespace mycelium::broker {
namespace {

// type_id, kind and topic_bytes at once: what frames of one run share.
uint32_t RunKey(const FrameHeader& header) {
  return header.type_id | uint32_t{header.kind} << 16 |
         uint32_t{header.topic_bytes} << 24;
}

}  // namespace

uint32_t Session::PublishRun(const Inbox::Bytes& input, const FrameView& first,
                             int64_t now_ms) {
  if (LacksSchema()) {
    Fail(wire::CODE_SCHEMA, absl::StrCat("publish: ", kSchemaRequired), now_ms);
    return 0;
  }
  Router& router = context_->router;
  Router::Type* const type = router.FindType(first.header.type_id);
  router.NotePublisher(type, this);
  const std::string_view topic = first.topic();
  const uint32_t key = RunKey(first.header);
  const uint32_t body_bytes_max = frame_bytes_max_;
  uint8_t* const bytes = input.block->bytes();
  uint64_t sequence = *router.Sequence(type);
  uint64_t last_id = last_publish_id_;
  uint64_t refused_id = 0;
  bool duplicate = false;  // of what was accepted before a reconnect

  uint32_t at = input.begin, frames = 0;
  // While frames look alike, where the next one begins does not have to wait
  // for a load: the processor guesses the branch and reads on.
  uint64_t shape = LoadShape(bytes + at);
  uint32_t frame_bytes = kHeaderBytes + first.header.body_bytes;
  while (true) {
    const uint64_t id = LoadId(bytes + at);
    if (id != 0) {
      if (id <= last_id) {
        duplicate = id <= duplicates_through_;
        if (!duplicate) refused_id = id;
        break;
      }
      last_id = id;
    }
    StoreId(++sequence, bytes + at);
    at += frame_bytes;
    ++frames;
    // The next one too, if it needs no other route; what it may lack is judged
    // by the next call of FrameReader.
    if (input.end - at < kHeaderBytes) break;
    if (const uint64_t next = LoadShape(bytes + at); next != shape) {
      const FrameHeader header = LoadHeader(bytes + at);
      if (RunKey(header) != key || header.body_bytes > body_bytes_max ||
          header.body_bytes < header.topic_bytes) {
        break;
      }
      shape = next;
      frame_bytes = kHeaderBytes + header.body_bytes;
    }
    if (input.end - at < frame_bytes) break;
    if (!topic.empty() && std::memcmp(bytes + at + kHeaderBytes, topic.data(),
                                      topic.size()) != 0) {
      break;
    }
  }

  last_publish_id_ = last_id;
  *router.Sequence(type) = sequence;
  if (frames > 0) {
    const uint32_t run_bytes = at - input.begin;
    unacked_bytes_ += run_bytes;
    for (TrafficCounters* c : {&context_->counters, &counters}) {
      c->frames_in += frames;
      c->bytes_in += run_bytes;
    }
    context_->metrics.by_type.Of(first.header.type_id).bytes_in += run_bytes;
    router.Deliver(type, topic, this, input.block, input.begin, at, frames,
                   now_ms);
    if (context_->taps.any()) [[unlikely]] {
      ShowToTaps({input.block, input.begin, at, frames}, now_ms);
    }
  }
  if (duplicate) {
    at += frame_bytes;
    for (TrafficCounters* c : {&context_->counters, &counters}) {
      ++c->frames_duplicate;
    }
  }
  if (refused_id != 0) {
    Fail(wire::CODE_PROTOCOL,
         absl::StrCat("publish: id ", refused_id, " after ", last_id,
                      ", allowed 0 or a greater one"),
         now_ms);
  }
  return at - input.begin;
}

uint32_t Session::AskOrAnswer(const Inbox::Bytes& input, const FrameView& frame,
                              int64_t now_ms) {
  const auto frame_bytes = static_cast<uint32_t>(frame.frame_bytes());
  if (LacksSchema()) {
    Fail(wire::CODE_SCHEMA, absl::StrCat("request: ", kSchemaRequired), now_ms);
    return 0;
  }
  const Slice slice{input.block, input.begin, input.begin + frame_bytes, 1};
  const bool request =
      frame.header.kind == static_cast<uint8_t>(DataKind::kRequest);
  const uint32_t open_max = context_->limits.requests_per_session_max;
  Port* requester = request ? this : nullptr;
  const std::string fault =
      request ? context_->requests.Ask(this, slice, open_max)
              : context_->requests.Answer(this, slice, &requester);
  if (fault.empty() && context_->taps.any()) ShowToTaps(slice, now_ms);
  if (!fault.empty()) {
    Fail(wire::CODE_PROTOCOL, fault, now_ms);
  } else if (requester != nullptr &&
             requester->outbox.answer_bytes() > kQueueBytesMaxDefault) {
    static_cast<Session*>(requester)->Fail(
        wire::CODE_SLOW_CONSUMER,
        absl::StrCat("session: ", requester->outbox.answer_bytes(),
                     " bytes of replies not read, allowed ",
                     kQueueBytesMaxDefault),
        now_ms);
  }
  return frame_bytes;
}

void Session::ShowToTaps(const Slice& frames, int64_t now_ms) {
  context_->taps.See(*this, frames, now_ms + context_->unix_offset_ms);
}

void Session::OnAck(const FrameView& frame, int64_t now_ms) {
  wire::Ack ack;
  if (!Parse(frame, &ack, now_ms)) return;
  const auto it = subscriptions_.find(ack.subscription_id());
  if (it == subscriptions_.end() || it->second->group.empty()) {
    return Fail(wire::CODE_PROTOCOL,
                absl::StrCat("ack: subscription_id ", ack.subscription_id(),
                             ", allowed a member of a group"),
                now_ms);
  }
  if (context_->router.Acknowledge(it->second.get(), ack.frames())) return;
  Fail(wire::CODE_PROTOCOL,
       absl::StrCat("ack: subscription ", ack.subscription_id(),
                    " has been sent ", it->second->frames_sent, " frames, ",
                    ack.frames(), " acknowledged"),
       now_ms);
}

}  // namespace mycelium::broker
