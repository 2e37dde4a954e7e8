(** What a connection has brought and nobody has looked at yet.

    Threads: as for the engine that it belongs to. *)

type t

val make : unit -> t
val clear : t -> unit

val add : t -> Bytes.t -> int -> int -> unit
(** [add t buffer first bytes]. *)

val buffer : t -> Bytes.t
(** What is unread is from {!first} to {!limit}; until the next {!add}. *)

val first : t -> int
val limit : t -> int

val consume : t -> int -> unit
(** So many bytes from {!first} on. *)
