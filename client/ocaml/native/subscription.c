/* Subscriptions: handlers on registered threads, pulling, the end. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "native.h"

/* A subscription or a responder, as the library knows it. */
typedef struct delivery {
  mycelium_subscription* handle;
  rooted* on_item;  /* of messages, or requests; NULL: pulled */
  rooted* on_gap;   /* or NULL */
  atomic_int users; /* OCaml's value, and the library */
  atomic_int ended; /* nothing more may be told */
  pthread_mutex_t pulling;
} delivery;

/* --- Into OCaml --------------------------------------------------------------
 */

static _Thread_local int registered;
static _Thread_local int has_lock;
static _Thread_local int depth;

int in_callback(void) { return depth > 0; }

static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void unregister(void* unused) {
  (void)unused;
  caml_c_thread_unregister();
}

static void make_key(void) { pthread_key_create(&at_thread_end, unregister); }

/* The library's threads block all signals, so that signal handlers run
 * elsewhere.  But OCaml 4 asks a thread for the lock by a signal that it keeps
 * for itself and sees as blocked, too. */
static void let_others_have_the_lock(void) {
  sigset_t preemption;
  sigemptyset(&preemption);
  sigaddset(&preemption, SIGVTALRM);
  pthread_sigmask(SIG_UNBLOCK, &preemption, NULL);
}

/* Takes the lock; it is kept for all that comes in a row. */
static void enter(void) {
  if (!registered) {
    pthread_once(&once, make_key);
    let_others_have_the_lock();
    caml_c_thread_register();
    pthread_setspecific(at_thread_end, &once);
    registered = 1;
  }
  if (!has_lock) {
    caml_acquire_runtime_system();
    has_lock = 1;
  }
}

static void leave(void) {
  if (!has_lock) return;
  has_lock = 0;
  caml_release_runtime_system();
}

/* What `closure` raises has been caught by client.ml, which has made it. */
static void call(const delivery* delivery, const rooted* closure,
                 value argument) {
  depth += 1;
  caml_callback_exn(closure->content, argument);
  depth -= 1;
  /* Behind the end, on_batch_end is not called any more. */
  if (delivery->ended) leave();
}

static void on_message(const mycelium_message* message, void* user_data) {
  const delivery* const delivery = user_data;
  if (delivery->ended) return;
  enter();
  call(delivery, delivery->on_item, received_value(message));
}

static void on_gap(const mycelium_gap* gap, void* user_data) {
  const delivery* const delivery = user_data;
  if (delivery->ended) return;
  enter();
  call(delivery, delivery->on_gap, gap_value(gap));
}

static void on_batch_end(void* user_data) {
  (void)user_data;
  leave();
}

/* --- Memory
 * -------------------------------------------------------------------- */

static void forget(delivery* delivery) {
  if (atomic_fetch_sub(&delivery->users, 1) > 1) return;
  pthread_mutex_destroy(&delivery->pulling);
  free(delivery);
}

static delivery* delivery_of(value custom) {
  return *(delivery**)Data_custom_val(custom);
}

static void finalize(value custom) { forget(delivery_of(custom)); }

static struct custom_operations operations = {
    "mycelium.native.subscription", finalize,
    custom_compare_default,         custom_hash_default,
    custom_serialize_default,       custom_deserialize_default,
    custom_compare_ext_default,     custom_fixed_length_default};

typedef struct delivery_end {
  event event;
  delivery* delivery;
} delivery_end;

static value end_value(event* event) {
  delivery* const delivery = ((delivery_end*)event)->delivery;
  unroot(delivery->on_item);
  unroot(delivery->on_gap);
  forget(delivery);
  return Val_unit;
}

static void end_free(event* event) { free(event); }

/* The library has done with it. */
static void post_end(delivery* delivery) {
  delivery_end* const end = malloc(sizeof *end);
  if (end == NULL) abort();
  end->event = (event){NULL, NULL, 0, end_value, end_free};
  end->delivery = delivery;
  post(&end->event);
}

/* --- Subscribing
 * ---------------------------------------------------------------- */

typedef struct subscribe_work {
  work work;
  mycelium_runtime* runtime;
  mycelium_subscribe_options options;
  char* topic_filter;
  char* group;
  int responder;
  delivery* delivery;
} subscribe_work;

static void on_request(const mycelium_message* request,
                       mycelium_respondent* respondent, void* user_data);

static void subscribe_run(work* work) {
  subscribe_work* const subscribe = (subscribe_work*)work;
  delivery* const delivery = subscribe->delivery;
  const mycelium_status status =
      subscribe->responder
          ? mycelium_respond(subscribe->runtime, &subscribe->options,
                             on_request, &delivery->handle)
          : mycelium_subscribe_with(subscribe->runtime, &subscribe->options,
                                    &delivery->handle);
  work_note(work, status);
}

/* Unless somebody took the subscription, it ends here. */
static void subscribe_drop(work* work) {
  subscribe_work* const subscribe = (subscribe_work*)work;
  if (subscribe->delivery != NULL) {
    subscribe->delivery->ended = 1;
    mycelium_unsubscribe(subscribe->delivery->handle);
    forget(subscribe->delivery);
    post_end(subscribe->delivery);
  }
  free(subscribe->topic_filter);
  free(subscribe->group);
  work_fini(work);
  free(subscribe);
}

static rooted* root_of(value option) {
  return Is_block(option) ? root(Field(option, 0)) : NULL;
}

/* (type_id, topic_filter, (queue_bytes_max, stall_ms_max, overflow), group,
   start kind, start value, on_message, on_request, on_gap): a work. */
value mycelium_native_subscribe(value custom, value arguments) {
  CAMLparam2(custom, arguments);
  subscribe_work* const subscribe = calloc(1, sizeof *subscribe);
  delivery* const delivery = calloc(1, sizeof *delivery);
  if (subscribe == NULL || delivery == NULL) caml_raise_out_of_memory();
  work_init(&subscribe->work, subscribe_run, subscribe_drop);
  subscribe->runtime = client_of(custom)->handle;
  subscribe->delivery = delivery;
  delivery->users = 2;
  pthread_mutex_init(&delivery->pulling, NULL);
  mycelium_subscribe_options* const options = &subscribe->options;
  mycelium_subscribe_options_init(options);
  options->type_id = (uint16_t)Int_val(Field(arguments, 0));
  subscribe->topic_filter = copy_text(String_val(Field(arguments, 1)));
  if (subscribe->topic_filter[0] != '\0') {
    options->topic_filter = subscribe->topic_filter;
  }
  const value policy = Field(arguments, 2);
  options->policy.queue_bytes_max = (uint64_t)Long_val(Field(policy, 0));
  options->policy.stall_ms_max = Long_val(Field(policy, 1));
  options->policy.overflow = (mycelium_overflow)Int_val(Field(policy, 2));
  subscribe->group = copy_text(String_val(Field(arguments, 3)));
  if (subscribe->group[0] != '\0') options->group = subscribe->group;
  options->start = (mycelium_start)Int_val(Field(arguments, 4));
  options->start_value = (uint64_t)Long_val(Field(arguments, 5));
  subscribe->responder = Is_block(Field(arguments, 7));
  delivery->on_item = root_of(Field(arguments, subscribe->responder ? 7 : 6));
  delivery->on_gap = root_of(Field(arguments, 8));
  options->delivery = MYCELIUM_DELIVERY_QUEUED;
  options->user_data = delivery;
  if (!subscribe->responder && delivery->on_item != NULL) {
    options->on_message = on_message;
    options->on_gap = on_gap;
    options->on_batch_end = on_batch_end;
  }
  CAMLreturn(work_start(&subscribe->work));
}

/* Of a work that has gone well: the subscription. */
value mycelium_native_subscribed(value work) {
  CAMLparam1(work);
  CAMLlocal1(custom);
  custom = caml_alloc_custom(&operations, sizeof(delivery*), 0, 1);
  subscribe_work* const subscribe = *(subscribe_work**)Data_custom_val(work);
  *(delivery**)Data_custom_val(custom) = subscribe->delivery;
  subscribe->delivery = NULL;
  CAMLreturn(custom);
}

/* --- Pulling
 * ---------------------------------------------------------------------- */

/* With `pulling`, which what it gives needs. */
static value item_value(const mycelium_item* item) {
  CAMLparam0();
  CAMLlocal1(content);
  content = item->message != NULL ? received_value(item->message)
                                  : gap_value(item->gap);
  value result = caml_alloc_small(1, item->message != NULL ? 0 : 1);
  Field(result, 0) = content;
  CAMLreturn(ok_value(result));
}

/* (Item.t, Error.t) result.  With slice_ms 0 the lock is kept. */
value mycelium_native_next(value custom, value slice_ms) {
  CAMLparam1(custom);
  CAMLlocal1(result);
  delivery* const delivery = delivery_of(custom);
  const int64_t timeout_ms = Long_val(slice_ms);
  mycelium_item item;
  mycelium_status status = MYCELIUM_DEADLINE_EXCEEDED;
  if (timeout_ms == 0) {
    if (pthread_mutex_trylock(&delivery->pulling) != 0) {
      CAMLreturn(failed_value(error_value(status, "next: nothing came")));
    }
  } else {
    caml_enter_blocking_section();
    pthread_mutex_lock(&delivery->pulling);
  }
  if (delivery->ended) {
    status = MYCELIUM_CANCELLED;
  } else {
    status = mycelium_next(delivery->handle, timeout_ms, &item);
  }
  if (timeout_ms != 0) caml_leave_blocking_section();
  if (status == MYCELIUM_OK) {
    result = item_value(&item);
  } else if (delivery->ended) {
    result = failed_value(error_value(status, "subscription: unsubscribed"));
  } else {
    result = last_failure(status);
  }
  pthread_mutex_unlock(&delivery->pulling);
  CAMLreturn(result);
}

/* --- The end
 * ----------------------------------------------------------------------- */

typedef struct unsubscribe_work {
  work work;
  delivery* delivery;
} unsubscribe_work;

static void unsubscribe_run(work* work) {
  delivery* const delivery = ((unsubscribe_work*)work)->delivery;
  pthread_mutex_lock(&delivery->pulling);
  mycelium_unsubscribe(delivery->handle);
  pthread_mutex_unlock(&delivery->pulling);
  post_end(delivery);
}

static void unsubscribe_drop(work* work) { free(work); }

/* Once for each: a work. */
value mycelium_native_unsubscribe(value custom) {
  CAMLparam1(custom);
  unsubscribe_work* const end = calloc(1, sizeof *end);
  if (end == NULL) caml_raise_out_of_memory();
  work_init(&end->work, unsubscribe_run, unsubscribe_drop);
  end->delivery = delivery_of(custom);
  end->delivery->ended = 1;
  CAMLreturn(work_start(&end->work));
}

/* Nothing more is told, from now on. */
value mycelium_native_silence(value custom) {
  delivery_of(custom)->ended = 1;
  return Val_unit;
}

value mycelium_native_in_callback(value unit) {
  (void)unit;
  return Val_bool(in_callback());
}

/* --- Responders
 * --------------------------------------------------------------------- */

/* (received, respondent) */
static value asked_value(const mycelium_message* request,
                         mycelium_respondent* respondent) {
  CAMLparam0();
  CAMLlocal2(received, asked);
  received = received_value(request);
  asked = respondent_value(respondent);
  value pair = caml_alloc_small(2, 0);
  Field(pair, 0) = received;
  Field(pair, 1) = asked;
  CAMLreturn(pair);
}

static void on_request(const mycelium_message* request,
                       mycelium_respondent* respondent, void* user_data) {
  const delivery* const delivery = user_data;
  if (delivery->ended) {
    mycelium_fail(respondent, MYCELIUM_UNAVAILABLE,
                  "respond: the responder has ended");
    return;
  }
  enter();
  call(delivery, delivery->on_item, asked_value(request, respondent));
  leave();
}
