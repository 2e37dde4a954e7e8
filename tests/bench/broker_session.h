// A session with mycelium-brokerd over a blocking socket, by the wire alone
// (proto/WIRE.md): what the client library adds is not measured here.
// Whatever fails ends the program (endpoint.h).
#ifndef MYCELIUM_TESTS_BENCH_BROKER_SESSION_H_
#define MYCELIUM_TESTS_BENCH_BROKER_SESSION_H_

#include <cstdint>
#include <string>

namespace mycelium::bench {

// HELLO on a fresh connection, until WELCOME.
void OpenSession(int descriptor, const std::string& name);

// One subscription to all topics of a type with the default policy, until
// SUBSCRIBED.
void SubscribeToType(int descriptor, uint16_t type_id);

// The same, to answer the requests of a type.
void RespondToType(int descriptor, uint16_t type_id);

// The answer to PING.
void WritePong(int descriptor, uint64_t ping_id);

}  // namespace mycelium::bench

#endif  // MYCELIUM_TESTS_BENCH_BROKER_SESSION_H_
