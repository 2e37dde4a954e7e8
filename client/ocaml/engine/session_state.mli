(** What a client may receive when: the table of proto/WIRE.md, 3.1.  Pure. *)

type t = Greeting | Schema_asked | Open | Closed

val on_frame : t -> Frame.kind -> (t, string) result
(** The state that the frame leads to, or what is wrong with its coming now:
    ["protocol: PING, allowed WELCOME, SCHEMA or CLOSE before WELCOME"]. *)

val takes_data : t -> bool
(** Whether all data kinds may come, and change nothing. *)
