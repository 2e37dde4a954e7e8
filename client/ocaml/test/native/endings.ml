(* Programs that end in an unusual way; endings_test.ml runs each of them:

     endings.exe SCENARIO URL

   They print "ready" when something may be done to them. *)

open Mycelium_native
open Mycelium_protocol

let ok = function
  | Ok value -> value
  | Error why ->
      prerr_endline (Error.to_string why);
      exit 9

let schema = Mycelium_protocol.schema
let connect url = ok (Client.connect ~url ~schema ())

let until condition =
  while not (condition ()) do
    Thread.delay 0.001
  done

let ready () = print_endline "ready"

let handler_runs client f =
  let runs = Atomic.make false in
  ignore
    (ok
       (Client.subscribe client Question.t (fun _ _ ->
            Atomic.set runs true;
            f ())));
  ok (Client.publish client Question.t { text = "" });
  until (fun () -> Atomic.get runs)

let rec for_ever () =
  ignore (Sys.opaque_identity (ref 0));
  for_ever ()

(* What waits is ended by Ctrl-C. *)
let interrupted f =
  Sys.catch_break true;
  match
    ready ();
    f ()
  with
  | _ -> print_endline "it has ended by itself"
  | exception Sys.Break -> print_endline "interrupted"

let hold_back client =
  let policy = { Policy.lossless with queue_bytes_max = 4096 } in
  ignore
    (ok
       (Client.subscribe_bytes client ~policy ~type_id:9 (fun _ ->
            Thread.delay 1000.)))

let publish_until_closed client () =
  let payload = String.make 1000 'x' in
  let rec publish () =
    match Client.publish_bytes client ~type_id:9 payload with
    | Ok () -> publish ()
    | Error { cause = Cancelled; _ } -> ()
    | Error why -> ok (Error why)
  in
  publish ()

let scenarios =
  [
    ("exit-beside-a-busy-handler", fun url -> handler_runs (connect url) for_ever);
    ( "exit-beside-a-handler-that-waits-for-main",
      fun url ->
        let mutex = Mutex.create () in
        Mutex.lock mutex;
        handler_runs (connect url) (fun () -> Mutex.lock mutex) );
    ( "exit-within-a-handler",
      fun url ->
        handler_runs (connect url) (fun () -> exit 0);
        Thread.delay 1000. );
    ( "exit-within-a-callback",
      fun url ->
        let client = connect url in
        ok
          (Client.publish_acked client Question.t { text = "" } (fun _ ->
               exit 0));
        Thread.delay 1000. );
    ( "exit-publishes-what-is-queued",
      fun url ->
        let client = connect url in
        for number = 1 to 1000 do
          ok (Client.publish client Question.t { text = string_of_int number })
        done );
    ( "exit-beside-threads-that-publish",
      fun url ->
        let client = connect url in
        for _ = 1 to 3 do
          ignore (Thread.create (publish_until_closed client) ())
        done;
        handler_runs client ignore );
    ( "close-beside-threads-that-publish",
      fun url ->
        let client = connect url in
        let publish = publish_until_closed client in
        let threads = List.init 3 (fun _ -> Thread.create publish ()) in
        handler_runs client ignore;
        Client.close client;
        List.iter Thread.join threads );
    ( "interrupt-next",
      fun url ->
        let pulled = ok (Client.pull (connect url) Question.t) in
        interrupted (fun () -> Client.next pulled) );
    ( "interrupt-publish",
      fun url ->
        let client = connect url in
        hold_back client;
        interrupted (publish_until_closed client) );
    ( "interrupt-request",
      fun url ->
        let client = connect url in
        let kept = ref [] in
        ignore
          (ok
             (Client.respond_later client Question.t Answer.t (fun _ r ->
                  kept := r :: !kept)));
        interrupted (fun () ->
            Client.request client Question.t Answer.t { text = "" });
        ignore (Sys.opaque_identity !kept) );
    ( "interrupt-close",
      fun url ->
        let client = connect url in
        handler_runs client for_ever;
        interrupted (fun () -> Client.close client) );
    ( "interrupt-unsubscribe",
      fun url ->
        let client = connect url in
        let runs = Atomic.make false in
        let subscription =
          ok
            (Client.subscribe client Question.t (fun _ _ ->
                 Atomic.set runs true;
                 for_ever ()))
        in
        ok (Client.publish client Question.t { text = "" });
        until (fun () -> Atomic.get runs);
        interrupted (fun () -> Client.unsubscribe subscription) );
    ( "collect-everything",
      fun url ->
        for _ = 1 to 200 do
          let client = connect url in
          let pulled = ok (Client.pull client Question.t) in
          ignore
            (ok (Client.respond_later client Question.t Answer.t (fun _ _ -> ())));
          ignore
            (ok
               (Client.request_async client Question.t Answer.t { text = "" }
                  ignore));
          ok (Client.publish client Question.t { text = "" });
          ignore (Client.next ~timeout_s:10. pulled);
          Client.close client;
          Gc.compact ()
        done );
    ( "fork",
      fun url ->
        let client = connect url in
        handler_runs client ignore;
        match Unix.fork () with
        | 0 ->
            (match Client.publish client Question.t { text = "" } with
            | Error { cause = Failed_precondition; _ } -> ()
            | Ok () -> exit 8
            | Error why -> ok (Error why));
            let own = connect url in
            handler_runs own ignore;
            Client.close own;
            exit 0
        | child ->
            if snd (Unix.waitpid [] child) <> WEXITED 0 then exit 8;
            Client.close client );
  ]

let () =
  let scenario = List.assoc Sys.argv.(1) scenarios in
  scenario Sys.argv.(2);
  print_endline "end"
