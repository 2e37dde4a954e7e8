// What the broker counts beside TrafficCounters, for its metrics.  Plain
// values: no I/O, no clock; the time comes in.  Not thread-safe: belongs to one
// broker's thread.
#ifndef MYCELIUM_BROKER_COUNTERS_H_
#define MYCELIUM_BROKER_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/mycelium/control.pb.h"

namespace mycelium::broker {

// One for each message type that was seen first, and one for all later ones, so
// that a client with many types cannot make the metrics grow.
class TypeTraffic {
 public:
  static constexpr size_t kTypesMax = 64;

  struct Counts {
    uint64_t bytes_in = 0;  // the frames themselves: Router::Count
    uint64_t frames_out = 0;
    uint64_t bytes_out = 0;
  };

  Counts& Of(uint16_t type_id) {
    uint8_t& place = place_[type_id];
    if (place == 0) [[unlikely]]
      place = NewPlace(type_id);
    return counts_[place];
  }
  // In the order in which they were seen.
  std::span<const uint16_t> types() const { return types_; }
  // Of types()[index]; of all others for types().size().
  const Counts& at(size_t index) const {
    return counts_[index < types_.size() ? index + 1 : kOthers];
  }

 private:
  static constexpr uint8_t kOthers = kTypesMax + 1;

  uint8_t NewPlace(uint16_t type_id) {
    if (types_.size() == kTypesMax) return kOthers;
    types_.push_back(type_id);
    return static_cast<uint8_t>(types_.size());
  }

  std::array<uint8_t, 65536> place_{};  // 0: none yet
  std::array<Counts, kTypesMax + 2> counts_{};
  std::vector<uint16_t> types_;
};

// How often something took how long.
class DurationHistogram {
 public:
  // Upper bounds, inclusive; what is longer is counted behind the last.
  static constexpr std::array<uint64_t, 17> kBoundsNs = {
      5'000,         10'000,        25'000,     50'000,      100'000,
      250'000,       500'000,       1'000'000,  2'500'000,   5'000'000,
      10'000'000,    25'000'000,    50'000'000, 100'000'000, 500'000'000,
      1'000'000'000, 10'000'000'000};

  void Add(uint64_t duration_ns) {
    size_t bucket = 0;
    while (bucket < kBoundsNs.size() && duration_ns > kBoundsNs[bucket]) {
      ++bucket;
    }
    ++counts_[bucket];
    sum_ns_ += duration_ns;
  }
  // Of each bucket alone; the last is behind all bounds.
  std::span<const uint64_t> counts() const { return counts_; }
  uint64_t sum_ns() const { return sum_ns_; }

 private:
  std::array<uint64_t, kBoundsNs.size() + 1> counts_{};
  uint64_t sum_ns_ = 0;
};

// Which turns of the loop are timed: about one in sixteen, at irregular
// distances, so that regular traffic does not fall in step with them.
class TurnSampler {
 public:
  // A turn has ended; whether the next one shall be timed.
  bool NextTurn() {
    if (turns_left_ > 0) {
      --turns_left_;
      return false;
    }
    state_ = state_ * 1664525 + 1013904223;
    turns_left_ = state_ >> 27;  // 0 to 31
    return true;
  }

 private:
  uint32_t state_ = 1;
  uint32_t turns_left_ = 0;
};

struct Counters {
  // By wire::Code, of connections that did not get as far as WELCOME.
  std::array<uint64_t, wire::Code_ARRAYSIZE> handshake_failures{};
  // The peer went away before WELCOME without a fault.
  uint64_t handshakes_abandoned = 0;
  uint64_t sessions_opened = 0;  // got WELCOME
  TypeTraffic by_type;
  // By wire::GapReason; unspecified: a group had nobody left to take frames.
  std::array<uint64_t, wire::GapReason_ARRAYSIZE> gaps{};
  std::array<uint64_t, wire::GapReason_ARRAYSIZE> frames_dropped{};
  // Of sampled turns.
  DurationHistogram turn_duration;
  DurationHistogram publish_to_write;

  // One gap of so many frames, as far as they are known.
  void CountGap(wire::GapReason reason, uint64_t frames) {
    ++gaps[static_cast<size_t>(reason)];
    CountDropped(reason, frames);
  }
  void CountDropped(wire::GapReason reason, uint64_t frames) {
    frames_dropped[static_cast<size_t>(reason)] += frames;
  }
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_COUNTERS_H_
