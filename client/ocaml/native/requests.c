/* Requests and what answers them. */
#include <stdlib.h>
#include <string.h>

#include "native.h"

/* --- An answer -------------------------------------------------------------
 */

/* How a request has ended, as it was told without the lock. */
typedef struct answer {
  mycelium_status status;
  char* words;
  mycelium_message reply; /* with copies */
} answer;

static void answer_take(answer* answer, mycelium_status status,
                        const char* words, const mycelium_message* reply) {
  answer->status = status;
  if (status != MYCELIUM_OK) {
    answer->words = copy_text(words);
    return;
  }
  answer->reply = *reply;
  char* const copy = malloc(reply->topic_bytes + reply->payload_bytes + 1);
  if (copy == NULL) abort();
  memcpy(copy, reply->topic, reply->topic_bytes);
  memcpy(copy + reply->topic_bytes, reply->payload, reply->payload_bytes);
  answer->words = copy;
  answer->reply.topic = copy;
  answer->reply.payload = (const uint8_t*)copy + reply->topic_bytes;
}

/* (Received.t, Error.t) result */
static value answer_value(const answer* answer) {
  if (answer->status != MYCELIUM_OK) {
    return failed_value(error_value(answer->status, answer->words));
  }
  return ok_value(received_value(&answer->reply));
}

/* --- Asking without waiting --------------------------------------------------
 */

typedef struct reply_event {
  event event;
  answer answer;
} reply_event;

static value reply_value(event* event) {
  return answer_value(&((reply_event*)event)->answer);
}

static void reply_free(event* event) {
  free(((reply_event*)event)->answer.words);
  free(event);
}

static void on_reply(mycelium_status status, const char* words,
                     const mycelium_message* reply, void* user_data) {
  reply_event* const told = user_data;
  answer_take(&told->answer, status, words, reply);
  post(&told->event);
}

/* (status, call) */
static value begun(mycelium_status status, uint64_t call) {
  value pair = caml_alloc_small(2, 0);
  Field(pair, 0) = Val_int(status);
  Field(pair, 1) = Val_long((intnat)call);
  return pair;
}

value mycelium_native_request(value custom, value type_id, value topic,
                              value payload, value timeout_ms, value function) {
  CAMLparam2(custom, function);
  reply_event* const told = calloc(1, sizeof *told);
  if (told == NULL) caml_raise_out_of_memory();
  told->event = (event){NULL, root(function), 1, reply_value, reply_free};
  frame frame;
  frame_take(&frame, topic, payload);
  mycelium_runtime* const handle = client_of(custom)->handle;
  const uint16_t type = (uint16_t)Int_val(type_id);
  const int64_t limit_ms = Long_val(timeout_ms);
  uint64_t call = 0;
  caml_enter_blocking_section();
  const mycelium_status status =
      mycelium_request(handle, type, frame.topic, frame.payload,
                       frame.payload_bytes, limit_ms, on_reply, told, &call);
  frame_free(&frame);
  caml_leave_blocking_section();
  if (status != MYCELIUM_OK) {
    unroot(told->event.closure);
    free(told);
  }
  CAMLreturn(begun(status, call));
}

value mycelium_native_request_bytecode(value* arguments, int count) {
  (void)count;
  return mycelium_native_request(arguments[0], arguments[1], arguments[2],
                                 arguments[3], arguments[4], arguments[5]);
}

value mycelium_native_cancel(value custom, value call) {
  CAMLparam1(custom);
  mycelium_runtime* const handle = client_of(custom)->handle;
  const uint64_t number = (uint64_t)Long_val(call);
  caml_enter_blocking_section();
  mycelium_cancel(handle, number);
  caml_leave_blocking_section();
  CAMLreturn(Val_unit);
}

/* --- Asking and waiting
 * ------------------------------------------------------- */

/* Of who waits, and of the library until it has answered. */
typedef struct waiting {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int users;
  int ended;
  uint64_t call;
  answer answer;
} waiting;

static void waiting_leave(waiting* waiting) {
  pthread_mutex_lock(&waiting->mutex);
  const int users = --waiting->users;
  pthread_mutex_unlock(&waiting->mutex);
  if (users > 0) return;
  pthread_mutex_destroy(&waiting->mutex);
  pthread_cond_destroy(&waiting->changed);
  free(waiting->answer.words);
  free(waiting);
}

static void on_awaited(mycelium_status status, const char* words,
                       const mycelium_message* reply, void* user_data) {
  waiting* const waiting = user_data;
  pthread_mutex_lock(&waiting->mutex);
  answer_take(&waiting->answer, status, words, reply);
  waiting->ended = 1;
  pthread_cond_signal(&waiting->changed);
  pthread_mutex_unlock(&waiting->mutex);
  waiting_leave(waiting);
}

static waiting* waiting_of(value custom) {
  return *(waiting**)Data_custom_val(custom);
}

static void waiting_finalize(value custom) {
  waiting_leave(waiting_of(custom));
}

static struct custom_operations waiting_operations = {
    "mycelium.native.waiting",  waiting_finalize,
    custom_compare_default,     custom_hash_default,
    custom_serialize_default,   custom_deserialize_default,
    custom_compare_ext_default, custom_fixed_length_default};

/* (status, call, waiting) */
value mycelium_native_ask(value custom, value type_id, value topic,
                          value payload, value timeout_ms) {
  CAMLparam1(custom);
  CAMLlocal1(kept);
  frame frame;
  frame_take(&frame, topic, payload);
  const uint16_t type = (uint16_t)Int_val(type_id);
  const int64_t limit_ms = Long_val(timeout_ms);
  kept = caml_alloc_custom(&waiting_operations, sizeof(waiting*), 0, 1);
  waiting* const waiting = calloc(1, sizeof *waiting);
  if (waiting == NULL) abort();
  pthread_mutex_init(&waiting->mutex, NULL);
  pthread_cond_init(&waiting->changed, NULL);
  waiting->users = 2;
  *(struct waiting**)Data_custom_val(kept) = waiting;
  mycelium_runtime* const handle = client_of(custom)->handle;
  uint64_t call = 0;
  caml_enter_blocking_section();
  const mycelium_status status = mycelium_request(
      handle, type, frame.topic, frame.payload, frame.payload_bytes, limit_ms,
      on_awaited, waiting, &call);
  if (status != MYCELIUM_OK) waiting_leave(waiting);
  frame_free(&frame);
  caml_leave_blocking_section();
  value begun = caml_alloc_small(3, 0);
  Field(begun, 0) = Val_int(status);
  Field(begun, 1) = Val_long((intnat)call);
  Field(begun, 2) = kept;
  CAMLreturn(begun);
}

/* (Received.t, Error.t) result option; None: not within the slice. */
value mycelium_native_await(value kept, value slice_ms) {
  CAMLparam1(kept);
  CAMLlocal1(result);
  waiting* const waiting = waiting_of(kept);
  const struct timespec until = monotonic_in(Long_val(slice_ms));
  caml_enter_blocking_section();
  pthread_mutex_lock(&waiting->mutex);
  int error = 0;
  while (!waiting->ended && error == 0) {
    error = pthread_cond_clockwait(&waiting->changed, &waiting->mutex,
                                   CLOCK_MONOTONIC, &until);
  }
  const int ended = waiting->ended;
  pthread_mutex_unlock(&waiting->mutex);
  caml_leave_blocking_section();
  if (!ended) CAMLreturn(Val_int(0));
  result = answer_value(&waiting->answer);
  value some = caml_alloc_small(1, 0);
  Field(some, 0) = result;
  CAMLreturn(some);
}

/* --- Answering
 * ------------------------------------------------------------------ */

static mycelium_respondent** respondent_of(value custom) {
  return (mycelium_respondent**)Data_custom_val(custom);
}

/* Who has not answered and never will. */
typedef struct silent_work {
  work work;
  mycelium_respondent* respondent;
} silent_work;

static void silent_run(work* work) {
  mycelium_fail(((silent_work*)work)->respondent, MYCELIUM_INTERNAL,
                "respond: the responder gave no answer");
}

static void silent_drop(work* work) { free(work); }

static void respondent_finalize(value custom) {
  mycelium_respondent* const respondent = *respondent_of(custom);
  if (respondent == NULL) return;
  silent_work* const silent = malloc(sizeof *silent);
  if (silent == NULL) abort();
  work_init(&silent->work, silent_run, silent_drop);
  silent->respondent = respondent;
  work_detach(&silent->work);
}

static struct custom_operations respondent_operations = {
    "mycelium.native.respondent", respondent_finalize,
    custom_compare_default,       custom_hash_default,
    custom_serialize_default,     custom_deserialize_default,
    custom_compare_ext_default,   custom_fixed_length_default};

value respondent_value(mycelium_respondent* respondent) {
  CAMLparam0();
  CAMLlocal1(custom);
  custom =
      caml_alloc_custom(&respondent_operations, sizeof respondent, 1, 1000);
  *respondent_of(custom) = respondent;
  CAMLreturn(custom);
}

static value answered(void) {
  return failed_value(error_value(MYCELIUM_FAILED_PRECONDITION,
                                  "reply: the request has been answered"));
}

/* (unit, Error.t) result */
value mycelium_native_reply(value custom, value type_id, value payload) {
  CAMLparam2(custom, payload);
  CAMLlocal1(topic);
  mycelium_respondent* const respondent = *respondent_of(custom);
  if (respondent == NULL) CAMLreturn(answered());
  *respondent_of(custom) = NULL;
  topic = caml_alloc_string(0);
  frame frame;
  frame_take(&frame, topic, payload);
  const uint16_t type = (uint16_t)Int_val(type_id);
  caml_enter_blocking_section();
  const mycelium_status status =
      mycelium_reply(respondent, type, frame.payload, frame.payload_bytes);
  frame_free(&frame);
  caml_leave_blocking_section();
  CAMLreturn(status_value(status));
}

value mycelium_native_fail(value custom, value status, value words) {
  CAMLparam1(custom);
  mycelium_respondent* const respondent = *respondent_of(custom);
  if (respondent == NULL) CAMLreturn(answered());
  *respondent_of(custom) = NULL;
  char* const text = copy_text(String_val(words));
  const mycelium_status number = (mycelium_status)Int_val(status);
  caml_enter_blocking_section();
  const mycelium_status told = mycelium_fail(respondent, number, text);
  free(text);
  caml_leave_blocking_section();
  CAMLreturn(status_value(told));
}

value mycelium_native_is_cancelled(value custom) {
  mycelium_respondent* const respondent = *respondent_of(custom);
  return Val_bool(respondent == NULL ||
                  mycelium_respondent_cancelled(respondent));
}
