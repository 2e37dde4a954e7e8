(** What there is to know of a message type: what a client takes to publish it
    and to subscribe to it.

    Immutable: any thread may use it. *)

type 'a t = private {
  type_id : int;  (** 1 to 65535 *)
  fingerprint : string;
      (** SHA-256 of what the type and all that it refers to mean, 32 bytes *)
  schema : Schema.t;  (** of the files that were given to protoc with its own *)
  codec : 'a Codec.t;
}

val make :
  type_id:int -> fingerprint:string -> schema:Schema.t -> 'a Codec.t -> 'a t
(** Generated code alone calls it. *)

val name : 'a t -> string
(** The message's full name, ["chat.TextMessage"]. *)

val encode : 'a t -> 'a -> string
(** As [encode] of its module does, {!Generated.Message.encode}. *)

val decode : 'a t -> string -> ('a, Error.t) result
(** As [decode] of its module does, {!Generated.Message.decode}. *)
