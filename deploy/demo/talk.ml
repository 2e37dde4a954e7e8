(* talk.cc in OCaml.

     talk URL NAME PARTNER... *)

open Mycelium
module Chat = Mycelium_protocol

let ( let* ) = Result.bind
let patience_s = 30.

(* Until somebody answers: a partner may have to start first. *)
let rec ask client partner ~until =
  let answer =
    Client.request ~topic:partner ~timeout_s:patience_s client Chat.Question.t
      Chat.Answer.t
      { text = "who are you?" }
  in
  match answer with
  | Error { cause = Not_found; _ } when Unix.gettimeofday () < until ->
      Thread.delay 0.02;
      ask client partner ~until
  | answer -> answer

let ask_and_greet client name partner =
  let until = Unix.gettimeofday () +. patience_s in
  let* { Chat.Answer.text } = ask client partner ~until in
  Printf.printf "%s asks %s who it is: \"%s\"\n%!" name partner text;
  (* Whoever answers has subscribed. *)
  Client.publish ~topic:partner client Chat.TextMessage.t
    { sender = name; content = "hello " ^ partner; timestamp = 0L }

let rec listen greetings name left =
  if left = 0 then Ok ()
  else
    let* item = Client.next ~timeout_s:patience_s greetings in
    match item with
    | Message ({ Chat.TextMessage.sender; content; _ }, _) ->
        Printf.printf "%s hears %s say: \"%s\"\n%!" name sender content;
        listen greetings name (left - 1)
    | Gap gap ->
        Format.printf "%s misses: %a@." name Gap.pp gap;
        listen greetings name left

let rec each f = function
  | [] -> Ok ()
  | first :: rest ->
      let* () = f first in
      each f rest

let talk url name partners =
  let* client = Client.connect ~url ~schema:Chat.schema ~name () in
  let* greetings = Client.pull ~topic_filter:name client Chat.TextMessage.t in
  let* _ =
    Client.respond ~topic_filter:name client Chat.Question.t Chat.Answer.t
      (fun _ -> Ok { text = "a program in OCaml" })
  in
  let* () = each (ask_and_greet client name) partners in
  let* () = listen greetings name (List.length partners) in
  let* () = Client.flush ~timeout_s:patience_s client in
  Ok (Client.close client)

let () =
  match Array.to_list Sys.argv with
  | _ :: url :: name :: (_ :: _ as partners) -> (
      match talk url name partners with
      | Ok () -> ()
      | Error why ->
          Format.eprintf "talk: %a@." Error.pp why;
          exit 1)
  | _ ->
      prerr_endline "usage: talk URL NAME PARTNER...";
      exit 2
