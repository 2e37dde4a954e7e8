(* What the documentation shows, as it stands there. *)

module My_messages = Mycelium_protocol
open Mycelium_native

let runtime = Runtime.create My_messages.schema_digest

let () =
  Runtime.subscribe runtime My_messages.TextMessage.t (fun msg ->
      Printf.printf "got %s\n%!" msg.content);
  Runtime.publish runtime My_messages.TextMessage.t
    { sender = "ocaml"; content = "hello"; timestamp = 123L }
