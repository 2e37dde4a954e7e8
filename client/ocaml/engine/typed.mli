(** Message types in front of a client that carries bytes.  Pure. *)

type 'a message_type = 'a Mycelium_wire.Message.t

val check :
  subject:string ->
  Mycelium_wire.Schema.t option ->
  'a message_type ->
  (unit, Error.t) result
(** Whether the type is of the schema that the client has connected with:
    [Failed_precondition] otherwise.  [subject] is ["publish"] and the like. *)

val encode : subject:string -> 'a message_type -> 'a -> (string, Error.t) result
(** [Invalid_argument]: a value does not fit its type in the .proto file. *)

type 'a item = Message of 'a * Received.t | Gap of Gap.t

val decode : 'a message_type -> Item.t -> 'a item
(** What is no message of the type is a gap with the reason [Malformed]. *)

val payload : Item.t -> string item
(** Without a type. *)

val decode_reply : 'a message_type -> Received.t -> ('a, Error.t) result
val decode_request : 'a message_type -> Received.t -> ('a, Error.t) result
