(** A frame as a subscription gets it, or a request as its responder does.

    Immutable: any thread may keep it. *)

type t = {
  type_id : int;
  topic : string;  (** empty: none *)
  payload : string;
  sequence : int;
      (** the broker's count of this type: 1, 2, ...; 0: not of a subscription
          *)
  redelivered : bool;  (** of a group: another member may have had it *)
}

val frame_bytes : t -> int
(** On the wire. *)
