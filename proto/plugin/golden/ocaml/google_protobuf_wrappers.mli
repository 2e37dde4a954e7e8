(** Made by protoc-gen-mycelium of [google/protobuf/wrappers.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

(** [google.protobuf.DoubleValue]. *)
module DoubleValue : sig
  type t = { value : float }

  val make : ?value:float -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.FloatValue]. *)
module FloatValue : sig
  type t = {
    value : float;  (** [float], 32 bits *)
  }

  val make : ?value:float -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.Int64Value]. *)
module Int64Value : sig
  type t = { value : int64 }

  val make : ?value:int64 -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.UInt64Value]. *)
module UInt64Value : sig
  type t = {
    value : int64;  (** [uint64] *)
  }

  val make : ?value:int64 -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.Int32Value]. *)
module Int32Value : sig
  type t = {
    value : int;  (** [int32] *)
  }

  val make : ?value:int -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.UInt32Value]. *)
module UInt32Value : sig
  type t = {
    value : int;  (** [uint32] *)
  }

  val make : ?value:int -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.BoolValue]. *)
module BoolValue : sig
  type t = { value : bool }

  val make : ?value:bool -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.StringValue]. *)
module StringValue : sig
  type t = { value : string }

  val make : ?value:string -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end

(** [google.protobuf.BytesValue]. *)
module BytesValue : sig
  type t = {
    value : string;  (** [bytes] *)
  }

  val make : ?value:string -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end
