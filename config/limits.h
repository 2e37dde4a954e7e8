// Every bound of Mycelium, with its unit and the reason for its value.
//
// A name that ends in `Default` is what a configuration may change (the same
// name in proto/mycelium/config.proto); the others are fixed.  Includes nothing
// but <cstdint>, so that each layer may include it.
#ifndef MYCELIUM_CONFIG_LIMITS_H_
#define MYCELIUM_CONFIG_LIMITS_H_

#include <cstdint>

namespace mycelium {

// --- Frames -----------------------------------------------------------------

// A frame's body (topic and payload).  1 MiB holds any message that is one;
// larger things are files.
inline constexpr uint32_t kFrameBytesMaxDefault = 1 << 20;
// What a configuration may raise it to: a session must be able to hold two.
inline constexpr uint32_t kFrameBytesMaxCeiling = 64 << 20;
// The length of a topic has one byte in the header.
inline constexpr uint32_t kTopicBytesMax = 255;

// --- Before WELCOME ---------------------------------------------------------

// Time from accept to a whole HELLO, and to the SCHEMA if one is asked for.  A
// machine under load answers in well under a second; a peer that says nothing
// may not hold a session for longer.
inline constexpr int64_t kHelloTimeoutMsDefault = 5'000;
// Body of HELLO: name, digest, instance id; 4 KiB is ten times what they take.
inline constexpr uint32_t kHelloBytesMaxDefault = 4 << 10;
// What a client takes before WELCOME: a CLOSE whose reason has
// kSchemaOffencesMax lines, with three names of kSchemaNameBytesMax in each.
inline constexpr uint32_t kGreetingBytesMax = 64 << 10;
// A client's name, as status and logs show it.
inline constexpr uint32_t kClientNameBytesMax = 128;

// --- Sessions ---------------------------------------------------------------

// All sessions of a broker.  At most 2 KiB each when idle: 32 MiB.  The limit
// on open files lowers it (see kDescriptorsReserved).
inline constexpr uint32_t kSessionsMaxDefault = 16'384;
// Of one user (Unix) or one address (TCP): half, so that one of them cannot
// lock out the others.
inline constexpr uint32_t kSessionsPerUidMaxDefault = 8'192;
inline constexpr uint32_t kSessionsPerAddressMaxDefault = 8'192;
// Files that sessions may not use up: listeners, log, the loop's own, and the
// connections that are accepted only to be told that there is no room.
inline constexpr uint32_t kDescriptorsReserved = 32;
// Type ids and filters that one session may ask for.
inline constexpr uint32_t kSubscriptionsPerSessionMaxDefault = 1'024;
// A session from which nothing came for this long is closed; at half of it the
// broker sends PING.
inline constexpr int64_t kIdleTimeoutMsDefault = 30'000;
// Time for a closing session to take its last frames and the CLOSE.
inline constexpr int64_t kCloseTimeoutMs = 2'000;
// Time that SIGTERM leaves for writing out what is queued.
inline constexpr int64_t kDrainTimeoutMsDefault = 5'000;

// --- Queues -----------------------------------------------------------------

// One subscription's queue at the broker: 200,000 frames of 80 bytes.
inline constexpr uint64_t kQueueBytesMaxDefault = 16 << 20;
// What a subscription may ask for.
inline constexpr uint64_t kQueueBytesMaxCeilingDefault = 256 << 20;
// The least that it may ask for: a queue must be able to hold something.
inline constexpr uint64_t kQueueBytesMin = 4 << 10;
// How long a full queue holds its publishers back before it drops (BALANCED).
inline constexpr int64_t kStallMsMaxDefault = 1'000;
// What publishers of a held type may still send into a full queue, all of them
// together: one client's outbox (kPublishBytesMaxDefault) and the kernel's
// buffers on the way.  Beyond it the sender is not read until released.
inline constexpr uint64_t kHoldGraceBytes = 2 << 20;
// Control frames that wait for a peer which does not read.
inline constexpr uint64_t kControlBytesMax = 256 << 10;
// One page of an ADMIN reply: well below kControlBytesMax, so that a page with
// the session that crosses it still fits.
inline constexpr uint32_t kAdminPageBytesMax = 64 << 10;
// Sessions that tap the traffic at a time; types and topic filters of each; and
// the blocks that one pins, with 100 bytes for each run of frames in them.
inline constexpr size_t kTapsMax = 16;
inline constexpr int kTapFiltersMax = 64;
inline constexpr uint64_t kTapBytesMax = 4 << 20;
// How long a broker that has stopped waits for whoever asked it to (ADMIN) to
// ask how it went.
inline constexpr int64_t kDrainToldMs = 1'000;
// Subscriptions of one session that status lists: 64 of at most 300 bytes.
inline constexpr int kStatusSubscriptionsMax = 64;
// Types that status lists: 2,048 of at most 18 bytes on the first page.
inline constexpr int kStatusTypesMax = 2'048;
// Everything that the broker holds for its sessions: blocks of frames, queued
// or half read.
inline constexpr uint64_t kTotalBytesMaxDefault = 1 << 30;

// --- Delivery ---------------------------------------------------------------

// How long an instance is known after its connection has ended: a restart of a
// program or of a network takes seconds.
inline constexpr int64_t kResumeWindowMsDefault = 30'000;
// Instances that are known without a connection; beyond it the oldest is
// forgotten.  Each takes some hundred bytes, and as much for each subscription.
inline constexpr uint32_t kResumeInstancesMaxDefault = 4'096;
// A client's backoff, unless the client says otherwise.  The least is a blink;
// the most is what a human waits for.
inline constexpr int64_t kReconnectMsMinDefault = 50;
inline constexpr int64_t kReconnectMsMaxDefault = 5'000;
// An ACK leaves when so many bytes were accepted since the last one, or after
// so long.  A client's outbox (kPublishBytesMaxDefault) is four times that.
inline constexpr uint32_t kAckBytes = 256 << 10;
inline constexpr int64_t kAckMsMax = 5;
// Requests of one session without an answer.
inline constexpr uint32_t kRequestsPerSessionMaxDefault = 4'096;
// The name of a group.
inline constexpr uint32_t kGroupNameBytesMax = 128;
// What a group's member holds and does not take for this long goes to another.
inline constexpr int64_t kGroupStallMs = 1'000;
// How long lossless subscribers may hold each other back in a circle.
inline constexpr int64_t kDeadlockMsDefault = 10'000;
// Rules of history, and the bytes that all of them may keep.
inline constexpr uint32_t kHistoryRulesMax = 64;
// What one rule keeps if it says nothing else.
inline constexpr uint64_t kHistoryBytesMaxDefault = 16 << 20;
// Silence after which a client asks whether its broker lives (as a share of the
// broker's idle_timeout_ms), and after which it gives the connection up.
inline constexpr int64_t kHeartbeatDivisor = 3;

// --- Schemas ----------------------------------------------------------------

// A descriptor set: a hundred files of a hundred messages take half of it.
inline constexpr uint32_t kSchemaBytesMaxDefault = 1 << 20;
// What a configuration may raise it to: one SCHEMA frame carries all of it.
inline constexpr uint32_t kSchemaBytesMaxCeiling = 32 << 20;
// What else stands in the body of a SCHEMA frame: the digest (34 bytes), and
// tag and length of the descriptor set (6).
inline constexpr uint32_t kSchemaBodyBytes = 40;
static_assert(kSchemaBytesMaxCeiling + kSchemaBodyBytes <=
              kFrameBytesMaxCeiling);
// Schemas that a broker knows at a time, and the bytes of all their descriptor
// sets: as many programs, each with a version of its own, as a machine has.
// Parsed, a schema takes up to 16 times as much.
inline constexpr uint32_t kSchemasMaxDefault = 256;
inline constexpr uint64_t kSchemasBytesMaxDefault = 16 << 20;
// What a configuration may raise it to: each new schema is compared with all.
inline constexpr uint32_t kSchemasMaxCeiling = 65'536;
// The canonical text of one schema, over all of its message types: what a
// hostile descriptor set may cost in hashing (about 70 ms).
inline constexpr uint32_t kSchemaCanonicalBytesMax = 4 << 20;
// Schemas that clients told and nobody uses any more, kept to show the messages
// of programs that left at once.
inline constexpr uint32_t kPastSchemasMax = 16;
inline constexpr uint64_t kPastSchemasBytesMax = 1 << 20;
// A full name, as it stands in digests and errors.
inline constexpr uint32_t kSchemaNameBytesMax = 512;
// Messages within messages: what protoc itself allows is 32.
inline constexpr int kSchemaNestingMax = 32;
// Offences that a refusal lists, and those that are looked for to say how many
// more there are.
inline constexpr uint32_t kSchemaOffencesMax = 20;
inline constexpr uint32_t kSchemaOffencesFoundMax = 1'000;

// --- The turn ---------------------------------------------------------------

// A block of frames: what one read may bring.  A Unix socket's buffer holds
// 208 KiB.
inline constexpr uint32_t kBlockBytes = 256 << 10;
// The least room for a read: below it a new block is begun.  Half a block, so
// that reads stay large.
inline constexpr uint32_t kReadBytesMin = 128 << 10;
// Blocks kept for reuse: 8 MiB that are not given back to the system.
inline constexpr uint32_t kSpareBlocksMax = 32;
// Pieces that one system call writes: the kernel's own limit (UIO_MAXIOV).
inline constexpr uint32_t kIovecsMax = 1'024;
// Topics whose route a type remembers; beyond it, it forgets them all.
inline constexpr uint32_t kRoutesPerTypeMax = 4'096;

// --- Listeners --------------------------------------------------------------

// Free of the known brokers' ports (NATS 4222 6222 8222, MQTT 1883 8883,
// Redis 6379, Zenoh 7446 7447, AMQP 5671 5672, Kafka 9092, Pulsar 6650, NSQ
// 4150, ZooKeeper 2181, Prometheus 9090), in a run (6937 to 6945) where the
// usual lists of services name nobody, and outside of Linux's range for
// outgoing connections (32768 and up).
inline constexpr uint16_t kTcpPortDefault = 6940;
inline constexpr uint32_t kListenersMax = 64;
// Connections that the kernel keeps until they are accepted; the kernel's own
// somaxconn (4096) lowers it.
inline constexpr int kListenBacklog = 4'096;

// --- Clients ----------------------------------------------------------------

// Frames that a client has taken and not yet written.
inline constexpr uint64_t kPublishBytesMaxDefault = 1 << 20;
// The buffer in which a thread encodes objects, kept for the next one.
inline constexpr uint32_t kEncodedBytesKept = 64 << 10;
// A publish that waits for others to join it leaves after this long.
inline constexpr int64_t kGatherUsMax = 100;
// What is gathered leaves at once when it is this much.
inline constexpr uint32_t kGatherBytes = 64 << 10;
// Time for the connection and the WELCOME.
inline constexpr int64_t kConnectTimeoutMsDefault = 5'000;
// Threads that publish on one in-process bus at the same time.
inline constexpr uint32_t kInprocPublishersMax = 256;
// Direct deliveries within direct deliveries (a callback that publishes).
inline constexpr uint32_t kInprocNestingMax = 16;

}  // namespace mycelium

#endif  // MYCELIUM_CONFIG_LIMITS_H_
