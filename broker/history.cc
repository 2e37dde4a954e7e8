#include "broker/history.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "broker/subscription_index.h"
#include "proto/frame.h"

namespace mycelium {
namespace {

using broker::Block;
using broker::Ref;

// Small enough that what a subscriber pins of it is not much more than what it
// waits for, large enough for a run of many frames.
constexpr uint32_t kCopyBlockBytes = 64 << 10;
// Blocks of a rule with a small bound are a share of it, and a frame that would
// waste much of a block has one of its own: what a rule pins stays below 1.65
// times its bytes_max, which leaves room for queues where all rules together
// have half of total_bytes_max.
constexpr uint32_t kBlocksPerRule = 8;
constexpr uint32_t kFramesPerBlock = 4;

uint32_t CopyBlockBytes(const HistoryRule& rule) {
  if (rule.bytes_max == 0) return kCopyBlockBytes;
  return static_cast<uint32_t>(
      std::min<uint64_t>(rule.bytes_max / kBlocksPerRule, kCopyBlockBytes));
}

FrameView ViewAt(const Ref<Block>& block, uint32_t at) {
  uint8_t* const bytes = block->bytes() + at;
  return {LoadHeader(bytes), bytes};
}

}  // namespace

bool History::Takes(const HistoryRule& rule, uint16_t type_id) {
  return rule.types.empty() || type_id == 0 ||
         std::find(rule.types.begin(), rule.types.end(), type_id) !=
             rule.types.end();
}

void History::Configure(const std::vector<HistoryRule>& rules) {
  std::vector<std::unique_ptr<Store>> before = std::exchange(kept_, {});
  for (const HistoryRule& rule : rules) {
    const auto same =
        std::find_if(before.begin(), before.end(), [&rule](const auto& store) {
          return store != nullptr && store->rule == rule;
        });
    if (same != before.end()) {
      kept_.push_back(std::move(*same));
    } else {
      kept_.push_back(std::make_unique<Store>());
      kept_.back()->rule = rule;
    }
  }
  for (const std::unique_ptr<Store>& store : before) {
    while (store != nullptr && !store->entries.empty()) PopFront(store.get());
  }
}

bool History::Keeps(uint16_t type_id) const {
  return std::any_of(kept_.begin(), kept_.end(), [type_id](const auto& store) {
    return Takes(store->rule, type_id);
  });
}

History::Store* History::StoreFor(uint16_t type_id, std::string_view topic) {
  for (const std::unique_ptr<Store>& store : kept_) {
    if (Takes(store->rule, type_id) &&
        TopicMatches(store->rule.topic_filter, topic)) {
      return store.get();
    }
  }
  return nullptr;
}

void History::Add(uint16_t type_id, std::string_view topic,
                  const uint8_t* bytes, uint32_t frames, int64_t now_ms) {
  Store* const store = StoreFor(type_id, topic);
  for (uint32_t at = 0; frames > 0; --frames) {
    const FrameHeader header = LoadHeader(bytes + at);
    const uint32_t frame_bytes = kHeaderBytes + header.body_bytes;
    if (store == nullptr ||
        (store->rule.bytes_max != 0 && frame_bytes > store->rule.bytes_max)) {
      Gone(header, now_ms);
    } else {
      Keep(store, bytes + at, frame_bytes, now_ms);
      Trim(store, now_ms);
    }
    at += frame_bytes;
  }
}

void History::Keep(Store* store, const uint8_t* frame, uint32_t bytes,
                   int64_t now_ms) {
  const uint32_t block_bytes = CopyBlockBytes(store->rule);
  Ref<Block> block;
  uint32_t begin = 0;
  if (bytes > block_bytes / kFramesPerBlock) {
    block = pool_->TakeExact(bytes);
  } else {
    if (!store->block || store->block->capacity - store->used < bytes) {
      store->block = pool_->TakeExact(block_bytes);
      store->used = 0;
    }
    block = store->block;
    begin = store->used;
    store->used += bytes;
  }
  std::memcpy(block->bytes() + begin, frame, bytes);
  store->entries.push_back(
      {std::move(block), begin, bytes, next_arrival_++, now_ms});
  store->bytes += bytes;
}

void History::Gone(const FrameHeader& header, int64_t accepted_ms) {
  Missing& missing = missing_[header.type_id];
  missing.through = std::max(missing.through, header.id);
  missing.accepted_ms = std::max(missing.accepted_ms, accepted_ms);
}

void History::PopFront(Store* store) {
  const Entry& entry = store->entries.front();
  Gone(LoadHeader(entry.block->bytes() + entry.begin), entry.time_ms);
  store->bytes -= entry.bytes;
  store->entries.pop_front();
}

void History::Trim(Store* store, int64_t now_ms) {
  const HistoryRule& rule = store->rule;
  while (!store->entries.empty()) {
    const bool too_many =
        rule.frames_max != 0 && store->entries.size() > rule.frames_max;
    const bool too_large = rule.bytes_max != 0 && store->bytes > rule.bytes_max;
    const bool too_old =
        rule.age_ms_max != 0 &&
        now_ms - store->entries.front().time_ms > rule.age_ms_max;
    if (!too_many && !too_large && !too_old) return;
    PopFront(store);
  }
}

void History::Tick(int64_t now_ms) {
  for (const std::unique_ptr<Store>& store : kept_) Trim(store.get(), now_ms);
}

int64_t History::next_due_ms() const {
  int64_t due_ms = std::numeric_limits<int64_t>::max();
  for (const std::unique_ptr<Store>& store : kept_) {
    if (store->rule.age_ms_max == 0 || store->entries.empty()) continue;
    due_ms = std::min(
        due_ms, store->entries.front().time_ms + store->rule.age_ms_max + 1);
  }
  return due_ms;
}

// --- Looking for frames -----------------------------------------------------

std::vector<const History::Entry*> History::Matching(const Query& query) const {
  std::vector<const Entry*> matching;
  size_t stores = 0;
  for (const std::unique_ptr<Store>& store : kept_) {
    if (!Takes(store->rule, query.type_id)) continue;
    ++stores;
    for (const Entry& entry : store->entries) {
      if (entry.time_ms < query.since_ms ||
          entry.arrival < query.since_arrival) {
        continue;
      }
      const FrameView frame = ViewAt(entry.block, entry.begin);
      const uint16_t type_id = frame.header.type_id;
      if (query.type_id != 0 && type_id != query.type_id) continue;
      if (query.after != nullptr && frame.header.id <= query.after(type_id)) {
        continue;
      }
      if (TopicMatches(query.topic_filter, frame.topic())) {
        matching.push_back(&entry);
      }
    }
  }
  if (stores > 1) {
    std::sort(
        matching.begin(), matching.end(),
        [](const Entry* a, const Entry* b) { return a->arrival < b->arrival; });
  }
  return matching;
}

uint64_t History::Find(const Query& query, const Found& found,
                       uint64_t* first_arrival) const {
  std::vector<const Entry*> matching = Matching(query);
  if (query.last != 0) {
    std::map<std::pair<uint16_t, std::string_view>, uint32_t> counts;
    for (auto it = matching.rbegin(); it != matching.rend(); ++it) {
      const FrameView frame = ViewAt((*it)->block, (*it)->begin);
      if (++counts[{frame.header.type_id, frame.topic()}] > query.last) {
        *it = nullptr;
      }
    }
    std::erase(matching, nullptr);
  }
  if (first_arrival != nullptr && !matching.empty()) {
    *first_arrival = matching[0]->arrival;
  }
  for (size_t i = 0; i < matching.size();) {
    const Entry& first = *matching[i];
    uint32_t end = first.begin + first.bytes;
    const size_t begin = i++;
    while (i < matching.size() && matching[i]->block == first.block &&
           matching[i]->begin == end) {
      end += matching[i++]->bytes;
    }
    found(first.block, first.begin, end, static_cast<uint32_t>(i - begin));
  }
  return matching.size();
}

uint64_t History::Hole(uint16_t type_id) const {
  const auto it = missing_.find(type_id);
  return it == missing_.end() ? 0 : it->second.through;
}

int64_t History::MissingUntil(uint16_t type_id) const {
  const auto it = missing_.find(type_id);
  return it == missing_.end() ? std::numeric_limits<int64_t>::min()
                              : it->second.accepted_ms;
}

std::vector<History::Kept> History::Status() const {
  std::vector<Kept> kept;
  for (const std::unique_ptr<Store>& store : kept_) {
    kept.push_back({store->rule, store->entries.size(), store->bytes});
  }
  return kept;
}

}  // namespace mycelium
