(** How generated code prints values: in OCaml's syntax, for people.  Pure but
    for the formatter. *)

type 'a printer = Format.formatter -> 'a -> unit

val float : float printer
(** With as few digits as give the same number again. *)

val text : string printer
(** A [string] in quotes.  What is not ASCII stays as it is. *)

val bytes : string printer
(** The same, with escapes for all that is not printable ASCII. *)

val option : 'a printer -> 'a option printer
val list : 'a printer -> 'a list printer

val entries : 'k printer -> 'v printer -> ('k * 'v) list printer
(** Of a map. *)

val field : string -> 'a printer -> 'a -> Format.formatter -> unit
(** [field "sender" pp value] prints [sender = value]. *)

val record : Format.formatter -> (Format.formatter -> unit) list -> unit
(** Its fields, in braces. *)

val variant : string -> 'a printer -> 'a printer
(** A constructor and its argument. *)
