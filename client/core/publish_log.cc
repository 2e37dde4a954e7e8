#include "client/core/publish_log.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

namespace mycelium::core {
namespace {

// As much as one write should bring at least (kGatherBytes).
constexpr size_t kChunkBytes = 64 << 10;
// Kept for the next frames: as much as the default bound takes.
constexpr size_t kSpareChunksMax = 16;

bool IsPublish(const FrameHeader& header) {
  return header.type_id != 0 &&
         header.kind == static_cast<uint8_t>(DataKind::kPublish);
}

size_t FrameBytes(const FrameHeader& header) {
  return kHeaderBytes + header.body_bytes;
}

}  // namespace

PublishLog::PublishLog(uint64_t bytes_max) : bytes_max_(bytes_max) {}

// --- Chunks -----------------------------------------------------------------

size_t PublishLog::SizeOf(size_t index) const {
  const Chunk& chunk = chunks_[index];
  if (index + 1 < chunks_.size()) return chunk.size;
  return static_cast<size_t>(tail_ - chunk.bytes.get());
}

// Of the last PUBLISH in it; less than its first_id if there is none.
uint64_t PublishLog::LastIdOf(size_t index) const {
  return index + 1 < chunks_.size() ? chunks_[index + 1].first_id - 1
                                    : last_publish_id_;
}

PublishLog::Chunk PublishLog::NewChunk(size_t bytes) {
  Chunk chunk;
  if (bytes <= kChunkBytes && !spare_.empty()) {
    chunk = std::move(spare_.back());
    spare_.pop_back();
  } else {
    chunk.capacity = std::max(bytes, kChunkBytes);
    chunk.bytes.reset(new uint8_t[chunk.capacity]);  // not initialised
  }
  chunk.size = 0;
  chunk.first_id = last_publish_id_ + 1;
  return chunk;
}

void PublishLog::Recycle(Chunk chunk) {
  if (chunk.capacity == kChunkBytes && spare_.size() < kSpareChunksMax) {
    spare_.push_back(std::move(chunk));
  }
}

void PublishLog::AddChunk(size_t bytes) {
  if (!chunks_.empty()) chunks_.back().size = SizeOf(chunks_.size() - 1);
  chunks_.push_back(NewChunk(bytes));
  tail_ = chunks_.back().bytes.get();
  tail_left_ = chunks_.back().capacity;
  if (write_index_ + 1 < chunks_.size() &&
      write_offset_ == chunks_[write_index_].size) {
    LeaveWrittenChunk();
  }
}

void PublishLog::PopFront() {
  Recycle(std::move(chunks_.front()));
  chunks_.pop_front();
  front_offset_ = 0;
}

// REQUIRES: all of the chunk to write from is written, and it is not the last.
// Nobody waits for an answer to one without a PUBLISH: it may go at once.
void PublishLog::LeaveWrittenChunk() {
  Chunk& chunk = chunks_[write_index_];
  write_offset_ = 0;
  if (LastIdOf(write_index_) >= chunk.first_id) {
    ++write_index_;
    return;
  }
  freed_ += chunk.size;
  if (write_index_ == 0) freed_ -= std::exchange(front_offset_, 0);
  Recycle(std::move(chunk));
  chunks_.erase(
      std::next(chunks_.begin(), static_cast<std::ptrdiff_t>(write_index_)));
}

// As far as no frame has to be looked at.
void PublishLog::FreeWholeChunks() {
  while (write_index_ > 0 && LastIdOf(0) <= settled_id_) {
    freed_ += chunks_.front().size - front_offset_;
    PopFront();
    --write_index_;
  }
  if (chunks_.size() != 1 || settled_id_ != last_publish_id_) return;
  if (write_offset_ != SizeOf(0)) return;
  freed_ = appended_;
  front_offset_ = 0;
  write_offset_ = 0;
  if (chunks_.front().capacity != kChunkBytes) {
    PopFront();
    tail_ = nullptr;
    tail_left_ = 0;
    return;
  }
  chunks_.front().first_id = last_publish_id_ + 1;
  tail_ = chunks_.front().bytes.get();
  tail_left_ = kChunkBytes;
}

// Frame by frame, each of them once: only who needs the room needs to know.
void PublishLog::FreeAccepted() {
  FreeWholeChunks();
  if (chunks_.empty()) return;
  const size_t end = write_index_ == 0 ? write_offset_ : chunks_.front().size;
  const size_t begin = front_offset_;
  while (end - front_offset_ >= kHeaderBytes) {
    const FrameHeader header =
        LoadHeader(chunks_.front().bytes.get() + front_offset_);
    if (IsPublish(header) && header.id > settled_id_) break;
    if (end - front_offset_ < FrameBytes(header)) break;
    front_offset_ += FrameBytes(header);
  }
  freed_ += front_offset_ - begin;
}

// --- Taking -----------------------------------------------------------------

bool PublishLog::HasRoomExactly(uint64_t frame_bytes) {
  const uint64_t used = used_bytes();
  return used == 0 || used + frame_bytes <= bytes_max_;
}

uint64_t PublishLog::used_bytes() {
  FreeAccepted();
  return used_bound();
}

void PublishLog::Append(std::span<const uint8_t> frame) {
  if (!connected_ || frame.empty()) return;
  std::memcpy(Extend(frame.size()), frame.data(), frame.size());
}

// --- Writing ----------------------------------------------------------------

size_t PublishLog::Take(std::span<std::span<const uint8_t>> pieces) {
  if (!connected_) return 0;
  size_t count = 0;
  size_t offset = write_offset_;
  for (size_t index = write_index_;
       index < chunks_.size() && count < pieces.size(); ++index) {
    const size_t size = SizeOf(index);
    if (size > offset) {
      pieces[count++] = {chunks_[index].bytes.get() + offset, size - offset};
      taken_id_ = std::max(taken_id_, LastIdOf(index));
    }
    offset = 0;
  }
  return count;
}

void PublishLog::Wrote(uint64_t bytes) {
  assert(bytes <= unwritten_bytes());
  written_ += bytes;
  while (bytes != 0) {
    const uint64_t step =
        std::min<uint64_t>(bytes, SizeOf(write_index_) - write_offset_);
    write_offset_ += step;
    bytes -= step;
    if (write_index_ + 1 < chunks_.size() &&
        write_offset_ == chunks_[write_index_].size) {
      LeaveWrittenChunk();
    }
  }
  FreeWholeChunks();
}

// --- Accepting --------------------------------------------------------------

bool PublishLog::Acked(uint64_t publish_id) {
  if (publish_id > taken_id_) return false;
  if (publish_id > settled_id_) {
    settled_id_ = publish_id;
    FreeWholeChunks();
  }
  return true;
}

// --- Connections ------------------------------------------------------------

void PublishLog::Disconnected() {
  connected_ = false;
  taken_id_ = settled_id_;
  for (size_t index = 0; index < chunks_.size(); ++index) {
    chunks_[index].size = SizeOf(index);
    size_t written_bytes = 0;
    if (index < write_index_) written_bytes = chunks_[index].size;
    if (index == write_index_) written_bytes = write_offset_;
    KeepPublishes(index, written_bytes);
    if (index == 0) front_offset_ = 0;
    // SizeOf of the last one follows what was kept.
    if (index + 1 == chunks_.size()) {
      tail_ = chunks_[index].bytes.get() + chunks_[index].size;
    }
  }
  CountAnew();
}

// Moves together what is neither accepted nor lost with the connection, and
// notes what of it was written.
void PublishLog::KeepPublishes(size_t index, size_t written_bytes) {
  Chunk& chunk = chunks_[index];
  uint8_t* const bytes = chunk.bytes.get();
  size_t at = index == 0 ? front_offset_ : 0;
  size_t kept = 0;
  while (at < chunk.size) {
    const FrameHeader header = LoadHeader(bytes + at);
    const size_t frame_bytes = FrameBytes(header);
    if (IsPublish(header) && header.id > settled_id_) {
      if (at + frame_bytes <= written_bytes) taken_id_ = header.id;
      if (kept != at) std::memmove(bytes + kept, bytes + at, frame_bytes);
      kept += frame_bytes;
    }
    at += frame_bytes;
  }
  chunk.size = kept;
}

// REQUIRES: every Chunk::size is right.
void PublishLog::CountAnew() {
  appended_ = 0;
  for (size_t index = 0; index < chunks_.size();) {
    appended_ += chunks_[index].size;
    if (chunks_[index].size != 0) {
      ++index;
      continue;
    }
    Recycle(std::move(chunks_[index]));
    chunks_.erase(
        std::next(chunks_.begin(), static_cast<std::ptrdiff_t>(index)));
  }
  written_ = 0;
  freed_ = 0;
  front_offset_ = 0;
  write_index_ = 0;
  write_offset_ = 0;
  tail_ = nullptr;
  tail_left_ = 0;
  if (chunks_.empty()) return;
  const Chunk& last = chunks_.back();
  tail_ = last.bytes.get() + last.size;
  tail_left_ = last.capacity - last.size;
}

void PublishLog::DropSettled() {
  if (!chunks_.empty()) chunks_.back().size = SizeOf(chunks_.size() - 1);
  while (!chunks_.empty() && LastIdOf(0) <= settled_id_) PopFront();
  if (!chunks_.empty()) KeepPublishes(0, /*written_bytes=*/0);
  CountAnew();
}

bool PublishLog::CanResumeAfter(uint64_t last_publish_id) const {
  return !has_been_connected_ || last_publish_id <= taken_id_;
}

PublishLog::GivenBack PublishLog::Connected(bool resumed,
                                            uint64_t last_publish_id,
                                            std::span<const uint8_t> first) {
  assert(!connected_);
  assert(!resumed || CanResumeAfter(last_publish_id));
  GivenBack given_back;
  if (!std::exchange(has_been_connected_, true)) {
    if (resumed) {
      first_id_ = last_publish_id + 1;
      last_publish_id_ = settled_id_ = last_publish_id;
    }
  } else if (resumed) {
    settled_id_ = std::max(settled_id_, last_publish_id);
    DropSettled();
  } else {
    given_back = GiveBackWritten();
  }
  if (taken_id_ > settled_id_) frames_resent_ += taken_id_ - settled_id_;
  taken_id_ = settled_id_;
  connected_ = true;
  if (chunks_.empty()) {
    Append(first);
  } else if (!first.empty()) {
    Chunk chunk = NewChunk(first.size());
    std::memcpy(chunk.bytes.get(), first.data(), first.size());
    chunk.size = first.size();
    chunk.first_id = chunks_.front().first_id;
    appended_ += chunk.size;
    chunks_.push_front(std::move(chunk));
  }
  return given_back;
}

PublishLog::GivenBack PublishLog::GiveBackWritten() {
  return GiveBackThrough(taken_id_);
}

PublishLog::GivenBack PublishLog::GiveBackAll() {
  return GiveBackThrough(last_publish_id_);
}

PublishLog::GivenBack PublishLog::GiveBackThrough(uint64_t publish_id) {
  assert(!connected_);
  GivenBack given_back;
  given_back.first_id = settled_id_ + 1;
  if (publish_id <= settled_id_) return given_back;
  given_back.count = publish_id - settled_id_;
  if (taken_id_ > settled_id_) {
    given_back.maybe_accepted = std::min(taken_id_, publish_id) - settled_id_;
  }
  std::vector<uint8_t>& frames = given_back.frames;
  for (size_t index = 0; index < chunks_.size(); ++index) {
    const uint8_t* at = chunks_[index].bytes.get();
    const uint8_t* const end = at + SizeOf(index);
    while (at != end && LoadHeader(at).id <= publish_id) {
      const size_t frame_bytes = FrameBytes(LoadHeader(at));
      frames.insert(frames.end(), at, at + frame_bytes);
      at += frame_bytes;
    }
  }
  settled_id_ = publish_id;
  frames_given_back_ += given_back.count;
  DropSettled();
  return given_back;
}

}  // namespace mycelium::core
