// What a configuration says about history, as the broker takes it over.  Plain
// values; standard library only.
#ifndef MYCELIUM_CONFIG_HISTORY_RULES_H_
#define MYCELIUM_CONFIG_HISTORY_RULES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "config/limits.h"

namespace mycelium {

// config.proto says what each one means.  0: no bound of this kind.
struct HistoryRule {
  std::vector<uint16_t> types = {};  // empty: all
  std::string topic_filter = {};     // empty: every topic and none
  uint64_t frames_max = 0;
  uint64_t bytes_max = kHistoryBytesMaxDefault;
  int64_t age_ms_max = 0;

  bool operator==(const HistoryRule&) const = default;
};

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_HISTORY_RULES_H_
