(** The shortest way: one process, or one url, and plain calls.

    {[
      open Mycelium_native

      let runtime = Runtime.create My_messages.schema_digest

      let () =
        Runtime.subscribe runtime My_messages.TextMessage.t (fun msg ->
            Printf.printf "got %s\n%!" msg.content);
        Runtime.publish runtime My_messages.TextMessage.t
          { sender = "ocaml"; content = "hello"; timestamp = 123L }
    ]}

    What goes wrong raises {!Failed}; what is missed is printed to stderr, as
    nobody else would say it.  {!Client} has everything else, and results in
    place of exceptions; {!client} is the way there. *)

type t

exception Failed of Mycelium_engine.Error.t
(** Printed as its words. *)

val create : ?url:string -> string -> t
(** [create digest]: of the [schema_digest] of a generated module, which the
    program is linked with.  [url]: as for {!Client.connect}; without it a bus
    of its own in this process.
    @raise Failed as {!Client.connect} fails, and if no module has the digest.
    *)

val publish : ?topic:string -> t -> 'a Client.message_type -> 'a -> unit
(** Of which type a value is, OCaml does not say at run time; so its module's
    [t] is named, as for {!subscribe}, and the record's fields need no module.
    @raise Failed as {!Client.publish} fails. *)

val subscribe :
  ?topic_filter:string -> t -> 'a Client.message_type -> ('a -> unit) -> unit
(** Until {!close}; on a thread of its own, as {!Client} says.
    @raise Failed as {!Client.subscribe} fails. *)

val flush : t -> unit
(** Everything published is accepted; in process, in every queue.
    @raise Failed as {!Client.flush} fails. *)

val close : t -> unit
(** As {!Client.close}.  On a bus of its own, handlers first get what was
    published, for at most a second; the end of the program does the same. *)

val client : t -> Client.t
