(** The requests of a client that wait for an answer: their numbers, deadlines
    and endings.  Each ends once, whoever comes first: the reply, the deadline,
    {!cancel}, the end of the connection.

    Threads: as for the engine that it belongs to. *)

type t

type call
(** One of them, for {!cancel}. *)

type on_end = (Received.t, Error.t) result -> unit

val make : unit -> t

val begin_ : t -> deadline:float -> on_end -> call * int
(** And its number on the wire.  [infinity]: it has no deadline. *)

val cancel : t -> call -> Error.t -> int option
(** Ends it with that; its number, for CANCEL.  [None]: it has ended already. *)

val reply : t -> int64 -> (Received.t, Error.t) result -> unit
(** A frame of kind REPLY or ERROR_REPLY, with that id; counted if it is for
    none of them. *)

val next_deadline : t -> float

val expire : t -> now:float -> int list
(** Ends those whose deadline has come; their numbers, for CANCEL. *)

val fail_all : t -> Error.t -> unit
val replies_late : t -> int
