let header_bytes = 16
let frame_bytes_ceiling = 64 lsl 20

type kind =
  | Publish
  | Redelivered
  | Request
  | Reply
  | Error_reply
  | Hello
  | Welcome
  | Subscribe
  | Subscribed
  | Unsubscribe
  | Unsubscribed
  | Gap
  | Ack
  | Hold
  | Release
  | Flush
  | Flushed
  | Ping
  | Pong
  | Schema
  | Close
  | Admin
  | Cancel
  | Addressee

(* In the order of their numbers, from 1 on. *)
let data_kinds = [| Publish; Request; Reply; Error_reply |]

let control_kinds =
  [|
    Hello;
    Welcome;
    Subscribe;
    Subscribed;
    Unsubscribe;
    Unsubscribed;
    Gap;
    Ack;
    Hold;
    Release;
    Flush;
    Flushed;
    Ping;
    Pong;
    Schema;
    Close;
    Admin;
    Cancel;
    Addressee;
  |]

let redelivered_number = 0x41

let name = function
  | Publish | Redelivered -> "PUBLISH"
  | Request -> "REQUEST"
  | Reply -> "REPLY"
  | Error_reply -> "ERROR_REPLY"
  | Hello -> "HELLO"
  | Welcome -> "WELCOME"
  | Subscribe -> "SUBSCRIBE"
  | Subscribed -> "SUBSCRIBED"
  | Unsubscribe -> "UNSUBSCRIBE"
  | Unsubscribed -> "UNSUBSCRIBED"
  | Gap -> "GAP"
  | Ack -> "ACK"
  | Hold -> "HOLD"
  | Release -> "RELEASE"
  | Flush -> "FLUSH"
  | Flushed -> "FLUSHED"
  | Ping -> "PING"
  | Pong -> "PONG"
  | Schema -> "SCHEMA"
  | Close -> "CLOSE"
  | Admin -> "ADMIN"
  | Cancel -> "CANCEL"
  | Addressee -> "ADDRESSEE"

(* Reading *)

let body_bytes buffer first =
  Int32.to_int (Bytes.get_int32_le buffer first) land 0xffffffff

let type_id buffer first = Bytes.get_uint16_le buffer (first + 4)
let kind_number buffer first = Bytes.get_uint8 buffer (first + 6)
let topic_bytes buffer first = Bytes.get_uint8 buffer (first + 7)
let id buffer first = Bytes.get_int64_le buffer (first + 8)
let sequence buffer first = Int64.to_int (Bytes.get_int64_le buffer (first + 8))
let kinds type_id = if type_id = 0 then control_kinds else data_kinds

let kind buffer first =
  let type_id = type_id buffer first and number = kind_number buffer first in
  if number = redelivered_number && type_id <> 0 then Redelivered
  else (kinds type_id).(number - 1)

type fault =
  | Too_large
  | Unknown_kind
  | Control_topic
  | Topic_too_long
  | Topic_invalid

type status = Need_more of int | Whole | Fault of fault

let is_known_kind type_id number =
  (number >= 1 && number <= Array.length (kinds type_id))
  || (number = redelivered_number && type_id <> 0)

let check_whole buffer ~first ~limit ~body_bytes ~topic_bytes =
  if limit - first < header_bytes + body_bytes then
    Need_more (header_bytes + body_bytes)
  else if
    topic_bytes = 0
    || Topic.is_valid_within buffer ~first:(first + header_bytes)
         ~bytes:topic_bytes
  then Whole
  else Fault Topic_invalid

let check ~frame_bytes_max buffer ~first ~limit =
  if limit - first < header_bytes then Need_more header_bytes
  else
    let body_bytes = body_bytes buffer first in
    let type_id = type_id buffer first in
    let topic_bytes = topic_bytes buffer first in
    if body_bytes > frame_bytes_max then Fault Too_large
    else if not (is_known_kind type_id (kind_number buffer first)) then
      Fault Unknown_kind
    else if type_id = 0 && topic_bytes > 0 then Fault Control_topic
    else if topic_bytes > body_bytes then Fault Topic_too_long
    else check_whole buffer ~first ~limit ~body_bytes ~topic_bytes

let describe ~frame_bytes_max buffer first fault =
  let type_id = type_id buffer first in
  let topic_bytes = topic_bytes buffer first in
  let body_bytes = body_bytes buffer first in
  match fault with
  | Too_large ->
      Printf.sprintf "frame: body_bytes %d, frame_bytes_max %d" body_bytes
        frame_bytes_max
  | Unknown_kind ->
      Printf.sprintf "frame: kind %d of type %d, allowed 1 to %d"
        (kind_number buffer first) type_id
        (Array.length (kinds type_id))
  | Control_topic ->
      Printf.sprintf "frame: topic_bytes %d in a control frame, allowed 0"
        topic_bytes
  | Topic_too_long ->
      Printf.sprintf "frame: topic_bytes %d, body_bytes %d" topic_bytes
        body_bytes
  | Topic_invalid ->
      Printf.sprintf
        "frame: topic of %d bytes, allowed UTF-8 without NUL, empty tokens and \
         wildcards"
        topic_bytes

(* Writing *)

let number kinds kind =
  let rec find index =
    if kinds.(index) = kind then index + 1 else find (index + 1)
  in
  find 0

let control_number = number control_kinds

let data_number = function
  | Publish -> 1
  | Request -> 2
  | Reply -> 3
  | Error_reply -> 4
  | Redelivered -> redelivered_number
  | kind -> invalid_arg ("Frame.data: " ^ name kind)

let encode ~type_id ~number ~topic ~id payload =
  let topic_bytes = String.length topic in
  let payload_bytes = String.length payload in
  let body_bytes = topic_bytes + payload_bytes in
  let frame = Bytes.create (header_bytes + body_bytes) in
  Bytes.set_int32_le frame 0 (Int32.of_int body_bytes);
  Bytes.set_uint16_le frame 4 type_id;
  Bytes.set_uint8 frame 6 number;
  Bytes.set_uint8 frame 7 topic_bytes;
  Bytes.set_int64_le frame 8 id;
  Bytes.blit_string topic 0 frame header_bytes topic_bytes;
  Bytes.blit_string payload 0 frame (header_bytes + topic_bytes) payload_bytes;
  Bytes.unsafe_to_string frame

let data kind ~type_id ~topic ~id payload =
  encode ~type_id ~number:(data_number kind) ~topic ~id payload

let hello_id = 0x4d55494c4543594dL

let control kind ?(id = 0) body =
  let id = if kind = Hello then hello_id else Int64.of_int id in
  encode ~type_id:0 ~number:(control_number kind) ~topic:"" ~id body
