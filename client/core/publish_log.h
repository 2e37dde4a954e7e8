// What a client has published and no broker is known to have accepted, in the
// order of the stream, with the other frames that go the same way.  No I/O, no
// clock, no thread.
//
// Frames stand in chunks, where they were encoded and from where they are
// written; a chunk goes back when all that it holds is written and accepted.
// PUBLISH frames outlive a connection, any other frame is lost with it.  Ids
// are 1, 2, ...; those that are neither accepted nor given back are always a
// row without a hole, (settled_id(), last_publish_id()].
//
// Not thread-safe: belongs to an Outbox, under its mutex.  What Take has handed
// out may be read without that, until Wrote.
#ifndef MYCELIUM_CLIENT_CORE_PUBLISH_LOG_H_
#define MYCELIUM_CLIENT_CORE_PUBLISH_LOG_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "proto/frame.h"

namespace mycelium::core {

class PublishLog {
 public:
  // Frames that are the log's no more: (first_id, first_id + 1, ...).
  struct GivenBack {
    std::vector<uint8_t> frames;  // whole PUBLISH frames, in order
    uint64_t first_id = 0;
    uint64_t count = 0;
    // The first so many were written in full to a broker that did not say
    // whether it accepted them; the others have not been accepted.
    uint64_t maybe_accepted = 0;
  };

  // What is not yet accepted or not yet written has at most `bytes_max` bytes;
  // a frame that is larger goes alone.  Begins without a connection.
  explicit PublishLog(uint64_t bytes_max);
  PublishLog(const PublishLog&) = delete;
  PublishLog& operator=(const PublishLog&) = delete;

  // --- Taking ---

  bool HasRoom(uint64_t frame_bytes) {
    return used_bound() + frame_bytes <= bytes_max_ ||
           HasRoomExactly(frame_bytes);
  }
  // A PUBLISH with the next id, which it returns.
  // REQUIRES: HasRoom; a connection has been there.
  uint64_t Publish(uint16_t type_id, std::string_view topic,
                   std::span<const uint8_t> payload) {
    const size_t body_bytes = topic.size() + payload.size();
    uint8_t* const frame = Extend(kHeaderBytes + body_bytes);
    StoreHeader({.body_bytes = static_cast<uint32_t>(body_bytes),
                 .type_id = type_id,
                 .kind = static_cast<uint8_t>(DataKind::kPublish),
                 .topic_bytes = static_cast<uint8_t>(topic.size()),
                 .id = ++last_publish_id_},
                frame);
    if (!topic.empty()) {
      std::memcpy(frame + kHeaderBytes, topic.data(), topic.size());
    }
    if (!payload.empty()) {
      std::memcpy(frame + kHeaderBytes + topic.size(), payload.data(),
                  payload.size());
    }
    return last_publish_id_;
  }
  // Any other frame, whole.  Room is not asked for.  Without a connection
  // nothing happens: who sent it asks again on the next one, or fails.
  void Append(std::span<const uint8_t> frame);

  // --- Writing ---

  // What has to be written next, one piece behind the other; how many pieces
  // there are, 0 without a connection.  They stay where they are until Wrote.
  // REQUIRES: Wrote has been called for all that the last Take gave, or this
  // one is for the rest of it.
  size_t Take(std::span<std::span<const uint8_t>> pieces);
  // The first so many bytes of what Take gave.
  void Wrote(uint64_t bytes);

  // --- Accepting ---

  // The broker has accepted every PUBLISH up to this id.  False, and nothing
  // happens: it cannot, so many have not been handed out on this connection.
  bool Acked(uint64_t publish_id);

  // --- Connections ---

  // Frames other than PUBLISH are gone; what was not written in full counts as
  // not written.
  // REQUIRES: nothing is being written (see Take).
  void Disconnected();

  // Whether a WELCOME that says `resumed` may say this last_publish_id.
  bool CanResumeAfter(uint64_t last_publish_id) const;
  // A connection whose WELCOME said `resumed` and `last_publish_id` (without
  // it: any).  Resumed, frames up to that id are accepted, and those behind are
  // sent (again).  Otherwise those that were written are given back, and the
  // rest is sent.  `first` are whole frames that go before anything else.  On
  // the first connection ids go on from last_publish_id.
  // REQUIRES: no connection; CanResumeAfter, if resumed.
  GivenBack Connected(bool resumed, uint64_t last_publish_id,
                      std::span<const uint8_t> first);

  // The resume window has passed: what was written in full; what was not,
  // stays. REQUIRES: no connection.
  GivenBack GiveBackWritten();
  // The end: everything.
  // REQUIRES: no connection.
  GivenBack GiveBackAll();

  // --- How it stands ---

  bool connected() const { return connected_; }
  uint64_t bytes_max() const { return bytes_max_; }
  void set_bytes_max(uint64_t bytes_max) { bytes_max_ = bytes_max; }
  // Also without a connection: everything is unwritten then.
  uint64_t unwritten_bytes() const { return appended_ - written_; }
  // What counts against bytes_max: unaccepted or unwritten.
  uint64_t used_bytes();

  uint64_t last_publish_id() const { return last_publish_id_; }
  // Up to here they are accepted or given back.
  uint64_t settled_id() const { return settled_id_; }
  // Since the beginning.
  uint64_t frames_published() const { return last_publish_id_ - first_id_ + 1; }
  uint64_t frames_accepted() const {
    return settled_id_ - first_id_ + 1 - frames_given_back_;
  }
  uint64_t frames_given_back() const { return frames_given_back_; }
  uint64_t frames_resent() const { return frames_resent_; }

 private:
  struct Chunk {
    std::unique_ptr<uint8_t[]> bytes;
    size_t capacity = 0;
    size_t size = 0;  // of the last one: tail_ says
    // Of the first PUBLISH in it, or the next that will be.
    uint64_t first_id = 0;
  };

  uint64_t used_bound() const { return appended_ - freed_; }
  bool HasRoomExactly(uint64_t frame_bytes);
  uint8_t* Extend(size_t bytes) {
    if (tail_left_ < bytes) [[unlikely]]
      AddChunk(bytes);
    uint8_t* const at = tail_;
    tail_ += bytes;
    tail_left_ -= bytes;
    appended_ += bytes;
    return at;
  }

  size_t SizeOf(size_t index) const;
  uint64_t LastIdOf(size_t index) const;
  Chunk NewChunk(size_t bytes);
  void AddChunk(size_t bytes);
  void Recycle(Chunk chunk);
  void PopFront();
  void LeaveWrittenChunk();
  void FreeWholeChunks();
  void FreeAccepted();

  // Without a connection.
  void KeepPublishes(size_t index, size_t written_bytes);
  void DropSettled();
  void CountAnew();
  GivenBack GiveBackThrough(uint64_t publish_id);

  uint64_t bytes_max_;
  bool connected_ = false;
  bool has_been_connected_ = false;

  std::deque<Chunk> chunks_;
  std::vector<Chunk> spare_;
  uint8_t* tail_ = nullptr;  // where the last chunk goes on
  size_t tail_left_ = 0;
  size_t front_offset_ = 0;  // in the first chunk: before it all is free
  size_t write_index_ = 0;   // the chunk to write from
  size_t write_offset_ = 0;  // and where in it

  // Bytes, since CountAnew.
  uint64_t appended_ = 0;
  uint64_t written_ = 0;
  uint64_t freed_ = 0;  // may lag behind, see FreeAccepted

  uint64_t first_id_ = 1;
  uint64_t last_publish_id_ = 0;
  uint64_t settled_id_ = 0;
  // Connected: the last that Take has handed out.  Otherwise: the last that was
  // written in full.
  uint64_t taken_id_ = 0;
  uint64_t frames_given_back_ = 0;
  uint64_t frames_resent_ = 0;
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_PUBLISH_LOG_H_
