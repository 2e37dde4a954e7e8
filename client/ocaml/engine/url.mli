(** Where a broker is.  Pure. *)

type t =
  | Unix_socket of string  (** an absolute path *)
  | Tcp of { host : string; port : int }  (** a name or a numeric address *)

val parse : string -> (t, Error.t) result
(** [unix:/path], [tcp://host:port], [tcp://\[::1\]:port]. *)

val default :
  getenv:(string -> string option) ->
  uid:int ->
  exists:(string -> bool) ->
  string
(** Of one that is told nothing: [$MYCELIUM_URL], or the user's own socket, or
    the machine's if only that is there ([exists] tells whether a path is). *)
