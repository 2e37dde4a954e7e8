/* The queue of what has to be told: the library puts in, without the runtime
 * lock, and a thread of OCaml's takes out. */
#include <stdlib.h>
#include <string.h>

#include "native.h"

static struct {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  event* first;
  event** end;
  uint64_t posted;
  uint64_t done; /* of those, told, and what they called has returned */
  int ready;
} queue = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL, NULL, 0, 0, 0};

/* In a child of fork the queue begins anew. */
static void begin(void) {
  pthread_mutex_init(&queue.mutex, NULL);
  pthread_cond_init(&queue.changed, NULL);
  queue.first = NULL;
  queue.end = &queue.first;
  queue.posted = queue.done = 0;
  work_begin();
}

value mycelium_native_begin(value unit) {
  if (!queue.ready) {
    queue.ready = 1;
    begin();
    pthread_atfork(NULL, NULL, begin);
  }
  return unit;
}

rooted* root(value content) {
  CAMLparam1(content);
  rooted* const made = malloc(sizeof *made);
  if (made == NULL) caml_raise_out_of_memory();
  made->content = content;
  caml_register_generational_global_root(&made->content);
  CAMLreturnT(rooted*, made);
}

void unroot(rooted* rooted) {
  if (rooted == NULL) return;
  caml_remove_generational_global_root(&rooted->content);
  free(rooted);
}

char* copy_text(const char* text) {
  char* const copy = strdup(text == NULL ? "" : text);
  if (copy == NULL) abort();
  return copy;
}

void post(event* event) {
  event->next = NULL;
  pthread_mutex_lock(&queue.mutex);
  *queue.end = event;
  queue.end = &event->next;
  queue.posted += 1;
  pthread_cond_broadcast(&queue.changed);
  pthread_mutex_unlock(&queue.mutex);
}

/* Waits for the next; what was taken before, `told` of them, has been told. */
static event* take(int told) {
  caml_enter_blocking_section();
  pthread_mutex_lock(&queue.mutex);
  queue.done += (uint64_t)told;
  if (told > 0) pthread_cond_broadcast(&queue.changed);
  while (queue.first == NULL) {
    pthread_cond_wait(&queue.changed, &queue.mutex);
  }
  event* const event = queue.first;
  queue.first = event->next;
  if (queue.first == NULL) queue.end = &queue.first;
  pthread_mutex_unlock(&queue.mutex);
  caml_leave_blocking_section();
  return event;
}

/* The next as (closure, argument); the one before, if any, has been told. */
value mycelium_native_next_event(value told_before) {
  CAMLparam0();
  CAMLlocal2(argument, pair);
  event* event = take(Bool_val(told_before));
  for (; event->closure == NULL; event = take(1)) {
    event->to_value(event);
    event->free(event);
  }
  argument = event->to_value(event);
  pair = caml_alloc_small(2, 0);
  Field(pair, 0) = event->closure->content;
  Field(pair, 1) = argument;
  if (event->once) unroot(event->closure);
  event->free(event);
  CAMLreturn(pair);
}

value mycelium_native_posted(value unit) {
  (void)unit;
  pthread_mutex_lock(&queue.mutex);
  const uint64_t posted = queue.posted;
  pthread_mutex_unlock(&queue.mutex);
  return Val_long((intnat)posted);
}

/* Whether the first `count` are told, at the latest after `slice_ms`. */
value mycelium_native_told(value count, value slice_ms) {
  const uint64_t wanted = (uint64_t)Long_val(count);
  const struct timespec until = monotonic_in(Long_val(slice_ms));
  caml_enter_blocking_section();
  pthread_mutex_lock(&queue.mutex);
  int error = 0;
  while (queue.done < wanted && error == 0) {
    error = pthread_cond_clockwait(&queue.changed, &queue.mutex,
                                   CLOCK_MONOTONIC, &until);
  }
  const int told = queue.done >= wanted;
  pthread_mutex_unlock(&queue.mutex);
  caml_leave_blocking_section();
  return Val_bool(told);
}
