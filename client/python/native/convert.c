/* What the library says, as Python objects. */
#include <string.h>

#include "client/python/native/native.h"

/* Words of the library may quote what others sent. */
static PyObject* words_object(const char* words) {
  return PyUnicode_DecodeUTF8(words, (Py_ssize_t)strlen(words), "replace");
}

static PyObject* made_by(PyObject* maker, mycelium_status status,
                         const char* words) {
  PyObject* text = words_object(words != NULL ? words : "");
  if (text == NULL) return NULL;
  PyObject* error = PyObject_CallFunction(maker, "iO", (int)status, text);
  Py_DECREF(text);
  return error;
}

PyObject* error_object(mycelium_status status, const char* words) {
  if (status == MYCELIUM_OK) Py_RETURN_NONE;
  return made_by(native.error_of, status, words);
}

/* Takes over `error`; NULL: raised already. */
static PyObject* raise_object(PyObject* error) {
  if (error == NULL) return NULL;
  PyErr_SetObject((PyObject*)Py_TYPE(error), error);
  Py_DECREF(error);
  return NULL;
}

PyObject* raise_status(mycelium_status status, const char* words) {
  return raise_object(made_by(native.error_of, status, words));
}

PyObject* raise_answer(mycelium_status status, const char* words) {
  return raise_object(made_by(native.request_error_of, status, words));
}

PyObject* raise_last(mycelium_status status) {
  return raise_status(status, mycelium_last_error());
}

PyObject* gap_object(const mycelium_gap* gap) {
  PyObject* ranges = PyTuple_New((Py_ssize_t)gap->ranges_count);
  if (ranges == NULL) return NULL;
  for (size_t i = 0; i < gap->ranges_count; ++i) {
    const mycelium_gap_range* range = &gap->ranges[i];
    PyObject* numbers = Py_BuildValue("(HKKK)", range->type_id,
                                      (unsigned long long)range->frames,
                                      (unsigned long long)range->first_sequence,
                                      (unsigned long long)range->last_sequence);
    if (numbers == NULL || PyTuple_SetItem(ranges, (Py_ssize_t)i, numbers)) {
      Py_DECREF(ranges);
      return NULL;
    }
  }
  PyObject* object =
      PyObject_CallFunction(native.gap_of, "iOO", (int)gap->reason, ranges,
                            gap->unknown ? Py_True : Py_False);
  Py_DECREF(ranges);
  return object;
}

PyObject* info_object(const mycelium_message* message) {
  return PyObject_CallFunction(native.message_info, "Hs#KO", message->type_id,
                               message->topic, (Py_ssize_t)message->topic_bytes,
                               (unsigned long long)message->sequence,
                               message->redelivered ? Py_True : Py_False);
}

PyObject* unaccepted_objects(const mycelium_unaccepted* frames, size_t count) {
  PyObject* list = PyList_New((Py_ssize_t)count);
  if (list == NULL) return NULL;
  for (size_t i = 0; i < count; ++i) {
    const mycelium_unaccepted* frame = &frames[i];
    PyObject* object =
        PyObject_CallFunction(native.unaccepted, "Hs#y#O", frame->type_id,
                              frame->topic, (Py_ssize_t)frame->topic_bytes,
                              frame->payload, (Py_ssize_t)frame->payload_bytes,
                              frame->maybe_accepted ? Py_True : Py_False);
    if (object == NULL || PyList_SetItem(list, (Py_ssize_t)i, object)) {
      Py_DECREF(list);
      return NULL;
    }
  }
  return list;
}

PyObject* broker_info_object(const mycelium_broker_info* info) {
  return PyObject_CallFunction(native.broker_info, "ssKII", info->name,
                               info->version, (unsigned long long)info->epoch,
                               (unsigned)info->session_id,
                               (unsigned)info->frame_bytes_max);
}

PyObject* counters_object(const mycelium_counters* c) {
  const uint64_t all[] = {c->frames_published,
                          c->frames_accepted,
                          c->frames_resent,
                          c->frames_unaccepted,
                          c->frames_received,
                          c->frames_missed,
                          c->gaps,
                          c->reconnects,
                          c->replies_late};
  const Py_ssize_t count = sizeof all / sizeof *all;
  PyObject* numbers = PyTuple_New(count);
  if (numbers == NULL) return NULL;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* number = PyLong_FromUnsignedLongLong(all[i]);
    if (number == NULL || PyTuple_SetItem(numbers, i, number)) {
      Py_DECREF(numbers);
      return NULL;
    }
  }
  PyObject* object = PyObject_CallObject(native.counters, numbers);
  Py_DECREF(numbers);
  return object;
}

PyObject* text_argument(const char* subject, PyObject* text, int* failed) {
  *failed = 0;
  if (text == NULL || text == Py_None) return NULL;
  *failed = 1;
  if (!PyUnicode_Check(text)) {
    PyErr_Format(PyExc_TypeError, "%s: %R, allowed str", subject, text);
    return NULL;
  }
  PyObject* bytes = PyUnicode_AsUTF8String(text);
  if (bytes == NULL) return NULL;
  const size_t size = (size_t)PyBytes_Size(bytes);
  if (strlen(PyBytes_AsString(bytes)) != size) {
    PyErr_Format(PyExc_ValueError, "%s: %R has a NUL character, allowed none",
                 subject, text);
    Py_DECREF(bytes);
    return NULL;
  }
  *failed = 0;
  if (size > 0) return bytes;
  Py_DECREF(bytes);
  return NULL;
}

const char* text_of(PyObject* bytes) {
  return bytes != NULL ? PyBytes_AsString(bytes) : "";
}

void report_unraisable(PyObject* what) { PyErr_WriteUnraisable(what); }
