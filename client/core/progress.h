// What one subscription of a client has had: which of the frames that a
// connection brings are for it, and what it says of them on the next one.  No
// I/O, no clock, no thread.
//
//   SUBSCRIBED        -> Activate
//   a run of frames   -> is_for, SkippedUntil; then Gave, for what was given
//   GAP               -> OnGap
//   connection lost   -> Suspend
//   connected again   -> Resume, for the next SUBSCRIBE; its answer: Activate
//
// All in the order of the stream; what was read of the old connection comes
// before Suspend.  Frames behind ADDRESSEE 0 are for whoever takes their type
// and topic (`addressed` false); those behind another ADDRESSEE only for that
// subscription, whichever it is, and for it without exception: history is
// replayed so.
//
// Not thread-safe: belongs to the client's reading thread.
#ifndef MYCELIUM_CLIENT_CORE_PROGRESS_H_
#define MYCELIUM_CLIENT_CORE_PROGRESS_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/core/client.h"
#include "client/core/control_body.h"
#include "proto/frame.h"

namespace mycelium::core {

class Progress {
 public:
  enum class Kind : uint8_t {
    kShared,     // takes what others of the client take, too; also replays
    kAddressed,  // CONFLATE: only what is addressed to it
    kGroup,      // the same, and is never resumed: groups and responders
  };

  explicit Progress(Kind kind) : kind_(kind) {}

  // SUBSCRIBED (with CODE_OK) has been read on a connection whose WELCOME said
  // `epoch`, `session_id` and `resumed`; `starts` as it says.  Counting goes on
  // if `resumed` and the epoch is that of before, and otherwise begins at 0;
  // what was seen is forgotten with another epoch.  Nothing is for it before
  // the first call.
  void Activate(uint64_t epoch, uint32_t session_id, bool resumed,
                std::span<const TypeSequence> starts);
  // Nothing is for it until the next Activate.
  void Suspend() { active_ = false; }
  bool active() const { return active_; }

  // What the next SUBSCRIBE says.  Nothing: it was never active, or is of a
  // group, and subscribes as at first.
  std::optional<ResumeBody> Resume() const;

  // Whether frames of its type and topic can be for it.
  bool is_for(bool addressed) const {
    return active_ && (addressed || kind_ == Kind::kShared);
  }
  // Of a run of frames of one type that is_for it, in rising order, those with
  // a sequence up to here are not for it; mostly 0.
  uint64_t SkippedUntil(const FrameHeader& first, bool addressed) {
    if (skips_.empty() || addressed) [[likely]]
      return 0;
    return FindSkip(first);
  }
  // So many frames of a type were given to it, the last of them with this
  // sequence.
  void Gave(uint16_t type_id, uint64_t frames, uint64_t last_sequence) {
    frames_ += frames;
    if (type_id != last_type_id_) FindSeen(type_id);
    uint64_t& seen = seen_[last_seen_].sequence;
    seen = std::max(seen, last_sequence);
  }
  // It is told of these.
  void OnGap(const Gap& gap);

  // Given and told in gaps, since SUBSCRIBED.
  uint64_t frames() const { return frames_; }

 private:
  uint64_t FindSkip(const FrameHeader& first);
  void FindSeen(uint16_t type_id);
  void Skip(uint16_t type_id, uint64_t last_sequence);

  const Kind kind_;
  bool active_ = false;
  bool was_active_ = false;
  uint64_t epoch_ = 0;
  uint32_t session_id_ = 0;
  uint64_t frames_ = 0;
  std::vector<TypeSequence> seen_;   // by type_id
  std::vector<TypeSequence> skips_;  // what comes up to here is for others
  uint16_t last_type_id_ = 0;        // 0: of none
  size_t last_seen_ = 0;             // its place in seen_
};

}  // namespace mycelium::core

#endif  // MYCELIUM_CLIENT_CORE_PROGRESS_H_
