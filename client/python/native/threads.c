/* How the extension lives with threads: those of the library that call into
 * Python, those of Python that wait in the library, and those that end what
 * must not be ended on the thread where it was given up. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/python/native/native.h"

/* Who may touch the interpreter.  PyGILState_Ensure must not be called while
 * the interpreter ends, so that those who call it are counted, and the end
 * waits until there are none. */
static struct gate {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int inside;   /* callbacks with the GIL or waiting for it */
  int entering; /* of these, those that do not have it yet */
  int forking;  /* threads that wait for none to enter, or fork */
  int detached; /* work that runs on a thread of its own */
  int ending;   /* with the GIL */
  int closed;
} gate = {.mutex = PTHREAD_MUTEX_INITIALIZER,
          .changed = PTHREAD_COND_INITIALIZER};

static unsigned long main_thread;
static _Thread_local int callback_depth;

/* --- The clock ----------------------------------------------------------- */

int64_t monotonic_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec monotonic_in(int64_t ms) {
  struct timespec then;
  clock_gettime(CLOCK_MONOTONIC, &then);
  then.tv_sec += ms / 1000;
  then.tv_nsec += ms % 1000 * 1000000;
  if (then.tv_nsec >= 1000000000) {
    then.tv_sec += 1;
    then.tv_nsec -= 1000000000;
  }
  return then;
}

void condition_init(pthread_cond_t* condition) {
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_cond_init(condition, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

int deadline_of(PyObject* timeout_s, deadline* deadline) {
  deadline->end_ms = INT64_MAX;
  if (timeout_s == NULL || timeout_s == Py_None) return 0;
  const double seconds = PyFloat_AsDouble(timeout_s);
  if (seconds == -1.0 && PyErr_Occurred()) return -1;
  if (!(seconds >= 0)) {
    PyErr_Format(PyExc_ValueError, "timeout_s: %R, allowed 0 or more",
                 timeout_s);
    return -1;
  }
  if (seconds > 1e12) return 0;
  /* Up to the next millisecond, since that of now has begun. */
  deadline->end_ms = 0;
  if (seconds > 0) {
    deadline->end_ms = monotonic_ms() + 1 + (int64_t)ceil(seconds * 1000);
  }
  return 0;
}

int64_t deadline_left_ms(deadline deadline) {
  if (deadline.end_ms == INT64_MAX) return MYCELIUM_NO_TIMEOUT;
  const int64_t left = deadline.end_ms - monotonic_ms();
  return left > 0 ? left : 0;
}

int64_t deadline_slice_ms(deadline deadline, int* last) {
  const int64_t left = deadline_left_ms(deadline);
  *last = left != MYCELIUM_NO_TIMEOUT && left <= SLICE_MS;
  return *last ? left : SLICE_MS;
}

/* --- The GIL ------------------------------------------------------------- */

int gil_enter(gil_ticket* ticket) {
  pthread_mutex_lock(&gate.mutex);
  while (gate.forking > 0) pthread_cond_wait(&gate.changed, &gate.mutex);
  const int closed = gate.closed;
  if (!closed) gate.inside += 1;
  if (!closed) gate.entering += 1;
  pthread_mutex_unlock(&gate.mutex);
  if (closed) return 0;
  ticket->state = PyGILState_Ensure();
  callback_depth += 1;
  pthread_mutex_lock(&gate.mutex);
  gate.entering -= 1;
  if (gate.forking > 0) pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.mutex);
  return 1;
}

void gil_leave(gil_ticket ticket) {
  callback_depth -= 1;
  PyGILState_Release(ticket.state);
  pthread_mutex_lock(&gate.mutex);
  /* 0 in a child of fork, if the callback has forked. */
  if (gate.inside > 0) gate.inside -= 1;
  if (gate.inside == 0) pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.mutex);
}

int in_callback(void) { return callback_depth > 0; }

int signals_may_come(void) {
  return callback_depth == 0 && PyThread_get_thread_ident() == main_thread;
}

/* --- Work ---------------------------------------------------------------- */

void work_init(work* work, void (*run)(struct work*),
               void (*drop)(struct work*)) {
  memset(work, 0, sizeof *work);
  work->run = run;
  work->drop = drop;
  pthread_mutex_init(&work->mutex, NULL);
  condition_init(&work->ended);
}

void work_note(work* work, mycelium_status status) {
  work->status = status;
  if (status != MYCELIUM_OK) work->words = strdup(mycelium_last_error());
}

void work_fini(work* work) {
  pthread_mutex_destroy(&work->mutex);
  pthread_cond_destroy(&work->ended);
  free(work->words);
}

static void drop_with_gil(work* work) {
  gil_ticket ticket;
  if (!gil_enter(&ticket)) return;
  work->drop(work);
  gil_leave(ticket);
}

static void* run_awaited(void* argument) {
  work* const work = argument;
  work->run(work);
  pthread_mutex_lock(&work->mutex);
  work->done = 1;
  const int abandoned = work->abandoned;
  pthread_cond_signal(&work->ended);
  pthread_mutex_unlock(&work->mutex);
  if (abandoned) drop_with_gil(work);
  return NULL;
}

static void* run_detached(void* argument) {
  work* const work = argument;
  work->run(work);
  drop_with_gil(work);
  pthread_mutex_lock(&gate.mutex);
  if (gate.detached > 0) gate.detached -= 1;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.mutex);
  return NULL;
}

/* A thread that gets no signals; 0, or an errno. */
static int start_thread(void* (*run)(void*), void* argument) {
  sigset_t all, before;
  pthread_attr_t detached;
  pthread_t thread;
  sigfillset(&all);
  pthread_attr_init(&detached);
  pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const int error = pthread_create(&thread, &detached, run, argument);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&detached);
  return error;
}

/* Waits a moment for the end of `work`.  1: it has ended. */
static int wait_a_slice(work* work) {
  const struct timespec until = monotonic_in(SLICE_MS);
  pthread_mutex_lock(&work->mutex);
  int error = 0;
  while (!work->done && error == 0) {
    error = pthread_cond_timedwait(&work->ended, &work->mutex, &until);
  }
  const int done = work->done;
  pthread_mutex_unlock(&work->mutex);
  return done;
}

int work_wait(work* work) {
  if (!signals_may_come() || start_thread(run_awaited, work) != 0) {
    PyThreadState* const unlocked = PyEval_SaveThread();
    work->run(work);
    PyEval_RestoreThread(unlocked);
    return 0;
  }
  while (1) {
    int done;
    PyThreadState* const unlocked = PyEval_SaveThread();
    done = wait_a_slice(work);
    PyEval_RestoreThread(unlocked);
    if (done) return 0;
    if (PyErr_CheckSignals() != 0) break;
  }
  pthread_mutex_lock(&work->mutex);
  work->abandoned = 1;
  const int done = work->done;
  pthread_mutex_unlock(&work->mutex);
  if (done) work->drop(work);
  return -1;
}

void work_detach(work* work) {
  pthread_mutex_lock(&gate.mutex);
  gate.detached += 1;
  pthread_mutex_unlock(&gate.mutex);
  if (start_thread(run_detached, work) == 0) return;
  /* Without a thread it stays as it is: better a leak than a deadlock. */
  pthread_mutex_lock(&gate.mutex);
  gate.detached -= 1;
  pthread_mutex_unlock(&gate.mutex);
}

/* --- fork ----------------------------------------------------------------- */

/* PyGILState_Ensure makes a thread state under a lock of CPython's, without the
 * GIL.  A child that was forked at this moment would wait for that lock without
 * end (CPython 3.11), so nobody may enter meanwhile. */
void threads_before_fork(void) {
  PyThreadState* const unlocked = PyEval_SaveThread();
  pthread_mutex_lock(&gate.mutex);
  gate.forking += 1;
  while (gate.entering > 0) pthread_cond_wait(&gate.changed, &gate.mutex);
  pthread_mutex_unlock(&gate.mutex);
  PyEval_RestoreThread(unlocked);
}

void threads_after_fork_in_parent(void) {
  pthread_mutex_lock(&gate.mutex);
  gate.forking -= 1;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.mutex);
}

/* --- Begin and end ------------------------------------------------------- */

/* In a child of fork the other threads are gone, and what they held. */
int threads_begin(void) {
  pthread_mutex_init(&gate.mutex, NULL);
  condition_init(&gate.changed);
  gate.inside = gate.entering = gate.forking = gate.detached = 0;
  gate.ending = gate.closed = 0;
  PyObject* threading = PyImport_ImportModule("threading");
  PyObject* thread =
      threading ? PyObject_CallMethod(threading, "main_thread", NULL) : NULL;
  PyObject* ident = thread ? PyObject_GetAttrString(thread, "ident") : NULL;
  if (ident != NULL) main_thread = PyLong_AsUnsignedLong(ident);
  Py_XDECREF(ident);
  Py_XDECREF(thread);
  Py_XDECREF(threading);
  return PyErr_Occurred() ? -1 : 0;
}

/* 1: there is nobody left, and nobody gets in any more. */
static int close_gate(void) {
  const struct timespec until = monotonic_in(SLICE_MS);
  pthread_mutex_lock(&gate.mutex);
  int error = 0;
  while ((gate.detached > 0 || gate.inside > 0) && error == 0) {
    error = pthread_cond_timedwait(&gate.changed, &gate.mutex, &until);
  }
  if (gate.detached == 0 && gate.inside == 0) gate.closed = 1;
  const int closed = gate.closed;
  pthread_mutex_unlock(&gate.mutex);
  return closed;
}

void threads_end(void) {
  int closed = 0;
  while (!closed && !PyErr_Occurred() && PyErr_CheckSignals() == 0) {
    PyThreadState* const unlocked = PyEval_SaveThread();
    closed = close_gate();
    PyEval_RestoreThread(unlocked);
  }
  if (closed) return;
  /* Ctrl-C, because a callback does not return. */
  pthread_mutex_lock(&gate.mutex);
  gate.closed = 1;
  pthread_mutex_unlock(&gate.mutex);
}

int threads_ended(void) { return gate.closed; }

void threads_begin_end(void) { gate.ending = 1; }

int threads_ending(void) { return gate.ending; }
