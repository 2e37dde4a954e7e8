(** What the modules have that protoc-gen-mycelium makes.

    Their values and functions are immutable: any thread may use them. *)

(** Of an enum. *)
module type Enum = sig
  type t
  (** The names of the .proto file, and [Unrecognized] for every other number of
      32 bits: enums are open. *)

  val default : t
  (** The one with the number 0. *)

  val to_int : t -> int
  val of_int : int -> t

  val equal : t -> t -> bool
  (** Whether they have the same number. *)

  val pp : Format.formatter -> t -> unit
  (** The name in OCaml, or [Unrecognized (7)]. *)

  val scalar : t Scalar.t
  (** How the messages that have it read and write it. *)
end

(** Of a message. *)
module type Message = sig
  type t

  val default : t
  (** What is decoded from no bytes. *)

  val encode : t -> string
  (** Protobuf's bytes: fields are in the order of their numbers, the entries of
      a map in that of their keys.

      @raise Invalid_argument
        if a value does not fit the type in the .proto file, as in
        ["chat.M.count: 5000000000, allowed 0 to 4294967295"], or a [string] is
        not UTF-8. *)

  val decode : string -> (t, Error.t) result
  (** Unknown fields are passed over; the last of several fields wins, embedded
      messages merge.  Whatever the bytes are, it raises nothing. *)

  val equal : t -> t -> bool
  (** [nan] is equal to [nan], and [-0.] to [0.]; the order of a map's entries
      does not matter. *)

  val pp : Format.formatter -> t -> unit
  (** In OCaml's syntax, for people. *)

  val codec : t Codec.t
  (** How the messages that have it read and write it. *)
end

(** Of a message with a type id, which can be published and subscribed to. *)
module type Message_type = sig
  include Message

  val type_id : int
  (** 1 to 65535. *)

  val t : t Message.t
  (** The message type as a value, which clients take. *)
end
