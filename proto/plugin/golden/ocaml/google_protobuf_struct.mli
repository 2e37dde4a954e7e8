(** Made by protoc-gen-mycelium of [google/protobuf/struct.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

(** [google.protobuf.NullValue]. *)
module NullValue : sig
  type t =
    | NULL_VALUE  (** 0 *)
    | Unrecognized of int

  include Mycelium_wire.Generated.Enum with type t := t
end

(** [google.protobuf.Struct]. *)
module rec Struct : sig
  type t = {
    fields : (string * Value.t) list;
        (** [map<string, google.protobuf.Value>] *)
  }

  val make : ?fields:(string * Value.t) list -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.Value]. *)
and Value : sig
  type kind =
    | Null_value of NullValue.t
    | Number_value of float
    | String_value of string
    | Bool_value of bool
    | Struct_value of Struct.t
    | List_value of ListValue.t

  type t = { kind : kind option }

  val make : ?kind:kind -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.ListValue]. *)
and ListValue : sig
  type t = { values : Value.t list }

  val make : ?values:Value.t list -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end
