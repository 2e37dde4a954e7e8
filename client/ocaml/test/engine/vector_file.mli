(** Reads the vectors that all languages share; tests/vectors/README.md describes
    their form. *)

type t
(** One block. *)

val read : string -> t list
(** Of a file's name. *)

val name : t -> string
(** For messages: its name, or its line. *)

val get : t -> string -> string option
val find : t -> string -> string
(** @raise Failure if there is no such key. *)

val bytes : t -> string -> string
(** Of [KEY_hex], or else of [KEY] as it stands; empty, if neither is there. *)

val hex : t -> string -> string
(** Of [KEY], which is hex. *)

val list : t -> string -> string list
