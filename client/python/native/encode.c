/* From messages to bytes, for what is usual; see codec.h. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "client/python/native/codec.h"

#define VARINT_BYTES_MAX 10

static void write_varint(writer* writer, uint64_t value) {
  while (value > 127) {
    *writer->at++ = (uint8_t)(value & 127) | 128;
    value >>= 7;
  }
  *writer->at++ = (uint8_t)value;
}

/* The number of a varint or fixed field as it is encoded.  0: not here. */
static int integer_of(kind kind, PyObject* value, uint64_t* number) {
  if (kind == KIND_BOOL) {
    *number = value == Py_True;
    return value == Py_True || value == Py_False;
  }
  if (!PyLong_CheckExact(value)) return 0;
  if (kind == KIND_UINT64 || kind == KIND_FIXED64) {
    *number = PyLong_AsUnsignedLongLong(value);
    return *number != UINT64_MAX || !PyErr_Occurred();
  }
  int overflow;
  const int64_t integer = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (overflow != 0) return 0;
  switch (kind) {
    case KIND_INT32:
    case KIND_SINT32:
    case KIND_SFIXED32:
      if (integer < INT32_MIN || integer > INT32_MAX) return 0;
      break;
    case KIND_UINT32:
    case KIND_FIXED32:
      if (integer < 0 || integer > UINT32_MAX) return 0;
      break;
    default:
      break;
  }
  *number = (uint64_t)integer;
  if (kind == KIND_SINT32 || kind == KIND_SINT64) {
    *number = *number << 1 ^ (integer < 0 ? UINT64_MAX : 0);
  }
  return 1;
}

/* The bits of a float or double.  0: not here. */
static int bits_of(kind kind, PyObject* value, uint64_t* bits) {
  if (!PyFloat_CheckExact(value)) return 0;
  const double number = PyFloat_AsDouble(value);
  if (kind == KIND_DOUBLE) {
    memcpy(bits, &number, sizeof number);
    return 1;
  }
  if (!(fabs(number) <= FLT_MAX)) return 0;
  const float single = (float)number;
  uint32_t four;
  memcpy(&four, &single, sizeof single);
  *bits = four;
  return 1;
}

static int write_number(writer* writer, const field* field, PyObject* value) {
  uint64_t number;
  const int floating = field->kind == KIND_FLOAT || field->kind == KIND_DOUBLE;
  if (!(floating ? bits_of(field->kind, value, &number)
                 : integer_of(field->kind, value, &number))) {
    return 0;
  }
  if (number == 0) return 1;
  if (writer->end - writer->at < 2 * VARINT_BYTES_MAX) return 0;
  write_varint(writer, field->tag);
  if ((field->tag & 7) == VARINT) {
    write_varint(writer, number);
  } else {
    const size_t size = (field->tag & 7) == FOUR_BYTES ? 4 : 8;
    memcpy(writer->at, &number, size); /* little-endian, as all of Mycelium */
    writer->at += size;
  }
  return 1;
}

static int write_sized(writer* writer, const field* field, PyObject* value) {
  PyObject* bytes;
  if (field->kind == KIND_BYTES) {
    if (!PyBytes_CheckExact(value)) return 0;
    Py_INCREF(value);
    bytes = value;
  } else {
    if (!PyUnicode_CheckExact(value)) return 0;
    bytes = PyUnicode_AsUTF8String(value);
    if (bytes == NULL) return 0;
  }
  const Py_ssize_t size = PyBytes_Size(bytes);
  const int fits = writer->end - writer->at >= 2 * VARINT_BYTES_MAX + size;
  if (fits && size > 0) {
    write_varint(writer, field->tag);
    write_varint(writer, (uint64_t)size);
    memcpy(writer->at, PyBytes_AsString(bytes), (size_t)size);
    writer->at += size;
  }
  Py_DECREF(bytes);
  return fits;
}

int encode_here(const codec* codec, PyObject* message, writer* writer) {
  for (int i = 0; i < codec->fields_count; ++i) {
    const field* const field = &codec->fields[i];
    PyObject* value = PyObject_GetAttr(message, field->name);
    if (value == NULL) return 0;
    const int written = (field->tag & 7) == SIZED
                            ? write_sized(writer, field, value)
                            : write_number(writer, field, value);
    Py_DECREF(value);
    if (!written) return 0;
  }
  return 1;
}
