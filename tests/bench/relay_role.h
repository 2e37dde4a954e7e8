// What a connection is to floor_relay: the first byte that it sends.  The relay
// sends the byte back once it has taken the role.
#ifndef MYCELIUM_TESTS_BENCH_RELAY_ROLE_H_
#define MYCELIUM_TESTS_BENCH_RELAY_ROLE_H_

#include <cstdint>

namespace mycelium::bench {

enum class RelayRole : uint8_t {
  kNone = 0,
  kPublisher = 'P',   // one; its bytes go to every subscriber
  kSubscriber = 'S',  // sends nothing
  kPartner = 'D',     // two; each gets the other's bytes
};

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_RELAY_ROLE_H_
