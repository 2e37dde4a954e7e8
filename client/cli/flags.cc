#include "client/cli/flags.h"

#include "config/limits.h"
#include "gflags/gflags.h"

DEFINE_string(url, "", "where the broker is");
DEFINE_int64(timeout_ms, -1, "when to give up; -1: never");

DEFINE_int64(count, 1, "how many");
DEFINE_string(topic, "", "topic, or filter");
DEFINE_string(format, "text", "of the output");

DEFINE_string(schema, "", "file of message types");
DEFINE_string(I, "", "folder to import .proto files from");

DEFINE_string(json, "", "message as JSON");
DEFINE_string(data, "", "payload as text");
DEFINE_string(hex, "", "payload as hex digits");
DEFINE_string(file, "", "file that holds the payload");
DEFINE_bool(lines, false, "one message a line");
DEFINE_bool(verbose, false, "say what was done");
DEFINE_bool(ack, false, "each message is acknowledged by itself");
DEFINE_bool(no_reconnect, false, "a lost connection is the end");

DEFINE_bool(raw, false, "payloads as they are");
DEFINE_bool(quiet, false, "only frames, gaps and errors");
DEFINE_string(policy, "balanced", "what happens when a queue is full");
DEFINE_int64(queue_bytes, mycelium::kQueueBytesMaxDefault,
             "bound of a subscription's queue");
DEFINE_int64(stall_ms, mycelium::kStallMsMaxDefault,
             "how long a full queue holds its publishers; -1: without end");
DEFINE_string(overflow, "gap", "what then happens");
DEFINE_string(group, "", "subscriptions that share the frames");
DEFINE_string(start, "now", "where a subscription begins");

DEFINE_bool(echo, false, "reply with the request's payload");
DEFINE_string(exec, "", "shell command that replies");
DEFINE_string(reply_type, "", "message type of the replies");

DEFINE_int64(interval_ms, 200, "pause between two pings, or tables");

DEFINE_bool(once, false, "one table");

DEFINE_bool(metrics, false, "what Prometheus reads");

DEFINE_bool(canonical, false, "what the digest is made of");
DEFINE_string(output, "", "where the descriptor set is written to");

DEFINE_string(mode, "throughput", "what to measure");
DEFINE_string(delivery, "direct", "where callbacks run");
DEFINE_int64(payload_bytes, 64, "payload of each frame");
DEFINE_int64(publishers, 1, "publishing clients");
DEFINE_int64(subscribers, 1, "subscribing clients");
DEFINE_double(seconds, 3, "how long to measure");
DEFINE_double(rate, 0, "frames per second of all publishers");
