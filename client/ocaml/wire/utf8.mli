(** UTF-8 as Unicode defines it: no surrogates, no overlong forms, nothing above
    U+10FFFF.  Pure. *)

val first_invalid : string -> int -> int -> int
(** [first_invalid s first limit]: of the bytes [first] to [limit - 1], the
    place of the first that does not begin a character, or [-1].

    @raise Invalid_argument if these are not bytes of [s]. *)
