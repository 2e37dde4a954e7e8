(** Why something was not done: a cause to decide by, and words for people.

    Plain data: any thread may use it. *)

(** The numbers are gRPC's and abseil's, 1 to 16 in this order. *)
type cause =
  | Cancelled  (** the subscription or the client was closed meanwhile *)
  | Unknown
  | Invalid_argument  (** an argument that can't be: url, type id, filter *)
  | Deadline_exceeded  (** the time was over first; nothing was done *)
  | Not_found  (** a request that nobody answers *)
  | Already_exists
  | Permission_denied
      (** the broker or the file system refuses this user *)
  | Resource_exhausted  (** a limit; the message names it *)
  | Failed_precondition  (** the broker refuses: version, schema *)
  | Aborted
      (** whether it was done is not known: the broker has forgotten *)
  | Out_of_range
  | Unimplemented
  | Internal
  | Unavailable  (** no broker there, connection lost, or "would block" *)
  | Data_loss
  | Unauthenticated

type t = {
  cause : cause;
  message : string;
      (** in the form ["subject: what was seen, what is allowed"] *)
}

val make : cause -> ('a, unit, string, t) format4 -> 'a
(** [make Invalid_argument "publish: type_id %d, allowed 1 to 65535" id]. *)

val fail : cause -> ('a, unit, string, ('b, t) result) format4 -> 'a
(** The same as an [Error]. *)

val number : cause -> int
(** 1 to 16. *)

val of_number : int -> cause
(** {!Unknown} for any other number. *)

val cause_name : cause -> string
(** ["invalid argument"]. *)

val pp : Format.formatter -> t -> unit
(** The message, and the cause in parentheses. *)

val to_string : t -> string
(** The same. *)
