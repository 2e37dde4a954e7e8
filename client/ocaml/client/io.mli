(** What drives an engine with two threads: one reads, writes and keeps the
    time, the other runs callbacks.  Whoever calls the client writes what it
    brings at once, unless it is one of a burst.

    Thread-safe; what says so needs the lock, and releases it while it waits. *)

module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error

type handler = {
  ended : bool Atomic.t;  (** nothing is delivered any more *)
  deliver : delivery;
}

and delivery =
  | Callback of (Mycelium_engine.Item.t -> unit)
  | Pulled of pulled
  | Responder of
      (Mycelium_engine.Received.t -> Mycelium_engine.Responses.asked -> unit)

and pulled = {
  queue : Mycelium_engine.Item_queue.t;
  stall_ms_max : int;
  mutable in_hand : Mycelium_engine.Item.t option;
      (** what its user has and may not be done with *)
  mutable over : Error.t option;  (** behind what is in the queue *)
}

type t

type callbacks = {
  on_state : Engine.state -> unit;
  on_unaccepted : Mycelium_engine.Publish_log.unaccepted list -> unit;
}

val connect : Mycelium_posix.Settings.t -> callbacks -> (t, Error.t) result

val engine : t -> handler Engine.t
(** Needs the lock. *)

val with_lock : t -> (unit -> 'a) -> 'a

val locked : t -> (unit -> 'a) -> 'a
(** The same, and what it has brought to be written is written, and what it has
    changed is told. *)

val keep_time : t -> unit
(** Needs the lock.  The engine may have to be told the time earlier than
    before. *)

val await :
  t ->
  subject:string ->
  deadline:float ->
  ?asks:bool ->
  (unit -> 'a option) ->
  ('a, Error.t) result
(** Needs the lock.  Until there is something; looks again whenever anything has
    changed.  [asks] (the default): only reading can bring it, so reading goes
    on although callbacks are behind. *)

val wrote_one : t -> unit
(** Needs the lock.  A frame was published: writes it, or leaves it to those
    that follow. *)

val woken : t -> unit
(** Needs the lock.  Something has changed that others may wait for. *)

val on_callback_thread : t -> bool

val await_quiet : t -> handler -> unit
(** Until no callback of it runs; at once on the thread of callbacks. *)

val close : t -> unit
