(** The requests that a client was asked and has not answered.

    Threads: as for the engine that it belongs to. *)

type t

type asked
(** One of them. *)

val make : unit -> t

val asked : t -> subscription_id:int -> type_id:int -> int64 -> asked
(** A REQUEST with that id, for that responder. *)

val on_cancel : t -> int64 -> unit
val is_cancelled : asked -> bool

val answered : t -> asked -> bool
(** It is to be answered now, and is forgotten.  [false]: it cannot be any more:
    the connection is lost, or the responder has ended. *)

val id : asked -> int64
val type_id : asked -> int

val forget : t -> subscription_id:int -> unit
(** That responder says no more: the broker is about to be told so, and tells
    those who asked. *)

val forget_all : t -> unit
(** The connection is lost, and with it everything that was asked. *)

val error_body : frame_bytes_max:int -> Error.t -> string
(** The payload of an ERROR_REPLY, cut to what a frame can hold. *)
