/* What may wait runs on a thread of its own, so that whoever waits for it sees
 * signals meanwhile, and need not wait at all. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "native.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct timespec monotonic_in(int64_t ms) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += ms / 1000;
  until.tv_nsec += ms % 1000 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec += 1;
    until.tv_nsec -= 1000000000;
  }
  return until;
}

void work_init(work* work, void (*run)(struct work*),
               void (*drop)(struct work*)) {
  work->run = run;
  work->drop = drop;
  work->users = 2;
  work->done = 0;
  work->status = MYCELIUM_OK;
  work->words = NULL;
}

void work_note(work* work, mycelium_status status) {
  work->status = status;
  if (status != MYCELIUM_OK) work->words = copy_text(mycelium_last_error());
}

void work_fini(work* work) { free(work->words); }

static void leave(work* work, int done) {
  pthread_mutex_lock(&mutex);
  if (done) {
    work->done = 1;
    pthread_cond_broadcast(&changed);
  }
  const int users = --work->users;
  pthread_mutex_unlock(&mutex);
  if (users == 0) work->drop(work);
}

static void* run(void* argument) {
  work* const work = argument;
  work->run(work);
  leave(work, 1);
  return NULL;
}

static work* work_of(value custom) { return *(work**)Data_custom_val(custom); }

static void finalize(value custom) { leave(work_of(custom), 0); }

static struct custom_operations operations = {
    "mycelium.native.work",     finalize,
    custom_compare_default,     custom_hash_default,
    custom_serialize_default,   custom_deserialize_default,
    custom_compare_ext_default, custom_fixed_length_default};

/* 0, or an errno. */
static int start_thread(work* work) {
  sigset_t all, before;
  pthread_attr_t detached;
  pthread_t thread;
  sigfillset(&all);
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &detached, run, work);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&detached);
  return error;
}

value work_start(work* work) {
  CAMLparam0();
  CAMLlocal1(custom);
  custom = caml_alloc_custom(&operations, sizeof work, 0, 1);
  *(struct work**)Data_custom_val(custom) = work;
  if (start_thread(work) != 0) {
    /* Without a thread it is waited for here, and no signal is seen. */
    caml_enter_blocking_section();
    run(work);
    caml_leave_blocking_section();
  }
  CAMLreturn(custom);
}

void work_detach(work* work) {
  work->users = 1;
  /* Without a thread it stays as it is: better a leak than a deadlock. */
  (void)start_thread(work);
}

void work_begin(void) {
  pthread_mutex_init(&mutex, NULL);
  pthread_cond_init(&changed, NULL);
}

/* Whether it is done, at the latest after `slice_ms`. */
value mycelium_native_work_done(value custom, value slice_ms) {
  CAMLparam1(custom);
  work* const work = work_of(custom);
  const struct timespec until = monotonic_in(Long_val(slice_ms));
  caml_enter_blocking_section();
  pthread_mutex_lock(&mutex);
  int error = 0;
  while (!work->done && error == 0) {
    error = pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, &until);
  }
  const int done = work->done;
  pthread_mutex_unlock(&mutex);
  caml_leave_blocking_section();
  CAMLreturn(Val_bool(done));
}

/* How it went, once it is done: (unit, Error.t) result. */
value mycelium_native_work_result(value custom) {
  CAMLparam1(custom);
  const work* const work = work_of(custom);
  if (work->status == MYCELIUM_OK) CAMLreturn(ok_value(Val_unit));
  CAMLreturn(failed_value(error_value(work->status, work->words)));
}
