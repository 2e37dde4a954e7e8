/*
 * The C interface of Mycelium: typed messages between the programs of one
 * machine or a few, and between the parts of one program.  Programs link
 * libmycelium_ffi; it needs the C and C++ standard libraries and nothing else.
 *
 *   mycelium_runtime* runtime = mycelium_runtime_connect(NULL, NULL);
 *   mycelium_subscription* subscription;
 *   if (runtime == NULL) return fail(mycelium_last_error());
 *   mycelium_subscribe(runtime, 7, on_message, user_data, &subscription);
 *   mycelium_publish(runtime, 7, "hello", 5);
 *   mycelium_flush(runtime, 1000);
 *   mycelium_unsubscribe(subscription);
 *   mycelium_runtime_destroy(runtime);
 *
 * Rules
 *
 * Status.  Functions that can fail return a mycelium_status, or NULL in place
 * of a handle.  mycelium_last_error() then has the words: what was seen, what
 * is allowed.  Arguments that may not be NULL and are give
 * MYCELIUM_INVALID_ARGUMENT, but for handles that are to be released: releasing
 * NULL does nothing.
 *
 * Threads.  Every function may be called from any thread at any time, but for
 * the release of a handle, which happens once, when nobody else uses that
 * handle any more, and mycelium_next, which is for one thread at a time.
 *
 * Callbacks.  Those of one subscription never run at the same time, except
 * direct ones in process.  They run
 *   - with MYCELIUM_DELIVERY_DIRECT on the runtime's reading thread, or in
 *     process (inproc:) on the thread that publishes, within its call;
 *   - with MYCELIUM_DELIVERY_QUEUED on a thread of the subscription's own;
 *   - replies, on_accepted, on_state and on_unaccepted on the reading thread,
 *     or within the call that they belong to.
 * A callback that takes long holds up its thread: over a socket a direct one
 * holds up the runtime.  It may call every function, with one exception:
 * mycelium_runtime_destroy of the runtime that it belongs to, or within whose
 * call (a publish, say) it runs, is refused with MYCELIUM_FAILED_PRECONDITION;
 * mycelium_runtime_close does it.  A C++ exception that leaves a callback ends
 * the program, and none comes out of a function.
 *
 * The end.  When mycelium_unsubscribe or mycelium_runtime_close has returned,
 * no callback of the subscription or of the runtime runs and none will, so that
 * user_data may be freed; called from within such a callback it returns while
 * that one still runs, and none will after it.  Every on_accepted and on_reply
 * that was taken is called exactly once, at the latest within
 * mycelium_runtime_close.
 *
 * Memory.  What a function is given it copies or has done with when it
 * returns.  What a callback is given lives until it returns; what mycelium_next
 * gives, until the next call of mycelium_next or mycelium_unsubscribe.
 * Handles belong to the caller, who releases each once: a runtime with
 * mycelium_runtime_destroy, a subscription with mycelium_unsubscribe, in any
 * order; after its runtime is closed a subscription is only good to be
 * released.  Texts are UTF-8 and end with a NUL.
 *
 * Structs that the caller fills begin with struct_bytes, their sizeof, so that
 * later versions of the library can have longer ones; what a library does not
 * know of them must be 0.  Begin with the *_init macro, which sets the
 * defaults. Of structs to be read, mycelium_message and mycelium_gap may grow
 * at their end; those that come in arrays stay as they are.
 *
 * Time.  timeout_ms counts from the call on; 0: not waiting at all,
 * MYCELIUM_NO_TIMEOUT: for as long as it takes.
 *
 * fork.  A runtime belongs to the process that made it.  In a child of fork
 * its functions, mycelium_runtime_destroy too, do nothing but return
 * MYCELIUM_FAILED_PRECONDITION; the child may make runtimes of its own.
 */
#ifndef MYCELIUM_H_
#define MYCELIUM_H_

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MYCELIUM_API __attribute__((visibility("default")))
#else
#define MYCELIUM_API
#endif

/* Enums hold every int, in C++ as in C: callers may have numbers of a later
 * version. */
#if defined(__cplusplus) && __cplusplus >= 201103L
#define MYCELIUM_ENUM_BASE : int
#else
#define MYCELIUM_ENUM_BASE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when something is added; programs built with an older one go on. */
#define MYCELIUM_ABI_VERSION 1

#define MYCELIUM_NO_TIMEOUT (-1)
#define MYCELIUM_SCHEMA_DIGEST_BYTES 32

/* The numbers of abseil's and gRPC's status codes. */
typedef enum mycelium_status MYCELIUM_ENUM_BASE {
  MYCELIUM_OK = 0,
  MYCELIUM_CANCELLED = 1, /* unsubscribed, cancelled or closed meanwhile */
  MYCELIUM_UNKNOWN = 2,
  MYCELIUM_INVALID_ARGUMENT = 3,
  MYCELIUM_DEADLINE_EXCEEDED = 4,
  MYCELIUM_NOT_FOUND = 5,      /* a request that nobody answers */
  MYCELIUM_ALREADY_EXISTS = 6, /* said by responders only, as 11, 15 and 16 */
  MYCELIUM_PERMISSION_DENIED = 7,
  MYCELIUM_RESOURCE_EXHAUSTED = 8,  /* a limit, or memory */
  MYCELIUM_FAILED_PRECONDITION = 9, /* schema, version, or not now */
  MYCELIUM_ABORTED = 10,            /* whether it was done is not known */
  MYCELIUM_OUT_OF_RANGE = 11,
  MYCELIUM_UNIMPLEMENTED = 12,
  MYCELIUM_INTERNAL = 13,
  MYCELIUM_UNAVAILABLE = 14, /* no broker, connection lost, or would block */
  MYCELIUM_DATA_LOSS = 15,
  MYCELIUM_UNAUTHENTICATED = 16
} mycelium_status;

/* "MYCELIUM_NOT_FOUND"; of a number that is none: "unknown status". */
MYCELIUM_API const char* mycelium_status_text(mycelium_status status);

/* The status and the words of the last call of this thread that failed, for as
 * long as no other fails on it; MYCELIUM_OK and "" before. */
MYCELIUM_API mycelium_status mycelium_last_status(void);
MYCELIUM_API const char* mycelium_last_error(void);

/* "0.1.0" */
MYCELIUM_API const char* mycelium_version(void);
/* MYCELIUM_ABI_VERSION of the library that runs. */
MYCELIUM_API int mycelium_abi_version(void);

/* --- Messages and gaps --------------------------------------------------- */

typedef struct mycelium_message {
  uint16_t type_id;
  uint8_t redelivered; /* 1: of a group, and another member may have had it */
  const char* topic;   /* "" without; ends with a NUL */
  size_t topic_bytes;
  const uint8_t* payload;
  size_t payload_bytes;
  uint64_t sequence; /* the count of this type at the broker: 1, 2, ... */
} mycelium_message;

typedef enum mycelium_gap_reason MYCELIUM_ENUM_BASE {
  MYCELIUM_GAP_UNSPECIFIED = 0,
  MYCELIUM_GAP_OVERFLOW = 1,   /* the queue was full for too long */
  MYCELIUM_GAP_CONFLATED = 2,  /* newer ones took their place */
  MYCELIUM_GAP_RECONNECT = 3,  /* lost with the connection */
  MYCELIUM_GAP_MEMORY = 4,     /* the broker's own bound was reached */
  MYCELIUM_GAP_DEADLOCK = 5,   /* lossless subscribers in a circle */
  MYCELIUM_GAP_MALFORMED = 100 /* said by bindings: no message of its type */
} mycelium_gap_reason;

typedef struct mycelium_gap_range {
  uint16_t type_id; /* 0: of which types is not known; no sequences then */
  uint64_t frames;  /* so many of the range were for this subscription */
  uint64_t first_sequence;
  uint64_t last_sequence;
} mycelium_gap_range;

/* Frames that a subscription did not get, told before the next that it does. */
typedef struct mycelium_gap {
  mycelium_gap_reason reason;
  int unknown; /* 1: more may be missing, or nothing; nobody can say */
  const mycelium_gap_range* ranges; /* one for each type */
  size_t ranges_count;
} mycelium_gap;

typedef void (*mycelium_message_callback)(const mycelium_message* message,
                                          void* user_data);
typedef void (*mycelium_gap_callback)(const mycelium_gap* gap, void* user_data);

/* --- Runtimes ------------------------------------------------------------ */

/* One client: in process, or of a broker. */
typedef struct mycelium_runtime mycelium_runtime;

typedef enum mycelium_state MYCELIUM_ENUM_BASE {
  MYCELIUM_STATE_CONNECTING = 0,
  MYCELIUM_STATE_CONNECTED = 1,
  MYCELIUM_STATE_STALLED = 2,      /* a type that it publishes is held back */
  MYCELIUM_STATE_RECONNECTING = 3, /* `error` says why */
  /* For good; `error` says why.  Of a close of its own a runtime in process is
   * told, one with a broker is not. */
  MYCELIUM_STATE_CLOSED = 4
} mycelium_state;

typedef void (*mycelium_state_callback)(mycelium_state state,
                                        mycelium_status status,
                                        const char* error, void* user_data);

/* A frame that publish took and that no broker is known to have accepted. */
typedef struct mycelium_unaccepted {
  uint16_t type_id;
  /* 1: a broker that has forgotten this client or was restarted had it and may
   * have accepted it; it is not sent again. */
  uint8_t maybe_accepted;
  const char* topic;
  size_t topic_bytes;
  const uint8_t* payload;
  size_t payload_bytes;
} mycelium_unaccepted;

typedef void (*mycelium_unaccepted_callback)(const mycelium_unaccepted* frames,
                                             size_t count, void* user_data);

typedef struct mycelium_connect_options {
  size_t struct_bytes;
  const char* name; /* for status and logs; NULL: the program's name */
  /* What this program's messages mean: generated code has both.  A broker or
   * bus whose others could not be understood refuses with
   * MYCELIUM_FAILED_PRECONDITION and a line for each field.  NULL: raw bytes.
   * The digest alone is enough if it is mycelium_builtin_schema_digest(). */
  const uint8_t* schema_digest;  /* MYCELIUM_SCHEMA_DIGEST_BYTES */
  const uint8_t* descriptor_set; /* a google.protobuf.FileDescriptorSet */
  size_t descriptor_set_bytes;
  int64_t connect_timeout_ms;
  /* Taken by publish and not yet accepted; beyond it publish waits. */
  uint64_t publish_bytes_max;
  int reconnect; /* 1: a lost connection is made again */
  /* Bounds of the random time before each attempt; 0: what the broker says. */
  int64_t reconnect_ms_min;
  int64_t reconnect_ms_max;
  mycelium_state_callback on_state; /* may be NULL */
  /* Without it the next flush says how many they were (MYCELIUM_ABORTED). */
  mycelium_unaccepted_callback on_unaccepted; /* may be NULL */
  void* user_data;                            /* of these two */
} mycelium_connect_options;

/* `options` points to a mycelium_connect_options. */
#define mycelium_connect_options_init(options) \
  mycelium_connect_options_set_defaults((options), sizeof *(options))
MYCELIUM_API mycelium_status mycelium_connect_options_set_defaults(
    mycelium_connect_options* options, size_t struct_bytes);

/* A private bus within this process, without a schema; as
 * mycelium_runtime_connect("inproc:", NULL).  NULL: mycelium_last_error(). */
MYCELIUM_API mycelium_runtime* mycelium_runtime_create(void);

/* `url`: unix:/path, tcp://host:port, inproc: (a private bus), inproc:NAME (the
 * bus of that name, shared by everything in this process that is linked to the
 * same library, C++ programs too); NULL or "": $MYCELIUM_URL, or the default
 * socket.  `options` may be NULL.  NULL: mycelium_last_status(),
 * mycelium_last_error(). */
MYCELIUM_API mycelium_runtime* mycelium_runtime_connect(
    const char* url, const mycelium_connect_options* options);

/* Writes what was published, says goodbye, ends all subscriptions.  Idempotent;
 * from within a callback, too. */
MYCELIUM_API mycelium_status mycelium_runtime_close(mycelium_runtime* runtime);

/* Closes and releases.  Refused (MYCELIUM_FAILED_PRECONDITION) within a
 * callback or a call of this runtime: the handle then stays as it is. */
MYCELIUM_API mycelium_status
mycelium_runtime_destroy(mycelium_runtime* runtime);

/* MYCELIUM_OK if the digest is that of this runtime's schema, or
 * mycelium_builtin_schema_digest() if it has none.  Otherwise
 * MYCELIUM_FAILED_PRECONDITION, and the error has both digests. */
MYCELIUM_API mycelium_status mycelium_verify_schema_digest(
    mycelium_runtime* runtime, const uint8_t* digest, size_t digest_bytes);

/* The schema of mycelium_protocol.proto, the demo messages, which is built into
 * the library: its digest (MYCELIUM_SCHEMA_DIGEST_BYTES, static). */
MYCELIUM_API const uint8_t* mycelium_builtin_schema_digest(void);

/* A round trip through the broker. */
MYCELIUM_API mycelium_status mycelium_ping(mycelium_runtime* runtime,
                                           int64_t timeout_ms);

typedef struct mycelium_broker_info {
  size_t struct_bytes;
  char name[128];
  char version[32];
  uint64_t epoch; /* another one after each start of the broker */
  uint32_t session_id;
  uint32_t frame_bytes_max; /* of topic and payload together */
} mycelium_broker_info;

/* Of the present or the last connection.  The caller sets struct_bytes. */
MYCELIUM_API mycelium_status mycelium_runtime_broker_info(
    mycelium_runtime* runtime, mycelium_broker_info* info);

typedef struct mycelium_counters {
  size_t struct_bytes;
  uint64_t frames_published; /* taken by publish */
  uint64_t frames_accepted;
  uint64_t frames_resent;
  uint64_t frames_unaccepted; /* given back */
  uint64_t frames_received;   /* given to subscriptions */
  uint64_t frames_missed;     /* told in gaps */
  uint64_t gaps;
  uint64_t reconnects;
  uint64_t replies_late;
} mycelium_counters;

/* The caller sets struct_bytes. */
MYCELIUM_API mycelium_status mycelium_runtime_counters(
    mycelium_runtime* runtime, mycelium_counters* counters);

/* --- Publishing ---------------------------------------------------------- */

/* MYCELIUM_OK: taken, in the order of this thread's calls; it will be written,
 * and written again after a reconnect.  Waits while the type is held back or
 * publish_bytes_max is reached.  `bytes` may be NULL if `size` is 0. */
MYCELIUM_API mycelium_status mycelium_publish(mycelium_runtime* runtime,
                                              uint16_t type_id,
                                              const void* bytes, size_t size);

/* `topic` may be NULL: none.  timeout_ms 0: MYCELIUM_UNAVAILABLE and "publish:
 * would block, ..." instead of waiting. */
MYCELIUM_API mycelium_status mycelium_publish_topic(
    mycelium_runtime* runtime, uint16_t type_id, const char* topic,
    const void* bytes, size_t size, int64_t timeout_ms);

typedef void (*mycelium_accepted_callback)(mycelium_status status,
                                           const char* error, void* user_data);

/* As mycelium_publish_topic; on_accepted is called once if it returns
 * MYCELIUM_OK, and never otherwise.  It gets MYCELIUM_OK when the broker has
 * accepted the frame, MYCELIUM_ABORTED if nobody can say, and
 * MYCELIUM_CANCELLED or MYCELIUM_UNAVAILABLE if it has not. */
MYCELIUM_API mycelium_status mycelium_publish_acked(
    mycelium_runtime* runtime, uint16_t type_id, const char* topic,
    const void* bytes, size_t size, int64_t timeout_ms,
    mycelium_accepted_callback on_accepted, void* user_data);

/* MYCELIUM_OK: everything published before has been accepted by the broker; in
 * process: every queue has it. */
MYCELIUM_API mycelium_status mycelium_flush(mycelium_runtime* runtime,
                                            int64_t timeout_ms);

/* --- Subscribing --------------------------------------------------------- */

typedef struct mycelium_subscription mycelium_subscription;

typedef enum mycelium_overflow MYCELIUM_ENUM_BASE {
  MYCELIUM_OVERFLOW_GAP = 0,      /* the oldest are dropped and told */
  MYCELIUM_OVERFLOW_CONFLATE = 1, /* the newest of each type and topic stays */
  MYCELIUM_OVERFLOW_DISCONNECT = 2
} mycelium_overflow;

/* What happens when a subscription's queue is full. */
typedef struct mycelium_policy {
  uint64_t queue_bytes_max;
  int64_t stall_ms_max; /* publishers are held so long; 0: not, -1: no end */
  mycelium_overflow overflow;
} mycelium_policy;

typedef enum mycelium_policy_name MYCELIUM_ENUM_BASE {
  MYCELIUM_BALANCED = 0, /* holds for a second, then loses the oldest */
  MYCELIUM_LOSSLESS = 1, /* holds for as long as it takes */
  MYCELIUM_LIVE = 2,     /* never holds */
  MYCELIUM_LATEST = 3,   /* the newest of each type and topic */
  MYCELIUM_STRICT = 4    /* everything, or its runtime is closed */
} mycelium_policy_name;

/* Of a number that is none: MYCELIUM_BALANCED's. */
MYCELIUM_API mycelium_policy
mycelium_policy_of(mycelium_policy_name policy_name);

typedef enum mycelium_start MYCELIUM_ENUM_BASE {
  MYCELIUM_START_NOW = 0,
  MYCELIUM_START_LAST = 1,     /* the newest start_value of each topic */
  MYCELIUM_START_SEQUENCE = 2, /* of one type, from this count on */
  MYCELIUM_START_TIME = 3      /* ms since 1970-01-01 00:00 UTC */
} mycelium_start;

typedef enum mycelium_delivery MYCELIUM_ENUM_BASE {
  MYCELIUM_DELIVERY_DIRECT = 0,
  MYCELIUM_DELIVERY_QUEUED = 1
} mycelium_delivery;

typedef struct mycelium_subscribe_options {
  size_t struct_bytes;
  uint16_t type_id;         /* 0: all types */
  const char* topic_filter; /* NULL: every topic and none */
  mycelium_policy policy;
  mycelium_delivery delivery;
  const char* group; /* NULL: none */
  mycelium_start start;
  uint64_t start_value;
  /* NULL: the subscription is pulled with mycelium_next. */
  mycelium_message_callback on_message;
  mycelium_gap_callback on_gap; /* may be NULL */
  /* May be NULL.  With on_message and MYCELIUM_DELIVERY_QUEUED only: called on
   * the subscription's thread behind the last of the callbacks that ran in a
   * row, before it waits, so that a binding can take its interpreter's lock
   * once for many messages.  Not behind one that has itself ended the
   * subscription or closed its runtime: nothing is called after that. */
  void (*on_batch_end)(void* user_data);
  void* user_data;
} mycelium_subscribe_options;

/* MYCELIUM_BALANCED, direct, from now on, everything else NULL or 0. */
#define mycelium_subscribe_options_init(options) \
  mycelium_subscribe_options_set_defaults((options), sizeof *(options))
MYCELIUM_API mycelium_status mycelium_subscribe_options_set_defaults(
    mycelium_subscribe_options* options, size_t struct_bytes);

/* MYCELIUM_OK: the route is live, what anyone publishes from now on arrives.
 * Direct, with MYCELIUM_BALANCED. */
MYCELIUM_API mycelium_status
mycelium_subscribe(mycelium_runtime* runtime, uint16_t type_id,
                   mycelium_message_callback callback, void* user_data,
                   mycelium_subscription** subscription);

MYCELIUM_API mycelium_status mycelium_subscribe_with(
    mycelium_runtime* runtime, const mycelium_subscribe_options* options,
    mycelium_subscription** subscription);

/* Ends and releases it; NULL does nothing. */
MYCELIUM_API mycelium_status
mycelium_unsubscribe(mycelium_subscription* subscription);

typedef struct mycelium_item {
  const mycelium_message* message; /* NULL: it is a gap */
  const mycelium_gap* gap;         /* NULL: it is a message */
} mycelium_item;

/* The next frame or gap of a subscription without on_message.
 * MYCELIUM_DEADLINE_EXCEEDED: nothing came; MYCELIUM_CANCELLED: its runtime was
 * closed; MYCELIUM_UNAVAILABLE: the connection is lost for good. */
MYCELIUM_API mycelium_status mycelium_next(mycelium_subscription* subscription,
                                           int64_t timeout_ms,
                                           mycelium_item* item);

/* --- Requests ------------------------------------------------------------ */

/* `reply` is NULL unless status is MYCELIUM_OK.  MYCELIUM_NOT_FOUND: nobody
 * answers; MYCELIUM_UNAVAILABLE: the responder or the connection was lost, it
 * may have been done; MYCELIUM_RESOURCE_EXHAUSTED: all are busy;
 * MYCELIUM_DEADLINE_EXCEEDED, MYCELIUM_CANCELLED; any other is the responder's.
 */
typedef void (*mycelium_reply_callback)(mycelium_status status,
                                        const char* error,
                                        const mycelium_message* reply,
                                        void* user_data);

/* Asks one of those that respond to type and topic (NULL: none), the least busy
 * first.  on_reply is called once if this returns MYCELIUM_OK, and never
 * otherwise.  *call (may be NULL) is for mycelium_cancel. */
MYCELIUM_API mycelium_status mycelium_request(
    mycelium_runtime* runtime, uint16_t type_id, const char* topic,
    const void* bytes, size_t size, int64_t timeout_ms,
    mycelium_reply_callback on_reply, void* user_data, uint64_t* call);

/* As mycelium_request, but returns only when on_reply has been called, which
 * happens on this thread. */
MYCELIUM_API mycelium_status mycelium_request_wait(
    mycelium_runtime* runtime, uint16_t type_id, const char* topic,
    const void* bytes, size_t size, int64_t timeout_ms,
    mycelium_reply_callback on_reply, void* user_data);

/* on_reply gets MYCELIUM_CANCELLED, unless it has been called already. */
MYCELIUM_API mycelium_status mycelium_cancel(mycelium_runtime* runtime,
                                             uint64_t call);

/* A request that waits for its answer.  Whoever got it answers it once, from
 * any thread, now or later, with mycelium_reply or mycelium_fail, which also
 * release it, whatever they return (but for a forked child, see above). */
typedef struct mycelium_respondent mycelium_respondent;

typedef void (*mycelium_request_callback)(const mycelium_message* request,
                                          mycelium_respondent* respondent,
                                          void* user_data);

/* Of `options` on_message, on_gap, on_batch_end, group and start are not for
 * this; of the policy queue_bytes_max is. */
MYCELIUM_API mycelium_status mycelium_respond(
    mycelium_runtime* runtime, const mycelium_subscribe_options* options,
    mycelium_request_callback on_request, mycelium_subscription** subscription);

/* MYCELIUM_UNAVAILABLE: the connection is lost, the requester has been told.
 * MYCELIUM_INVALID_ARGUMENT: no such reply can be, and the requester is told so
 * in its place. */
MYCELIUM_API mycelium_status mycelium_reply(mycelium_respondent* respondent,
                                            uint16_t type_id, const void* bytes,
                                            size_t size);
/* `status` is not MYCELIUM_OK; `error` is for people and may be NULL. */
MYCELIUM_API mycelium_status mycelium_fail(mycelium_respondent* respondent,
                                           mycelium_status status,
                                           const char* error);
/* 1: nobody waits for the answer any more; it must be released all the same. */
MYCELIUM_API int mycelium_respondent_cancelled(
    const mycelium_respondent* respondent);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* MYCELIUM_H_ */
