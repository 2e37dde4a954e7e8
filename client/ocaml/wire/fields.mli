(** The names of a message and of its fields, for errors.

    Made by generated code.  Immutable: any thread may use it. *)

type t

val make : string -> (int * string) list -> t
(** [make "chat.TextMessage" [ (1, "sender"); (2, "content") ]]. *)

val message : t -> string
(** The message's full name. *)

val field : t -> int -> string
(** The name of the field with that number, or the number itself. *)

val path : t -> int -> string
(** ["chat.TextMessage.sender"]. *)
