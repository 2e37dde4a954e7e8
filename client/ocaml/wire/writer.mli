(** Protobuf's wire format, written.  What generated code calls to encode; it
    has no other use.

    A writer belongs to one call of [encode] and to its thread.  It is written
    backwards, from the end: when the place of a length comes, what it is the
    length of is there.  So a field's value is written before its tag, and the
    last field first. *)

type t

val make : unit -> t

val contents : t -> string
(** All that was written. *)

(** {1 Values} *)

val varint : t -> int -> unit
(** As an unsigned number of 63 bits. *)

val varint64 : t -> int64 -> unit
val fixed32 : t -> int32 -> unit
val fixed64 : t -> int64 -> unit
val bytes : t -> string -> unit

(** {1 Fields} *)

val tag : t -> int -> wire_type:int -> unit
(** Of the field with that number. *)

val delimited : t -> int -> (t -> 'a -> unit) -> 'a -> unit
(** [delimited w number write value] is a whole field: what [write] writes, its
    length, the tag. *)

val delimited_option : t -> int -> (t -> 'a -> unit) -> 'a option -> unit
val delimited_list : t -> int -> (t -> 'a -> unit) -> 'a list -> unit
