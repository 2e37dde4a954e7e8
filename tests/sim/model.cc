#include "tests/sim/model.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <utility>

#include "broker/subscription_index.h"

namespace mycelium::sim {

std::string PayloadOf(uint64_t publisher, uint64_t number, size_t padding) {
  return std::to_string(publisher) + ":" + std::to_string(number) + ":" +
         std::string(padding, 'x');
}

// --- Truth ------------------------------------------------------------------

void Truth::Add(uint64_t epoch, uint16_t type_id, uint64_t sequence,
                std::string topic, std::string payload) {
  Accepted frame{epoch, type_id, sequence, std::move(topic),
                 std::move(payload)};
  if (std::sscanf(frame.payload.c_str(), "%" SCNu64 ":%" SCNu64,
                  &frame.publisher, &frame.number) != 2) {
    throw Violation{"the broker accepted what nobody published"};
  }
  const std::string which = "publisher " + std::to_string(frame.publisher) +
                            ", frame " + std::to_string(frame.number);
  if (!numbers_.emplace(frame.publisher, frame.number).second) {
    throw Violation{which + ": accepted twice"};
  }
  uint64_t& last = last_numbers_[frame.publisher];
  if (frame.number < last) {
    throw Violation{which + ": accepted after " + std::to_string(last)};
  }
  last = frame.number;
  places_[{epoch, type_id, sequence}] = all_.size();
  all_.push_back(std::move(frame));
}

size_t Truth::Find(uint64_t epoch, uint16_t type_id, uint64_t sequence) const {
  const auto it = places_.find({epoch, type_id, sequence});
  return it == places_.end() ? all_.size() : it->second;
}

// --- One subscription -------------------------------------------------------

void SubscriptionModel::Fail(const std::string& what) const {
  throw Violation{name_ + ": " + what};
}

bool SubscriptionModel::Takes(const Accepted& frame) const {
  return (options_.type_id == 0 || options_.type_id == frame.type_id) &&
         TopicMatches(options_.topic_filter, frame.topic);
}

uint64_t SubscriptionModel::CountTaken(size_t end) {
  for (; counted_ < end; ++counted_) taken_ += Takes(truth_->at(counted_));
  return taken_;
}

void SubscriptionModel::OnSubscribed(size_t accepted, bool certain,
                                     uint64_t epoch) {
  certain_ = certain && live_ && settled_;
  settled_ = certain_;
  begin_ = accepted;
  if (std::exchange(live_, true)) return;
  from_ = begin_;
  if (options_.start.from == core::Start::From::kSequence) {
    // What history has no more is told, exactly if there is no filter.
    for (size_t i = 0; i < begin_; ++i) {
      const Accepted& frame = truth_->at(i);
      if (frame.epoch == epoch && Takes(frame) &&
          frame.sequence >= options_.start.value) {
        from_ = i;
        break;
      }
    }
  }
  counted_ = from_;
}

void SubscriptionModel::OnFrame(const core::Message& message, uint64_t epoch) {
  const std::string which = "type " + std::to_string(message.type_id) +
                            " sequence " + std::to_string(message.sequence) +
                            " of epoch " + std::to_string(epoch);
  if (!live_) Fail(which + " before SUBSCRIBED");
  const size_t place = truth_->Find(epoch, message.type_id, message.sequence);
  if (place == truth_->size()) Fail(which + " was never accepted");
  const Accepted& frame = truth_->at(place);
  const std::string payload(message.payload.begin(), message.payload.end());
  if (frame.topic != message.topic || frame.payload != payload) {
    Fail(which + " has other bytes than were accepted");
  }
  if (!Takes(frame)) Fail(which + " is not for it");
  ++delivered_total_;
  settled_ = true;
  if (group_ != nullptr) return OnGroupFrame(message, place);
  if (message.redelivered) Fail(which + " is marked as redelivered");
  if (place < next_) Fail(which + " came twice or out of order");
  next_ = place + 1;
  newest_[{frame.type_id, frame.topic}] = place;
  if (place < from_) return;  // out of history
  const uint64_t missing = CountTaken(place) - delivered_;
  if (missing > told_) {
    Fail(which + " came before " + std::to_string(missing - told_) +
         " missing frames were told");
  }
  ++delivered_;
}

void SubscriptionModel::OnGroupFrame(const core::Message& message,
                                     size_t place) {
  group_->delivered.insert(place);
  if (message.redelivered) return;
  if (++group_->first_deliveries[place] > 1) {
    Fail("type " + std::to_string(message.type_id) + " sequence " +
         std::to_string(message.sequence) +
         " went to two members without being marked");
  }
}

void SubscriptionModel::OnGap(const core::Gap& gap) {
  if (!live_) Fail("a gap before SUBSCRIBED");
  if (group_ != nullptr) Fail("a gap in a group with room");
  const bool lossless = options_.policy.stall_ms_max < 0;
  if (lossless && gap.reason == core::GapReason::kOverflow) {
    Fail("it is lossless and has lost frames");
  }
  if (gap.unknown) {
    const bool of_start =
        options_.start.from == core::Start::From::kTime ||
        (options_.start.from == core::Start::From::kSequence &&
         !options_.topic_filter.empty());
    if (certain_ && !of_start)
      Fail("an unknown gap, though nothing was forgotten");
    from_ = counted_ = begin_;
    taken_ = delivered_ = told_ = told_before_ = 0;
    return;
  }
  settled_ = true;
  overflowed_ |= gap.reason == core::GapReason::kOverflow;
  for (const core::Gap::Range& range : gap.ranges) {
    told_ += range.frames;
    told_before_ += std::min(range.frames, CountBefore(range));
  }
  const uint64_t missing = CountTaken(truth_->size()) - delivered_;
  if (told_ - told_before_ > missing) {
    Fail("gaps of " + std::to_string(told_) + " frames, of which only " +
         std::to_string(missing) + " can be missing");
  }
  // What was counted ahead is counted again with the frames.
  counted_ = from_;
  taken_ = 0;
}

// Replayed frames may be dropped, too.  With type 0: of any type.
uint64_t SubscriptionModel::CountBefore(const core::Gap::Range& range) const {
  uint64_t frames = 0;
  for (size_t i = 0; i < from_; ++i) {
    const Accepted& frame = truth_->at(i);
    if (!Takes(frame)) continue;
    frames += range.type_id == 0 || (frame.type_id == range.type_id &&
                                     frame.sequence >= range.first_sequence &&
                                     frame.sequence <= range.last_sequence);
  }
  return frames;
}

void SubscriptionModel::CheckComplete() const {
  if (!live_ || group_ != nullptr) return;
  uint64_t taken = 0;
  for (size_t i = from_; i < truth_->size(); ++i) {
    taken += Takes(truth_->at(i));
  }
  if (taken > delivered_ + told_ || taken < delivered_ + told_ - told_before_) {
    Fail(std::to_string(taken) + " frames accepted for it, " +
         std::to_string(delivered_) + " delivered, " + std::to_string(told_) +
         " told as missing");
  }
  if (options_.policy.overflow != core::Overflow::kConflate || overflowed_) {
    return;
  }
  std::map<std::pair<uint16_t, std::string>, size_t> newest;
  for (size_t i = begin_; i < truth_->size(); ++i) {
    const Accepted& frame = truth_->at(i);
    if (Takes(frame)) newest[{frame.type_id, frame.topic}] = i;
  }
  for (const auto& [key, place] : newest) {
    const auto it = newest_.find(key);
    if (it == newest_.end() || it->second != place) {
      Fail("not the newest of type " + std::to_string(key.first) + " topic " +
           key.second);
    }
  }
}

}  // namespace mycelium::sim
