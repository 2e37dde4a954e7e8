(* The C functions.  Times are in milliseconds, -1 is without end; a status is
   0 for done, or an Error's number, whose words [last_error] has. *)

module Error = Mycelium_engine.Error
module Item = Mycelium_engine.Item
module Received = Mycelium_engine.Received

type client
type subscription
type respondent
type work
type waiting
type event = Event : ('a -> unit) * 'a -> event

external begin_ : unit -> unit = "mycelium_native_begin"
external last_error : unit -> Error.t = "mycelium_native_last_error"

(* What the library has told. *)
external next_event : bool -> event = "mycelium_native_next_event"
external posted : unit -> int = "mycelium_native_posted"
external told : int -> int -> bool = "mycelium_native_told"
external in_callback : unit -> bool = "mycelium_native_in_callback" [@@noalloc]

(* What may wait. *)
external work_done : work -> int -> bool = "mycelium_native_work_done"

external work_result : work -> (unit, Error.t) result
  = "mycelium_native_work_result"

type connect = {
  url : string;
  name : string;
  digest : string option;
  descriptor_set : string option;
  timeout_ms : int option;
  publish_bytes_max : int option;
  reconnect : bool;
  reconnect_ms_min : int option;
  reconnect_ms_max : int option;
  on_state : (Mycelium_engine.Engine.state -> unit) option;
  on_unaccepted : (Mycelium_engine.Publish_log.unaccepted list -> unit) option;
}

external connect : connect -> work = "mycelium_native_connect"
external connected : work -> client = "mycelium_native_connected"
external close : client -> work = "mycelium_native_close"

external publish_now : client -> int -> string -> string -> int
  = "mycelium_native_publish_now"
  [@@noalloc]

external publish_waiting : client -> int -> string -> string -> int -> int
  = "mycelium_native_publish_waiting"

external publish_acked :
  client ->
  int ->
  string ->
  string ->
  int ->
  ((unit, Error.t) result -> unit) ->
  int = "mycelium_native_publish_acked_bytecode" "mycelium_native_publish_acked"

external flush : client -> int -> int = "mycelium_native_flush"
external ping : client -> int -> work = "mycelium_native_ping"

external verify : client -> string -> (unit, Error.t) result
  = "mycelium_native_verify"

external broker : client -> Mycelium_engine.Engine.broker
  = "mycelium_native_broker"

external counters : client -> Mycelium_engine.Engine.counters
  = "mycelium_native_counters"

type subscribe = {
  type_id : int;
  topic_filter : string;
  policy : Mycelium_engine.Policy.t;
  group : string;
  start_kind : int;
  start_value : int;
  (* At most one of the two; neither: pulled. *)
  on_message : (Received.t -> unit) option;
  on_request : (Received.t * respondent -> unit) option;
  on_gap : (Mycelium_engine.Gap.t -> unit) option;
}

external subscribe : client -> subscribe -> work = "mycelium_native_subscribe"
external subscribed : work -> subscription = "mycelium_native_subscribed"
external unsubscribe : subscription -> work = "mycelium_native_unsubscribe"
external silence : subscription -> unit = "mycelium_native_silence" [@@noalloc]

external next : subscription -> int -> (Item.t, Error.t) result
  = "mycelium_native_next"

external request :
  client ->
  int ->
  string ->
  string ->
  int ->
  ((Received.t, Error.t) result -> unit) ->
  int * int = "mycelium_native_request_bytecode" "mycelium_native_request"

external cancel : client -> int -> unit = "mycelium_native_cancel"

external ask : client -> int -> string -> string -> int -> int * int * waiting
  = "mycelium_native_ask"

external await : waiting -> int -> (Received.t, Error.t) result option
  = "mycelium_native_await"

external reply : respondent -> int -> string -> (unit, Error.t) result
  = "mycelium_native_reply"

external fail : respondent -> int -> string -> (unit, Error.t) result
  = "mycelium_native_fail"

external is_cancelled : respondent -> bool = "mycelium_native_is_cancelled"
