(* mycelium_native, publisher and handler in one process:

     native_bench.exe [MESSAGES]

   in process on a bus of its own and on a shared one, and over a broker at
   $MYCELIUM_URL if that is set. *)

open Mycelium_native

let payload_bytes = 64
let ok = function Ok value -> value | Error why -> failwith (Error.to_string why)

let wait_for count =
  while Atomic.get (fst count) < snd count do
    Thread.delay 0.0002
  done

let rate label messages f =
  let best = ref infinity in
  for _ = 1 to 3 do
    let began = Unix.gettimeofday () in
    f ();
    best := min !best (Unix.gettimeofday () -. began)
  done;
  Printf.printf "%-44s %6.2f M/s\n%!" label
    (float messages /. !best /. 1e6)

let connect url = ok (Client.connect ~url ~schema:Mycelium_protocol.schema ())

let bytes_and_typed place url messages =
  let client = connect url in
  let count = Atomic.make 0 in
  let until_all () = wait_for (count, messages) in
  let subscription =
    ok
      (Client.subscribe_bytes client ~policy:Policy.lossless ~type_id:7 (fun _ ->
           Atomic.incr count))
  in
  let payload = String.make payload_bytes 'x' in
  rate (place ^ ", bytes, publish to handler") messages (fun () ->
      Atomic.set count 0;
      for _ = 1 to messages do
        ok (Client.publish_bytes client ~type_id:7 payload)
      done;
      until_all ());
  Client.unsubscribe subscription;
  let open Mycelium_protocol in
  let subscription =
    ok
      (Client.subscribe client ~policy:Policy.lossless TextMessage.t (fun _ _ ->
           Atomic.incr count))
  in
  let message =
    TextMessage.make ~sender:"ocaml" ~content:(String.make 40 'x')
      ~timestamp:1_700_000_000_000L ()
  in
  rate (place ^ ", typed, publish to handler") messages (fun () ->
      Atomic.set count 0;
      for _ = 1 to messages do
        ok (Client.publish client TextMessage.t message)
      done;
      until_all ());
  Client.unsubscribe subscription;
  Client.close client

let latency place url rounds =
  let client = connect url in
  let mutex = Mutex.create () and changed = Condition.create () in
  let came = ref 0 in
  ignore
    (ok
       (Client.subscribe_bytes client ~type_id:7 (fun _ ->
            Mutex.lock mutex;
            incr came;
            Condition.signal changed;
            Mutex.unlock mutex)));
  let times =
    Array.init rounds (fun round ->
        let began = Unix.gettimeofday () in
        Mutex.lock mutex;
        ok (Client.publish_bytes client ~type_id:7 "x");
        while !came <= round do
          Condition.wait changed mutex
        done;
        Mutex.unlock mutex;
        Unix.gettimeofday () -. began)
  in
  Array.sort compare times;
  Printf.printf "%-44s p50 %3.0f us, p99 %3.0f us\n%!"
    (place ^ ", a lone message to its handler")
    (times.(rounds / 2) *. 1e6)
    (times.(rounds * 99 / 100) *. 1e6);
  Client.close client

let () =
  let messages =
    if Array.length Sys.argv > 1 then int_of_string Sys.argv.(1) else 2_000_000
  in
  let all place url =
    bytes_and_typed place url messages;
    latency place url (messages / 200)
  in
  all "in process" "inproc:";
  all "a shared bus" "inproc:bench";
  match Sys.getenv_opt "MYCELIUM_URL" with
  | Some url -> all "a broker" url
  | None -> ()
