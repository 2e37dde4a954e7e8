/* Runtime: connecting and closing. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/python/native/native.h"

/* Those that atexit closes; with the GIL. */
static runtime_object* open_runtimes;

/* --- What the library calls ---------------------------------------------- */

/* Calls a Python callback; nothing that it raises goes further. */
static void call_back(PyObject* callback, PyObject* first, PyObject* second) {
  if (callback == NULL || first == NULL) {
    if (PyErr_Occurred()) report_unraisable(callback);
    return;
  }
  Py_INCREF(callback);
  PyObject* result =
      PyObject_CallFunctionObjArgs(callback, first, second, NULL);
  if (result == NULL) report_unraisable(callback);
  Py_XDECREF(result);
  Py_DECREF(callback);
}

static void on_state(mycelium_state state, mycelium_status status,
                     const char* words, void* user_data) {
  runtime_state* const runtime = user_data;
  gil_ticket ticket;
  if (!gil_enter(&ticket)) return;
  PyObject* name = PyObject_CallFunction(native.state_of, "i", (int)state);
  PyObject* error = name != NULL ? error_object(status, words) : NULL;
  call_back(runtime->on_state, error != NULL ? name : NULL, error);
  Py_XDECREF(name);
  Py_XDECREF(error);
  gil_leave(ticket);
}

static void on_unaccepted(const mycelium_unaccepted* frames, size_t count,
                          void* user_data) {
  runtime_state* const runtime = user_data;
  gil_ticket ticket;
  if (!gil_enter(&ticket)) return;
  PyObject* list = unaccepted_objects(frames, count);
  call_back(runtime->on_unaccepted, list, NULL);
  Py_XDECREF(list);
  gil_leave(ticket);
}

/* --- Opening ------------------------------------------------------------- */

typedef struct connect_work {
  work work;
  runtime_state* state;
  mycelium_connect_options options;
  PyObject* texts; /* what `options` and `url` point into */
  const char* url;
} connect_work;

static void connect_run(work* work) {
  connect_work* const self = (connect_work*)work;
  self->state->handle = mycelium_runtime_connect(self->url, &self->options);
  work_note(work,
            self->state->handle != NULL ? MYCELIUM_OK : mycelium_last_status());
}

static void connect_drop(work* work) {
  connect_work* const self = (connect_work*)work;
  runtime_state_release(self->state);
  Py_XDECREF(self->texts);
  work_fini(work);
  free(self);
}

typedef struct destroy_work {
  work work;
  runtime_state* state;
} destroy_work;

static void destroy_run(work* work) {
  mycelium_runtime* const handle = ((destroy_work*)work)->state->handle;
  work_note(work, mycelium_runtime_destroy(handle));
}

static void destroy_drop(work* work) {
  runtime_state* const state = ((destroy_work*)work)->state;
  Py_XDECREF(state->on_state);
  Py_XDECREF(state->on_unaccepted);
  free(state);
  work_fini(work);
  free(work);
}

void runtime_state_release(runtime_state* state) {
  if (--state->users > 0) return;
  destroy_work* const self = malloc(sizeof *self);
  if (self == NULL) return; /* better a leak than an end in a wrong place */
  work_init(&self->work, destroy_run, destroy_drop);
  self->state = state;
  if (state->handle == NULL || threads_ended()) {
    if (state->handle != NULL) destroy_run(&self->work);
    destroy_drop(&self->work);
  } else {
    work_detach(&self->work);
  }
}

static runtime_state* state_new(PyObject* on_state_callback,
                                PyObject* on_unaccepted_callback) {
  runtime_state* const state = calloc(1, sizeof *state);
  if (state == NULL) return NULL;
  state->users = 1;
  if (on_state_callback != Py_None) {
    Py_INCREF(on_state_callback);
    state->on_state = on_state_callback;
  }
  if (on_unaccepted_callback != Py_None) {
    Py_INCREF(on_unaccepted_callback);
    state->on_unaccepted = on_unaccepted_callback;
  }
  return state;
}

static connect_work* connect_new(PyObject* args, int* private_bus) {
  const char *url, *name, *digest, *descriptor_set;
  Py_ssize_t digest_bytes, descriptor_set_bytes;
  PyObject *state_callback, *unaccepted_callback;
  mycelium_connect_options options;
  mycelium_connect_options_init(&options);
  long long connect_ms = options.connect_timeout_ms;
  long long min_ms = 0, max_ms = 0;
  unsigned long long publish_bytes_max = options.publish_bytes_max;
  if (!PyArg_ParseTuple(args, "szz#z#LKpLLOO:_open", &url, &name, &digest,
                        &digest_bytes, &descriptor_set, &descriptor_set_bytes,
                        &connect_ms, &publish_bytes_max, &options.reconnect,
                        &min_ms, &max_ms, &state_callback,
                        &unaccepted_callback)) {
    return NULL;
  }
  connect_work* const self = malloc(sizeof *self);
  runtime_state* const state = state_new(state_callback, unaccepted_callback);
  if (self == NULL || state == NULL) {
    free(self);
    free(state);
    PyErr_NoMemory();
    return NULL;
  }
  options.name = name;
  options.schema_digest = (const uint8_t*)digest;
  options.descriptor_set = (const uint8_t*)descriptor_set;
  options.descriptor_set_bytes = (size_t)descriptor_set_bytes;
  options.connect_timeout_ms = connect_ms;
  options.publish_bytes_max = publish_bytes_max;
  options.reconnect_ms_min = min_ms;
  options.reconnect_ms_max = max_ms;
  options.on_state = state->on_state != NULL ? on_state : NULL;
  options.on_unaccepted = state->on_unaccepted != NULL ? on_unaccepted : NULL;
  options.user_data = state;
  work_init(&self->work, connect_run, connect_drop);
  self->state = state;
  self->options = options;
  self->url = url;
  Py_INCREF(args);
  self->texts = args;
  *private_bus = strcmp(url, "inproc:") == 0;
  return self;
}

static PyObject* refuse_at_the_end(void) {
  PyErr_SetString(PyExc_RuntimeError,
                  "runtime: the interpreter ends, allowed before that");
  return NULL;
}

static PyObject* runtime_open(PyObject* object, PyObject* args) {
  runtime_object* const self = (runtime_object*)object;
  if (threads_ending()) return refuse_at_the_end();
  if (self->state != NULL) {
    return PyErr_Format(PyExc_RuntimeError, "runtime: opened already");
  }
  connect_work* const connecting = connect_new(args, &self->private_bus);
  if (connecting == NULL) return NULL;
  work* const work = &connecting->work;
  if (work_wait(work) < 0) return NULL;
  if (work->status != MYCELIUM_OK || threads_ending()) {
    if (work->status != MYCELIUM_OK) {
      raise_status(work->status, work->words);
    } else {
      refuse_at_the_end();
    }
    work->drop(work);
    return NULL;
  }
  self->state = connecting->state;
  self->state->users += 1;
  work->drop(work);
  self->is_open = 1;
  self->next = open_runtimes;
  if (open_runtimes != NULL) open_runtimes->previous = self;
  open_runtimes = self;
  Py_RETURN_NONE;
}

int runtime_check(runtime_object* runtime) {
  if (runtime->state != NULL) return 0;
  PyErr_SetString(PyExc_RuntimeError,
                  "runtime: not opened, allowed after Runtime.__init__");
  return -1;
}

/* --- Closing ------------------------------------------------------------- */

typedef struct release_work {
  work work;
  runtime_object* runtime; /* or NULL */
  delivery* deliveries;
} release_work;

static void release_run(work* work) {
  release_work* const self = (release_work*)work;
  if (self->runtime != NULL) {
    work_note(work, mycelium_runtime_close(self->runtime->state->handle));
  }
  for (delivery* d = self->deliveries; d != NULL; d = d->next) {
    if (d->handle != NULL) mycelium_unsubscribe(d->handle);
    d->handle = NULL;
  }
}

static void release_drop(work* work) {
  release_work* const self = (release_work*)work;
  while (self->deliveries != NULL) {
    delivery* const first = self->deliveries;
    self->deliveries = first->next;
    delivery_release(first);
  }
  Py_XDECREF((PyObject*)self->runtime);
  work_fini(work);
  free(self);
}

work* release_new(runtime_object* runtime, delivery* deliveries) {
  release_work* const self = malloc(sizeof *self);
  if (self == NULL) return NULL;
  work_init(&self->work, release_run, release_drop);
  Py_XINCREF((PyObject*)runtime);
  self->runtime = runtime;
  self->deliveries = deliveries;
  return &self->work;
}

static void forget(runtime_object* self) {
  if (!self->is_open) return;
  self->is_open = 0;
  if (self->previous != NULL) self->previous->next = self->next;
  if (self->next != NULL) self->next->previous = self->previous;
  if (open_runtimes == self) open_runtimes = self->next;
  self->previous = self->next = NULL;
}

/* All that are open, as a list to be released. */
static delivery* take_deliveries(runtime_object* self) {
  delivery* list = NULL;
  while (PySet_Size(self->subscriptions) > 0) {
    PyObject* subscription = PySet_Pop(self->subscriptions);
    delivery* const taken = subscription_take(subscription);
    Py_DECREF(subscription);
    if (taken == NULL) continue;
    if (delivery_end_own(taken)) continue;
    taken->next = list;
    list = taken;
  }
  return list;
}

/* Ends it on a thread of its own, or waits for that. */
static int close_runtime(runtime_object* self, int detached) {
  forget(self);
  work* const work = release_new(self, take_deliveries(self));
  if (work == NULL) return PyErr_NoMemory(), -1;
  if (detached || in_callback()) {
    work_detach(work);
    return 0;
  }
  if (work_wait(work) < 0) return -1;
  /* In a child of fork there is nothing to be closed. */
  const int failed = work->status != MYCELIUM_OK &&
                     work->status != MYCELIUM_FAILED_PRECONDITION;
  if (failed) raise_status(work->status, work->words);
  work->drop(work);
  return failed ? -1 : 0;
}

static PyObject* runtime_close(PyObject* object, PyObject* none) {
  runtime_object* const self = (runtime_object*)object;
  (void)none;
  if (self->state != NULL && close_runtime(self, 0) < 0) return NULL;
  Py_RETURN_NONE;
}

PyObject* runtime_close_all(PyObject* module, PyObject* none) {
  (void)module;
  (void)none;
  threads_begin_end();
  while (open_runtimes != NULL && !PyErr_Occurred()) {
    runtime_object* const first = open_runtimes;
    Py_INCREF((PyObject*)first);
    if (close_runtime(first, 0) < 0 && PyErr_ExceptionMatches(native.error)) {
      report_unraisable((PyObject*)first);
    }
    Py_DECREF((PyObject*)first);
  }
  threads_end();
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}

/* Nobody can reach it any more.  Its end must not be waited for here, where any
 * lock of the program may be held that a callback waits for; so it lives on
 * until a thread of its own has closed it. */
static void runtime_finalize(PyObject* object) {
  runtime_object* const self = (runtime_object*)object;
  if (!self->is_open || threads_ended()) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  if (PyErr_ResourceWarning(object, 1, "unclosed %R", object) < 0) {
    report_unraisable(object);
  }
  if (close_runtime(self, 1) < 0) report_unraisable(object);
  PyErr_Restore(type, value, traceback);
}

/* --- The type ------------------------------------------------------------ */

static PyObject* runtime_new(PyTypeObject* type, PyObject* args,
                             PyObject* keywords) {
  (void)args;
  (void)keywords;
  if (type == native.runtime) {
    return PyErr_Format(PyExc_TypeError,
                        "_native.Runtime, allowed mycelium_native.Runtime");
  }
  runtime_object* const self = (runtime_object*)PyType_GenericAlloc(type, 0);
  if (self == NULL) return NULL;
  self->subscriptions = PySet_New(NULL);
  self->codecs = PyDict_New();
  if (self->subscriptions != NULL && self->codecs != NULL) {
    return (PyObject*)self;
  }
  Py_DECREF((PyObject*)self);
  return NULL;
}

static int runtime_traverse(PyObject* object, visitproc visit, void* arg) {
  runtime_object* const self = (runtime_object*)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->subscriptions);
  Py_VISIT(self->codecs);
  if (self->state != NULL) {
    Py_VISIT(self->state->on_state);
    Py_VISIT(self->state->on_unaccepted);
  }
  return 0;
}

static int runtime_clear(PyObject* object) {
  runtime_object* const self = (runtime_object*)object;
  Py_CLEAR(self->codecs);
  if (self->state != NULL) {
    Py_CLEAR(self->state->on_state);
    Py_CLEAR(self->state->on_unaccepted);
  }
  return 0;
}

static void runtime_dealloc(PyObject* object) {
  runtime_object* const self = (runtime_object*)object;
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weak_references != NULL) PyObject_ClearWeakRefs(object);
  forget(self);
  Py_CLEAR(self->subscriptions);
  Py_CLEAR(self->codecs);
  if (self->state != NULL) runtime_state_release(self->state);
  freefunc const release = (freefunc)PyType_GetSlot(type, Py_tp_free);
  release(object);
  Py_DECREF(type);
}

static PyObject* runtime_closed(PyObject* object, void* closure) {
  (void)closure;
  return PyBool_FromLong(!((runtime_object*)object)->is_open);
}

#define WITH_KEYWORDS(function) (PyCFunction)(void (*)(void))(function)

PyObject* runtime_make_type(void) {
  static PyMethodDef methods[] = {
      {"_open", runtime_open, METH_VARARGS, NULL},
      {"_subscribe", runtime_subscribe, METH_VARARGS, NULL},
      {"_respond", runtime_respond, METH_VARARGS, NULL},
      {"_request", runtime_request, METH_VARARGS, NULL},
      {"_publish_acked", runtime_publish_acked, METH_VARARGS, NULL},
      {"publish", WITH_KEYWORDS(runtime_publish), METH_VARARGS | METH_KEYWORDS,
       "publish(message, topic='', timeout_s=None)\n--\n\n"
       "Sends a message to all who have subscribed to its type.\n\n"
       "It returns when the library has taken it; flush() says when the broker "
       "has. It\nwaits while subscribers hold the type back, at most "
       "timeout_s seconds (None: for\nas long as it takes).\n\n"
       "DeadlineExceededError; UnavailableError with timeout_s=0: it would "
       "block; "
       "FailedPreconditionError:\nthe message is of another schema; "
       "ValueError, "
       "TypeError: a field has a value that\nit cannot have."},
      {"publish_bytes", WITH_KEYWORDS(runtime_publish_bytes),
       METH_VARARGS | METH_KEYWORDS,
       "publish_bytes(type_id, payload, topic='', timeout_s=None)\n--\n\n"
       "publish() with bytes of your own, which nobody checks."},
      {"flush", WITH_KEYWORDS(runtime_flush), METH_VARARGS | METH_KEYWORDS,
       "flush(timeout_s=None)\n--\n\n"
       "Waits until the broker has accepted everything published before; in "
       "process:\nuntil every queue has it.\n\n"
       "DeadlineExceededError; AbortedError: the broker was lost, and frames "
       "with it "
       "that nobody\nknows the fate of."},
      {"ping", WITH_KEYWORDS(runtime_ping), METH_VARARGS | METH_KEYWORDS,
       "ping(timeout_s=None)\n--\n\nA round trip through the broker."},
      {"broker_info", runtime_broker_info, METH_NOARGS,
       "broker_info()\n--\n\nBrokerInfo of the present or the last "
       "connection."},
      {"counters", runtime_counters, METH_NOARGS,
       "counters()\n--\n\nCounters of what this runtime has seen so far."},
      {"close", runtime_close, METH_NOARGS,
       "close()\n--\n\n"
       "Writes what was published, says goodbye and ends all "
       "subscriptions.\n\nWhen it returns no callback runs and none will. "
       "Within a callback it returns at\nonce, and the end comes when the "
       "callbacks that run have returned. Idempotent."},
      {NULL, NULL, 0, NULL}};
  static PyGetSetDef getters[] = {
      {"closed", runtime_closed, NULL, "Whether close() was called.", NULL},
      {NULL, NULL, NULL, NULL, NULL}};
  static PyMemberDef members[] = {
      {"__weaklistoffset__", T_PYSSIZET,
       offsetof(runtime_object, weak_references), READONLY, NULL},
      {NULL, 0, 0, 0, NULL}};
  static PyType_Slot slots[] = {{Py_tp_new, runtime_new},
                                {Py_tp_dealloc, runtime_dealloc},
                                {Py_tp_finalize, runtime_finalize},
                                {Py_tp_traverse, runtime_traverse},
                                {Py_tp_clear, runtime_clear},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, getters},
                                {Py_tp_members, members},
                                {0, NULL}};
  static PyType_Spec spec = {
      "mycelium_native._native.Runtime", sizeof(runtime_object), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  return PyType_FromSpec(&spec);
}
