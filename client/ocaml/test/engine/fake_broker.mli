(** The broker's side of a session, in a test's hands. *)

open Mycelium_engine

type t = string Engine.t
(** Subscriptions are known by names. *)

val config : Engine.config
(** Of a client that gives back what was not accepted, and whose random waits are
    the longest that they may be. *)

val now : float
(** When everything begins: 1000. *)

(** {1 What the broker sends} *)

val welcome :
  ?resumed:int -> ?epoch:int64 -> ?session_id:int -> ?window_ms:int -> unit -> string

val subscribed :
  ?code:Mycelium_control.Code.t ->
  ?starts:(int * int) list ->
  request:int ->
  int ->
  string

val publish :
  ?topic:string -> ?redelivered:bool -> type_id:int -> sequence:int -> string -> string

val gap :
  ?reason:Mycelium_control.GapReason.t ->
  ?unknown:bool ->
  subscription_id:int ->
  (int * int * int * int) list ->
  string
(** Ranges: type id, frames, first and last sequence. *)

val addressee : int -> string
val ack : int -> string
val hold : ?by:string -> int -> string
val release : int -> string
val close : Mycelium_control.Code.t -> string -> string
val flushed : int -> string

(** {1 The client} *)

val feed : ?now:float -> t -> string -> unit

val opened : ?config:Engine.config -> ?welcome:string -> unit -> t
(** With a WELCOME, and without what it has sent so far. *)

val connected_again : ?now:float -> t -> string -> unit
(** Dialed, and with that WELCOME; what it sends is left to be looked at. *)

type frame = {
  kind : Frame.kind;
  type_id : int;
  topic : string;
  id : int;
  body : string;
}

val sent : t -> frame list
(** All that it has to write; it is written then. *)

val events : t -> string list
(** All that there are, in words. *)

val subscribe :
  ?policy:Policy.t ->
  ?group:string ->
  ?responder:bool ->
  ?topic_filter:string ->
  t ->
  type_id:int ->
  string ->
  string Subscriptions.entry
(** Subscribed, with the broker's answer. *)

val result : (unit, Error.t) result -> string
(** In words. *)
