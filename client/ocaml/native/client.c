/* Client: connecting, publishing, what is asked of the runtime, the end. */
#include <stdlib.h>
#include <string.h>

#include "native.h"

client* client_of(value custom) { return *(client**)Data_custom_val(custom); }

/* --- on_state and on_unaccepted ------------------------------------------- */

typedef struct state_event {
  event event;
  mycelium_state state;
  mycelium_status status;
  char* words;
} state_event;

static void state_free(event* event) {
  free(((state_event*)event)->words);
  free(event);
}

/* Connected | Stalled of error | Reconnecting of error | Closed of error */
static value state_value(event* event) {
  CAMLparam0();
  CAMLlocal1(error);
  const state_event* const told = (state_event*)event;
  if (told->state == MYCELIUM_STATE_CONNECTED) CAMLreturn(Val_int(0));
  error = error_value(told->status, told->words);
  value state =
      caml_alloc_small(1, (tag_t)(told->state - MYCELIUM_STATE_STALLED));
  Field(state, 0) = error;
  CAMLreturn(state);
}

static void on_state(mycelium_state state, mycelium_status status,
                     const char* words, void* user_data) {
  if (state == MYCELIUM_STATE_CONNECTING) return;
  state_event* const told = malloc(sizeof *told);
  if (told == NULL) abort();
  told->event =
      (event){NULL, ((client*)user_data)->on_state, 0, state_value, state_free};
  told->state = state;
  told->status = status;
  told->words = copy_text(words);
  post(&told->event);
}

typedef struct unaccepted_event {
  event event;
  size_t count;
  mycelium_unaccepted* frames;
} unaccepted_event;

static void unaccepted_free(event* event) {
  unaccepted_event* const told = (unaccepted_event*)event;
  for (size_t i = 0; i < told->count; ++i) {
    free((void*)told->frames[i].topic);
    free((void*)told->frames[i].payload);
  }
  free(told->frames);
  free(told);
}

/* A list of {type_id; topic; payload; maybe_accepted}. */
static value unaccepted_value(event* event) {
  CAMLparam0();
  CAMLlocal4(list, topic, payload, frame);
  const unaccepted_event* const told = (unaccepted_event*)event;
  list = Val_emptylist;
  for (size_t i = told->count; i > 0; --i) {
    const mycelium_unaccepted* const from = &told->frames[i - 1];
    topic = caml_alloc_initialized_string(from->topic_bytes, from->topic);
    payload = caml_alloc_initialized_string(from->payload_bytes,
                                            (const char*)from->payload);
    frame = caml_alloc_small(4, 0);
    Field(frame, 0) = Val_int(from->type_id);
    Field(frame, 1) = topic;
    Field(frame, 2) = payload;
    Field(frame, 3) = Val_bool(from->maybe_accepted);
    value cell = caml_alloc_small(2, 0);
    Field(cell, 0) = frame;
    Field(cell, 1) = list;
    list = cell;
  }
  CAMLreturn(list);
}

static void* copy_bytes(const void* bytes, size_t size) {
  void* const copy = malloc(size > 0 ? size : 1);
  if (copy == NULL) abort();
  if (size > 0) memcpy(copy, bytes, size);
  return copy;
}

static void on_unaccepted(const mycelium_unaccepted* frames, size_t count,
                          void* user_data) {
  unaccepted_event* const told = malloc(sizeof *told);
  if (told == NULL) abort();
  told->event = (event){NULL, ((client*)user_data)->on_unaccepted, 0,
                        unaccepted_value, unaccepted_free};
  told->count = count;
  told->frames = copy_bytes(frames, count * sizeof *frames);
  for (size_t i = 0; i < count; ++i) {
    mycelium_unaccepted* const frame = &told->frames[i];
    frame->topic = copy_bytes(frame->topic, frame->topic_bytes);
    frame->payload = copy_bytes(frame->payload, frame->payload_bytes);
  }
  post(&told->event);
}

/* --- The end of a client's memory ----------------------------------------- */

/* Behind everything that it has told. */
typedef struct client_end {
  event event;
  client* client;
} client_end;

static value end_value(event* event) {
  client* const client = ((client_end*)event)->client;
  unroot(client->on_state);
  unroot(client->on_unaccepted);
  free(client);
  return Val_unit;
}

static void end_free(event* event) { free(event); }

typedef struct destroy_work {
  work work;
  client* client;
} destroy_work;

static void destroy_run(work* work) {
  client* const client = ((destroy_work*)work)->client;
  mycelium_runtime_destroy(client->handle);
  client_end* const end = malloc(sizeof *end);
  if (end == NULL) abort();
  end->event = (event){NULL, NULL, 0, end_value, end_free};
  end->client = client;
  post(&end->event);
}

static void destroy_drop(work* work) { free(work); }

/* The library may wait for its threads: not within the collector. */
static void client_finalize(value custom) {
  destroy_work* const destroy = malloc(sizeof *destroy);
  if (destroy == NULL) abort();
  work_init(&destroy->work, destroy_run, destroy_drop);
  destroy->client = client_of(custom);
  work_detach(&destroy->work);
}

static struct custom_operations client_operations = {
    "mycelium.native.client",   client_finalize,
    custom_compare_default,     custom_hash_default,
    custom_serialize_default,   custom_deserialize_default,
    custom_compare_ext_default, custom_fixed_length_default};

/* --- Connecting ------------------------------------------------------------
 */

typedef struct connect_work {
  work work;
  char* url;
  char* name;
  uint8_t* schema_digest;
  uint8_t* descriptor_set;
  mycelium_connect_options options;
  client* client;
} connect_work;

static void connect_run(work* work) {
  connect_work* const connect = (connect_work*)work;
  connect->client->handle =
      mycelium_runtime_connect(connect->url, &connect->options);
  if (connect->client->handle == NULL) work_note(work, mycelium_last_status());
}

/* Unless somebody took the client, it ends here. */
static void connect_drop(work* work) {
  connect_work* const connect = (connect_work*)work;
  if (connect->client != NULL) {
    destroy_work destroy = {.client = connect->client};
    destroy_run(&destroy.work);
  }
  free(connect->url);
  free(connect->name);
  free(connect->schema_digest);
  free(connect->descriptor_set);
  work_fini(work);
  free(connect);
}

static value some(value option) {
  return Is_block(option) ? Field(option, 0) : 0;
}

static int64_t milliseconds(value option, int64_t otherwise) {
  return Is_block(option) ? Long_val(Field(option, 0)) : otherwise;
}

/* (url, name, digest, descriptor_set, timeout_ms, publish_bytes_max, reconnect,
   reconnect_ms_min, reconnect_ms_max, on_state, on_unaccepted); what may be
   left out is an option. */
value mycelium_native_connect(value arguments) {
  CAMLparam1(arguments);
  connect_work* const connect = calloc(1, sizeof *connect);
  client* const client = calloc(1, sizeof *client);
  if (connect == NULL || client == NULL) caml_raise_out_of_memory();
  work_init(&connect->work, connect_run, connect_drop);
  connect->client = client;
  connect->url = copy_text(String_val(Field(arguments, 0)));
  connect->name = copy_text(String_val(Field(arguments, 1)));
  mycelium_connect_options* const options = &connect->options;
  mycelium_connect_options_init(options);
  if (connect->name[0] != '\0') options->name = connect->name;
  const value digest = some(Field(arguments, 2));
  if (digest != 0) {
    connect->schema_digest =
        copy_bytes(String_val(digest), caml_string_length(digest));
    options->schema_digest = connect->schema_digest;
  }
  const value set = some(Field(arguments, 3));
  if (set != 0) {
    options->descriptor_set_bytes = caml_string_length(set);
    connect->descriptor_set =
        copy_bytes(String_val(set), options->descriptor_set_bytes);
    options->descriptor_set = connect->descriptor_set;
  }
  options->connect_timeout_ms =
      milliseconds(Field(arguments, 4), options->connect_timeout_ms);
  options->publish_bytes_max = (uint64_t)milliseconds(
      Field(arguments, 5), (int64_t)options->publish_bytes_max);
  options->reconnect = Bool_val(Field(arguments, 6));
  options->reconnect_ms_min = milliseconds(Field(arguments, 7), 0);
  options->reconnect_ms_max = milliseconds(Field(arguments, 8), 0);
  options->user_data = client;
  const value state = some(Field(arguments, 9));
  if (state != 0) {
    client->on_state = root(state);
    options->on_state = on_state;
  }
  const value unaccepted = some(Field(arguments, 10));
  if (unaccepted != 0) {
    client->on_unaccepted = root(unaccepted);
    options->on_unaccepted = on_unaccepted;
  }
  CAMLreturn(work_start(&connect->work));
}

/* Of a work that has gone well: the client. */
value mycelium_native_connected(value work) {
  CAMLparam1(work);
  CAMLlocal1(custom);
  custom = caml_alloc_custom(&client_operations, sizeof(client*), 0, 1);
  connect_work* const connect = *(connect_work**)Data_custom_val(work);
  *(client**)Data_custom_val(custom) = connect->client;
  connect->client = NULL;
  CAMLreturn(custom);
}

/* --- Publishing ------------------------------------------------------------
 */

/* With the lock, in place: it cannot wait.  The library runs nothing of
 * OCaml's within it, and where others' direct callbacks would run within it (a
 * shared bus), publish_waiting is called. */
value mycelium_native_publish_now(value custom, value type_id, value topic,
                                  value payload) {
  return Val_int(mycelium_publish_topic(
      client_of(custom)->handle, (uint16_t)Int_val(type_id), topic_of(topic),
      String_val(payload), caml_string_length(payload), 0));
}

void frame_take(frame* frame, value topic, value payload) {
  const size_t topic_bytes = caml_string_length(topic) + 1;
  frame->payload_bytes = caml_string_length(payload);
  frame->place = frame->near;
  if (topic_bytes + frame->payload_bytes > FRAME_NEAR_BYTES) {
    frame->place = malloc(topic_bytes + frame->payload_bytes);
  }
  if (frame->place == NULL) caml_raise_out_of_memory();
  memcpy(frame->place, String_val(topic), topic_bytes);
  memcpy(frame->place + topic_bytes, String_val(payload), frame->payload_bytes);
  frame->topic = topic_bytes > 1 ? frame->place : NULL;
  frame->payload = frame->place + topic_bytes;
}

void frame_free(frame* frame) {
  if (frame->place != frame->near) free(frame->place);
}

value mycelium_native_publish_waiting(value custom, value type_id, value topic,
                                      value payload, value timeout_ms) {
  CAMLparam1(custom);
  frame frame;
  frame_take(&frame, topic, payload);
  mycelium_runtime* const handle = client_of(custom)->handle;
  const uint16_t type = (uint16_t)Int_val(type_id);
  const int64_t slice_ms = Long_val(timeout_ms);
  caml_enter_blocking_section();
  const mycelium_status status = mycelium_publish_topic(
      handle, type, frame.topic, frame.payload, frame.payload_bytes, slice_ms);
  frame_free(&frame);
  caml_leave_blocking_section();
  CAMLreturn(Val_int(status));
}

typedef struct accepted_event {
  event event;
  mycelium_status status;
  char* words;
} accepted_event;

static value accepted_value(event* event) {
  const accepted_event* const told = (accepted_event*)event;
  if (told->status == MYCELIUM_OK) return ok_value(Val_unit);
  return failed_value(error_value(told->status, told->words));
}

static void accepted_free(event* event) {
  free(((accepted_event*)event)->words);
  free(event);
}

static void on_accepted(mycelium_status status, const char* words,
                        void* user_data) {
  accepted_event* const told = user_data;
  told->status = status;
  told->words = copy_text(words);
  post(&told->event);
}

/* With a function of OCaml, which is called once if it is MYCELIUM_OK. */
value mycelium_native_publish_acked(value custom, value type_id, value topic,
                                    value payload, value timeout_ms,
                                    value function) {
  CAMLparam2(custom, function);
  accepted_event* const told = calloc(1, sizeof *told);
  if (told == NULL) caml_raise_out_of_memory();
  told->event = (event){NULL, root(function), 1, accepted_value, accepted_free};
  frame frame;
  frame_take(&frame, topic, payload);
  mycelium_runtime* const handle = client_of(custom)->handle;
  const uint16_t type = (uint16_t)Int_val(type_id);
  const int64_t slice_ms = Long_val(timeout_ms);
  caml_enter_blocking_section();
  const mycelium_status status =
      mycelium_publish_acked(handle, type, frame.topic, frame.payload,
                             frame.payload_bytes, slice_ms, on_accepted, told);
  frame_free(&frame);
  caml_leave_blocking_section();
  if (status != MYCELIUM_OK) {
    unroot(told->event.closure);
    free(told);
  }
  CAMLreturn(Val_int(status));
}

value mycelium_native_publish_acked_bytecode(value* arguments, int count) {
  (void)count;
  return mycelium_native_publish_acked(arguments[0], arguments[1], arguments[2],
                                       arguments[3], arguments[4],
                                       arguments[5]);
}

/* --- What is asked ----------------------------------------------------------
 */

value mycelium_native_flush(value custom, value timeout_ms) {
  CAMLparam1(custom);
  mycelium_runtime* const handle = client_of(custom)->handle;
  const int64_t slice_ms = Long_val(timeout_ms);
  caml_enter_blocking_section();
  const mycelium_status status = mycelium_flush(handle, slice_ms);
  caml_leave_blocking_section();
  CAMLreturn(Val_int(status));
}

typedef struct ping_work {
  work work;
  mycelium_runtime* handle;
  int64_t timeout_ms;
} ping_work;

static void ping_run(work* work) {
  const ping_work* const ping = (ping_work*)work;
  work_note(work, mycelium_ping(ping->handle, ping->timeout_ms));
}

static void plain_drop(work* work) {
  work_fini(work);
  free(work);
}

/* A work, as a slice of it would be another PING. */
value mycelium_native_ping(value custom, value timeout_ms) {
  CAMLparam1(custom);
  ping_work* const ping = calloc(1, sizeof *ping);
  if (ping == NULL) caml_raise_out_of_memory();
  work_init(&ping->work, ping_run, plain_drop);
  ping->handle = client_of(custom)->handle;
  ping->timeout_ms = Long_val(timeout_ms);
  CAMLreturn(work_start(&ping->work));
}

value mycelium_native_verify(value custom, value digest) {
  CAMLparam2(custom, digest);
  CAMLreturn(status_value(mycelium_verify_schema_digest(
      client_of(custom)->handle, (const uint8_t*)String_val(digest),
      caml_string_length(digest))));
}

/* {name; version; epoch; session_id; frame_bytes_max} */
value mycelium_native_broker(value custom) {
  CAMLparam1(custom);
  CAMLlocal3(name, version, epoch);
  mycelium_broker_info info = {.struct_bytes = sizeof info};
  mycelium_runtime_broker_info(client_of(custom)->handle, &info);
  name = caml_copy_string(info.name);
  version = caml_copy_string(info.version);
  epoch = caml_copy_int64((int64_t)info.epoch);
  value broker = caml_alloc_small(5, 0);
  Field(broker, 0) = name;
  Field(broker, 1) = version;
  Field(broker, 2) = epoch;
  Field(broker, 3) = Val_long(info.session_id);
  Field(broker, 4) = Val_long(info.frame_bytes_max);
  CAMLreturn(broker);
}

/* In the order of Mycelium_engine.Engine.counters. */
value mycelium_native_counters(value custom) {
  CAMLparam1(custom);
  mycelium_counters counters = {.struct_bytes = sizeof counters};
  mycelium_runtime_counters(client_of(custom)->handle, &counters);
  const uint64_t all[] = {counters.frames_published,
                          counters.frames_accepted,
                          counters.frames_resent,
                          counters.frames_unaccepted,
                          counters.frames_received,
                          counters.frames_missed,
                          counters.gaps,
                          counters.reconnects,
                          counters.replies_late};
  value result = caml_alloc_small(9, 0);
  for (int i = 0; i < 9; ++i) Field(result, i) = Val_long((intnat)all[i]);
  CAMLreturn(result);
}

/* --- The end ----------------------------------------------------------------
 */

typedef struct close_work {
  work work;
  mycelium_runtime* handle;
} close_work;

static void close_run(work* work) {
  mycelium_runtime_close(((close_work*)work)->handle);
}

/* A work.  The client must be kept until it is done. */
value mycelium_native_close(value custom) {
  CAMLparam1(custom);
  close_work* const close = calloc(1, sizeof *close);
  if (close == NULL) caml_raise_out_of_memory();
  work_init(&close->work, close_run, plain_drop);
  close->handle = client_of(custom)->handle;
  CAMLreturn(work_start(&close->work));
}
