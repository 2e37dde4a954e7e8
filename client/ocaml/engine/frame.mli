(** The frame: its header, its kinds, and what a receiver checks (proto/WIRE.md,
    1).  Pure. *)

val header_bytes : int
(** 16. *)

val frame_bytes_ceiling : int
(** 64 MiB: no body is longer, whatever a configuration says. *)

type kind =
  | Publish
  | Redelivered  (** a PUBLISH of a group that another may have had *)
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

val name : kind -> string
(** ["SUBSCRIBED"]. *)

(** {1 Reading}

    Of a frame that begins at [first] of a buffer.  The whole header has to be
    there, unless said otherwise.

    @raise Invalid_argument if these are not bytes of the buffer. *)

val body_bytes : Bytes.t -> int -> int
val type_id : Bytes.t -> int -> int

val kind : Bytes.t -> int -> kind
(** Of a frame that {!check} has called [Whole]. *)

val topic_bytes : Bytes.t -> int -> int
val id : Bytes.t -> int -> int64

val sequence : Bytes.t -> int -> int
(** The same without the bit that an [int] lacks: for what counts from 1. *)

type fault =
  | Too_large
  | Unknown_kind
  | Control_topic
  | Topic_too_long
  | Topic_invalid

type status =
  | Need_more of int
      (** so many bytes, counted from [first], are there before there is more
          to say *)
  | Whole
  | Fault of fault  (** final: close the session with {!describe} *)

val check :
  frame_bytes_max:int -> Bytes.t -> first:int -> limit:int -> status
(** Of what has been received up to [limit], perhaps not even a header. *)

val describe : frame_bytes_max:int -> Bytes.t -> int -> fault -> string
(** ["frame: body_bytes 70000000, frame_bytes_max 1048576"]. *)

(** {1 Writing} *)

val data :
  kind -> type_id:int -> topic:string -> id:int64 -> string -> string
(** A whole frame of a data kind, with that payload. *)

val control : kind -> ?id:int -> string -> string
(** A whole control frame, with that body. *)

val hello_id : int64
(** The bytes [MYCELIUM]. *)
