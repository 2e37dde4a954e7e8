(** What a client has published and no broker is known to have accepted, in the
    order of the stream, with the other frames that go the same way.

    PUBLISH frames outlive a connection, any other frame is lost with it.  Ids
    are 1, 2, ...; those that are neither accepted nor given back are always a
    row without a hole.

    Threads: as for the engine that it belongs to. *)

type t

type unaccepted = {
  type_id : int;
  topic : string;  (** empty: none *)
  payload : string;
  maybe_accepted : bool;
      (** It was written to a broker that did not say whether it accepted it. *)
}

type given_back = {
  frames : unaccepted list;  (** first those that may have been accepted *)
  maybe_through_id : int;  (** the last id of these *)
  through_id : int;  (** the last id of all *)
}

val make : bytes_max:int -> t
(** What is not yet accepted or not yet written has at most [bytes_max] bytes; a
    frame that is larger goes alone.  Begins without a connection. *)

val set_bytes_max : t -> int -> unit
val bytes_max : t -> int

(** {1 Taking} *)

val has_room : t -> frame_bytes:int -> bool

val publish : t -> type_id:int -> topic:string -> string -> int
(** A PUBLISH with the next id, which it returns.  {!has_room} is the caller's
    to ask. *)

val append : t -> string -> unit
(** Any other frame, whole; room is not asked for.  Without a connection nothing
    happens: who sent it asks again on the next one, or fails. *)

(** {1 Writing} *)

val unwritten_bytes : t -> int
(** 0 without a connection. *)

val piece : t -> Bytes.t * int * int
(** What is to be written next: a buffer, and first and length in it.  It stays
    what it is until {!wrote} or {!disconnected}. *)

val wrote : t -> int -> unit
(** So many bytes of the piece. *)

(** {1 Accepting} *)

val accepted : t -> int -> bool
(** The broker has accepted every PUBLISH up to that id.  [false], and nothing
    happens: it cannot, so many have not been handed out on this connection. *)

(** {1 Connections} *)

val disconnected : t -> unit
(** Nobody writes any more.  What was not written in full counts as not written.
*)

val can_resume_after : t -> int -> bool
(** Whether a WELCOME that says [resumed] may say this last_publish_id. *)

val connected :
  t -> resumed:int option -> first:string list -> given_back
(** A connection whose WELCOME said [resumed] with that last_publish_id, or did
    not.  Resumed, frames up to that id are accepted, and those behind are sent
    (again).  Otherwise those that were written are given back, and the rest is
    sent.  [first] are frames that go before anything else.  On the first
    connection ids go on from last_publish_id. *)

val give_back_written : t -> given_back
(** The resume window has passed: what was written in full. *)

val give_back_all : t -> given_back

(** {1 How it stands} *)

val last_publish_id : t -> int

val settled_id : t -> int
(** Up to here they are accepted or given back. *)

val frames_published : t -> int
val frames_accepted : t -> int
val frames_given_back : t -> int
val frames_resent : t -> int
