(** What a member of a group has done with, and what of that the broker is to be
    told.

    Threads: as for the engine that it belongs to. *)

type t

val make : due_bytes:int -> t
(** Beyond [due_bytes] an ACK does not wait for the end of a batch. *)

val activate : t -> unit
(** SUBSCRIBED on another connection: of what was given before, nobody is to be
    told any more. *)

val gave : t -> frames:int -> unit

val done_with : t -> frames:int -> bytes:int -> unit
(** In the order in which they were given. *)

val due : t -> idle:bool -> int option
(** The [frames] of the ACK that is to be sent: if enough has come together or,
    [idle], if there is anything. *)
