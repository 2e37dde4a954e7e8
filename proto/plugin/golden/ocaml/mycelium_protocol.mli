(** Made by protoc-gen-mycelium of [mycelium_protocol.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

val schema_digest : string
(** 32 bytes, which name the message types of all files that protoc was given
    together. *)

val schema : Mycelium_wire.Schema.t
(** The same with what it is the digest of. *)

(** Somebody says something.

    [chat.TextMessage], type id 1. *)
module TextMessage : sig
  type t = {
    sender : string;
    content : string;
    timestamp : int64;  (** Milliseconds since 1970-01-01 00:00 UTC. *)
  }

  val make :
      ?sender:string ->
      ?content:string ->
      ?timestamp:int64 ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** Somebody wants to know.

    [chat.Question], type id 2. *)
module Question : sig
  type t = { text : string }

  val make : ?text:string -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** What is said to it.

    [chat.Answer], type id 3. *)
module Answer : sig
  type t = { text : string }

  val make : ?text:string -> unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end
