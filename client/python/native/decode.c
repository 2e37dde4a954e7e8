/* From bytes to messages, for what is usual; see codec.h. */
#include <string.h>

#include "client/python/native/codec.h"

typedef struct reader {
  const uint8_t* at;
  const uint8_t* end;
} reader;

/* A tag or a length of up to four bytes.  0: not here (it is left to
 * from_bytes). */
static int read_short(reader* reader, uint32_t* value) {
  *value = 0;
  for (int shift = 0; shift < 28 && reader->at != reader->end; shift += 7) {
    const uint8_t byte = *reader->at++;
    *value |= (uint32_t)(byte & 127) << shift;
    if (byte < 128) return 1;
  }
  return 0;
}

static int read_varint(reader* reader, uint64_t* value) {
  uint64_t read = 0;
  for (int shift = 0; shift < 63 && reader->at != reader->end; shift += 7) {
    const uint8_t byte = *reader->at++;
    read |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) {
      *value = read;
      return 1;
    }
  }
  /* The tenth byte, of negative numbers. */
  if (reader->at == reader->end || *reader->at != 1) return 0;
  reader->at += 1;
  *value = read | (uint64_t)1 << 63;
  return 1;
}

static PyObject* varint_object(kind kind, uint64_t number) {
  switch (kind) {
    case KIND_BOOL:
      return PyBool_FromLong(number != 0);
    case KIND_INT32:
      return PyLong_FromLong((int32_t)(uint32_t)number);
    case KIND_UINT32:
      return PyLong_FromUnsignedLong((uint32_t)number);
    case KIND_UINT64:
      return PyLong_FromUnsignedLongLong(number);
    case KIND_SINT32: {
      const uint32_t low = (uint32_t)number;
      return PyLong_FromLong((int32_t)(low >> 1 ^ (0 - (low & 1))));
    }
    case KIND_SINT64:
      return PyLong_FromLongLong((int64_t)(number >> 1 ^ (0 - (number & 1))));
    default:
      return PyLong_FromLongLong((int64_t)number);
  }
}

static PyObject* fixed_object(kind kind, const char* bytes) {
  uint32_t four;
  uint64_t eight;
  float single;
  double number;
  switch (kind) {
    case KIND_FIXED32:
      memcpy(&four, bytes, sizeof four);
      return PyLong_FromUnsignedLong(four);
    case KIND_SFIXED32:
      memcpy(&four, bytes, sizeof four);
      return PyLong_FromLong((int32_t)four);
    case KIND_FLOAT:
      memcpy(&single, bytes, sizeof single);
      return PyFloat_FromDouble(single);
    case KIND_FIXED64:
      memcpy(&eight, bytes, sizeof eight);
      return PyLong_FromUnsignedLongLong(eight);
    case KIND_SFIXED64:
      memcpy(&eight, bytes, sizeof eight);
      return PyLong_FromLongLong((int64_t)eight);
    default:
      memcpy(&number, bytes, sizeof number);
      return PyFloat_FromDouble(number);
  }
}

/* NULL: not here, or raised. */
static PyObject* read_value(reader* reader, const field* field) {
  const uint8_t wire_type = field->tag & 7;
  if (wire_type == VARINT) {
    uint64_t number;
    if (!read_varint(reader, &number)) return NULL;
    return varint_object(field->kind, number);
  }
  uint32_t size = wire_type == FOUR_BYTES ? 4 : 8;
  if (wire_type == SIZED && !read_short(reader, &size)) return NULL;
  if (size > (size_t)(reader->end - reader->at)) return NULL;
  const char* const bytes = (const char*)reader->at;
  reader->at += size;
  if (wire_type != SIZED) return fixed_object(field->kind, bytes);
  return field->kind == KIND_STRING
             ? PyUnicode_FromStringAndSize(bytes, (Py_ssize_t)size)
             : PyBytes_FromStringAndSize(bytes, (Py_ssize_t)size);
}

/* The values in the order of the fields, new references, NULL where absent.
 * 0: not here. */
static int read_values(const codec* codec, reader* reader, PyObject** values) {
  int guess = 0; /* fields usually come in their order */
  while (reader->at != reader->end) {
    uint32_t tag;
    if (!read_short(reader, &tag)) return 0;
    for (int i = 0; codec->fields[guess].tag != tag; ++i) {
      if (i == codec->fields_count) return 0;
      guess = guess + 1 < codec->fields_count ? guess + 1 : 0;
    }
    PyObject* value = read_value(reader, &codec->fields[guess]);
    if (value == NULL) return 0;
    Py_XDECREF(values[guess]);
    values[guess] = value;
    if (guess + 1 < codec->fields_count) guess += 1;
  }
  return 1;
}

PyObject* decode_here(const codec* codec, const uint8_t* bytes, size_t size) {
  reader reader = {bytes, bytes + size};
  PyObject* values[FIELDS_MAX];
  memset(values, 0, sizeof(PyObject*) * (size_t)codec->fields_count);
  PyObject* message = NULL;
  if (read_values(codec, &reader, values)) {
    message = PyType_GenericAlloc((PyTypeObject*)codec->message_class, 0);
  }
  for (int i = 0; i < codec->fields_count; ++i) {
    const field* const field = &codec->fields[i];
    PyObject* value = values[i] != NULL ? values[i] : field->absent;
    if (message != NULL && PyObject_SetAttr(message, field->name, value) < 0) {
      Py_CLEAR(message);
    }
    Py_XDECREF(values[i]);
  }
  return message;
}
