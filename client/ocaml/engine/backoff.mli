(** How long to wait before the next attempt to connect: full jitter.

    Threads: as for the engine that it belongs to. *)

type t

val make : min_s:float -> max_s:float -> random:(float -> float) -> t
(** [random x] is from 0 up to [x]. *)

val next_s : t -> at_least_s:float -> float
(** A random time of up to a bound that is [min_s] first and doubles with each
    call up to [max_s]; but not less than [at_least_s]. *)

val reset : t -> unit
(** A connection has been there. *)
