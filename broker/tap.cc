#include "broker/tap.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/subscription_index.h"
#include "config/limits.h"
#include "proto/frame.h"

namespace mycelium::broker {
namespace {

FrameView ViewAt(const Slice& frames) {
  const uint8_t* const bytes = frames.block->bytes() + frames.begin;
  return {LoadHeader(bytes), bytes};
}

std::string Fault(const wire::TapRequest& request) {
  if (request.type_ids_size() > kTapFiltersMax ||
      request.topic_filters_size() > kTapFiltersMax) {
    return absl::StrCat("tap: ", request.type_ids_size(), " types and ",
                        request.topic_filters_size(),
                        " topic filters, allowed ", kTapFiltersMax, " of each");
  }
  for (const uint32_t type_id : request.type_ids()) {
    if (type_id >= 1 && type_id <= UINT16_MAX) continue;
    return absl::StrCat("tap: type ", type_id, ", allowed 1 to ", UINT16_MAX);
  }
  for (const std::string& filter : request.topic_filters()) {
    std::string why;
    if (filter.empty()) return "tap: an empty topic filter, allowed none";
    if (!ValidTopicFilter(filter, &why)) return absl::StrCat("tap: ", why);
  }
  return {};
}

}  // namespace

bool Taps::Tap::Takes(uint16_t type_id, std::string_view topic) const {
  if (!types.empty() &&
      std::find(types.begin(), types.end(), type_id) == types.end()) {
    return false;
  }
  return filters.empty() || std::any_of(filters.begin(), filters.end(),
                                        [topic](const std::string& filter) {
                                          return TopicMatches(filter, topic);
                                        });
}

void Taps::Tap::PopOldest() {
  const Run run = std::move(runs.front());
  runs.pop_front();
  bytes -= run.charged_bytes;
  if (!run.pins || runs.empty() ||
      runs.front().frames.block != run.frames.block) {
    return;
  }
  runs.front().pins = true;
  runs.front().charged_bytes += run.frames.block->capacity;
  bytes += run.frames.block->capacity;
}

void Taps::Tap::DropOldest() {
  frames_missed += runs.front().frames.frames;
  PopOldest();
}

void Taps::See(const Port& sender, const Slice& frames, int64_t unix_ms) {
  const FrameView first = ViewAt(frames);
  for (auto& [session_id, tap] : taps_) {
    if (!tap.Takes(first.header.type_id, first.topic())) continue;
    // Runs of the same block pin it once.
    const bool pins =
        tap.runs.empty() || tap.runs.back().frames.block != frames.block;
    const uint64_t charged_bytes =
        sizeof(Run) + sender.name.size() + (pins ? frames.block->capacity : 0);
    tap.runs.push_back(
        {frames, pins, charged_bytes, sender.session_id, sender.name, unix_ms});
    tap.bytes += charged_bytes;
    // The newest stays: a frame may be larger than all that a tap may keep.
    while (tap.bytes > kTapBytesMax && tap.runs.size() > 1) tap.DropOldest();
  }
}

std::string Taps::Answer(uint32_t session_id, const wire::TapRequest& request,
                         wire::Tap* reply) {
  if (std::string fault = Fault(request); !fault.empty()) return fault;
  Tap wanted;
  wanted.types.assign(request.type_ids().begin(), request.type_ids().end());
  wanted.filters.assign(request.topic_filters().begin(),
                        request.topic_filters().end());
  const auto it = taps_.find(session_id);
  if (it != taps_.end() && it->second.types == wanted.types &&
      it->second.filters == wanted.filters) {
    FillPage(request.payload_bytes_max(), &it->second, reply);
    return {};
  }
  if (it == taps_.end() && taps_.size() >= kTapsMax) {
    return absl::StrCat("tap: ", taps_.size(), " sessions have one, allowed ",
                        kTapsMax);
  }
  taps_[session_id] = std::move(wanted);
  return {};
}

void Taps::FillPage(uint64_t payload_bytes_max, Tap* tap, wire::Tap* reply) {
  reply->set_frames_missed(std::exchange(tap->frames_missed, 0));
  uint64_t bytes = 0;
  while (!tap->runs.empty() && bytes <= kAdminPageBytesMax) {
    Run& run = tap->runs.front();
    const FrameView frame = ViewAt(run.frames);
    const std::span<const uint8_t> payload = frame.payload();
    const uint64_t copied = std::min<uint64_t>(
        {payload.size(), payload_bytes_max, kAdminPageBytesMax});
    wire::TappedFrame* const out = reply->add_frames();
    out->set_kind(frame.header.kind);
    out->set_type_id(frame.header.type_id);
    out->set_topic(std::string(frame.topic()));
    out->set_id(frame.header.id);
    out->set_session_id(run.session_id);
    out->set_session_name(run.session_name);
    out->set_unix_ms(static_cast<uint64_t>(run.unix_ms));
    out->set_payload_bytes(static_cast<uint32_t>(payload.size()));
    out->set_payload(payload.data(), copied);
    bytes += out->ByteSizeLong();
    run.frames.begin += static_cast<uint32_t>(frame.frame_bytes());
    if (--run.frames.frames == 0) tap->PopOldest();
  }
  reply->set_more(!tap->runs.empty());
}

void Taps::DropAll() {
  for (auto& [session_id, tap] : taps_) {
    while (!tap.runs.empty()) tap.DropOldest();
  }
}

}  // namespace mycelium::broker
