(** What happens when a subscription's queue is full (docs/DELIVERY.md).

    Plain data: any thread may use it. *)

type overflow =
  | Gap  (** the oldest frames are dropped and reported *)
  | Conflate
      (** of each type and topic the newest is kept; what it has folded is
          reported.  No need to be full: whatever has to wait folds *)
  | Disconnect  (** the client is closed, [Resource_exhausted] *)

type t = {
  queue_bytes_max : int;  (** 4096 up to the broker's own limit, 256 MiB *)
  stall_ms_max : int;
      (** how long its publishers are held back while the queue is full; 0: not
          at all, -1: without end *)
  overflow : overflow;  (** what happens then *)
}

val balanced : t
(** The default: holds its publishers for a second, then loses the oldest frames
    and says so.  16 MiB, 1000 ms, [Gap]. *)

val lossless : t
(** Loses nothing: whoever publishes what it takes waits for it. *)

val live : t
(** Never slows a publisher. *)

val latest : t
(** The newest of each type and topic. *)

val strict : t
(** Everything, or the end. *)
