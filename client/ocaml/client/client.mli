(** A client of mycelium-brokerd, for programs with threads.

    {[
      let ( let* ) = Result.bind

      let run () =
        let* client = Client.connect ~schema:Chat.schema () in
        let* subscription =
          Client.subscribe client Chat.TextMessage.t (fun message _ ->
              print_endline message.content)
        in
        let* () = Client.publish client Chat.TextMessage.t message in
        ...
    ]}

    {b Threads.}  Everything may be called from any thread, and from within
    callbacks unless said otherwise.  All callbacks of a client (handlers,
    responders, [on_state] and the others) run on one thread of its own, one
    after the other; a slow one delays the others, but neither the connection
    nor any other thread.  An exception that leaves a callback is printed to
    stderr with its backtrace, and nothing else happens ({!connect} turns the
    recording of backtraces on).

    {b Errors.}  What a peer, the network or an argument can cause is an
    [Error]; nothing is raised for it.

    {b Time-outs} are in seconds.  Without one a call waits as long as it
    takes. *)

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
      (** the broker holds back a type that this client publishes, and for whom
      *)
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
  ?instance_id:string ->
  ?on_state:(state -> unit) ->
  ?on_unaccepted:(unaccepted list -> unit) ->
  unit ->
  (t, Error.t) result
(** A connection that the broker has greeted.

    - [url]: [unix:/path] or [tcp://host:port]; without it [$MYCELIUM_URL], or
      the default Unix socket.
    - [schema]: of the generated module; needed for messages with types.  A
      broker that others could not talk to through it refuses the client with
      [Failed_precondition] and a line for each field that does not fit.
      Without it: bytes.
    - [name]: for status and logs; the program's, if not given.
    - [timeout_s]: for the connection and WELCOME, 5 s by default.
    - [publish_bytes_max]: of frames that were published and not yet accepted,
      which are kept to be sent again, 1 MiB by default; beyond it {!publish}
      waits.
    - [reconnect]: whether a lost connection is made again (the default), after
      a random time of up to [reconnect_min_s], which doubles with each attempt
      up to [reconnect_max_s]; without them, what the broker says.
    - [instance_id]: 16 random bytes that name this client across its
      connections; it makes them up if not given.
    - [on_state]: told of each change.
    - [on_unaccepted]: gets back what was not accepted: when a new broker or one
      that has forgotten this client is reached, when the resume window passes
      without a connection, and when the client closes.  Without it the next
      {!flush} says how many they were ([Aborted]).

    SIGPIPE is ignored from now on, unless the program has a handler of its own.

    {!close} it: its threads would keep it alive. *)

val close : t -> unit
(** Writes what was published, waits up to a second until the broker has
    accepted it, says goodbye, and ends all subscriptions.  When it returns no
    callback runs and none will, except the one that it was called from.
    Idempotent. *)

(** {1 Publishing} *)

val publish :
  ?topic:string ->
  ?timeout_s:float ->
  t ->
  'a message_type ->
  'a ->
  (unit, Error.t) result
(** [Ok]: taken, in the order of the calls of each thread; it will be written,
    and written again after a reconnect.  Waits while subscribers hold the type
    back or too much is not accepted.  A lone message is written at once; of a
    burst, what is not written by the call is written within about 100 us, or as
    soon as the program lets go of OCaml's master lock. *)

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
(** [Ok]: everything published before has been accepted by the broker.  Waits
    for a connection if there is none. *)

(** {1 Subscribing}

    When it returns [Ok] the route is live: what anyone publishes afterwards
    arrives.

    - [topic_filter]: [a.*] (one token), [a.>] (the rest); without it every
      topic and none.
    - [policy]: what happens when its queue is full, {!Policy.balanced} by
      default.
    - [group]: of the subscriptions with this name each message goes to one.
      What a member has not done with when it leaves (its handler has not
      returned, {!next} was not called again) goes to another.
    - [start]: where it begins, if not now; not with a group. *)

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
    the reason [Malformed].  If the broker refuses to go on with it after a
    reconnect, that is its last gap, with [unknown]. *)

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
(** When it returns no callback of it runs and none will; called from within
    that callback, none will after it.  Idempotent. *)

(** {2 Pulled} *)

type 'a pulled
(** A subscription without a handler.  What comes waits in a queue of its own,
    with the bounds of its policy.  While that is full and its policy waits for
    room, the client's callbacks wait, too. *)

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
    {!unsubscribe} or {!close}; the reason once the client has ended and the
    queue is empty; [Failed_precondition] if it would have to wait within a
    callback, behind which what comes waits.  One thread at a time. *)

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
(** Asks one of those that respond to the type and topic, the least busy first,
    and waits.  [Not_found]: nobody answers.  [Unavailable]: the responder or
    the connection was lost; it may have been carried out.
    [Resource_exhausted]: all responders are busy.  [Invalid_argument],
    [Data_loss]: the reply is no ['answer].  Any other: what the responder said.
    *)

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
    the requester's; an exception is [Internal].  Requests that wait beyond
    [queue_bytes_max] (16 MiB) go to another responder, or fail. *)

type 'answer respondent
(** A request as the one that answers it has it: once, from any thread, now or
    later. *)

val respond_later :
  ?topic_filter:string ->
  ?queue_bytes_max:int ->
  t ->
  'question message_type ->
  'answer message_type ->
  ('question -> 'answer respondent -> unit) ->
  (subscription, Error.t) result
(** The same, and the answer may come later.  One that never comes lets the
    requester wait for its time-out. *)

val reply : 'answer respondent -> 'answer -> (unit, Error.t) result
(** [Unavailable]: it was answered, or the connection is lost and the requester
    has been told. *)

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

val admin :
  ?timeout_s:float ->
  t ->
  Mycelium_admin.AdminRequest.t ->
  (Mycelium_admin.AdminReply.t, Error.t) result
(** What [mycelium status] asks. *)

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
  frames_received : int;  (** for subscriptions and responders *)
  frames_missed : int;  (** told in gaps *)
  gaps : int;
  reconnects : int;
  replies_late : int;  (** after the deadline or {!cancel} *)
}

val counters : t -> counters
