/* Requests: asking, and answering. */
#include <stdlib.h>
#include <string.h>

#include "client/python/native/native.h"

/* --- Asking -------------------------------------------------------------- */

/* What the library's thread hands to the one that waits.  No Python here. */
typedef struct asked {
  pthread_mutex_t mutex;
  pthread_cond_t ended;
  int users; /* of the two threads; with `mutex` */
  int done;  /* with `mutex` */
  mycelium_status status;
  char* words;
  uint16_t type_id;
  uint8_t* bytes;
  size_t size;
} asked;

static asked* asked_new(void) {
  asked* const self = calloc(1, sizeof *self);
  if (self == NULL) return NULL;
  pthread_mutex_init(&self->mutex, NULL);
  condition_init(&self->ended);
  self->users = 2;
  return self;
}

static void asked_release(asked* self, int users) {
  pthread_mutex_lock(&self->mutex);
  self->users -= users;
  const int left = self->users;
  pthread_mutex_unlock(&self->mutex);
  if (left > 0) return;
  pthread_mutex_destroy(&self->mutex);
  pthread_cond_destroy(&self->ended);
  free(self->words);
  free(self->bytes);
  free(self);
}

static void on_reply(mycelium_status status, const char* words,
                     const mycelium_message* reply, void* user_data) {
  asked* const self = user_data;
  pthread_mutex_lock(&self->mutex);
  self->status = status;
  if (status != MYCELIUM_OK) {
    self->words = strdup(words);
  } else {
    self->type_id = reply->type_id;
    self->size = reply->payload_bytes;
    self->bytes = malloc(self->size > 0 ? self->size : 1);
    if (self->bytes == NULL) {
      self->status = MYCELIUM_RESOURCE_EXHAUSTED;
      self->words = strdup("request: no memory for the reply");
    } else if (self->size > 0) {
      memcpy(self->bytes, reply->payload, self->size);
    }
  }
  self->done = 1;
  pthread_cond_signal(&self->ended);
  pthread_mutex_unlock(&self->mutex);
  asked_release(self, 1);
}

static int reply_within_a_slice(asked* self) {
  const struct timespec until = monotonic_in(SLICE_MS);
  int error = 0;
  pthread_mutex_lock(&self->mutex);
  while (!self->done && error == 0) {
    error = pthread_cond_timedwait(&self->ended, &self->mutex, &until);
  }
  const int done = self->done;
  pthread_mutex_unlock(&self->mutex);
  return done;
}

typedef struct question {
  mycelium_runtime* runtime;
  uint16_t type_id;
  const char* topic;
  encoded encoded;
  int64_t timeout_ms;
} question;

/* On the main thread, where Ctrl-C has to be seen.  0: *self is done. */
static int ask_in_slices(const question* question, asked* self) {
  uint64_t call;
  mycelium_status status;
  PyThreadState* const unlocked = PyEval_SaveThread();
  status =
      mycelium_request(question->runtime, question->type_id, question->topic,
                       question->encoded.bytes, question->encoded.size,
                       question->timeout_ms, on_reply, self, &call);
  PyEval_RestoreThread(unlocked);
  if (status != MYCELIUM_OK)
    return asked_release(self, 2), raise_last(status), -1;
  while (1) {
    int done;
    PyThreadState* const unlocked = PyEval_SaveThread();
    done = reply_within_a_slice(self);
    PyEval_RestoreThread(unlocked);
    if (done) return 0;
    if (PyErr_CheckSignals() != 0) break;
  }
  PyThreadState* const cancelling = PyEval_SaveThread();
  mycelium_cancel(question->runtime, call);
  PyEval_RestoreThread(cancelling);
  asked_release(self, 1);
  return -1;
}

static int ask_and_wait(const question* question, asked* self) {
  mycelium_status status;
  PyThreadState* const unlocked = PyEval_SaveThread();
  status = mycelium_request_wait(question->runtime, question->type_id,
                                 question->topic, question->encoded.bytes,
                                 question->encoded.size, question->timeout_ms,
                                 on_reply, self);
  PyEval_RestoreThread(unlocked);
  if (status == MYCELIUM_OK) return 0;
  asked_release(self, 2);
  raise_last(status);
  return -1;
}

/* NULL: raised. */
static PyObject* reply_object(const asked* self, PyObject* codec) {
  if (self->status != MYCELIUM_OK) {
    return raise_answer(self->status, self->words);
  }
  char words[160];
  PyObject* name = PyUnicode_AsUTF8String(codec_name(codec));
  if (name == NULL) return NULL;
  const unsigned wanted = codec_type_id(codec);
  PyObject* reply = NULL;
  if (self->type_id != wanted) {
    PyOS_snprintf(words, sizeof words,
                  "request: a reply of type %u, asked for %s (type %u)",
                  self->type_id, PyBytes_AsString(name), wanted);
    raise_status(MYCELIUM_INVALID_ARGUMENT, words);
  } else {
    reply = codec_decode(codec, self->bytes, self->size);
    if (reply == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
      PyErr_Clear();
      PyOS_snprintf(words, sizeof words,
                    "request: a reply of %zu bytes that are not a %s (type %u)",
                    self->size, PyBytes_AsString(name), wanted);
      raise_status(MYCELIUM_DATA_LOSS, words);
    }
  }
  Py_DECREF(name);
  return reply;
}

static PyObject* ask(const question* question, PyObject* reply_codec) {
  asked* const self = asked_new();
  if (self == NULL) return PyErr_NoMemory();
  const int failed = signals_may_come() ? ask_in_slices(question, self)
                                        : ask_and_wait(question, self);
  if (failed) return NULL;
  PyObject* reply = reply_object(self, reply_codec);
  asked_release(self, 1);
  return reply;
}

/* _request(message, reply_class, topic, timeout_s) */
PyObject* runtime_request(PyObject* object, PyObject* args) {
  runtime_object* const runtime = (runtime_object*)object;
  PyObject *message, *reply_class, *topic, *timeout_s;
  deadline deadline;
  int failed;
  if (!PyArg_ParseTuple(args, "OOOO:_request", &message, &reply_class, &topic,
                        &timeout_s) ||
      runtime_check(runtime) < 0 || deadline_of(timeout_s, &deadline) < 0) {
    return NULL;
  }
  PyObject* reply_codec = runtime_codec(runtime, reply_class);
  PyObject* codec =
      reply_codec != NULL ? runtime_codec_of(runtime, message) : NULL;
  PyObject* text =
      codec != NULL ? text_argument("topic", topic, &failed) : NULL;
  if (codec == NULL || failed) return NULL;
  question question = {.runtime = runtime->state->handle,
                       .type_id = codec_type_id(codec),
                       .topic = text_of(text),
                       .timeout_ms = deadline_left_ms(deadline)};
  PyObject* reply = NULL;
  if (codec_encode(codec, message, &question.encoded) == 0) {
    reply = ask(&question, reply_codec);
    encoded_fini(&question.encoded);
  }
  Py_XDECREF(text);
  return reply;
}

/* --- Answering ----------------------------------------------------------- */

typedef struct respondent_object {
  PyObject_HEAD mycelium_respondent* handle; /* NULL once answered */
  PyObject* runtime;
} respondent_object;

static mycelium_status fail(mycelium_respondent* respondent,
                            mycelium_status status, const char* words) {
  mycelium_status told;
  PyThreadState* const unlocked = PyEval_SaveThread();
  told = mycelium_fail(respondent, status, words);
  PyEval_RestoreThread(unlocked);
  return told;
}

/* Fails the request with what was raised.  An Error is meant for the
 * requester; of anything else he learns the name, and this program the rest. */
static void fail_with_exception(mycelium_respondent* respondent,
                                PyObject* callback) {
  PyObject *type, *error, *traceback;
  PyErr_Fetch(&type, &error, &traceback);
  PyErr_NormalizeException(&type, &error, &traceback);
  PyObject* number =
      error != NULL && PyObject_IsInstance(error, native.error) == 1
          ? PyObject_GetAttrString(error, "status")
          : NULL;
  const long status = number != NULL ? PyLong_AsLong(number) : -1;
  Py_XDECREF(number);
  PyObject* text = status > 0 ? PyObject_Str(error)
                              : PyObject_GetAttrString(type, "__name__");
  PyObject* words = text != NULL ? PyUnicode_AsEncodedString(text, "utf-8",
                                                             "backslashreplace")
                                 : NULL;
  PyErr_Clear();
  if (status > 0) {
    fail(respondent, (mycelium_status)status, text_of(words));
    Py_XDECREF(type);
    Py_XDECREF(error);
    Py_XDECREF(traceback);
  } else {
    char line[160];
    PyOS_snprintf(line, sizeof line, "respond: the callback raised %s",
                  text_of(words));
    fail(respondent, MYCELIUM_INTERNAL, line);
    PyErr_Restore(type, error, traceback);
    report_unraisable(callback);
  }
  Py_XDECREF(text);
  Py_XDECREF(words);
}

/* 0: answered.  -1: raised, and the respondent is as it was. */
static int reply_with(mycelium_respondent* respondent, PyObject* runtime,
                      PyObject* message) {
  PyObject* codec = runtime_codec_of((runtime_object*)runtime, message);
  encoded encoded;
  if (codec == NULL || codec_encode(codec, message, &encoded) < 0) return -1;
  const uint16_t type_id = codec_type_id(codec);
  PyThreadState* const unlocked = PyEval_SaveThread();
  /* What fails here the requester is told, or it is gone. */
  mycelium_reply(respondent, type_id, encoded.bytes, encoded.size);
  PyEval_RestoreThread(unlocked);
  encoded_fini(&encoded);
  return 0;
}

/* An answer that is still being worked on. */
static int answer_later(mycelium_respondent* respondent, PyObject* runtime,
                        PyObject* future) {
  respondent_object* const self =
      (respondent_object*)PyType_GenericAlloc(native.respondent, 0);
  if (self == NULL) return -1;
  PyObject* begun = NULL;
  Py_INCREF(runtime);
  self->runtime = runtime;
  self->handle = respondent;
  begun = PyObject_CallFunctionObjArgs(native.answer_later, future,
                                       (PyObject*)self, NULL);
  if (begun == NULL) self->handle = NULL;
  Py_DECREF((PyObject*)self);
  Py_XDECREF(begun);
  return begun != NULL ? 0 : -1;
}

static void answer(const delivery* d, const mycelium_message* request,
                   mycelium_respondent* respondent) {
  PyObject* item = delivery_item(d, request);
  if (item == NULL && PyErr_ExceptionMatches(PyExc_ValueError)) {
    PyErr_Clear();
    raise_status(MYCELIUM_INVALID_ARGUMENT,
                 "respond: a request that is no message of its type");
  }
  PyObject* result = item != NULL ? delivery_call(d, item, request) : NULL;
  Py_XDECREF(item);
  int failed = result == NULL;
  if (!failed && PyObject_HasAttrString(result, "add_done_callback")) {
    failed = answer_later(respondent, d->answers, result) < 0;
  } else if (!failed) {
    failed = reply_with(respondent, d->answers, result) < 0;
  }
  if (failed) fail_with_exception(respondent, d->callback);
  Py_XDECREF(result);
}

void respond_on_request(const mycelium_message* request,
                        mycelium_respondent* respondent, void* user_data) {
  delivery* const self = user_data;
  if (!delivery_enter(self)) {
    mycelium_fail(respondent, MYCELIUM_UNAVAILABLE,
                  "respond: the responder's interpreter ends");
    return;
  }
  answer(self, request, respondent);
  if (delivery_leave(self)) delivery_batch_end(self);
}

static mycelium_respondent* respondent_take(PyObject* object) {
  respondent_object* const self = (respondent_object*)object;
  mycelium_respondent* const taken = self->handle;
  self->handle = NULL;
  if (taken == NULL) {
    PyErr_SetString(PyExc_RuntimeError, "respond: answered already");
  }
  return taken;
}

static PyObject* respondent_reply(PyObject* object, PyObject* message) {
  mycelium_respondent* const taken = respondent_take(object);
  if (taken == NULL) return NULL;
  if (reply_with(taken, ((respondent_object*)object)->runtime, message) < 0) {
    fail_with_exception(taken, object);
  }
  Py_RETURN_NONE;
}

/* fail(error): with an exception. */
static PyObject* respondent_fail(PyObject* object, PyObject* error) {
  mycelium_respondent* const taken = respondent_take(object);
  if (taken == NULL) return NULL;
  PyErr_SetObject((PyObject*)Py_TYPE(error), error);
  fail_with_exception(taken, object);
  Py_RETURN_NONE;
}

static void respondent_dealloc(PyObject* object) {
  respondent_object* const self = (respondent_object*)object;
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  if (self->handle != NULL) {
    fail(self->handle, MYCELIUM_INTERNAL,
         "respond: the future was dropped without an answer");
  }
  Py_CLEAR(self->runtime);
  PyObject_GC_Del(object);
  Py_DECREF(type);
}

static int respondent_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(((respondent_object*)object)->runtime);
  return 0;
}

static int respondent_clear(PyObject* object) {
  (void)object; /* the runtime is needed until it is answered */
  return 0;
}

PyObject* respondent_make_type(void) {
  static PyMethodDef methods[] = {{"reply", respondent_reply, METH_O, NULL},
                                  {"fail", respondent_fail, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};
  static PyType_Slot slots[] = {{Py_tp_new, refuse_new},
                                {Py_tp_dealloc, respondent_dealloc},
                                {Py_tp_traverse, respondent_traverse},
                                {Py_tp_clear, respondent_clear},
                                {Py_tp_methods, methods},
                                {0, NULL}};
  static PyType_Spec spec = {"mycelium_native._native.Respondent",
                             sizeof(respondent_object), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return PyType_FromSpec(&spec);
}
