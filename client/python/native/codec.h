/* What the extension knows of a message class, and how it codes its messages.
 * The generated classes have to_bytes and from_bytes, which decide.  For what
 * is usual (every field is a plain scalar, the bytes have known fields only,
 * the values the types of the fields) the same is done in decode.c and
 * encode.c, several times as fast; whatever else it is, odd or wrong, goes to
 * the class's own methods. */
#ifndef MYCELIUM_CLIENT_PYTHON_NATIVE_CODEC_H_
#define MYCELIUM_CLIENT_PYTHON_NATIVE_CODEC_H_

#include "client/python/native/native.h"

typedef enum kind {
  KIND_BOOL,
  KIND_INT32,
  KIND_INT64,
  KIND_UINT32,
  KIND_UINT64,
  KIND_SINT32,
  KIND_SINT64,
  KIND_FIXED32,
  KIND_SFIXED32,
  KIND_FLOAT,
  KIND_FIXED64,
  KIND_SFIXED64,
  KIND_DOUBLE,
  KIND_STRING,
  KIND_BYTES,
} kind;

enum { VARINT = 0, EIGHT_BYTES = 1, SIZED = 2, FOUR_BYTES = 5 };

#define FIELDS_MAX 64

typedef struct field {
  PyObject* name;   /* interned */
  PyObject* absent; /* the value of a field that the bytes do not have */
  uint32_t tag;
  kind kind;
} field;

struct codec {
  PyObject_HEAD PyObject* message_class;
  PyObject* name;
  PyObject* from_bytes; /* bound */
  PyObject* to_bytes;   /* the name */
  uint16_t type_id;
  int fields_count; /* 0: the class's own methods do everything */
  field fields[FIELDS_MAX];
};

/* NULL: it is not for here, or an exception. */
PyObject* decode_here(const codec* codec, const uint8_t* bytes, size_t size);

typedef struct writer {
  uint8_t* at;
  uint8_t* end;
} writer;

/* 0: it is not for here, or an exception. */
int encode_here(const codec* codec, PyObject* message, writer* writer);

#endif /* MYCELIUM_CLIENT_PYTHON_NATIVE_CODEC_H_ */
