(** How a message becomes bytes and comes back: Protobuf's bytes, whichever
    language reads or writes them.

    Immutable: any thread may use it. *)

type 'a t = private {
  fields : Fields.t;
  read : Reader.t -> 'a;
  write : Writer.t -> 'a -> unit;
  equal : 'a -> 'a -> bool;
  pp : Format.formatter -> 'a -> unit;
}

val make :
  fields:Fields.t ->
  read:(Reader.t -> 'a) ->
  write:(Writer.t -> 'a -> unit) ->
  equal:('a -> 'a -> bool) ->
  pp:(Format.formatter -> 'a -> unit) ->
  'a t
(** Generated code alone calls it. *)

val name : 'a t -> string
(** The message's full name, ["chat.TextMessage"]. *)

val encode : 'a t -> 'a -> string
val decode : 'a t -> string -> ('a, Error.t) result
