(** Protobuf's scalar types: how OCaml sees them, and how generated code reads
    and writes them.

    Values and functions are immutable: any thread may use them. *)

exception Refused of string
(** Raised by [write]: ["5000000000, allowed 0 to 4294967295"].  Nobody outside
    of this library sees it. *)

type 'a t = private {
  wire_type : int;
  default : 'a;
  is_default : 'a -> bool;
      (** A field without explicit presence that holds it is not written. *)
  read : Reader.t -> 'a;
  write : Writer.t -> 'a -> unit;
  compare : 'a -> 'a -> int;  (** the order of a map's keys *)
  equal : 'a -> 'a -> bool;
  pp : Format.formatter -> 'a -> unit;
}

(** {1 Integers of 32 bits}

    One that does not fit is [Invalid_argument] in [encode]; [decode] takes the
    low 32 bits of what is longer, as Protobuf does. *)

val int32 : int t
val uint32 : int t
val sint32 : int t
val fixed32 : int t
val sfixed32 : int t

(** {1 Integers of 64 bits}

    [uint64] and [fixed64] are the same bits: [-1L] is 18446744073709551615, is
    printed so, and is the greatest of a map's keys. *)

val int64 : int64 t
val uint64 : int64 t
val sint64 : int64 t
val fixed64 : int64 t
val sfixed64 : int64 t

(** {1 The others}

    A [float] is rounded to 32 bits by [encode].  [nan] is equal to [nan], and
    [-0.] to [0.], although only [0.] is the default.  A [string] that is not
    UTF-8 is [Invalid_argument] in [encode]. *)

val double : float t
val float : float t
val bool : bool t
val string : string t
val bytes : string t

val enum :
  of_int:(int -> 'a) ->
  to_int:('a -> int) ->
  pp:(Format.formatter -> 'a -> unit) ->
  'a t
(** 0 is the default.  Two values are equal if their numbers are. *)

(** {1 Fields}

    Each writes a field: its writer, the message's names, the field's number and
    value.

    @raise Invalid_argument if the value is not one of the type,
    ["chat.Question.count: 5000000000, allowed 0 to 4294967295"]. *)

val write : 'a t -> Writer.t -> Fields.t -> int -> 'a -> unit

val write_implicit : 'a t -> Writer.t -> Fields.t -> int -> 'a -> unit
(** Nothing, if it is the default. *)

val write_option : 'a t -> Writer.t -> Fields.t -> int -> 'a option -> unit
val write_list : 'a t -> Writer.t -> Fields.t -> int -> 'a list -> unit
val write_packed : 'a t -> Writer.t -> Fields.t -> int -> 'a list -> unit

val naming :
  Fields.t -> int -> (Writer.t -> 'a -> unit) -> Writer.t -> 'a -> unit
(** [naming fields number write w value] is [write w value], whose {!Refused}
    becomes [Invalid_argument]. *)
