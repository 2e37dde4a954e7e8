(** What one subscription has had: which of the frames that a connection brings
    are for it, and what it says of them on the next one.

    In the order of the stream.  Frames without an addressee are for whoever
    takes their type and topic; those behind ADDRESSEE for that subscription
    alone, whichever it is, and for it without exception: history is replayed
    so.

    Threads: as for the engine that it belongs to. *)

type kind =
  | Shared  (** takes what others of the client take, too; also replays *)
  | Addressed  (** CONFLATE: only what is addressed to it *)
  | Exclusive  (** groups and responders: the same, and is never resumed *)

type t

val make : kind -> t

val activate :
  t ->
  epoch:int64 ->
  session_id:int ->
  resumed:bool ->
  starts:(int * int) list ->
  unit
(** SUBSCRIBED has been read, on a connection whose WELCOME said that; [starts]
    are types and sequences.  Nothing is for it before. *)

val suspend : t -> unit
(** The connection is lost: nothing is for it until it is active again. *)

val is_active : t -> bool

val takes : t -> type_id:int -> sequence:int -> addressed:bool -> bool
(** Whether a frame of its type and topic is for it. *)

val gave : t -> type_id:int -> sequence:int -> unit
(** It was given that one. *)

val told : t -> Gap.t -> unit
(** It was told of those. *)

type resume = {
  epoch : int64;
  session_id : int;
  frames : int;
  seen : (int * int) list;  (** the last sequence of each type *)
}

val resume : t -> resume option
(** What the next SUBSCRIBE says; none: as at first. *)
