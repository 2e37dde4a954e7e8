(** Protobuf's wire format, read.  What generated code calls to decode; it has
    no other use.

    A reader belongs to one call of [decode] and to its thread.  It stands in
    one message, which may lie in several places of the input: occurrences of an
    embedded message merge, that is, they are read one after the other.  Nothing
    is read beyond the end of the place that it stands in. *)

type t

exception Malformed of Error.t
(** What everything here raises if the input is not a message. *)

val depth_max : int
(** 100: the levels to which messages and groups may be nested; the entry of a
    map is one. *)

val make : string -> t
(** Of a whole input. *)

(** {1 Fields} *)

val next : t -> Fields.t -> bool
(** Goes to the next field, if there is one.  The names are for errors. *)

val tag : t -> int
(** Of the field that {!next} went to: 8 times its number, plus its wire type.
    Its value is to be read or skipped before the next [next]. *)

val skip : t -> unit
(** Passes over the value, a group with all that it holds included. *)

(** {1 Values} *)

val varint : t -> int
(** Its low 63 bits. *)

val varint64 : t -> int64
val fixed32 : t -> int32
val fixed64 : t -> int64

val bytes : t -> string
(** With a length before them. *)

val string : t -> string
(** The same, checked to be UTF-8. *)

val packed : t -> (t -> 'a) -> 'a list -> 'a list
(** [packed r read values] puts the values of a packed field in front of
    [values], the last of them foremost. *)

(** {1 Messages} *)

val message : t -> (t -> 'a) -> 'a
(** [message r read] is one embedded message. *)

type occurrences
(** Where the value of one field lies that is a message. *)

val none : occurrences
val occurrence : t -> occurrences -> occurrences

val merged : t -> (t -> 'a) -> occurrences -> 'a
(** The message that they are together. *)

val merged_option : t -> (t -> 'a) -> occurrences -> 'a option
(** The same; [None] if there was none. *)

(** {1 Entries of maps} *)

val entry : t -> (t -> 'a) -> 'a
(** [entry r read] is one entry.  What is wrong in it is said of the map. *)

val next_of_entry : t -> bool
(** {!next}, within an entry. *)
