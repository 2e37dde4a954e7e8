(* A broker that is killed, and one that comes back. *)

open Mycelium

let test name f = Alcotest.test_case name `Quick f
let string where = Alcotest.(check string) where

let ok = function
  | Ok value -> value
  | Error why -> Alcotest.fail (Error.to_string why)

let cause where expected = function
  | Ok _ -> Alcotest.failf "%s: ok" where
  | Error ({ Error.cause; _ } as why) ->
      if cause <> expected then
        Alcotest.failf "%s: %s" where (Error.to_string why)

(* A client, and the states that it has told, the last one foremost. *)
let with_client ?reconnect ?on_unaccepted ?publish_bytes_max url f =
  let states = ref [] in
  let on_state state = states := state :: !states in
  let client =
    ok
      (Client.connect ~url ?reconnect ~reconnect_min_s:0.01
         ~reconnect_max_s:0.05 ?publish_bytes_max ~on_state ?on_unaccepted ())
  in
  Fun.protect
    (fun () -> f client states)
    ~finally:(fun () -> Client.close client)

let is_reconnecting states () =
  match !states with Client.Reconnecting _ :: _ -> true | _ -> false

let is_connected states () =
  match !states with Client.Connected :: _ -> true | _ -> false

let on_each_carrier ?config f () =
  Broker.with_broker ?config (fun broker ->
      List.iter (fun (_, url) -> f broker url) (Broker.urls broker))

let both_outlive_their_broker broker url =
  with_client url (fun publisher publisher_states ->
      with_client url (fun subscriber states ->
          let items = ref [] in
          ignore
            (ok
               (Client.subscribe_bytes subscriber ~type_id:8
                  ~on_gap:(fun gap ->
                    items := Format.asprintf "%a" Gap.pp gap :: !items)
                  (fun { payload; _ } -> items := payload :: !items)));
          ok (Client.publish_bytes publisher ~type_id:8 "before");
          Broker.until "before" (fun () -> List.length !items = 1);
          (* The broker's ACK has been read. *)
          ok (Client.flush publisher);
          let epoch = (Client.broker subscriber).epoch in
          Broker.kill broker;
          Broker.until "lost" (is_reconnecting states);
          Broker.until "lost" (is_reconnecting publisher_states);
          ok (Client.publish_bytes publisher ~type_id:8 "meanwhile");
          cause "flush waits for a connection" Deadline_exceeded
            (Client.flush ~timeout_s:0.05 publisher);
          cause "ping does not" Unavailable (Client.ping publisher);
          Broker.restart broker;
          Broker.until "again" (is_connected states);
          Broker.until "again" (is_connected publisher_states);
          Alcotest.(check bool)
            "another" true
            (epoch <> (Client.broker subscriber).epoch);
          ok (Client.publish_bytes publisher ~type_id:8 "after");
          ok (Client.flush publisher);
          Broker.until "after" (fun () -> List.mem "after" !items);
          let gaps =
            List.filter (fun item -> String.length item > 10) !items
          in
          Alcotest.(check bool)
            (String.concat "; " !items)
            true
            (List.length gaps = 1
            && String.length (List.hd gaps) > 0
            && List.mem "before" !items);
          Alcotest.(check int)
            "reconnects" 1
            (Client.counters subscriber).reconnects))

(* However it is cut, each frame is accepted, or given back. *)
let what_was_not_accepted_is_given_back broker url =
  let given_back = ref [] and mutex = Mutex.create () in
  let on_unaccepted frames =
    Mutex.lock mutex;
    given_back := frames @ !given_back;
    Mutex.unlock mutex
  in
  with_client ~on_unaccepted url (fun client states ->
      let ends = Hashtbl.create 1000 in
      let note number result =
        Mutex.lock mutex;
        Hashtbl.add ends number result;
        Mutex.unlock mutex
      in
      let published = ref 0 in
      let publish () =
        incr published;
        let number = !published in
        match
          Client.publish_acked_bytes ~timeout_s:20. client ~type_id:7
            (string_of_int number) (note number)
        with
        | Ok () -> ()
        | Error why -> Alcotest.fail (Error.to_string why)
      in
      for _ = 1 to 3 do
        for _ = 1 to 2000 do
          publish ()
        done;
        Broker.kill broker;
        Broker.until "lost" (is_reconnecting states);
        Broker.restart broker;
        Broker.until "again" (is_connected states)
      done;
      publish ();
      ok (Client.flush client);
      Broker.until "all are told" (fun () -> Hashtbl.length ends = !published);
      let maybe = List.map (fun frame -> frame.Client.payload) !given_back in
      List.iter
        (fun frame ->
          Alcotest.(check bool) "maybe" true frame.Client.maybe_accepted)
        !given_back;
      for number = 1 to !published do
        match Hashtbl.find_all ends number with
        | [ Ok () ] ->
            Alcotest.(check bool)
              "accepted" false
              (List.mem (string_of_int number) maybe)
        | [ Error { cause = Aborted; _ } ] ->
            Alcotest.(check bool)
              "given back" true
              (List.mem (string_of_int number) maybe)
        | [ Error why ] -> Alcotest.fail (Error.to_string why)
        | others -> Alcotest.failf "told %d times" (List.length others)
      done)

let a_publisher_waits_for_room_while_there_is_no_broker broker url =
  with_client ~publish_bytes_max:10_000 url (fun client states ->
      Broker.kill broker;
      Broker.until "lost" (is_reconnecting states);
      let payload = String.make 1000 'x' in
      let rec fill count =
        match Client.try_publish_bytes client ~type_id:7 payload with
        | Ok () -> fill (count + 1)
        | Error why ->
            cause "full" Unavailable (Error why);
            count
      in
      Alcotest.(check int) "bounded" 9 (fill 0);
      cause "waits" Deadline_exceeded
        (Client.publish_bytes ~timeout_s:0.05 client ~type_id:7 payload);
      let publisher =
        Thread.create
          (fun () -> ok (Client.publish_bytes client ~type_id:7 payload))
          ()
      in
      Broker.restart broker;
      Thread.join publisher;
      ok (Client.flush client);
      Alcotest.(check int)
        "all" 10
        (Client.counters client).frames_accepted)

let without_reconnect_it_ends broker url =
  with_client ~reconnect:false url (fun client states ->
      let pulled = ok (Client.pull_bytes client ~type_id:7) in
      let blocked = ref None in
      let waiter =
        Thread.create (fun () -> blocked := Some (Client.next pulled)) ()
      in
      Broker.kill broker;
      Broker.until "closed" (fun () ->
          match !states with Closed _ :: _ -> true | _ -> false);
      Thread.join waiter;
      cause "next" Unavailable (Option.get !blocked);
      cause "publish" Unavailable (Client.publish_bytes client ~type_id:7 "");
      (match Client.flush client with
      | Error { message; _ } ->
          string "words"
            ("connection to " ^ url
           ^ " lost: end of the stream without CLOSE")
            message
      | Ok () -> Alcotest.fail "flushed");
      Broker.restart broker)

(* The same instance on another connection ends the first, for good. *)
let taken_over _ url =
  let instance_id = String.init 16 Char.chr in
  let closed = ref None in
  let on_state = function
    | Client.Closed why -> closed := Some why
    | Connected | Stalled _ | Reconnecting _ -> ()
  in
  let first = ok (Client.connect ~url ~instance_id ~on_state ()) in
  let second = ok (Client.connect ~url ~instance_id ()) in
  Broker.until "the first is closed" (fun () -> !closed <> None);
  cause "why" Unavailable (Error (Option.get !closed));
  ok (Client.flush second);
  Client.close first;
  Client.close second

let closing_while_there_is_no_broker broker url =
  let given_back = ref 0 in
  let on_unaccepted frames = given_back := !given_back + List.length frames in
  with_client ~on_unaccepted url (fun client states ->
      Broker.kill broker;
      Broker.until "lost" (is_reconnecting states);
      for _ = 1 to 5 do
        ok (Client.publish_bytes client ~type_id:7 "x")
      done;
      let flusher = ref None in
      let thread =
        Thread.create (fun () -> flusher := Some (Client.flush client)) ()
      in
      Client.close client;
      Thread.join thread;
      cause "flush" Cancelled (Option.get !flusher);
      Alcotest.(check int) "given back" 5 !given_back;
      Broker.restart broker)

let () =
  let each name f = test name (on_each_carrier f) in
  Alcotest.run "reconnect"
    [
      ( "reconnect",
        [
          each "both outlive it" both_outlive_their_broker;
          each "given back" what_was_not_accepted_is_given_back;
          each "room" a_publisher_waits_for_room_while_there_is_no_broker;
          each "without" without_reconnect_it_ends;
          each "taken over" taken_over;
          each "closing" closing_while_there_is_no_broker;
        ] );
    ]
