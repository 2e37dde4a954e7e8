// Copies of the traffic for those who look on.  What passes is kept by
// reference and given when it is asked for; who asks too late has missed the
// oldest.  Nobody is ever held back by it, and it counts nowhere.  Pure.  Not
// thread-safe: belongs to one broker's thread.
#ifndef MYCELIUM_BROKER_TAP_H_
#define MYCELIUM_BROKER_TAP_H_

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_map.h"
#include "broker/outbox.h"
#include "broker/router.h"
#include "proto/mycelium/admin.pb.h"

namespace mycelium::broker {

class Taps {
 public:
  bool any() const { return !taps_.empty(); }

  // Whole frames of one sender, kind, type and topic.
  void See(const Port& sender, const Slice& frames, int64_t unix_ms);

  // What the session's tap has seen since it last asked, a page of it; from its
  // first request on, and anew when it asks for something else.  What is wrong
  // with the request, or empty.
  std::string Answer(uint32_t session_id, const wire::TapRequest& request,
                     wire::Tap* reply);
  void Remove(uint32_t session_id) { taps_.erase(session_id); }

  // Gives the memory back: as if all had asked too late.
  void DropAll();

 private:
  struct Run {
    Slice frames;                // that were not given yet
    bool pins = false;           // the block, and is charged for it
    uint64_t charged_bytes = 0;  // itself, the name, and the block if it pins
    uint32_t session_id = 0;
    std::string session_name;
    int64_t unix_ms = 0;
  };
  struct Tap {
    std::vector<uint16_t> types;       // none: all
    std::vector<std::string> filters;  // none: every topic, and none
    std::deque<Run> runs;
    uint64_t bytes = 0;  // charged, of all runs
    uint64_t frames_missed = 0;

    bool Takes(uint16_t type_id, std::string_view topic) const;
    // Whoever pins its block next is charged for it.
    void PopOldest();
    void DropOldest();
  };

  static void FillPage(uint64_t payload_bytes_max, Tap* tap, wire::Tap* reply);

  absl::btree_map<uint32_t, Tap> taps_;  // by session id
};

}  // namespace mycelium::broker

#endif  // MYCELIUM_BROKER_TAP_H_
