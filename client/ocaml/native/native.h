/* What the stubs share.
 *
 * The runtime lock (OCaml's master lock) is never held while the library may
 * wait, with one exception that cannot wait: publish_now in client.c.
 *
 * Threads of the library come into OCaml in one place, subscription.c, as
 * registered threads.  What the library tells on its reading thread, or within
 * a call, is put into a queue that a thread of OCaml's empties (events.c):
 * neither waits for the lock.
 */
#ifndef MYCELIUM_CLIENT_OCAML_NATIVE_NATIVE_H_
#define MYCELIUM_CLIENT_OCAML_NATIVE_NATIVE_H_

#define CAML_NAME_SPACE
#include <caml/alloc.h>
#include <caml/callback.h>
#include <caml/custom.h>
#include <caml/fail.h>
#include <caml/memory.h>
#include <caml/mlvalues.h>
#include <caml/threads.h>
#include <mycelium.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

/* --- values.c: what C says, as OCaml ------------------------------------- */

/* Fields and constructors are in the order of Mycelium_engine's types. */
value error_value(mycelium_status status, const char* words);
value ok_value(value content);
value failed_value(value error);
/* Of what failed last on this thread. */
value last_failure(mycelium_status status);
/* (unit, Error.t) result */
value status_value(mycelium_status status);
value received_value(const mycelium_message* message);
value gap_value(const mycelium_gap* gap);
/* NULL for "". */
const char* topic_of(value text);

/* --- events.c ------------------------------------------------------------- */

/* A value that the library is given as user_data. */
typedef struct rooted {
  value content;
} rooted;
rooted* root(value content);
/* With the lock. */
void unroot(rooted* rooted);

/* Something for the thread of events: `to_value` makes, with the lock, what
 * `closure` is called with (NULL: nothing is), and `free` frees the event. */
typedef struct event {
  struct event* next;
  rooted* closure; /* released behind its only call, if `once` */
  int once;
  value (*to_value)(struct event* event);
  void (*free)(struct event* event);
} event;
void post(event* event);

char* copy_text(const char* text);

/* --- work.c: what may wait, on a thread of its own ------------------------ */

typedef struct work {
  void (*run)(struct work* work);  /* without the lock */
  void (*drop)(struct work* work); /* frees it; without the lock */
  int users;                       /* with the mutex of work.c */
  int done;
  mycelium_status status;
  char* words;
} work;

void work_init(work* work, void (*run)(struct work*),
               void (*drop)(struct work*));
/* For `run`. */
void work_note(work* work, mycelium_status status);
/* For `drop`. */
void work_fini(work* work);
/* Starts it; a custom block that keeps it. */
value work_start(work* work);
/* Starts it, and nobody waits; may be called by a finalizer. */
void work_detach(work* work);
/* In a child of fork. */
void work_begin(void);
/* CLOCK_MONOTONIC, for waiting a slice. */
struct timespec monotonic_in(int64_t ms);

/* --- subscription.c ------------------------------------------------------- */

/* Whether this thread is within a handler that the library has called. */
int in_callback(void);

/* --- requests.c ----------------------------------------------------------- */

/* A custom block; collected without an answer it answers Internal. */
value respondent_value(mycelium_respondent* respondent);

/* --- client.c --------------------------------------------------------------
 */

typedef struct client {
  mycelium_runtime* handle;
  rooted* on_state;      /* or NULL */
  rooted* on_unaccepted; /* or NULL */
} client;
client* client_of(value custom);

/* Topic and payload for a call without the lock. */
#define FRAME_NEAR_BYTES 1024
typedef struct frame {
  const char* topic; /* NULL: none */
  const void* payload;
  size_t payload_bytes;
  char* place;
  char near[FRAME_NEAR_BYTES];
} frame;
void frame_take(frame* frame, value topic, value payload);
void frame_free(frame* frame);

#endif /* MYCELIUM_CLIENT_OCAML_NATIVE_NATIVE_H_ */
