(** Made by protoc-gen-mycelium of [shapes.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

val schema_digest : string
(** 32 bytes, which name the message types of all files that protoc was given
    together. *)

val schema : Mycelium_wire.Schema.t
(** The same with what it is the digest of. *)

(** [shapes.Color]. *)
module Color : sig
  type t =
    | COLOR_UNSPECIFIED  (** 0 *)
    | COLOR_RED  (** 1 *)
    | COLOR_GREEN  (** 2 *)
    | COLOR_NEGATIVE  (** -5 *)
    | Unrecognized of int

  include Mycelium_wire.Generated.Enum with type t := t
end

(** [shapes.Point], type id 210. *)
module Point : sig
  type t = { x : float; y : float }

  val make : ?x:float -> ?y:float -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** No message type of its own, and recursive.

    [shapes.Tree]. *)
module Tree : sig
  type t = { label : string; children : t list }

  val make : ?label:string -> ?children:t list -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end
