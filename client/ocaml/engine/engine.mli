(** A client's side of Mycelium's protocol, over all of its connections, without
    I/O: bytes and the time come in, events and bytes go out.

    Whoever drives it asks for {!wish} after each call, and dials, reads and
    writes as that says.  Times are seconds of any clock that does not go back.
    Functions named [on_...] are called once, within the call that brings what
    they wait for; they must not call the engine, but for {!later}.

    Threads: none of its own and no lock: one call at a time.  What is taken
    with
    {!piece} may be read meanwhile. *)

type config = {
  url : string;  (** for words only *)
  name : string;  (** for status and logs *)
  schema : Mycelium_wire.Schema.t option;
  instance_id : string;  (** 16 random bytes *)
  publish_bytes_max : int;
  reconnect : bool;
  reconnect_min_s : float;  (** 0: what the broker says *)
  reconnect_max_s : float;
  gives_back : bool;
      (** Whether {!Unaccepted} is told to somebody; otherwise the next flush
          says how many they were. *)
  random : float -> float;  (** [random x] is from 0 up to [x] *)
}

type state =
  | Connected
  | Stalled of Error.t  (** the broker holds back what this client publishes *)
  | Reconnecting of Error.t  (** the connection is lost, and why *)
  | Closed of Error.t  (** final, and why *)

type broker = {
  name : string;
  version : string;
  epoch : int64;
  session_id : int;
  frame_bytes_max : int;
}
(** What the present or the last broker said in WELCOME. *)

type counters = {
  frames_published : int;
  frames_accepted : int;
  frames_resent : int;
  frames_unaccepted : int;  (** given back *)
  frames_received : int;  (** given to subscriptions *)
  frames_missed : int;  (** told in gaps *)
  gaps : int;
  reconnects : int;
  replies_late : int;  (** after the deadline or {!cancel} *)
}

(** ['h] is what the driver knows a subscription by. *)
type 'h event =
  | Item of 'h Subscriptions.entry * Item.t
  | Asked of 'h Subscriptions.entry * Received.t * Responses.asked
      (** a request, for a responder *)
  | Ended of 'h Subscriptions.entry * Error.t
      (** the broker has refused to go on with it after a reconnect *)
  | State of state
  | Unaccepted of Publish_log.unaccepted list
  | Call of (unit -> unit)  (** what {!later} was told *)

type 'h t

val make : config -> 'h t

(** {1 The connection} *)

type wish =
  | Dial of float  (** from that time on; then {!dialed} or {!dial_failed} *)
  | Keep  (** the connection: read, and write what there is *)
  | Nothing  (** for good *)

val wish : 'h t -> wish
(** A connection that was there before [Dial] or [Nothing] is to be closed. *)

val dialed : 'h t -> now:float -> greeting_deadline:float -> unit
val dial_failed : 'h t -> now:float -> Error.t -> unit

val feed : 'h t -> now:float -> Bytes.t -> int -> int -> unit
(** [feed t ~now buffer first bytes]: what was read. *)

val lost : 'h t -> now:float -> string -> unit
(** The stream has ended, or reading or writing has failed; why. *)

val unwritten_bytes : 'h t -> int

val piece : 'h t -> Bytes.t * int * int
(** What is to be written next: a buffer, first, length.  It stays what it is
    until {!wrote}, or the connection is closed. *)

val wrote : 'h t -> int -> unit
(** So many bytes of the piece. *)

val farewell : 'h t -> string
(** Once: what the connection that is to be closed should still be told. *)

val tick : 'h t -> now:float -> is_reading:bool -> unit
(** The time.  [is_reading]: whether what comes is read, so that silence says
    something. *)

val next_tick : 'h t -> float
(** When it wants to be told the time at the latest. *)

(** {1 Events} *)

val next_event : 'h t -> 'h event option
val has_events : 'h t -> bool

val events_bytes : 'h t -> int
(** Of the frames among those that wait. *)

val later : 'h t -> (unit -> unit) -> unit
(** An event, behind those that there are. *)

(** {1 Publishing} *)

type blocked = {
  is_final : bool;  (** [false]: once there is room, or RELEASE has come *)
  why : Error.t;
}

val publish :
  'h t ->
  type_id:int ->
  topic:string ->
  ?on_accepted:((unit, Error.t) result -> unit) ->
  string ->
  (unit, blocked) result
(** Takes it, or says why not now. *)

(** {1 Asking}

    What returns a {!ticket} can be given up before [on_done] is called, which
    it then is not any more. *)

type ticket

val flush : 'h t -> ((unit, Error.t) result -> unit) -> ticket
(** Survives a connection that is lost. *)

val ping : 'h t -> ((unit, Error.t) result -> unit) -> ticket

val admin :
  'h t ->
  Mycelium_admin.AdminRequest.t ->
  ((Mycelium_admin.AdminReply.t, Error.t) result -> unit) ->
  ticket

val subscribe :
  'h t ->
  Subscriptions.options ->
  'h ->
  ((unit, Error.t) result -> unit) ->
  'h Subscriptions.entry * ticket
(** Survives a connection that is lost. *)

val give_up : 'h t -> ticket -> unit

(** {1 Subscriptions} *)

val unsubscribe : 'h t -> 'h Subscriptions.entry -> unit
(** No event of it comes after this.  Idempotent. *)

val done_with : 'h t -> 'h Subscriptions.entry -> Item.t -> idle:bool -> unit
(** Its user has done with that.  [idle]: nothing more is there just now, so
    what is due may be told. *)

val acknowledge : 'h t -> 'h Subscriptions.entry -> unit
(** What is done with is told, if it is a member of a group. *)

(** {1 Requests} *)

val request :
  'h t ->
  type_id:int ->
  topic:string ->
  deadline:float ->
  string ->
  Requests.on_end ->
  (Requests.call, blocked) result

val cancel : 'h t -> Requests.call -> Error.t -> unit
(** Ends it with that, unless it has ended already. *)

val begin_answer : 'h t -> Responses.asked -> bool
(** Whether somebody still waits for the answer.  If it was cancelled, the
    broker is told that this responder is free again. *)

val reply :
  'h t -> Responses.asked -> type_id:int -> string -> (unit, Error.t) result

val fail : 'h t -> Responses.asked -> Error.t -> (unit, Error.t) result

(** {1 The end} *)

val disconnect : 'h t -> Error.t -> unit
(** For good, for that reason. *)

val begin_close : 'h t -> unit
(** Whoever waits is told [Cancelled], nothing more is taken, and the broker is
    asked to say that it has accepted everything.  Idempotent. *)

val is_settled : 'h t -> bool
(** Everything published is accepted, or cannot be any more. *)

val say_goodbye : 'h t -> unit
(** CLOSE is to be written, behind everything else. *)

val end_close : 'h t -> unit
(** What was not accepted is given back. *)

(** {1 How it stands} *)

val subscriptions : 'h t -> 'h Subscriptions.entry list

val ended : 'h t -> Error.t option
(** Why nothing is taken any more. *)

val is_open : 'h t -> bool
(** There is a connection, and WELCOME has come. *)

val broker : 'h t -> broker
val counters : 'h t -> counters
