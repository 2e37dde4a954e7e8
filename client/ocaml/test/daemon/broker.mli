(** The real broker, and other programs, for a test. *)

type t

val with_broker : ?config:string -> (t -> unit) -> unit
(** One that lets clients bring types, listens on a Unix socket and a TCP port of its own choice, in a folder
    of its own; it is ended in any case. *)

val unix_url : t -> string
val tcp_url : t -> string

val urls : t -> (string * string) list
(** Both, with their names. *)

val folder : t -> string

val kill : t -> unit
(** SIGKILL. *)

val restart : t -> unit
(** After {!kill}, on the same addresses. *)

val until : string -> (unit -> bool) -> unit
(** Waits for a condition, for 30 s at most. *)

val stderr_of : (unit -> unit) -> string
(** What this process prints to stderr meanwhile. *)

(** {1 Other programs} *)

type program

val start : string list -> program
(** Its stdout is read with {!line}. *)

val tool : t -> string list -> program
(** [mycelium], with the broker's url in its environment. *)

val line : program -> string
(** The next; at the end of its output it fails. *)

val signal : program -> int -> unit

val finish : program -> string list * int
(** The lines that are left, and its exit code. *)

val peer : string list -> program
(** peer.ml, which says what its arguments are. *)
