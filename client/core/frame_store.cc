#include "client/core/frame_store.h"

#include <iterator>
#include <memory>

namespace mycelium::core {

// --- One frame --------------------------------------------------------------

StoredFrame::StoredFrame(const FrameHeader& header, std::string_view topic,
                         std::span<const uint8_t> payload)
    : bytes_(std::make_unique_for_overwrite<uint8_t[]>(
          StrideBytes(header.body_bytes))) {
  StoreHeader(header, bytes_.get());
  StoreBody(topic, payload, bytes_.get() + kHeaderBytes);
}

StoredFrame::StoredFrame(FrameHeader header, std::string_view topic,
                         const Object& object)
    : bytes_(std::make_unique_for_overwrite<uint8_t[]>(
          StrideBytes(header.body_bytes))) {
  header.kind |= kObjectFlag;
  StoreHeader(header, bytes_.get());
  StoreObject(topic, object, bytes_.get() + kHeaderBytes);
}

void StoredFrame::MarkRedelivered() {
  FrameHeader header = view().header;
  header.kind |= kRedeliveredFlag;
  StoreHeader(header, bytes_.get());
}

void StoredFrame::Clear() {
  if (bytes_ == nullptr) return;
  if (HasObject(view().header)) std::destroy_at(ObjectOf(bytes_.get()));
  bytes_.reset();
}

// --- All that wait ----------------------------------------------------------

FrameStore::Key FrameStore::KeyOf(const StoredFrame& frame) {
  const FrameView view = frame.view();
  return {view.header.type_id, QueuedTopic(view)};
}

// REQUIRES: mutex_, here and in what follows without a lock of its own.
void FrameStore::Note() {
  waiting_.store(!frames_.empty() || !dropped_.empty() || !folded_.empty(),
                 std::memory_order_relaxed);
}

StoredFrame FrameStore::PopFront() {
  const auto front = frames_.begin();
  if (folds_) {
    const auto it = newest_.find(KeyOf(front->frame));
    if (it != newest_.end() && it->second == front) newest_.erase(it);
  }
  StoredFrame frame = std::move(front->frame);
  bytes_ -= frame.stride();
  frames_.pop_front();
  return frame;
}

// Takes the place of the frame of its type and topic that waits, at the end:
// what is left is in the order of publishing.  A frame that is always replaced
// before its turn would never come; so once as many were taken as wait, it
// stays.
void FrameStore::Fold(StoredFrame frame, std::vector<StoredFrame>* folded) {
  const auto it = newest_.find(KeyOf(frame));
  uint64_t since = taken_;
  if (it != newest_.end()) {
    const auto older = it->second;
    auto node = newest_.extract(it);
    if (taken_ - older->since <= frames_.size()) {
      since = older->since;
      folded_.AddFrame(older->frame.view());
      bytes_ -= older->frame.stride();
      folded->push_back(std::move(older->frame));
      frames_.erase(older);
    }
    frames_.push_back({std::move(frame), since});
    node.key() = KeyOf(frames_.back().frame);
    node.mapped() = std::prev(frames_.end());
    newest_.insert(std::move(node));
    return;
  }
  frames_.push_back({std::move(frame), since});
  newest_.emplace(KeyOf(frames_.back().frame), std::prev(frames_.end()));
}

void FrameStore::Push(StoredFrame frame) {
  std::vector<StoredFrame> gone;  // released after the lock
  const std::lock_guard lock(mutex_);
  bytes_ += frame.stride();
  if (!folds_ || frame.view().header.type_id == 0) {
    frames_.push_back({std::move(frame), taken_});
  } else {
    Fold(std::move(frame), &gone);
  }
  while (folds_ && bytes_ > bytes_max_ && frames_.size() > 1) {
    gone.push_back(PopFront());
    dropped_.AddFrame(gone.back().view());
  }
  waiting_.store(true, std::memory_order_relaxed);
}

bool FrameStore::Take(StoredFrame* frame, Gap* gap) {
  frame->Clear();
  const std::lock_guard lock(mutex_);
  if (!dropped_.empty()) {
    *gap = dropped_.Take(GapReason::kOverflow);
  } else if (!folded_.empty()) {
    *gap = folded_.Take(GapReason::kConflated);
  } else if (!frames_.empty()) {
    *frame = PopFront();
    ++taken_;
  } else {
    return false;
  }
  Note();
  return true;
}

uint64_t FrameStore::Drop(uint64_t bytes, uint64_t charge_max,
                          std::vector<StoredFrame>* dropped) {
  const std::lock_guard lock(mutex_);
  uint64_t won = 0;
  while (won < bytes && !frames_.empty()) {
    dropped->push_back(PopFront());
    dropped_.AddFrame(dropped->back().view());
    won += std::min(dropped->back().stride(), charge_max);
  }
  Note();
  return won;
}

std::vector<StoredFrame> FrameStore::TakeAll() {
  const std::lock_guard lock(mutex_);
  std::vector<StoredFrame> all;
  while (!frames_.empty()) all.push_back(PopFront());
  Note();
  return all;
}

}  // namespace mycelium::core
