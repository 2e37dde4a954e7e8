(** What drives an engine with Lwt: one thread reads, one writes, one keeps the
    time, one runs callbacks, one after the other. *)

module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error

type handler = {
  mutable ended : bool;  (** nothing is delivered any more *)
  deliver : delivery;
}

and delivery =
  | Callback of (Mycelium_engine.Item.t -> unit Lwt.t)
  | Pulled of pulled
  | Responder of
      (Mycelium_engine.Received.t ->
      Mycelium_engine.Responses.asked ->
      unit Lwt.t)

and pulled = {
  queue : Mycelium_engine.Item_queue.t;
  stall_ms_max : int;
  mutable in_hand : Mycelium_engine.Item.t option;
      (** what its user has and may not be done with *)
  mutable over : Error.t option;  (** behind what is in the queue *)
}

type callbacks = {
  on_state : Engine.state -> unit Lwt.t;
  on_unaccepted : Mycelium_engine.Publish_log.unaccepted list -> unit Lwt.t;
}

type t

val connect :
  Mycelium_posix.Settings.t -> callbacks -> (t, Error.t) result Lwt.t

val engine : t -> handler Engine.t

val touched : t -> unit
(** Something was asked of the engine: whoever has something to do is told. *)

val await :
  t ->
  subject:string ->
  ?timeout_s:float ->
  ?asks:bool ->
  (unit -> 'a option) ->
  ('a, Error.t) result Lwt.t
(** Until there is something; looks again whenever anything has changed.  [asks]
    (the default): only reading can bring it, so reading goes on although
    callbacks are behind. *)

val asking : t -> 'a Lwt.t -> 'a Lwt.t
(** That promise; until then reading goes on, although callbacks are behind. *)

val is_within_any : t -> bool
(** Called from within a callback, and one is running. *)

val await_quiet : t -> handler -> unit Lwt.t
(** Until no callback of it runs; at once within it. *)

val close : t -> unit Lwt.t
