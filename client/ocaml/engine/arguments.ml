let ( let* ) = Result.bind
let type_id_max = 65535
let queue_bytes_min = 4096
let group_bytes_max = 128
let name_bytes_max = 128
let instance_id_bytes = 16

let is_utf8 text =
  Mycelium_wire.Utf8.first_invalid text 0 (String.length text) < 0

let check condition error = if condition then Ok () else Error (error ())

let type_id subject ~from type_id =
  check (type_id >= from && type_id <= type_id_max) (fun () ->
      Error.make Invalid_argument "%s: type_id %d, allowed %d to %d" subject
        type_id from type_id_max)

let frame ~subject ~type_id:id ~topic ~payload_bytes ~frame_bytes_max =
  if id < 1 || id > type_id_max then type_id subject ~from:1 id
  else if topic <> "" && not (Topic.is_valid topic) then
    Error.fail Invalid_argument
      "%s: topic of %d bytes, allowed 1 to %d bytes of UTF-8 without NUL, \
       empty tokens and wildcards"
      subject (String.length topic) Topic.bytes_max
  else
    let body_bytes = String.length topic + payload_bytes in
    if body_bytes <= frame_bytes_max then Ok ()
    else
      Error.fail Invalid_argument "%s: body_bytes %d, frame_bytes_max %d"
        subject body_bytes frame_bytes_max

let filter topic_filter =
  Result.map_error
    (fun fault -> Error.make Invalid_argument "subscribe: %s" fault)
    (Topic.filter topic_filter)

let policy { Policy.queue_bytes_max; stall_ms_max; _ } =
  let* () =
    check (queue_bytes_max >= queue_bytes_min) (fun () ->
        Error.make Invalid_argument
          "subscribe: queue_bytes_max %d, allowed at least %d" queue_bytes_max
          queue_bytes_min)
  in
  check (stall_ms_max >= -1) (fun () ->
      Error.make Invalid_argument
        "subscribe: stall_ms_max %d, allowed -1 and more" stall_ms_max)

let start : Start.t -> (unit, Error.t) result = function
  | Now -> Ok ()
  | Last frames ->
      check (frames >= 0 && frames <= 0xffffffff) (fun () ->
          Error.make Invalid_argument
            "subscribe: start.last %d, allowed 0 to 4294967295" frames)
  | Sequence sequence ->
      check (sequence >= 0) (fun () ->
          Error.make Invalid_argument
            "subscribe: start.sequence %d, allowed 0 and more" sequence)
  | Time time_s ->
      check (time_s >= 0. && time_s < 1e15) (fun () ->
          Error.make Invalid_argument
            "subscribe: start.time %g, allowed seconds since 1970" time_s)

let subscription ~type_id:id ~topic_filter ~policy:p ~group ~start:s
    ~responder =
  let* () = type_id "subscribe" ~from:0 id in
  let* filter = filter topic_filter in
  let* () = policy p in
  let* () = start s in
  let* () =
    check
      (String.length group <= group_bytes_max && is_utf8 group)
      (fun () ->
        Error.make Invalid_argument
          "subscribe: group of %d bytes, allowed %d of UTF-8"
          (String.length group) group_bytes_max)
  in
  Ok
    {
      Subscriptions.type_id = id;
      filter;
      policy = p;
      group;
      start = s;
      responder;
    }

let client ~name ~instance_id =
  let* () =
    check
      (String.length name <= name_bytes_max && is_utf8 name)
      (fun () ->
        Error.make Invalid_argument
          "connect: name of %d bytes, allowed %d of UTF-8"
          (String.length name) name_bytes_max)
  in
  check
    (String.length instance_id = 0
    || String.length instance_id = instance_id_bytes)
    (fun () ->
      Error.make Invalid_argument
        "connect: instance_id of %d bytes, allowed %d"
        (String.length instance_id) instance_id_bytes)
