(** Frames that a subscription did not get, told in their place.

    Plain data: any thread may use it. *)

type reason =
  | Unspecified
  | Overflow  (** the queue was full for longer than the policy allows *)
  | Conflated  (** newer frames of the same type and topic took their place *)
  | Reconnect
      (** the connection was lost, and history does not have them; or history
          does not reach back to the start that was asked for *)
  | Memory  (** the broker's own bound was reached *)
  | Deadlock  (** lossless subscribers held each other back in a circle *)
  | Malformed
      (** the payload is not a message of its type; said by the client *)

type range = {
  type_id : int;  (** 0: of which types is not known; no sequences then *)
  frames : int;  (** how many of the range were for this subscription *)
  first_sequence : int;
  last_sequence : int;
}

type t = {
  reason : reason;
  ranges : range list;  (** one for each type *)
  unknown : bool;
      (** beyond what [ranges] count, more may be missing, or nothing: the
          broker has forgotten or was restarted, and nobody can say *)
}

val of_frame : reason -> type_id:int -> sequence:int -> t
(** One frame is missing. *)

val frames : t -> int
(** Of all ranges. *)

val merge : t -> t -> t
(** Both, as one of the first one's reason: of each type one range. *)

val reason_name : reason -> string
(** ["overflow"]. *)

val pp : Format.formatter -> t -> unit
(** ["120 frames of type 7, 481 to 600 (overflow)"]. *)
