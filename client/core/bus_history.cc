#include "client/core/bus_history.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "client/core/queued_frame.h"

namespace mycelium::core {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

int64_t NowMs() {
  return duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
}

// Of a time since 1970, which may be any.
int64_t SteadyMs(uint64_t unix_ms) {
  const int64_t unix_now_ms =
      duration_cast<milliseconds>(
          std::chrono::system_clock::now().time_since_epoch())
          .count();
  const auto then = static_cast<int64_t>(
      std::min(unix_ms, static_cast<uint64_t>(INT64_MAX / 2)));
  return NowMs() - (unix_now_ms - then);
}

StoredFrame GapFrame(const Gap& gap) {
  const std::vector<uint8_t> body = QueuedGapBody(gap);
  return StoredFrame(QueuedGapHeader(body.size()), {}, body);
}

}  // namespace

BusHistory::BusHistory(const std::vector<HistoryRule>& rules)
    : history_(&pool_) {
  history_.Configure(rules);
}

void BusHistory::Add(std::string_view topic, const StoredFrame& frame) {
  const int64_t now_ms = NowMs();
  if (history_.next_due_ms() <= now_ms) history_.Tick(now_ms);
  const FrameView view = frame.view();
  history_.Add(view.header.type_id, topic, view.bytes, 1, now_ms);
}

uint64_t BusHistory::Find(const History::Query& query,
                          std::vector<StoredFrame>* frames) {
  return history_.Find(query, [frames](const auto& block, uint32_t begin,
                                       uint32_t end, uint32_t) {
    for (const uint8_t* at = block->bytes() + begin;
         at != block->bytes() + end;) {
      const FrameView frame{LoadHeader(at), at};
      frames->emplace_back(
          frame.header, std::string_view(),
          std::span(at + kHeaderBytes, frame.header.body_bytes));
      at += frame.frame_bytes();
    }
  });
}

Status BusHistory::Replay(const SubscribeOptions& options, uint64_t count,
                          std::vector<StoredFrame>* frames) {
  Status status = CheckStart(options, this, count);
  if (!status.ok()) return status;
  history_.Tick(NowMs());
  const uint16_t type_id = options.type_id;
  History::Query query;
  query.type_id = type_id;
  query.topic_filter = options.topic_filter;
  Gap gap;
  gap.reason = GapReason::kReconnect;
  switch (options.start.from) {
    case Start::From::kNow:
      return {};
    case Start::From::kLast:
      if (options.start.value == 0) return {};
      query.last = static_cast<uint32_t>(
          std::min<uint64_t>(options.start.value, UINT32_MAX));
      Find(query, frames);
      break;
    case Start::From::kSequence: {
      const uint64_t first = std::max<uint64_t>(options.start.value, 1);
      query.after = [first](uint16_t) { return first - 1; };
      const uint64_t kept = Find(query, frames);
      const uint64_t hole = history_.Hole(type_id);
      const uint64_t wanted = count + 1 - first;
      if (options.topic_filter.empty()) {
        if (wanted > kept) {
          gap.ranges.push_back({type_id, wanted - kept, first, hole});
        }
      } else if (hole >= first) {
        gap.unknown = true;
        gap.ranges.push_back({type_id, 0, first, hole});
      }
      break;
    }
    case Start::From::kTime:
      query.since_ms = SteadyMs(options.start.value);
      Find(query, frames);
      gap.unknown = history_.MissingUntil(type_id) >= query.since_ms;
      break;
  }
  if (gap.unknown || !gap.ranges.empty()) {
    frames->insert(frames->begin(), GapFrame(gap));
  }
  return {};
}

Status CheckStart(const SubscribeOptions& options, const BusHistory* history,
                  uint64_t count) {
  const auto refused = [](std::string words) {
    return Status{StatusCode::kInvalidArgument, std::move(words)};
  };
  const Start& start = options.start;
  if (start.from == Start::From::kNow) return {};
  if (!options.group.empty()) {
    return refused("subscribe: start with a group, allowed without one");
  }
  const bool has_sequence = start.from == Start::From::kSequence;
  if (has_sequence && options.type_id == 0) {
    return refused(
        "subscribe: start.sequence with type_id 0, allowed one type");
  }
  if (history == nullptr || !history->Keeps(options.type_id)) {
    return refused("subscribe: start, but no history keeps type " +
                   std::to_string(options.type_id));
  }
  if (has_sequence && start.value > count + 1) {
    return refused("subscribe: start.sequence " + std::to_string(start.value) +
                   ", allowed up to " + std::to_string(count + 1));
  }
  return {};
}

}  // namespace mycelium::core
