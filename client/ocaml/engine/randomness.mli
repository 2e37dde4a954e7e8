(** Where random times and names of instances come from.

    Threads: each has its own. *)

type t

val make : unit -> t
(** From the system's randomness. *)

val bytes : t -> int -> string
(** So many. *)

val up_to : t -> float -> float
(** From 0 up to that. *)
