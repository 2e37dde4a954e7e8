(** What a subscription brings, in its order. *)

type t = Message of Received.t | Gap of Gap.t

val frames : t -> int
(** As the broker counts them: 1, or those of the gap. *)
