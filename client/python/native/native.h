/* What the files of the extension share.
 *
 * Who holds what
 *
 *   Runtime (Python) -> runtime_state -> mycelium_runtime
 *   Subscription (Python) -> delivery -> mycelium_subscription
 *
 * A Runtime knows its Subscriptions and each of them its Runtime; the garbage
 * collector sees the circle.  The C structs on the right are what the library's
 * callbacks get as user_data.  They are counted and outlive the Python objects,
 * until no thread can be within a callback any more; the Python references
 * within them are only touched with the GIL.
 *
 * The GIL is never held while the library may wait, with one exception that
 * cannot wait: publish.c, try_publish.
 */
#ifndef MYCELIUM_CLIENT_PYTHON_NATIVE_NATIVE_H_
#define MYCELIUM_CLIENT_PYTHON_NATIVE_NATIVE_H_

#define Py_LIMITED_API 0x03090000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <structmember.h>

#include "client/c/mycelium.h"

/* --- module.c ------------------------------------------------------------ */

/* One main interpreter has this module, so it is static. */
typedef struct native_types {
  PyTypeObject* runtime;
  PyTypeObject* subscription;
  PyTypeObject* respondent;
  PyTypeObject* codec;
  /* of mycelium_native.values */
  PyObject* error;            /* Error */
  PyObject* error_of;         /* (status, words) -> Error */
  PyObject* request_error_of; /* the same, of an answer */
  PyObject* gap_of;           /* (reason, ranges, unknown) -> Gap */
  PyObject* state_of;         /* (number) -> State */
  PyObject* unaccepted;       /* UnacceptedFrame */
  PyObject* message_info;     /* MessageInfo */
  PyObject* broker_info;      /* BrokerInfo */
  PyObject* counters;         /* Counters */
  PyObject* settle;           /* (future, error): ends it */
  PyObject* answer_later;     /* (future, respondent) */
} native_types;
extern native_types native;

/* tp_new of types that only the extension makes. */
PyObject* refuse_new(PyTypeObject* type, PyObject* args, PyObject* keywords);

/* --- threads.c: the GIL, waiting, and threads that end things ------------ */

typedef struct gil_ticket {
  PyGILState_STATE state;
} gil_ticket;

/* Takes the GIL on a thread of the library.  0: the interpreter is ending, and
 * must not be touched. */
int gil_enter(gil_ticket* ticket);
void gil_leave(gil_ticket ticket);

/* Whether this thread is within a callback of any runtime. */
int in_callback(void);
/* Whether Ctrl-C has to be looked for: only the main thread runs signal
 * handlers; within a callback the library has to see which thread waits. */
int signals_may_come(void);

/* Something that may wait, to be run without the GIL. */
typedef struct work {
  void (*run)(struct work* work);
  void (*drop)(struct work* work); /* frees it; with the GIL */
  mycelium_status status;          /* of what `run` called */
  char* words; /* mycelium_last_error() then; freed by drop */
  pthread_mutex_t mutex;
  pthread_cond_t ended;
  int done;      /* with `mutex` */
  int abandoned; /* with `mutex` */
} work;

void work_init(work* work, void (*run)(struct work*),
               void (*drop)(struct work*));
/* For `run`: keeps the status and, unless it is MYCELIUM_OK, the words. */
void work_note(work* work, mycelium_status status);
/* For `drop`. */
void work_fini(work* work);

/* Runs it.  0: done, and the caller drops it.  -1: a signal handler has raised
 * (Ctrl-C); it goes on by itself and is dropped then. */
int work_wait(work* work);
/* Runs it on a thread of its own and drops it there; returns at once.  An end
 * that is begun where it must not be waited for: within a callback, or by the
 * garbage collector. */
void work_detach(work* work);

/* How long a wait may last until Ctrl-C is looked for. */
#define SLICE_MS 100

/* A point in time on the monotonic clock. */
typedef struct deadline {
  int64_t end_ms; /* INT64_MAX: never */
} deadline;
/* None: never.  -1 and TypeError or ValueError. */
int deadline_of(PyObject* timeout_s, deadline* deadline);
/* Milliseconds from now, rounded up; MYCELIUM_NO_TIMEOUT for never. */
int64_t deadline_left_ms(deadline deadline);
/* The same, but at most SLICE_MS.  *last: the wait ends with this one. */
int64_t deadline_slice_ms(deadline deadline, int* last);
/* CLOCK_MONOTONIC, `ms` from now. */
struct timespec monotonic_in(int64_t ms);
int64_t monotonic_ms(void);
/* With CLOCK_MONOTONIC. */
void condition_init(pthread_cond_t* condition);

/* When the module is imported, and again in a child of fork.  -1: raised. */
int threads_begin(void);
/* Around fork: nobody enters meanwhile. */
void threads_before_fork(void);
void threads_after_fork_in_parent(void);
/* The interpreter begins to end: no runtime is to be opened any more. */
void threads_begin_end(void);
int threads_ending(void);
/* Waits for detached work and for callbacks, and lets none in afterwards.  With
 * an exception, which may be that of Ctrl-C meanwhile, it waits no longer. */
void threads_end(void);
/* 1 after threads_end. */
int threads_ended(void);

/* --- convert.c: what C says, as Python ----------------------------------- */

/* Raises the exception for a status; returns NULL. */
PyObject* raise_status(mycelium_status status, const char* words);
/* The same for what a request was answered with. */
PyObject* raise_answer(mycelium_status status, const char* words);
/* Raises for the last call of this thread that failed; returns NULL. */
PyObject* raise_last(mycelium_status status);
/* An Error, or None for MYCELIUM_OK.  NULL: raised. */
PyObject* error_object(mycelium_status status, const char* words);

/* These are NULL where they raise. */
PyObject* gap_object(const mycelium_gap* gap);
PyObject* info_object(const mycelium_message* message);
PyObject* unaccepted_objects(const mycelium_unaccepted* frames, size_t count);
PyObject* broker_info_object(const mycelium_broker_info* info);
PyObject* counters_object(const mycelium_counters* counters);

/* A text argument as bytes for C: NULL and no error for "" and None.
 * *failed: TypeError, or ValueError for a NUL character. */
PyObject* text_argument(const char* subject, PyObject* text, int* failed);
/* "" for NULL. */
const char* text_of(PyObject* bytes);

/* sys.unraisablehook; `what`: the callable that it came out of. */
void report_unraisable(PyObject* what);

/* --- codec.c: messages and their bytes ----------------------------------- */

/* What is known of one message class. */
typedef struct codec codec;

/* Makes one of a class with TYPE_ID, to_bytes and from_bytes; TypeError. */
PyObject* codec_new(PyObject* message_class);
uint16_t codec_type_id(PyObject* codec);
/* The class's FULL_NAME; borrowed. */
PyObject* codec_name(PyObject* codec);
/* NULL: what from_bytes raised; ValueError for bytes that are no message. */
PyObject* codec_decode(PyObject* codec, const uint8_t* bytes, size_t size);

#define ENCODED_BYTES 512
typedef struct encoded {
  const void* bytes;
  size_t size;
  PyObject* owner; /* of `bytes`, or NULL: then they are in `near` */
  uint8_t near[ENCODED_BYTES];
} encoded;
/* -1: what to_bytes raised. */
int codec_encode(PyObject* codec, PyObject* message, encoded* encoded);
void encoded_fini(encoded* encoded);
PyObject* codec_make_type(void);

/* --- runtime.c ----------------------------------------------------------- */

struct delivery;

/* Counted with the GIL: by the Runtime, each delivery, and work that uses it.
 */
typedef struct runtime_state {
  mycelium_runtime* handle;
  int users;
  PyObject* on_state;      /* or NULL */
  PyObject* on_unaccepted; /* or NULL */
} runtime_state;

typedef struct runtime_object {
  PyObject_HEAD struct runtime_object*
      previous; /* in the list of those that are open */
  struct runtime_object* next;
  runtime_state* state;    /* NULL before _open */
  PyObject* subscriptions; /* a set of those that are open */
  PyObject* codecs;        /* a dict: message class -> Codec */
  PyObject* weak_references;
  int is_open;
  int private_bus; /* nobody else's callbacks run within publish */
} runtime_object;

void runtime_state_release(runtime_state* state);
/* 0, or -1 and raises: _open was not called. */
int runtime_check(runtime_object* runtime);
/* What atexit does. */
PyObject* runtime_close_all(PyObject* module, PyObject* none);
PyObject* runtime_make_type(void);

/* Closes a runtime, if it is given, and releases subscriptions, a list, which
 * it takes over.  NULL: no memory, without an exception. */
work* release_new(runtime_object* runtime, struct delivery* deliveries);

/* --- publish.c ----------------------------------------------------------- */

/* The codec of a message class; borrowed.  The first time the class's schema is
 * compared with the runtime's.  NULL: raised. */
PyObject* runtime_codec(runtime_object* runtime, PyObject* message_class);
/* The same for a message. */
PyObject* runtime_codec_of(runtime_object* runtime, PyObject* message);
/* Methods of Runtime. */
PyObject* runtime_publish(PyObject* self, PyObject* args, PyObject* keywords);
PyObject* runtime_publish_acked(PyObject* self, PyObject* args);
PyObject* runtime_publish_bytes(PyObject* self, PyObject* args,
                                PyObject* keywords);
PyObject* runtime_flush(PyObject* self, PyObject* args, PyObject* keywords);
PyObject* runtime_ping(PyObject* self, PyObject* args, PyObject* keywords);
PyObject* runtime_broker_info(PyObject* self, PyObject* none);
PyObject* runtime_counters(PyObject* self, PyObject* none);

/* --- delivery.c ------------------------------------------------------ */

/* Counted with the GIL: by its handle's owner, and by each batch of callbacks
 * that runs. */
typedef struct delivery {
  struct delivery* next; /* in a list of those that are to be released */
  runtime_state* runtime;
  mycelium_subscription* handle; /* NULL once released */
  int users;
  /* Of the subscription's thread alone. */
  int has_gil;
  int ended_within; /* by its own callback: nothing is called after that */
  gil_ticket ticket;
  int64_t gil_since_ms;
  unsigned calls;
  /* Of no meaning once users is 0. */
  PyObject* codec;    /* or NULL: bytes */
  PyObject* callback; /* or NULL: pulled */
  PyObject* on_gap;   /* NULL: of a responder */
  PyObject* answers;  /* of a responder: the Runtime; else NULL */
  int with_info;
} delivery;

void delivery_release(delivery* delivery);
/* Ends a delivery, if it is the one whose callback this thread runs. */
int delivery_end_own(delivery* delivery);
/* Runtime._subscribe, Runtime._respond. */
PyObject* runtime_subscribe(PyObject* self, PyObject* args);
PyObject* runtime_respond(PyObject* self, PyObject* args);

/* The begin of a callback on a subscription's thread: takes the GIL, unless it
 * has it.  0: do nothing. */
int delivery_enter(delivery* delivery);
/* Its end; the GIL stays taken.  0: the callback has ended the subscription,
 * the GIL is given back and the delivery may be gone. */
int delivery_leave(delivery* delivery);
/* mycelium_subscribe_options.on_batch_end: gives the GIL back. */
void delivery_batch_end(void* user_data);
/* A message as Python has it; NULL: raised, ValueError for bytes that are no
 * message of its type. */
PyObject* delivery_item(const delivery* delivery,
                        const mycelium_message* message);
/* Calls `callable` with it, and with its MessageInfo if that is wanted. */
PyObject* delivery_call(const delivery* delivery, PyObject* item,
                        const mycelium_message* message);
/* For a message whose bytes are none; NULL: raised. */
PyObject* malformed_gap(const mycelium_message* message);
/* Whether what was raised says that bytes are no message; then it is cleared.
 */
int was_malformed(void);
/* Tells on_gap, taking over `gap`; NULL: raised, and reported. */
void delivery_tell_gap(const delivery* delivery, PyObject* gap);

/* --- subscription.c ------------------------------------------------------ */

typedef struct subscription_object {
  PyObject_HEAD delivery* delivery; /* NULL once closed */
  PyObject* runtime;                /* NULL once closed */
  PyObject* weak_references;
  int in_next; /* a thread is within mycelium_next */
  int closing; /* that thread is to release it */
} subscription_object;

/* Of a Runtime, which knows it; takes over `delivery` unless it raises. */
PyObject* subscription_new(runtime_object* runtime, delivery* delivery);
/* Takes it out of a subscription, which is closed then.  NULL: it was closed,
 * or a thread that is within next will release it. */
delivery* subscription_take(PyObject* subscription);
PyObject* subscription_make_type(void);

/* --- requests.c ---------------------------------------------------------- */

void respond_on_request(const mycelium_message* request,
                        mycelium_respondent* respondent, void* user_data);
PyObject* runtime_request(PyObject* self, PyObject* args);
PyObject* respondent_make_type(void);

#endif /* MYCELIUM_CLIENT_PYTHON_NATIVE_NATIVE_H_ */
