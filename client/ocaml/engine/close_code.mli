(** What a CLOSE or a refusal means for a client (proto/WIRE.md, 3.5).  Pure. *)

type t = Mycelium_control.Code.t

val name : t -> string
(** ["CODE_GOING_AWAY"]; of one that this version does not know, its number. *)

val is_final : t -> bool
(** Whether connecting again would bring the same. *)

val cause : t -> Error.cause
