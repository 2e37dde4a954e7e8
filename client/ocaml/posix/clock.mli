(** Seconds that never go back.  Any thread may ask. *)

val now : unit -> float

val deadline : float option -> float
(** Of a time-out in seconds; none: [infinity]. *)
