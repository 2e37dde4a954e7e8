// Every flag of the tool.  Which command takes which, and with what range,
// stands in the command's file; the help texts are there, too.
#ifndef MYCELIUM_CLIENT_CLI_FLAGS_H_
#define MYCELIUM_CLIENT_CLI_FLAGS_H_

#include "gflags/gflags_declare.h"

// For all commands.
DECLARE_string(url);
DECLARE_int64(timeout_ms);

DECLARE_int64(count);
DECLARE_string(topic);
DECLARE_string(format);

// pub and sub, -I schema as well; may be set several times (Arguments::Values)
DECLARE_string(schema);
DECLARE_string(I);

// pub
DECLARE_string(json);
DECLARE_string(data);
DECLARE_string(hex);
DECLARE_string(file);
DECLARE_bool(lines);
DECLARE_bool(verbose);
DECLARE_bool(ack);

// pub, sub
DECLARE_bool(no_reconnect);

// sub, request, reply
DECLARE_bool(raw);
DECLARE_bool(quiet);

// sub; the policy is bench's as well
DECLARE_string(policy);
DECLARE_int64(queue_bytes);
DECLARE_int64(stall_ms);
DECLARE_string(overflow);
DECLARE_string(group);
DECLARE_string(start);

// reply
DECLARE_bool(echo);
DECLARE_string(exec);
DECLARE_string(reply_type);

// ping, top
DECLARE_int64(interval_ms);

// top
DECLARE_bool(once);

// schema
DECLARE_bool(metrics);

DECLARE_bool(canonical);
DECLARE_string(output);

// bench
DECLARE_string(mode);
DECLARE_string(delivery);
DECLARE_int64(payload_bytes);
DECLARE_int64(publishers);
DECLARE_int64(subscribers);
DECLARE_double(seconds);
DECLARE_double(rate);

#endif  // MYCELIUM_CLIENT_CLI_FLAGS_H_
