(** The subscriptions of a client, and which of them take a frame.

    Threads: as for the engine that it belongs to. *)

type options = {
  type_id : int;  (** 0: all types *)
  filter : Topic.filter;
  policy : Policy.t;
  group : string;  (** empty: none *)
  start : Start.t;
  responder : bool;
}

val pulled_policy : options -> Policy.t
(** Of the queue of one that is pulled.  What a member of a group may have
    waiting is the broker's to bound, which counts what is not done with. *)

type 'h entry = {
  id : int;
  options : options;
  user : 'h;  (** what the client knows it by *)
  progress : Progress.t;
  acks : Group_acks.t option;  (** of a member of a group *)
  mutable known_to_broker : bool;
      (** SUBSCRIBED was read, perhaps on an earlier connection *)
  mutable ended : bool;
}

type 'h t

val make : unit -> 'h t
val add : 'h t -> options -> 'h -> 'h entry
val remove : 'h t -> 'h entry -> unit
val find : 'h t -> int -> 'h entry option

val all : 'h t -> 'h entry list
(** In the order in which they were added. *)

val takers : 'h t -> type_id:int -> topic:string -> 'h entry list
(** Of a frame without an addressee; responders are not among them. *)
