open Mycelium_engine
module Control = Mycelium_control

type t = string Engine.t

let now = 1000.

let config =
  {
    Engine.url = "unix:/test";
    name = "test";
    schema = None;
    instance_id = String.make 16 'i';
    publish_bytes_max = 1 lsl 20;
    reconnect = true;
    reconnect_min_s = 0.;
    reconnect_max_s = 0.;
    gives_back = true;
    random = Fun.id;
  }

(* What the broker sends *)

let limits ~window_ms =
  Control.Limits.make ~frame_bytes_max:1_048_576 ~subscriptions_max:1024
    ~queue_bytes_max:268_435_456L ~idle_timeout_ms:30_000
    ~publish_bytes_max:1_048_576L ~resume_window_ms:window_ms
    ~reconnect_ms_min:100 ~reconnect_ms_max:400 ~requests_max:4096 ()

let welcome ?resumed ?(epoch = 7L) ?(session_id = 1) ?(window_ms = 30_000) () =
  Frame.control Welcome
    (Control.Welcome.encode
       (Control.Welcome.make ~version_major:1 ~session_id ~epoch
          ~broker_version:"1.0.0" ~broker_name:"fake"
          ~limits:(limits ~window_ms) ~resumed:(resumed <> None)
          ~last_publish_id:(Int64.of_int (Option.value resumed ~default:0))
          ()))

let type_sequence (type_id, sequence) =
  Control.TypeSequence.make ~type_id ~sequence:(Int64.of_int sequence) ()

let subscribed ?code ?(starts = []) ~request subscription_id =
  Frame.control Subscribed ~id:request
    (Control.Subscribed.encode
       (Control.Subscribed.make ~subscription_id ?code ~reason:"because"
          ~starts:(List.map type_sequence starts)
          ()))

let publish ?(topic = "") ?(redelivered = false) ~type_id ~sequence payload =
  Frame.data
    (if redelivered then Redelivered else Publish)
    ~type_id ~topic ~id:(Int64.of_int sequence) payload

let range (type_id, frames, first, last) =
  Control.Gap.Range.make ~type_id ~frames:(Int64.of_int frames)
    ~first_sequence:(Int64.of_int first) ~last_sequence:(Int64.of_int last) ()

let gap ?(reason = Control.GapReason.GAP_REASON_OVERFLOW) ?(unknown = false)
    ~subscription_id ranges =
  Frame.control Gap
    (Control.Gap.encode
       (Control.Gap.make ~subscription_id ~reason ~unknown
          ~ranges:(List.map range ranges) ()))

let addressee subscription_id =
  Frame.control Addressee
    (Control.Addressee.encode (Control.Addressee.make ~subscription_id ()))

let ack publish_id =
  Frame.control Ack
    (Control.Ack.encode
       (Control.Ack.make ~publish_id:(Int64.of_int publish_id) ()))

let hold ?(by = "slow") type_id =
  Frame.control Hold
    (Control.Hold.encode
       (Control.Hold.make ~type_id ~by_session_id:12 ~by_name:by ()))

let release type_id =
  Frame.control Release
    (Control.Release.encode (Control.Release.make ~type_id ()))

let close code reason = Control_frame.close code reason
let flushed request = Frame.control Flushed ~id:request ""

(* The client *)

let feed ?(now = now) t text =
  Engine.feed t ~now (Bytes.of_string text) 0 (String.length text)

type frame = {
  kind : Frame.kind;
  type_id : int;
  topic : string;
  id : int;
  body : string;
}

let rec split buffer first =
  let limit = Bytes.length buffer in
  match
    Frame.check ~frame_bytes_max:Frame.frame_bytes_ceiling buffer ~first ~limit
  with
  | Need_more _ when first = limit -> []
  | Need_more _ -> failwith "the client sends a part of a frame"
  | Fault fault ->
      failwith
        (Frame.describe ~frame_bytes_max:Frame.frame_bytes_ceiling buffer first
           fault)
  | Whole ->
      let topic_bytes = Frame.topic_bytes buffer first in
      let body_bytes = Frame.body_bytes buffer first in
      let at = first + Frame.header_bytes in
      {
        kind = Frame.kind buffer first;
        type_id = Frame.type_id buffer first;
        topic = Bytes.sub_string buffer at topic_bytes;
        id = Frame.sequence buffer first;
        body =
          Bytes.sub_string buffer (at + topic_bytes) (body_bytes - topic_bytes);
      }
      :: split buffer (at + body_bytes)

let sent t =
  let all = Buffer.create 256 in
  while Engine.unwritten_bytes t > 0 do
    let piece, first, bytes = Engine.piece t in
    Buffer.add_subbytes all piece first bytes;
    Engine.wrote t bytes
  done;
  split (Buffer.to_bytes all) 0

let result = function
  | Ok () -> "ok"
  | Error why -> Error.to_string why

let state_words : Engine.state -> string = function
  | Connected -> "connected"
  | Stalled why -> "stalled: " ^ Error.to_string why
  | Reconnecting why -> "reconnecting: " ^ Error.to_string why
  | Closed why -> "closed: " ^ Error.to_string why

let unaccepted_words { Publish_log.type_id; topic; payload; maybe_accepted } =
  Printf.sprintf "%d/%s/%s%s" type_id topic payload
    (if maybe_accepted then "?" else "")

let words : string Engine.event -> string = function
  | Item ({ user; _ }, Message received) ->
      let { Received.type_id; topic; payload; sequence; redelivered } =
        received
      in
      Printf.sprintf "%s: %d/%s #%d %s%s" user type_id topic sequence payload
        (if redelivered then " again" else "")
  | Item ({ user; _ }, Gap gap) -> Format.asprintf "%s: gap %a" user Gap.pp gap
  | Asked ({ user; _ }, { payload; _ }, _) ->
      Printf.sprintf "%s: asked %s" user payload
  | Ended ({ user; _ }, why) -> user ^ ": ended " ^ Error.to_string why
  | State state -> state_words state
  | Unaccepted frames ->
      "unaccepted " ^ String.concat " " (List.map unaccepted_words frames)
  | Call f ->
      f ();
      "call"

let rec events t =
  match Engine.next_event t with
  | None -> []
  | Some event ->
      let first = words event in
      first :: events t

let opened ?(config = config) ?(welcome = welcome ()) () =
  let t = Engine.make config in
  Engine.dialed t ~now ~greeting_deadline:(now +. 5.);
  ignore (sent t);
  feed t welcome;
  ignore (sent t);
  ignore (events t);
  t

let connected_again ?(now = now) t welcome =
  Engine.dialed t ~now ~greeting_deadline:(now +. 5.);
  (match sent t with
  | [ { kind = Hello; _ } ] -> ()
  | _ -> failwith "the client greets with HELLO alone");
  feed ~now t welcome

let subscribe ?(policy = Policy.balanced) ?(group = "") ?(responder = false)
    ?(topic_filter = "") t ~type_id name =
  let options =
    match
      Arguments.subscription ~type_id ~topic_filter ~policy ~group ~start:Now
        ~responder
    with
    | Ok options -> options
    | Error why -> failwith (Error.to_string why)
  in
  let answer = ref None in
  let entry, _ =
    Engine.subscribe t options name (fun result -> answer := Some result)
  in
  (match sent t with
  | [ { kind = Subscribe; id; _ } ] ->
      feed t (subscribed ~request:id entry.id)
  | _ -> failwith "SUBSCRIBE alone is sent");
  match !answer with
  | Some (Ok ()) -> entry
  | Some (Error why) -> failwith (Error.to_string why)
  | None -> failwith "subscribe has no answer"
