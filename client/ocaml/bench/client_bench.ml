(* How fast the clients are, through a broker that runs.  Who publishes is
   another process.

     dune exec --root FOLDER --profile release bench/client_bench.exe -- \
       [URL [FRAMES]]

   Of several rounds the best is shown for rates, the median for times. *)

open Mycelium
open Mycelium_protocol

let rounds = 3
let type_id = 9

let ok = function
  | Ok value -> value
  | Error why ->
      prerr_endline (Error.to_string why);
      exit 1

let schema = Mycelium_protocol.schema
let connect url = ok (Client.connect ~url ~schema ())

(* --- Another process: publish URL FRAMES BYTES ---------------------------- *)

let publish url frames bytes =
  let client = connect url in
  let payload = String.make bytes 'x' in
  for _ = 1 to frames do
    ok (Client.publish_bytes client ~type_id payload)
  done;
  ok (Client.flush client);
  Client.close client

let start_publisher url frames bytes =
  let self = Sys.executable_name in
  Unix.create_process self
    [| self; "publish"; url; string_of_int frames; string_of_int bytes |]
    Unix.stdin Unix.stdout Unix.stderr

(* --- Rates ---------------------------------------------------------------- *)

(* From the first that comes to the last: [on_frame ()] is called with each. *)
let clock frames =
  let count = ref 0 and first_s = ref 0. and last_s = ref 0. in
  let mutex = Mutex.create () and all_came = Condition.create () in
  let on_frame () =
    if !count = 0 then first_s := Unix.gettimeofday ();
    incr count;
    if !count = frames then begin
      Mutex.lock mutex;
      last_s := Unix.gettimeofday ();
      Mutex.unlock mutex;
      Condition.signal all_came
    end
  in
  let await () =
    Mutex.lock mutex;
    while !last_s = 0. do
      Condition.wait all_came mutex
    done;
    Mutex.unlock mutex
  in
  let rate () = float (frames - 1) /. (!last_s -. !first_s) in
  (on_frame, await, rate)

let receive url frames bytes =
  let client = connect url in
  let on_frame, await, rate = clock frames in
  ignore
    (ok
       (Client.subscribe_bytes ~policy:Policy.lossless client ~type_id
          (fun _ -> on_frame ())));
  let publisher = start_publisher url frames bytes in
  await ();
  ignore (Unix.waitpid [] publisher);
  Client.close client;
  rate ()

let pull url frames bytes =
  let client = connect url in
  let pulled =
    ok (Client.pull_bytes ~policy:Policy.lossless client ~type_id)
  in
  let on_frame, _, rate = clock frames in
  let publisher = start_publisher url frames bytes in
  for _ = 1 to frames do
    ignore (ok (Client.next pulled) : string Client.item);
    on_frame ()
  done;
  ignore (Unix.waitpid [] publisher);
  Client.close client;
  rate ()

let receive_lwt url frames bytes =
  let open Lwt.Syntax in
  let on_frame, _, rate = clock frames in
  let all, resolver = Lwt.wait () in
  let left = ref frames in
  let handler _ =
    on_frame ();
    decr left;
    if !left = 0 then Lwt.wakeup_later resolver ();
    Lwt.return_unit
  in
  Lwt_main.run
    (let* client = Mycelium_lwt.Client.connect ~url () in
     let client = ok client in
     let* subscription =
       Mycelium_lwt.Client.subscribe_bytes ~policy:Policy.lossless client
         ~type_id handler
     in
     ignore (ok subscription);
     let publisher = start_publisher url frames bytes in
     let* () = all in
     ignore (Unix.waitpid [] publisher);
     Mycelium_lwt.Client.close client);
  rate ()

let receive_typed url frames bytes =
  let client = connect url in
  let other = connect url in
  let on_frame, await, rate = clock frames in
  ignore
    (ok
       (Client.subscribe ~policy:Policy.lossless client Question.t (fun _ _ ->
            on_frame ())));
  let question = { Question.text = String.make (bytes - 2) '?' } in
  for _ = 1 to frames do
    ok (Client.publish other Question.t question)
  done;
  await ();
  Client.close client;
  Client.close other;
  rate ()

let publish_alone url frames bytes =
  let client = connect url in
  let payload = String.make bytes 'x' in
  let first_s = Unix.gettimeofday () in
  for _ = 1 to frames do
    ok (Client.publish_bytes client ~type_id payload)
  done;
  ok (Client.flush client);
  let rate = float frames /. (Unix.gettimeofday () -. first_s) in
  Client.close client;
  rate

let best measure =
  List.fold_left max 0. (List.init rounds (fun _ -> measure ()))

let show_rate name measure url frames bytes =
  Printf.printf "%-44s %5d B  %5.2f M/s\n%!" name bytes
    (best (fun () -> measure url frames bytes) /. 1e6)

(* --- Times ---------------------------------------------------------------- *)

let show_times name once =
  let times = Array.init 20_000 (fun _ -> once () *. 1e6) in
  Array.sort compare times;
  let at part = times.(int_of_float (part *. float (Array.length times))) in
  Printf.printf "%-44s     64 B  p50 %4.0f us, p99 %4.0f us\n%!" name (at 0.5)
    (at 0.99)

let timed f =
  let first_s = Unix.gettimeofday () in
  f ();
  Unix.gettimeofday () -. first_s

(* One client to another of the same process, and what it takes to be there. *)
let message_time url =
  let from = connect url and into = connect url in
  let pulled = ok (Client.pull_bytes into ~type_id) in
  let payload = String.make 64 'x' in
  show_times "a lone message, from publish to next" (fun () ->
      timed (fun () ->
          ok (Client.publish_bytes from ~type_id payload);
          ignore (ok (Client.next pulled) : string Client.item)));
  Client.close from;
  Client.close into

let request_time url =
  let from = connect url and into = connect url in
  ignore
    (ok
       (Client.respond into Question.t Answer.t (fun { text } ->
            Ok { Answer.text })));
  let question = { Question.text = String.make 62 '?' } in
  show_times "a request and its reply" (fun () ->
      timed (fun () ->
          ignore (ok (Client.request from Question.t Answer.t question))));
  Client.close from;
  Client.close into

let all url frames =
  show_rate "publish until accepted, nobody subscribes" publish_alone url frames
    64;
  show_rate "receive, a handler" receive url frames 64;
  show_rate "receive, pulled" pull url frames 64;
  show_rate "receive, a handler with Lwt" receive_lwt url frames 64;
  show_rate "publish and receive typed, one process" receive_typed url frames
    64;
  show_rate "receive, a handler" receive url (frames / 4) 1024;
  message_time url;
  request_time url

let () =
  match Sys.argv with
  | [| _; "publish"; url; frames; bytes |] ->
      publish url (int_of_string frames) (int_of_string bytes)
  | [| _; url; frames |] -> all url (int_of_string frames)
  | [| _; url |] -> all url 2_000_000
  | _ ->
      prerr_endline "usage: client_bench.exe URL [FRAMES]";
      exit 2
