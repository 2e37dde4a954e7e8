/* Codec: one message class. */
#include "client/python/native/codec.h"

#include <string.h>

static const struct kind_row {
  const char* name; /* as in _FIELDS */
  uint8_t wire_type;
} kinds[] = {
    [KIND_BOOL] = {"bool", VARINT},
    [KIND_INT32] = {"int32", VARINT},
    [KIND_INT64] = {"int64", VARINT},
    [KIND_UINT32] = {"uint32", VARINT},
    [KIND_UINT64] = {"uint64", VARINT},
    [KIND_SINT32] = {"sint32", VARINT},
    [KIND_SINT64] = {"sint64", VARINT},
    [KIND_FIXED32] = {"fixed32", FOUR_BYTES},
    [KIND_SFIXED32] = {"sfixed32", FOUR_BYTES},
    [KIND_FLOAT] = {"float", FOUR_BYTES},
    [KIND_FIXED64] = {"fixed64", EIGHT_BYTES},
    [KIND_SFIXED64] = {"sfixed64", EIGHT_BYTES},
    [KIND_DOUBLE] = {"double", EIGHT_BYTES},
    [KIND_STRING] = {"string", SIZED},
    [KIND_BYTES] = {"bytes", SIZED},
};

/* --- The class ----------------------------------------------------------- */

/* 1: the field was added; 0: it is no plain scalar; -1: raised. */
static int add_field(codec* codec, PyObject* number, PyObject* description) {
  const char* name;
  const char* kind_name;
  if (codec->fields_count == FIELDS_MAX) return 0;
  const long field_number = PyLong_AsLong(number);
  if (field_number == -1 && PyErr_Occurred()) return -1;
  if (!PyArg_ParseTuple(description, "ss", &name, &kind_name)) return -1;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; ++i) {
    if (strcmp(kinds[i].name, kind_name) != 0) continue;
    field* const field = &codec->fields[codec->fields_count];
    field->name = PyUnicode_InternFromString(name);
    if (field->name == NULL) return -1;
    codec->fields_count += 1;
    field->absent = PyObject_GetAttr(codec->message_class, field->name);
    if (field->absent == NULL) return -1;
    field->kind = (kind)i;
    field->tag = (uint32_t)field_number << 3 | kinds[i].wire_type;
    return 1;
  }
  return 0;
}

static void drop_fields(codec* codec) {
  for (int i = 0; i < codec->fields_count; ++i) {
    Py_CLEAR(codec->fields[i].name);
    Py_CLEAR(codec->fields[i].absent);
  }
  codec->fields_count = 0;
}

/* 1: as protoc-gen-mycelium writes them, and nobody has changed how a message
 * is made, set or encoded; 0: not; -1: raised. */
static int is_generated(PyObject* message_class) {
  static const char* const own[] = {"_FIELDS",  "_merge",     "_encode",
                                    "to_bytes", "from_bytes", "__init__"};
  static const char* const foreign[] = {"__new__",          "__setattr__",
                                        "__slots__",        "__post_init__",
                                        "__getattribute__", "_ONEOFS"};
  PyObject* dict = PyObject_GetAttrString(message_class, "__dict__");
  PyObject* bases = PyObject_GetAttrString(message_class, "__bases__");
  int generated = dict != NULL && bases != NULL && PyTuple_Size(bases) == 1 &&
                  PyTuple_GetItem(bases, 0) == (PyObject*)&PyBaseObject_Type;
  for (size_t i = 0; generated && i < sizeof own / sizeof *own; ++i) {
    generated = PyMapping_HasKeyString(dict, own[i]);
  }
  for (size_t i = 0; generated && i < sizeof foreign / sizeof *foreign; ++i) {
    generated = !PyMapping_HasKeyString(dict, foreign[i]);
  }
  Py_XDECREF(dict);
  Py_XDECREF(bases);
  return PyErr_Occurred() ? -1 : generated;
}

static int find_fields(codec* codec) {
  const int generated = is_generated(codec->message_class);
  if (generated <= 0) return generated;
  PyObject* fields = PyObject_GetAttrString(codec->message_class, "_FIELDS");
  if (fields == NULL) return -1;
  PyObject *number, *description;
  Py_ssize_t at = 0;
  int added = PyDict_Check(fields);
  while (added > 0 && PyDict_Next(fields, &at, &number, &description)) {
    added = add_field(codec, number, description);
  }
  Py_DECREF(fields);
  if (added <= 0) drop_fields(codec);
  return added < 0 ? -1 : 0;
}

PyObject* codec_new(PyObject* message_class) {
  PyObject* type_id = PyObject_GetAttrString(message_class, "TYPE_ID");
  const long number = type_id != NULL ? PyLong_AsLong(type_id) : -1;
  Py_XDECREF(type_id);
  if (PyErr_Occurred() || number < 1 || number > 65535 ||
      !PyObject_HasAttrString(message_class, "to_bytes") ||
      !PyObject_HasAttrString(message_class, "from_bytes")) {
    PyErr_Clear();
    return PyErr_Format(PyExc_TypeError,
                        "message: %R, allowed a class with TYPE_ID (1 to "
                        "65535), to_bytes and from_bytes",
                        message_class);
  }
  codec* const codec = (struct codec*)PyType_GenericAlloc(native.codec, 0);
  if (codec == NULL) return NULL;
  codec->type_id = (uint16_t)number;
  Py_INCREF(message_class);
  codec->message_class = message_class;
  codec->from_bytes = PyObject_GetAttrString(message_class, "from_bytes");
  codec->to_bytes = PyUnicode_InternFromString("to_bytes");
  codec->name = PyObject_GetAttrString(message_class, "FULL_NAME");
  if (codec->name == NULL) {
    PyErr_Clear();
    codec->name = PyObject_GetAttrString(message_class, "__qualname__");
  }
  if (codec->from_bytes == NULL || codec->to_bytes == NULL ||
      codec->name == NULL || find_fields(codec) < 0) {
    Py_DECREF(codec);
    return NULL;
  }
  return (PyObject*)codec;
}

uint16_t codec_type_id(PyObject* object) { return ((codec*)object)->type_id; }

PyObject* codec_name(PyObject* object) { return ((codec*)object)->name; }

/* --- Its messages ----------------------------------------------------------
 */

PyObject* codec_decode(PyObject* object, const uint8_t* bytes, size_t size) {
  const codec* const codec = (const struct codec*)object;
  if (codec->fields_count > 0) {
    PyObject* message = decode_here(codec, bytes, size);
    if (message != NULL) return message;
    PyErr_Clear();
  }
  PyObject* copy =
      PyBytes_FromStringAndSize((const char*)bytes, (Py_ssize_t)size);
  if (copy == NULL) return NULL;
  PyObject* message =
      PyObject_CallFunctionObjArgs(codec->from_bytes, copy, NULL);
  Py_DECREF(copy);
  return message;
}

int codec_encode(PyObject* object, PyObject* message, encoded* encoded) {
  const codec* const codec = (const struct codec*)object;
  encoded->owner = NULL;
  if (codec->fields_count > 0) {
    writer writer = {encoded->near, encoded->near + ENCODED_BYTES};
    if (encode_here(codec, message, &writer)) {
      encoded->bytes = encoded->near;
      encoded->size = (size_t)(writer.at - encoded->near);
      return 0;
    }
    PyErr_Clear();
  }
  PyObject* bytes = PyObject_CallMethodObjArgs(message, codec->to_bytes, NULL);
  if (bytes == NULL) return -1;
  if (!PyBytes_Check(bytes)) {
    PyErr_Format(PyExc_TypeError, "%U.to_bytes: %R, allowed bytes", codec->name,
                 bytes);
    Py_DECREF(bytes);
    return -1;
  }
  encoded->owner = bytes;
  encoded->bytes = PyBytes_AsString(bytes);
  encoded->size = (size_t)PyBytes_Size(bytes);
  return 0;
}

void encoded_fini(encoded* encoded) { Py_CLEAR(encoded->owner); }

/* --- The type ------------------------------------------------------------ */

static int codec_traverse(PyObject* object, visitproc visit, void* arg) {
  codec* const codec = (struct codec*)object;
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(codec->message_class);
  Py_VISIT(codec->from_bytes);
  return 0;
}

static int codec_clear(PyObject* object) {
  codec* const codec = (struct codec*)object;
  drop_fields(codec);
  Py_CLEAR(codec->message_class);
  Py_CLEAR(codec->from_bytes);
  return 0;
}

static void codec_dealloc(PyObject* object) {
  PyTypeObject* const type = Py_TYPE(object);
  PyObject_GC_UnTrack(object);
  codec_clear(object);
  Py_CLEAR(((codec*)object)->name);
  Py_CLEAR(((codec*)object)->to_bytes);
  PyObject_GC_Del(object);
  Py_DECREF(type);
}

static PyObject* codec_make(PyTypeObject* type, PyObject* args,
                            PyObject* keywords) {
  PyObject* message_class;
  (void)type;
  (void)keywords;
  if (!PyArg_ParseTuple(args, "O:Codec", &message_class)) return NULL;
  return codec_new(message_class);
}

static PyObject* codec_encode_method(PyObject* object, PyObject* message) {
  encoded encoded;
  if (codec_encode(object, message, &encoded) < 0) return NULL;
  PyObject* bytes =
      PyBytes_FromStringAndSize(encoded.bytes, (Py_ssize_t)encoded.size);
  encoded_fini(&encoded);
  return bytes;
}

static PyObject* codec_decode_method(PyObject* object, PyObject* bytes) {
  if (!PyBytes_Check(bytes)) {
    return PyErr_Format(PyExc_TypeError, "decode: %R, allowed bytes", bytes);
  }
  return codec_decode(object, (const uint8_t*)PyBytes_AsString(bytes),
                      (size_t)PyBytes_Size(bytes));
}

static PyObject* codec_fast(PyObject* object, void* closure) {
  (void)closure;
  return PyBool_FromLong(((codec*)object)->fields_count > 0);
}

PyObject* codec_make_type(void) {
  static PyMethodDef methods[] = {
      {"encode", codec_encode_method, METH_O,
       "encode(message) -> bytes: what publish sends of it."},
      {"decode", codec_decode_method, METH_O,
       "decode(bytes) -> message: what a callback gets."},
      {NULL, NULL, 0, NULL}};
  static PyGetSetDef getters[] = {
      {"fast", codec_fast, NULL,
       "Whether usual messages are coded here; else by the class itself.",
       NULL},
      {NULL, NULL, NULL, NULL, NULL}};
  static PyType_Slot slots[] = {{Py_tp_new, codec_make},
                                {Py_tp_dealloc, codec_dealloc},
                                {Py_tp_traverse, codec_traverse},
                                {Py_tp_clear, codec_clear},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, getters},
                                {0, NULL}};
  static PyType_Spec spec = {"mycelium_native._native.Codec",
                             sizeof(struct codec), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};
  return PyType_FromSpec(&spec);
}
