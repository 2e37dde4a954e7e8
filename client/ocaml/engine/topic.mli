(** Topics and filters (proto/WIRE.md, 2).  Pure. *)

val bytes_max : int
(** 255. *)

val is_valid : string -> bool
(** Whether it may be published to. *)

val is_valid_within : Bytes.t -> first:int -> bytes:int -> bool
(** The same of a part of a buffer. *)

type filter

val filter : string -> (filter, string) result
(** Empty: every topic and none.  The error is
    [{|topic filter: ">" before the last token|}] and the like. *)

val text : filter -> string
(** What it was made of. *)

val takes : filter -> string -> bool
(** Whether it takes the topic; the empty one is that of a frame without. *)
