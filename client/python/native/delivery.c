/* How messages reach callbacks: a subscription from its begin to its end, as
 * the library's threads see it. */
#include <stdlib.h>

#include "client/python/native/native.h"

/* How long callbacks that run in a row may keep the GIL.  Python code gives it
 * back by itself when others want it, a callback written in C (list.append)
 * does not.  Longer than sys.getswitchinterval(), after which others ask for
 * it. */
#define GIL_MS_MAX 10
#define CALLS_PER_CLOCK 32

/* The delivery whose callback this thread runs. */
static _Thread_local delivery* running;

/* --- The GIL, once for many callbacks ------------------------------------ */

int delivery_enter(delivery* delivery) {
  if (!delivery->has_gil) {
    if (!gil_enter(&delivery->ticket)) return 0;
    delivery->has_gil = 1;
    delivery->users += 1;
    delivery->calls = 0;
    delivery->gil_since_ms = monotonic_ms();
  }
  running = delivery;
  return 1;
}

int delivery_leave(delivery* delivery) {
  running = NULL;
  if (delivery->ended_within) {
    delivery_batch_end(delivery);
    return 0;
  }
  if (++delivery->calls % CALLS_PER_CLOCK == 0 &&
      monotonic_ms() - delivery->gil_since_ms >= GIL_MS_MAX) {
    PyThreadState* const unlocked = PyEval_SaveThread();
    PyEval_RestoreThread(unlocked);
    delivery->gil_since_ms = monotonic_ms();
  }
  return 1;
}

void delivery_batch_end(void* user_data) {
  delivery* const self = user_data;
  if (!self->has_gil) return;
  const gil_ticket ticket = self->ticket;
  self->has_gil = 0;
  delivery_release(self);
  gil_leave(ticket);
}

/* --- What the library calls ---------------------------------------------- */

PyObject* delivery_item(const delivery* delivery,
                        const mycelium_message* message) {
  if (delivery->codec != NULL) {
    return codec_decode(delivery->codec, message->payload,
                        message->payload_bytes);
  }
  return PyBytes_FromStringAndSize((const char*)message->payload,
                                   (Py_ssize_t)message->payload_bytes);
}

PyObject* delivery_call(const delivery* delivery, PyObject* item,
                        const mycelium_message* message) {
  if (!delivery->with_info) {
    return PyObject_CallFunctionObjArgs(delivery->callback, item, NULL);
  }
  PyObject* info = info_object(message);
  if (info == NULL) return NULL;
  PyObject* result =
      PyObject_CallFunctionObjArgs(delivery->callback, item, info, NULL);
  Py_DECREF(info);
  return result;
}

PyObject* malformed_gap(const mycelium_message* message) {
  const mycelium_gap_range range = {message->type_id, 1, message->sequence,
                                    message->sequence};
  const mycelium_gap gap = {MYCELIUM_GAP_MALFORMED, 0, &range, 1};
  return gap_object(&gap);
}

/* Whether what was raised says that bytes are no message; then it is cleared.
 */
int was_malformed(void) {
  if (!PyErr_ExceptionMatches(PyExc_ValueError)) return 0;
  PyErr_Clear();
  return 1;
}

void delivery_tell_gap(const delivery* delivery, PyObject* gap) {
  PyObject* result =
      gap != NULL ? PyObject_CallFunctionObjArgs(delivery->on_gap, gap, NULL)
                  : NULL;
  if (result == NULL) report_unraisable(delivery->on_gap);
  Py_XDECREF(result);
  Py_XDECREF(gap);
}

static void on_message(const mycelium_message* message, void* user_data) {
  delivery* const self = user_data;
  if (!delivery_enter(self)) return;
  PyObject* item = delivery_item(self, message);
  if (item != NULL) {
    PyObject* result = delivery_call(self, item, message);
    if (result == NULL) report_unraisable(self->callback);
    Py_XDECREF(result);
    Py_DECREF(item);
  } else if (was_malformed()) {
    delivery_tell_gap(self, malformed_gap(message));
  } else {
    report_unraisable(self->codec);
  }
  delivery_leave(self);
}

static void on_gap(const mycelium_gap* gap, void* user_data) {
  delivery* const self = user_data;
  if (!delivery_enter(self)) return;
  delivery_tell_gap(self, gap_object(gap));
  delivery_leave(self);
}

/* --- Beginning ----------------------------------------------------------- */

static PyObject* not_none(PyObject* object) {
  if (object == Py_None) return NULL;
  Py_INCREF(object);
  return object;
}

void delivery_release(delivery* delivery) {
  if (--delivery->users > 0) return;
  runtime_state_release(delivery->runtime);
  Py_XDECREF(delivery->codec);
  Py_XDECREF(delivery->callback);
  Py_XDECREF(delivery->on_gap);
  Py_XDECREF(delivery->answers);
  free(delivery);
}

typedef struct subscribe_work {
  work work;
  delivery* delivery;
  mycelium_subscribe_options options;
  PyObject* texts; /* what `options` points into */
  int responds;
} subscribe_work;

static void subscribe_run(work* work) {
  subscribe_work* const self = (subscribe_work*)work;
  delivery* const d = self->delivery;
  work_note(work, self->responds
                      ? mycelium_respond(d->runtime->handle, &self->options,
                                         respond_on_request, &d->handle)
                      : mycelium_subscribe_with(d->runtime->handle,
                                                &self->options, &d->handle));
}

static void subscribe_drop(work* work) {
  subscribe_work* const self = (subscribe_work*)work;
  delivery* const d = self->delivery;
  if (d != NULL && d->handle != NULL) {
    struct work* const release = release_new(NULL, d);
    if (release != NULL) work_detach(release);
  } else if (d != NULL) {
    delivery_release(d);
  }
  Py_XDECREF(self->texts);
  work_fini(work);
  free(self);
}

static delivery* delivery_new(runtime_object* runtime) {
  delivery* const self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  self->users = 1;
  self->runtime = runtime->state;
  runtime->state->users += 1;
  return self;
}

static subscribe_work* subscribe_new(runtime_object* runtime, PyObject* args) {
  subscribe_work* const self = calloc(1, sizeof *self);
  delivery* const d = self != NULL ? delivery_new(runtime) : NULL;
  if (d == NULL) {
    free(self);
    return (subscribe_work*)PyErr_NoMemory();
  }
  work_init(&self->work, subscribe_run, subscribe_drop);
  mycelium_subscribe_options_init(&self->options);
  self->options.delivery = MYCELIUM_DELIVERY_QUEUED;
  self->options.user_data = d;
  self->delivery = d;
  Py_INCREF(args);
  self->texts = args;
  return self;
}

/* Subscribes or responds; what it makes of `subscribing`, which it takes over.
 */
static PyObject* begin(runtime_object* runtime, subscribe_work* subscribing) {
  work* const work = &subscribing->work;
  PyObject* subscription = NULL;
  if (work_wait(work) < 0) return NULL;
  if (work->status != MYCELIUM_OK) {
    raise_status(work->status, work->words);
  } else if (!runtime->is_open) {
    raise_status(MYCELIUM_CANCELLED, "subscribe: the runtime is closed");
  } else {
    subscription = subscription_new(runtime, subscribing->delivery);
    if (subscription != NULL) subscribing->delivery = NULL;
  }
  work->drop(work);
  return subscription;
}

PyObject* runtime_subscribe(PyObject* object, PyObject* args) {
  runtime_object* const runtime = (runtime_object*)object;
  PyObject *message_class, *callback, *gap_callback;
  unsigned long long queue_bytes_max, start_value;
  long long stall_ms_max;
  int overflow, start, with_info;
  unsigned short type_id;
  const char *topic_filter, *group;
  if (!PyArg_ParseTuple(args, "OHOsKLiziKOp:_subscribe", &message_class,
                        &type_id, &callback, &topic_filter, &queue_bytes_max,
                        &stall_ms_max, &overflow, &group, &start, &start_value,
                        &gap_callback, &with_info) ||
      runtime_check(runtime) < 0) {
    return NULL;
  }
  PyObject* codec = NULL;
  if (message_class != Py_None) {
    codec = runtime_codec(runtime, message_class);
    if (codec == NULL) return NULL;
    type_id = codec_type_id(codec);
  }
  subscribe_work* const self = subscribe_new(runtime, args);
  if (self == NULL) return NULL;
  delivery* const d = self->delivery;
  Py_XINCREF(codec);
  d->codec = codec;
  d->callback = not_none(callback);
  d->on_gap = not_none(gap_callback);
  d->with_info = with_info;
  mycelium_subscribe_options* const options = &self->options;
  options->type_id = type_id;
  options->topic_filter = topic_filter;
  options->policy.queue_bytes_max = queue_bytes_max;
  options->policy.stall_ms_max = stall_ms_max;
  options->policy.overflow = (mycelium_overflow)overflow;
  options->group = group;
  options->start = (mycelium_start)start;
  options->start_value = start_value;
  if (d->callback != NULL) {
    options->on_message = on_message;
    options->on_gap = on_gap;
    options->on_batch_end = delivery_batch_end;
  }
  return begin(runtime, self);
}

PyObject* runtime_respond(PyObject* object, PyObject* args) {
  runtime_object* const runtime = (runtime_object*)object;
  PyObject *message_class, *callback;
  unsigned long long queue_bytes_max;
  const char* topic_filter;
  int with_info;
  if (!PyArg_ParseTuple(args, "OOsKp:_respond", &message_class, &callback,
                        &topic_filter, &queue_bytes_max, &with_info) ||
      runtime_check(runtime) < 0) {
    return NULL;
  }
  PyObject* codec = runtime_codec(runtime, message_class);
  if (codec == NULL) return NULL;
  subscribe_work* const self = subscribe_new(runtime, args);
  if (self == NULL) return NULL;
  delivery* const d = self->delivery;
  Py_INCREF(codec);
  d->codec = codec;
  d->callback = not_none(callback);
  Py_INCREF(object);
  d->answers = object;
  d->with_info = with_info;
  self->responds = 1;
  self->options.type_id = codec_type_id(codec);
  self->options.topic_filter = topic_filter;
  self->options.policy.queue_bytes_max = queue_bytes_max;
  return begin(runtime, self);
}

/* --- Ending ----------------------------------------------------------------
 */

int delivery_end_own(delivery* delivery) {
  if (delivery != running) return 0;
  mycelium_subscription* const handle = delivery->handle;
  delivery->ended_within = 1;
  delivery->handle = NULL;
  PyThreadState* const unlocked = PyEval_SaveThread();
  mycelium_unsubscribe(handle);
  PyEval_RestoreThread(unlocked);
  delivery_release(delivery);
  return 1;
}
