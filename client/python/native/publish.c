/* What a Runtime sends: messages, bytes, and the round trips of flush and ping.
 */
#include "client/python/native/native.h"

/* --- Message classes ----------------------------------------------------- */

PyObject* runtime_codec(runtime_object* runtime, PyObject* message_class) {
  PyObject* known = PyDict_GetItemWithError(runtime->codecs, message_class);
  if (known != NULL || PyErr_Occurred()) return known;
  PyObject* checked = PyObject_CallMethod((PyObject*)runtime, "_check_class",
                                          "O", message_class);
  if (checked == NULL) return NULL;
  Py_DECREF(checked);
  PyObject* codec = codec_new(message_class);
  if (codec == NULL) return NULL;
  const int failed = PyDict_SetItem(runtime->codecs, message_class, codec);
  Py_DECREF(codec); /* the dict has it */
  return failed ? NULL : codec;
}

PyObject* runtime_codec_of(runtime_object* runtime, PyObject* message) {
  return runtime_codec(runtime, (PyObject*)Py_TYPE(message));
}

/* --- Publishing ---------------------------------------------------------- */

typedef struct outgoing {
  uint16_t type_id;
  const char* topic;
  const void* bytes;
  size_t size;
  PyObject* future; /* or NULL: nobody asks whether it was accepted */
} outgoing;

static void on_accepted(mycelium_status status, const char* words,
                        void* user_data) {
  PyObject* const future = user_data;
  gil_ticket ticket;
  if (!gil_enter(&ticket)) return;
  PyObject* error = error_object(status, words);
  PyObject* settled = error != NULL ? PyObject_CallFunctionObjArgs(
                                          native.settle, future, error, NULL)
                                    : NULL;
  if (settled == NULL) report_unraisable(future);
  Py_XDECREF(settled);
  Py_XDECREF(error);
  Py_DECREF(future);
  gil_leave(ticket);
}

static mycelium_status send_frame(mycelium_runtime* runtime,
                                  const outgoing* out, int64_t timeout_ms) {
  if (out->future == NULL) {
    return mycelium_publish_topic(runtime, out->type_id, out->topic, out->bytes,
                                  out->size, timeout_ms);
  }
  return mycelium_publish_acked(runtime, out->type_id, out->topic, out->bytes,
                                out->size, timeout_ms, on_accepted,
                                out->future);
}

/* Without waiting.  On a private bus nobody's callbacks run within the call, so
 * the GIL may be kept, and the thread goes on; given back, a thread that runs
 * callbacks would take it after every single message. */
static mycelium_status try_publish(runtime_object* self, const outgoing* out) {
  mycelium_status status;
  if (self->private_bus && out->future == NULL) {
    return send_frame(self->state->handle, out, 0);
  }
  PyThreadState* const unlocked = PyEval_SaveThread();
  status = send_frame(self->state->handle, out, 0);
  PyEval_RestoreThread(unlocked);
  return status;
}

/* 0, or -1 and raised. */
static int publish(runtime_object* self, const outgoing* out,
                   deadline deadline) {
  mycelium_status status = try_publish(self, out);
  if (status == MYCELIUM_OK) return 0;
  int last = deadline_left_ms(deadline) == 0;
  /* It would block; or there is no broker, which waiting finds out again. */
  if (status != MYCELIUM_UNAVAILABLE || last) return raise_last(status), -1;
  do {
    if (PyErr_CheckSignals() != 0) return -1;
    const int64_t slice_ms = deadline_slice_ms(deadline, &last);
    PyThreadState* const unlocked = PyEval_SaveThread();
    status = send_frame(self->state->handle, out, slice_ms);
    PyEval_RestoreThread(unlocked);
  } while (status == MYCELIUM_DEADLINE_EXCEEDED && !last);
  return status == MYCELIUM_OK ? 0 : (raise_last(status), -1);
}

/* With the future of publish_acked, which the library gets a reference of. */
static int publish_with(runtime_object* self, outgoing* out, PyObject* topic,
                        PyObject* timeout_s) {
  deadline deadline;
  int failed;
  PyObject* text = text_argument("topic", topic, &failed);
  if (failed) return -1;
  out->topic = text_of(text);
  int result = deadline_of(timeout_s, &deadline);
  if (result == 0) {
    Py_XINCREF(out->future);
    result = publish(self, out, deadline);
    if (result < 0) Py_XDECREF(out->future);
  }
  Py_XDECREF(text);
  return result;
}

static int publish_message(runtime_object* self, PyObject* message,
                           PyObject* topic, PyObject* timeout_s,
                           PyObject* future) {
  if (runtime_check(self) < 0) return -1;
  PyObject* codec = runtime_codec_of(self, message);
  encoded encoded;
  if (codec == NULL || codec_encode(codec, message, &encoded) < 0) return -1;
  outgoing out = {codec_type_id(codec), "", encoded.bytes, encoded.size,
                  future};
  const int result = publish_with(self, &out, topic, timeout_s);
  encoded_fini(&encoded);
  return result;
}

PyObject* runtime_publish(PyObject* object, PyObject* args,
                          PyObject* keywords) {
  static char* names[] = {"message", "topic", "timeout_s", NULL};
  runtime_object* const self = (runtime_object*)object;
  PyObject *message, *topic = NULL, *timeout_s = NULL;
  if (keywords == NULL && PyTuple_Size(args) == 1) {
    message = PyTuple_GetItem(args, 0); /* the usual, without a parser */
  } else if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|OO:publish", names,
                                          &message, &topic, &timeout_s)) {
    return NULL;
  }
  if (publish_message(self, message, topic, timeout_s, NULL) < 0) return NULL;
  Py_RETURN_NONE;
}

/* _publish_acked(message, future, topic, timeout_s) */
PyObject* runtime_publish_acked(PyObject* object, PyObject* args) {
  PyObject *message, *future, *topic, *timeout_s;
  if (!PyArg_ParseTuple(args, "OOOO:_publish_acked", &message, &future, &topic,
                        &timeout_s) ||
      publish_message((runtime_object*)object, message, topic, timeout_s,
                      future) < 0) {
    return NULL;
  }
  Py_RETURN_NONE;
}

/* A new reference to bytes of what has a buffer. */
static PyObject* payload_of(PyObject* payload) {
  if (PyBytes_Check(payload)) {
    Py_INCREF(payload);
    return payload;
  }
  PyObject* view = PyMemoryView_FromObject(payload);
  PyObject* bytes = view != NULL ? PyBytes_FromObject(view) : NULL;
  Py_XDECREF(view);
  return bytes;
}

PyObject* runtime_publish_bytes(PyObject* object, PyObject* args,
                                PyObject* keywords) {
  static char* names[] = {"type_id", "payload", "topic", "timeout_s", NULL};
  runtime_object* const self = (runtime_object*)object;
  PyObject *payload, *topic = NULL, *timeout_s = NULL;
  int type_id;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "iO|OO:publish_bytes", names,
                                   &type_id, &payload, &topic, &timeout_s) ||
      runtime_check(self) < 0) {
    return NULL;
  }
  if (type_id < 1 || type_id > 65535) {
    return PyErr_Format(PyExc_ValueError,
                        "publish: type_id %d, allowed 1 to 65535", type_id);
  }
  PyObject* bytes = payload_of(payload);
  if (bytes == NULL) return NULL;
  outgoing out = {(uint16_t)type_id, "", PyBytes_AsString(bytes),
                  (size_t)PyBytes_Size(bytes), NULL};
  const int result = publish_with(self, &out, topic, timeout_s);
  Py_DECREF(bytes);
  if (result < 0) return NULL;
  Py_RETURN_NONE;
}

/* --- Round trips --------------------------------------------------------- */

/* Again and again for at most SLICE_MS, until it is done, late or interrupted.
 */
static PyObject* wait_in_slices(PyObject* object, PyObject* args,
                                PyObject* keywords, const char* format,
                                mycelium_status (*call)(mycelium_runtime*,
                                                        int64_t)) {
  static char* names[] = {"timeout_s", NULL};
  runtime_object* const self = (runtime_object*)object;
  PyObject* timeout_s = NULL;
  deadline deadline;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, format, names, &timeout_s) ||
      deadline_of(timeout_s, &deadline) < 0 || runtime_check(self) < 0) {
    return NULL;
  }
  mycelium_status status;
  int last;
  do {
    if (PyErr_CheckSignals() != 0) return NULL;
    const int64_t slice_ms = deadline_slice_ms(deadline, &last);
    PyThreadState* const unlocked = PyEval_SaveThread();
    status = call(self->state->handle, slice_ms);
    PyEval_RestoreThread(unlocked);
  } while (status == MYCELIUM_DEADLINE_EXCEEDED && !last);
  if (status != MYCELIUM_OK) return raise_last(status);
  Py_RETURN_NONE;
}

PyObject* runtime_flush(PyObject* object, PyObject* args, PyObject* keywords) {
  return wait_in_slices(object, args, keywords, "|O:flush", mycelium_flush);
}

PyObject* runtime_ping(PyObject* object, PyObject* args, PyObject* keywords) {
  return wait_in_slices(object, args, keywords, "|O:ping", mycelium_ping);
}

PyObject* runtime_broker_info(PyObject* object, PyObject* none) {
  runtime_object* const self = (runtime_object*)object;
  mycelium_broker_info info = {.struct_bytes = sizeof info};
  mycelium_status status;
  (void)none;
  if (runtime_check(self) < 0) return NULL;
  PyThreadState* const unlocked = PyEval_SaveThread();
  status = mycelium_runtime_broker_info(self->state->handle, &info);
  PyEval_RestoreThread(unlocked);
  return status == MYCELIUM_OK ? broker_info_object(&info) : raise_last(status);
}

PyObject* runtime_counters(PyObject* object, PyObject* none) {
  runtime_object* const self = (runtime_object*)object;
  mycelium_counters counters = {.struct_bytes = sizeof counters};
  mycelium_status status;
  (void)none;
  if (runtime_check(self) < 0) return NULL;
  PyThreadState* const unlocked = PyEval_SaveThread();
  status = mycelium_runtime_counters(self->state->handle, &counters);
  PyEval_RestoreThread(unlocked);
  return status == MYCELIUM_OK ? counters_object(&counters)
                               : raise_last(status);
}
