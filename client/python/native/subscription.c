/* Subscription: what the program has of a delivery, and pulling. */
#include <stddef.h>

#include "client/python/native/native.h"

PyObject* subscription_new(runtime_object* runtime, delivery* d) {
  subscription_object* const self =
      (subscription_object*)PyType_GenericAlloc(native.subscription, 0);
  if (self == NULL) return NULL;
  if (PySet_Add(runtime->subscriptions, (PyObject*)self) < 0) {
    Py_DECREF((PyObject*)self);
    return NULL;
  }
  self->delivery = d;
  Py_INCREF((PyObject*)runtime);
  self->runtime = (PyObject*)runtime;
  return (PyObject*)self;
}

/* --- Pulling ------------------------------------------------------------- */

/* What came, as an item for the program.  NULL: raised; or, without an
 * exception, it was told to on_gap. */
static PyObject* item_of(const delivery* d, const mycelium_item* item) {
  if (item->message == NULL) {
    delivery_tell_gap(d, gap_object(item->gap));
    return NULL;
  }
  PyObject* object = delivery_item(d, item->message);
  if (object == NULL) {
    if (was_malformed()) delivery_tell_gap(d, malformed_gap(item->message));
    return NULL;
  }
  if (!d->with_info) return object;
  PyObject* info = info_object(item->message);
  PyObject* pair = info != NULL ? PyTuple_Pack(2, object, info) : NULL;
  Py_XDECREF(info);
  Py_DECREF(object);
  return pair;
}

static mycelium_status next_item(subscription_object* self, deadline deadline,
                                 mycelium_item* item) {
  mycelium_subscription* const handle = self->delivery->handle;
  int last = deadline_left_ms(deadline) == 0;
  /* What is there already does not need the GIL to be given back. */
  mycelium_status status = mycelium_next(handle, 0, item);
  while (status == MYCELIUM_DEADLINE_EXCEEDED && !last) {
    if (self->closing) return MYCELIUM_CANCELLED;
    if (PyErr_CheckSignals() != 0) break;
    const int64_t slice_ms = deadline_slice_ms(deadline, &last);
    PyThreadState* const unlocked = PyEval_SaveThread();
    status = mycelium_next(handle, slice_ms, item);
    PyEval_RestoreThread(unlocked);
  }
  return status;
}

/* *status is MYCELIUM_OK if it raised something of its own. */
static PyObject* pull(subscription_object* self, deadline deadline,
                      mycelium_status* status) {
  PyObject* object = NULL;
  *status = MYCELIUM_OK;
  if (self->delivery == NULL || self->closing) {
    *status = MYCELIUM_CANCELLED;
    return NULL;
  }
  if (self->delivery->callback != NULL || self->in_next) {
    return raise_status(MYCELIUM_FAILED_PRECONDITION,
                        self->in_next
                            ? "next: another thread is within it, allowed one"
                            : "next: the subscription has a callback, allowed "
                              "without one");
  }
  self->in_next = 1;
  do {
    mycelium_item item;
    *status = next_item(self, deadline, &item);
    if (PyErr_Occurred()) *status = MYCELIUM_OK;
    if (*status != MYCELIUM_OK || PyErr_Occurred()) break;
    object = item_of(self->delivery, &item);
  } while (object == NULL && !PyErr_Occurred());
  self->in_next = 0;
  if (self->closing) {
    self->closing = 0;
    work* const release = release_new(NULL, subscription_take((PyObject*)self));
    if (release != NULL) work_detach(release);
  }
  return object;
}

static PyObject* subscription_next(PyObject* object, PyObject* args,
                                   PyObject* keywords) {
  static char* names[] = {"timeout_s", NULL};
  PyObject* timeout_s = NULL;
  deadline deadline;
  mycelium_status status;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O:next", names,
                                   &timeout_s) ||
      deadline_of(timeout_s, &deadline) < 0) {
    return NULL;
  }
  PyObject* item = pull((subscription_object*)object, deadline, &status);
  if (status == MYCELIUM_CANCELLED) {
    return raise_status(status, "next: the subscription is closed");
  }
  return status == MYCELIUM_OK ? item : raise_last(status);
}

static PyObject* subscription_iternext(PyObject* object) {
  const deadline never = {INT64_MAX};
  mycelium_status status;
  PyObject* item = pull((subscription_object*)object, never, &status);
  if (status == MYCELIUM_OK || status == MYCELIUM_CANCELLED) return item;
  return raise_last(status);
}

static PyObject* subscription_iter(PyObject* object) {
  Py_INCREF(object);
  return object;
}

/* --- Ending -------------------------------------------------------------- */

delivery* subscription_take(PyObject* object) {
  subscription_object* const self = (subscription_object*)object;
  if (self->in_next) {
    self->closing = 1;
    return NULL;
  }
  delivery* const taken = self->delivery;
  self->delivery = NULL;
  Py_CLEAR(self->runtime);
  return taken;
}

static PyObject* subscription_close(PyObject* object, PyObject* none) {
  subscription_object* const self = (subscription_object*)object;
  (void)none;
  if (self->runtime != NULL) {
    runtime_object* const runtime = (runtime_object*)self->runtime;
    if (PySet_Discard(runtime->subscriptions, object) < 0) return NULL;
  }
  delivery* const taken = subscription_take(object);
  if (taken == NULL || delivery_end_own(taken)) Py_RETURN_NONE;
  work* const release = release_new(NULL, taken);
  if (release == NULL) return PyErr_NoMemory();
  if (in_callback()) {
    work_detach(release);
  } else if (work_wait(release) < 0) {
    return NULL;
  } else {
    release->drop(release);
  }
  Py_RETURN_NONE;
}

/* --- The type ------------------------------------------------------------ */

static int subscription_traverse(PyObject* object, visitproc visit, void* arg) {
  subscription_object* const self = (subscription_object*)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->runtime);
  if (self->delivery != NULL) {
    Py_VISIT(self->delivery->codec);
    Py_VISIT(self->delivery->callback);
    Py_VISIT(self->delivery->on_gap);
    Py_VISIT(self->delivery->answers);
  }
  return 0;
}

/* The Runtime's finalizer closes it; only then can it be collected. */
static int subscription_clear(PyObject* object) {
  Py_CLEAR(((subscription_object*)object)->runtime);
  return 0;
}

static void subscription_dealloc(PyObject* object) {
  subscription_object* const self = (subscription_object*)object;
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->weak_references != NULL) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->runtime);
  PyObject_GC_Del(object);
  Py_DECREF(type);
}

static PyObject* subscription_closed(PyObject* object, void* closure) {
  subscription_object* const self = (subscription_object*)object;
  (void)closure;
  return PyBool_FromLong(self->delivery == NULL || self->closing);
}

static PyObject* subscription_enter(PyObject* object, PyObject* none) {
  (void)none;
  return subscription_iter(object);
}

PyObject* subscription_make_type(void) {
  static PyMethodDef methods[] = {
      {"next", (PyCFunction)(void (*)(void))subscription_next,
       METH_VARARGS | METH_KEYWORDS,
       "next(timeout_s=None)\n--\n\n"
       "The next message of a subscription without a callback; on_gap is "
       "called "
       "in the place\nof those that are missing.\n\n"
       "DeadlineExceededError: nothing came; ClosedError: it is closed; "
       "UnavailableError: "
       "the\nconnection is lost for good. One thread at a time."},
      {"close", subscription_close, METH_NOARGS,
       "close()\n--\n\n"
       "Ends it: when it returns, its callback does not run and will not; "
       "within the\ncallback itself, it will not run again. Within another "
       "callback it returns at once\nand ends it a moment later. Idempotent."},
      {"__enter__", subscription_enter, METH_NOARGS, NULL},
      {"__exit__", subscription_close, METH_VARARGS, NULL},
      {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, NULL},
      {NULL, NULL, 0, NULL}};
  static PyGetSetDef getters[] = {
      {"closed", subscription_closed, NULL, "Whether it is closed.", NULL},
      {NULL, NULL, NULL, NULL, NULL}};
  static PyMemberDef members[] = {
      {"__weaklistoffset__", T_PYSSIZET,
       offsetof(subscription_object, weak_references), READONLY, NULL},
      {NULL, 0, 0, 0, NULL}};
  static PyType_Slot slots[] = {{Py_tp_new, refuse_new},
                                {Py_tp_dealloc, subscription_dealloc},
                                {Py_tp_traverse, subscription_traverse},
                                {Py_tp_clear, subscription_clear},
                                {Py_tp_iter, subscription_iter},
                                {Py_tp_iternext, subscription_iternext},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, getters},
                                {Py_tp_members, members},
                                {0, NULL}};
  static PyType_Spec spec = {"mycelium_native.Subscription",
                             sizeof(subscription_object), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return PyType_FromSpec(&spec);
}
