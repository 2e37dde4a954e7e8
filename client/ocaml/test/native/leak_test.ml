(* Millions of messages, clients, subscriptions and requests, and no more memory
   than at the beginning.  With MALLOC_ARENA_MAX=1: how many arenas the threads
   of a process come to use is chance. *)

open Mycelium_native
open Mycelium_protocol

let ok = function Ok value -> value | Error why -> failwith (Error.to_string why)

let resident_kib () =
  let status = open_in "/proc/self/status" in
  let rec find () =
    let line = input_line status in
    try Scanf.sscanf line "VmRSS: %d kB" Fun.id
    with Scanf.Scan_failure _ -> find ()
  in
  Fun.protect find ~finally:(fun () -> close_in status)

let until condition =
  while not (condition ()) do
    Thread.delay 0.0005
  done

let schema = Mycelium_protocol.schema

let messages count url =
  let client = ok (Client.connect ~url ~schema ()) in
  let came = Atomic.make 0 in
  (* What may wait counts as memory, too. *)
  let policy = { Policy.lossless with queue_bytes_max = 1 lsl 18 } in
  ignore
    (ok
       (Client.subscribe client ~policy TextMessage.t
          (fun _ _ -> Atomic.incr came)));
  let message =
    TextMessage.make ~sender:"o" ~content:(String.make 40 'x') ()
  in
  for _ = 1 to count do
    ok (Client.publish ~topic:"a.b" client TextMessage.t message)
  done;
  until (fun () -> Atomic.get came = count);
  Client.close client

let acknowledged_and_asked count url =
  let client = ok (Client.connect ~url ~schema ()) in
  let told = Atomic.make 0 in
  ignore
    (ok
       (Client.respond client Question.t Answer.t (fun { text } ->
            Ok { Answer.text })));
  for number = 1 to count do
    ok
      (Client.publish_acked client TextMessage.t TextMessage.default (fun _ ->
           Atomic.incr told));
    ignore
      (ok
         (Client.request_async client Question.t Answer.t { text = "x" }
            (fun _ -> Atomic.incr told)));
    if number mod 100 = 0 then
      ignore (ok (Client.request client Question.t Answer.t { text = "x" }))
  done;
  until (fun () -> Atomic.get told = 2 * count);
  Client.close client

let subscriptions count url =
  let client = ok (Client.connect ~url ~schema ()) in
  for _ = 1 to count do
    let came = Atomic.make 0 in
    let subscription =
      ok (Client.subscribe client Question.t (fun _ _ -> Atomic.incr came))
    in
    ok (Client.publish client Question.t { text = "" });
    until (fun () -> Atomic.get came = 1);
    Client.unsubscribe subscription
  done;
  Client.close client

let clients count url =
  for _ = 1 to count do
    Client.close (ok (Client.connect ~url ~schema ()))
  done

(* The first rounds fill the allocators. *)
let warm_rounds = 3
let rounds = 6
let growth_kib_max = 4_000

let grows_not name f url =
  let resident =
    List.init (warm_rounds + rounds) (fun _ ->
        f url;
        Gc.compact ();
        resident_kib ())
  in
  let at round = List.nth resident round in
  let growth = at (warm_rounds + rounds - 1) - at (warm_rounds - 1) in
  Printf.printf "%s over %s: %d KiB more after %d rounds, %d in all\n%!" name url
    growth rounds (at (warm_rounds + rounds - 1));
  if growth > growth_kib_max then
    Alcotest.failf "%s: %s KiB" name
      (String.concat ", " (List.map string_of_int resident))

let with_broker f = Broker.with_broker (fun broker -> f (Broker.unix_url broker))

let () =
  let cases with_url =
    List.map
      (fun (name, f) ->
        Alcotest.test_case name `Slow (fun () -> with_url (grows_not name f)))
      [
        ("messages", messages 300_000);
        ("acknowledged and asked", acknowledged_and_asked 5_000);
        ("subscriptions", subscriptions 500);
        ("clients", clients 200);
      ]
  in
  Alcotest.run "native leaks"
    [
      ("in process", cases (fun f -> f "inproc:"));
      ("a shared bus", cases (fun f -> f "inproc:leaks"));
      ("a broker", cases with_broker);
    ]
