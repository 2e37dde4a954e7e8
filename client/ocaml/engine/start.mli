(** Where a subscription begins, as far as the broker's configuration keeps a
    history of what it takes.

    Plain data: any thread may use it. *)

type t =
  | Now
  | Last of int  (** the newest so many frames of each type and topic *)
  | Sequence of int  (** with one type only: from this count on *)
  | Time of float
      (** accepted at this time or later, in seconds since 1970 (UTC), as
          [Unix.gettimeofday] has them *)
