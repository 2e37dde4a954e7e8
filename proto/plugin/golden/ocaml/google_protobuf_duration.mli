(** Made by protoc-gen-mycelium of [google/protobuf/duration.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

(** [google.protobuf.Duration]. *)
module Duration : sig
  type t = {
    seconds : int64;
    nanos : int;  (** [int32] *)
  }

  val make : ?seconds:int64 -> ?nanos:int -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message with type t := t
end
