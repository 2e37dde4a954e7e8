(** What waits for {e pull} of one subscription, within the bounds of its
    policy.

    Threads: none of its own; whoever owns it guards it. *)

type t

val make : Policy.t -> t

val push : t -> Item.t -> bool
(** [false]: it is full, and its policy says to wait for room or to
    {!overflow}. *)

val overflow : t -> Item.t -> (unit, Error.t) result
(** The waiting is over: makes room as the policy says and takes it.  From then
    on the oldest are dropped whenever it is full, until it has once emptied to
    half.  The error is that of a policy that ends the client. *)

val pop : t -> Item.t option
(** Gaps come before what is behind them. *)

val bytes : t -> int
(** Of the frames that wait. *)
