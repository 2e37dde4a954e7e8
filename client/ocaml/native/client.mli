(** A client of the C++ core: in process, or of mycelium-brokerd.

    The functions are those of {!Mycelium.Client}, with the same arguments and
    the same promises, so that a program changes from one to the other by the
    name of the package.  Beyond it:

    - [inproc:] is a bus of this client's own, [inproc:NAME] the bus of that
      name, which is shared by everything in this process that uses the same
      libmycelium_ffi, C, C++ and Python, too.
    - Each subscription with a handler and each responder has a thread of its
      own, on which it runs with OCaml's master lock: handlers of different
      subscriptions take turns with each other and with the program, and what
      has come is handled in one go.  They run as soon as the program lets go of
      the lock: when it waits for something, or after at most 50 ms.
    - [on_state], [on_unaccepted], and the functions of {!publish_acked} and
      {!request_async} run on one more thread, one after the other.

    Signals (Ctrl-C with [Sys.catch_break]) are seen within 100 ms by whatever
    waits here; no handler of this library is interrupted by them.

    An exception that leaves a handler is printed to stderr with its backtrace
    ({!connect} turns their recording on), and nothing else happens.

    {b Values.}  What a handler gets is OCaml's own and may be kept.

    {b The end.}  A client lives until {!close}, whoever still has it; what is
    open when the program ends is flushed and closed, which takes a second at
    most.  A client does not work in a child of [Unix.fork], which may connect
    its own. *)

module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Start = Mycelium_engine.Start

type t

type 'a message_type = 'a Mycelium_wire.Message.t
(** What generated code has for each message type, [Chat.TextMessage.t]. *)

(** {1 Connecting} *)

type state = Mycelium_engine.Engine.state =
  | Connected
  | Stalled of Error.t
      (** a type that this client publishes is held back, and for whom *)
  | Reconnecting of Error.t  (** the connection is lost, and why *)
  | Closed of Error.t  (** final, and why *)

type unaccepted = Mycelium_engine.Publish_log.unaccepted = {
  type_id : int;
  topic : string;  (** empty: none *)
  payload : string;
  maybe_accepted : bool;
      (** It was written to a broker that has forgotten this client or was
          restarted: it may have been accepted, and is not sent again. *)
}

val connect :
  ?url:string ->
  ?schema:Mycelium_wire.Schema.t ->
  ?name:string ->
  ?timeout_s:float ->
  ?publish_bytes_max:int ->
  ?reconnect:bool ->
  ?reconnect_min_s:float ->
  ?reconnect_max_s:float ->
  ?on_state:(state -> unit) ->
  ?on_unaccepted:(unaccepted list -> unit) ->
  unit ->
  (t, Error.t) result
(** As {!Mycelium.Client.connect}.  [url]: [unix:/path], [tcp://host:port],
    [inproc:] or [inproc:NAME]; without it [$MYCELIUM_URL], or the default
    socket.  A bus refuses a schema that others on it could not read, as a
    broker does. *)

val close : t -> unit
(** Writes what was published, says goodbye, and ends all subscriptions.  When
    it returns no handler runs and none will; called within a handler, that one
    still runs, and others may just be returning.  Idempotent. *)

(** {1 Publishing} *)

val publish :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  'a message_type ->
  'a ->
  (unit, Error.t) result
(** [Ok]: taken, in the order of the calls of each thread.  Waits while
    subscribers hold the type back or too much is not accepted, and lets go of
    the master lock meanwhile.  On a shared bus it lets go of it each time,
    since direct callbacks of C++ may run within it. *)

val try_publish :
  ?topic:string -> t -> 'a message_type -> 'a -> (unit, Error.t) result
(** The same, but [Unavailable] ["publish: would block, ..."], with by whom,
    instead of waiting. *)

val publish_acked :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  'a message_type ->
  'a ->
  ((unit, Error.t) result -> unit) ->
  (unit, Error.t) result
(** As {!publish}, and the function is called once with [Ok] when the broker has
    accepted the message; [Aborted]: it may have; [Cancelled], [Unavailable]: it
    has not.  It is not called if the call fails. *)

val publish_bytes :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  type_id:int ->
  string ->
  (unit, Error.t) result
(** As {!publish}, with a payload of one's own. *)

val try_publish_bytes :
  ?topic:string -> t -> type_id:int -> string -> (unit, Error.t) result

val publish_acked_bytes :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  type_id:int ->
  string ->
  ((unit, Error.t) result -> unit) ->
  (unit, Error.t) result

val flush : ?timeout_s:float -> t -> (unit, Error.t) result
(** [Ok]: everything published before has been accepted by the broker; in
    process, every queue has it. *)

(** {1 Subscribing}

    When it returns [Ok] the route is live: what anyone publishes afterwards
    arrives.  The options are those of {!Mycelium.Client.subscribe}. *)

type subscription

val subscribe :
  ?topic_filter:string ->
  ?policy:Policy.t ->
  ?group:string ->
  ?start:Start.t ->
  ?on_gap:(Gap.t -> unit) ->
  t ->
  'a message_type ->
  ('a -> Received.t -> unit) ->
  (subscription, Error.t) result
(** Calls the handler with each message, and [on_gap] in the place of those that
    are missing; a payload that is no message of the type is told as a gap with
    the reason [Malformed]. *)

val subscribe_bytes :
  ?topic_filter:string ->
  ?policy:Policy.t ->
  ?group:string ->
  ?start:Start.t ->
  ?on_gap:(Gap.t -> unit) ->
  t ->
  type_id:int ->
  (Received.t -> unit) ->
  (subscription, Error.t) result
(** [type_id] 0: all types. *)

val unsubscribe : subscription -> unit
(** When it returns no handler of it runs and none will; called within a
    handler, none will after that one.  Idempotent. *)

(** {2 Pulled} *)

type 'a pulled
(** A subscription without a handler. *)

type 'a item = 'a Mycelium_engine.Typed.item =
  | Message of 'a * Received.t
  | Gap of Gap.t

val pull :
  ?topic_filter:string ->
  ?policy:Policy.t ->
  ?group:string ->
  ?start:Start.t ->
  t ->
  'a message_type ->
  ('a pulled, Error.t) result

val pull_bytes :
  ?topic_filter:string ->
  ?policy:Policy.t ->
  ?group:string ->
  ?start:Start.t ->
  t ->
  type_id:int ->
  (string pulled, Error.t) result
(** Its values are the payloads. *)

val next : ?timeout_s:float -> 'a pulled -> ('a item, Error.t) result
(** The next message or gap.  [Deadline_exceeded]; [Cancelled] after
    {!unsubscribe} or {!close}; [Unavailable]: the connection is lost for good.
    One thread at a time. *)

val subscription : 'a pulled -> subscription
(** For {!unsubscribe}. *)

(** {1 Requests} *)

val request :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  'question message_type ->
  'answer message_type ->
  'question ->
  ('answer, Error.t) result
(** As {!Mycelium.Client.request}. *)

type call

val request_async :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  'question message_type ->
  'answer message_type ->
  'question ->
  (('answer, Error.t) result -> unit) ->
  (call, Error.t) result
(** The same without waiting: the function is called once; not if the call
    fails. *)

val cancel : call -> unit
(** Its function gets [Cancelled], unless it ends in another way first. *)

val request_bytes :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  type_id:int ->
  string ->
  (Received.t, Error.t) result

val respond :
  ?topic_filter:string ->
  ?queue_bytes_max:int ->
  t ->
  'question message_type ->
  'answer message_type ->
  ('question -> ('answer, Error.t) result) ->
  (subscription, Error.t) result
(** Answers requests of the type; several responders share them.  An [Error] is
    the requester's; an exception is [Internal]. *)

type 'answer respondent
(** A request as the one that answers it has it: once, from any thread, now or
    later.  One that is collected without an answer fails the request with
    [Internal]. *)

val respond_later :
  ?topic_filter:string ->
  ?queue_bytes_max:int ->
  t ->
  'question message_type ->
  'answer message_type ->
  ('question -> 'answer respondent -> unit) ->
  (subscription, Error.t) result

val reply : 'answer respondent -> 'answer -> (unit, Error.t) result
(** [Unavailable]: the connection is lost, and the requester has been told.
    [Failed_precondition]: it was answered. *)

val fail : 'answer respondent -> Error.t -> (unit, Error.t) result

val is_cancelled : 'answer respondent -> bool
(** Nobody waits for the answer any more. *)

val topic : 'answer respondent -> string
(** Of the request; empty: none. *)

val respond_bytes :
  ?topic_filter:string ->
  ?queue_bytes_max:int ->
  t ->
  type_id:int ->
  (Received.t -> (int * string, Error.t) result) ->
  (subscription, Error.t) result
(** Answers with a type id and a payload. *)

(** {1 The broker} *)

val ping : ?timeout_s:float -> t -> (float, Error.t) result
(** The seconds of a round trip through the broker. *)

val verify_schema_digest : t -> string -> (unit, Error.t) result
(** [Ok] if the digest is that of this client's schema, or of the demo messages
    if it has none; otherwise [Failed_precondition], with both. *)

type broker = Mycelium_engine.Engine.broker = {
  name : string;
  version : string;
  epoch : int64;  (** another one after each start of the broker *)
  session_id : int;
  frame_bytes_max : int;
}

val broker : t -> broker
(** Of the present or the last connection. *)

type counters = Mycelium_engine.Engine.counters = {
  frames_published : int;  (** taken by {!publish} *)
  frames_accepted : int;
  frames_resent : int;
  frames_unaccepted : int;  (** given back *)
  frames_received : int;  (** given to subscriptions *)
  frames_missed : int;  (** told in gaps *)
  gaps : int;
  reconnects : int;
  replies_late : int;  (** after the deadline or {!cancel} *)
}

val counters : t -> counters
