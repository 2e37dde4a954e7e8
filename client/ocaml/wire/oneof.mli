(** The value of a oneof while its message is read.  What generated code calls.

    The last field wins; occurrences of one embedded message merge, if there is
    no other field of the oneof between them.

    Threads: as for the reader. *)

type 'a t

val absent : 'a t
val value : 'a -> 'a t -> 'a t
(** The state after a field that is no message. *)

val message : Reader.t -> (Reader.t -> 'm) -> ('m -> 'a) -> 'a t -> 'a t
(** [message r read make state] is the state after the embedded message that [r]
    is at; [make] is the oneof's constructor. *)

val finish : 'a t -> 'a option
