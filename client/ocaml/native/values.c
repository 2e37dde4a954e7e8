/* What the library says, as values of Mycelium_engine's types. */
#include <string.h>

#include "native.h"

value ok_value(value content) {
  CAMLparam1(content);
  value result = caml_alloc_small(1, 0);
  Field(result, 0) = content;
  CAMLreturn(result);
}

value failed_value(value error) {
  CAMLparam1(error);
  value result = caml_alloc_small(1, 1);
  Field(result, 0) = error;
  CAMLreturn(result);
}

/* {cause; message}; causes count from 0, statuses from 1. */
value error_value(mycelium_status status, const char* words) {
  CAMLparam0();
  CAMLlocal1(message);
  const int known = status >= 1 && status <= 16 ? status : MYCELIUM_UNKNOWN;
  message = caml_copy_string(words);
  value error = caml_alloc_small(2, 0);
  Field(error, 0) = Val_int(known - 1);
  Field(error, 1) = message;
  CAMLreturn(error);
}

value last_failure(mycelium_status status) {
  return failed_value(error_value(status, mycelium_last_error()));
}

value status_value(mycelium_status status) {
  return status == MYCELIUM_OK ? ok_value(Val_unit) : last_failure(status);
}

/* {type_id; topic; payload; sequence; redelivered} */
value received_value(const mycelium_message* message) {
  CAMLparam0();
  CAMLlocal2(topic, payload);
  topic = caml_alloc_initialized_string(message->topic_bytes, message->topic);
  payload = caml_alloc_initialized_string(message->payload_bytes,
                                          (const char*)message->payload);
  value received = caml_alloc_small(5, 0);
  Field(received, 0) = Val_int(message->type_id);
  Field(received, 1) = topic;
  Field(received, 2) = payload;
  Field(received, 3) = Val_long((intnat)message->sequence);
  Field(received, 4) = Val_bool(message->redelivered);
  CAMLreturn(received);
}

static int reason_number(mycelium_gap_reason reason) {
  if (reason == MYCELIUM_GAP_MALFORMED) return 6;
  return reason >= MYCELIUM_GAP_UNSPECIFIED && reason <= MYCELIUM_GAP_DEADLOCK
             ? (int)reason
             : MYCELIUM_GAP_UNSPECIFIED;
}

/* {reason; ranges; unknown}, a range {type_id; frames; first; last} */
value gap_value(const mycelium_gap* gap) {
  CAMLparam0();
  CAMLlocal2(ranges, range);
  ranges = Val_emptylist;
  for (size_t i = gap->ranges_count; i > 0; --i) {
    const mycelium_gap_range* const from = &gap->ranges[i - 1];
    range = caml_alloc_small(4, 0);
    Field(range, 0) = Val_int(from->type_id);
    Field(range, 1) = Val_long((intnat)from->frames);
    Field(range, 2) = Val_long((intnat)from->first_sequence);
    Field(range, 3) = Val_long((intnat)from->last_sequence);
    value cell = caml_alloc_small(2, 0);
    Field(cell, 0) = range;
    Field(cell, 1) = ranges;
    ranges = cell;
  }
  value result = caml_alloc_small(3, 0);
  Field(result, 0) = Val_int(reason_number(gap->reason));
  Field(result, 1) = ranges;
  Field(result, 2) = Val_bool(gap->unknown);
  CAMLreturn(result);
}

const char* topic_of(value text) {
  return caml_string_length(text) == 0 ? NULL : String_val(text);
}

value mycelium_native_last_error(value unit) {
  (void)unit;
  return error_value(mycelium_last_status(), mycelium_last_error());
}
