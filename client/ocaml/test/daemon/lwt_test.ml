(* The client for Lwt against the real broker. *)

open Lwt.Infix
open Mycelium
open Mycelium_protocol
module Client = Mycelium_lwt.Client

let test name f = Alcotest.test_case name `Quick f
let string where = Alcotest.(check string) where
let int where = Alcotest.(check int) where

let ok_of = function
  | Ok value -> value
  | Error why -> Alcotest.fail (Error.to_string why)

let ok promise = promise >|= ok_of

let cause where expected promise =
  promise >|= function
  | Ok _ -> Alcotest.failf "%s: ok" where
  | Error ({ Error.cause; _ } as why) ->
      if cause <> expected then
        Alcotest.failf "%s: %s" where (Error.to_string why)

let schema = Mycelium_protocol.schema
let deadline_s = 30.

let until what condition =
  let rec look () =
    if condition () then Lwt.return_unit else Lwt_unix.sleep 0.001 >>= look
  in
  Lwt.pick
    [
      look ();
      (Lwt_unix.sleep deadline_s >>= fun () -> Alcotest.failf "not: %s" what);
    ]

let with_client ?on_state ?on_unaccepted ?publish_bytes_max url f =
  ok
    (Client.connect ~url ~schema ~reconnect_min_s:0.01 ~reconnect_max_s:0.05
       ?publish_bytes_max ?on_state ?on_unaccepted ())
  >>= fun client ->
  Lwt.finalize (fun () -> f client) (fun () -> Client.close client)

let on_each_carrier ?config f () =
  Broker.with_broker ?config (fun broker ->
      List.iter
        (fun (_, url) -> Lwt_main.run (f broker url))
        (Broker.urls broker))

let rec repeat from last f =
  if from > last then Lwt.return_unit
  else f from >>= fun () -> repeat (from + 1) last f

(* --- Messages ------------------------------------------------------------- *)

let messages_come_in_order _ url =
  with_client url (fun subscriber ->
      with_client url (fun publisher ->
          let seen = ref [] and count = 20_000 in
          ok
            (Client.subscribe ~policy:Policy.lossless subscriber Question.t
               (fun { text } _ ->
                 let number = int_of_string text in
                 seen := number :: !seen;
                 (* Some take longer than others. *)
                 if number mod 1000 = 0 then Lwt.pause () else Lwt.return_unit))
          >>= fun subscription ->
          repeat 1 count (fun number ->
              ok
                (Client.publish publisher Question.t
                   { text = string_of_int number }))
          >>= fun () ->
          ok (Client.flush publisher) >>= fun () ->
          until "all" (fun () -> List.compare_length_with !seen count = 0)
          >>= fun () ->
          Alcotest.(check bool)
            "in order" true
            (List.rev !seen = List.init count succ);
          Client.unsubscribe subscription))

(* A handler's promise holds back what comes behind it. *)
let a_slow_handler_holds_back_and_loses_nothing _ url =
  with_client url (fun subscriber ->
      with_client url (fun publisher ->
          let let_go, resolver = Lwt.wait () in
          let frames = ref 0 in
          let policy = { Policy.lossless with queue_bytes_max = 1 lsl 20 } in
          ok
            (Client.subscribe_bytes ~policy subscriber ~type_id:9 (fun _ ->
                 incr frames;
                 if !frames = 1 then let_go else Lwt.return_unit))
          >>= fun _ ->
          let payload = String.make 1000 'x' in
          let rec publish count =
            Client.publish_bytes ~timeout_s:0.2 publisher ~type_id:9 payload
            >>= function
            | Ok () -> publish (count + 1)
            | Error { cause = Deadline_exceeded; _ } -> Lwt.return count
            | Error why -> Alcotest.fail (Error.to_string why)
          in
          publish 0 >>= fun count ->
          int "one" 1 !frames;
          (match Client.try_publish_bytes publisher ~type_id:9 payload with
          | Error { cause = Unavailable; _ } -> ()
          | Error why -> Alcotest.fail (Error.to_string why)
          | Ok () -> Alcotest.fail "taken");
          ok (Client.ping ~timeout_s:10. subscriber) >>= fun _ ->
          Lwt.wakeup resolver ();
          until "all" (fun () -> !frames = count)))

let pulled _ url =
  with_client url (fun client ->
      ok (Client.pull client Question.t) >>= fun pulled ->
      cause "nothing" Deadline_exceeded (Client.next ~timeout_s:0.01 pulled)
      >>= fun () ->
      ok (Client.publish_acked client Question.t { text = "why" }) >>= fun () ->
      ok (Client.next ~timeout_s:10. pulled) >>= function
      | Gap gap -> Alcotest.failf "%a" Gap.pp gap
      | Message ({ text }, _) ->
          string "text" "why" text;
          let waits = Client.next pulled in
          Client.unsubscribe (Client.subscription pulled) >>= fun () ->
          cause "unsubscribed" Cancelled waits)

let groups _ url =
  with_client url (fun client ->
      let one = ref 0 and two = ref 0 in
      let member count =
        ok
          (Client.subscribe_bytes ~group:"g" client ~type_id:7 (fun _ ->
               incr count;
               Lwt.return_unit))
      in
      member one >>= fun _ ->
      member two >>= fun _ ->
      repeat 1 1000 (fun _ -> ok (Client.publish_bytes client ~type_id:7 "x"))
      >>= fun () ->
      until "all" (fun () -> !one + !two = 1000) >|= fun () ->
      Alcotest.(check bool) "both" true (!one > 0 && !two > 0))

(* --- Errors --------------------------------------------------------------- *)

let errors _ url =
  cause "absent" Unavailable
    (Client.connect ~url:"unix:/var/tmp/nobody-listens-here" ())
  >>= fun () ->
  cause "url" Invalid_argument (Client.connect ~url:"x" ()) >>= fun () ->
  with_client url (fun client ->
      cause "schema" Failed_precondition
        (Client.connect ~url ~schema:Changed.schema ())
      >>= fun () ->
      cause "filter" Invalid_argument
        (Client.pull_bytes ~topic_filter:">.a" client ~type_id:7)
      >>= fun () ->
      cause "history" Invalid_argument
        (Client.pull_bytes ~start:(Last 1) client ~type_id:7))

(* --- Requests ------------------------------------------------------------- *)

let requests _ url =
  with_client url (fun asks ->
      with_client url (fun answers ->
          let never, _ = Lwt.wait () in
          let answer { Question.text } =
            match text with
            | "never" -> never
            | "raise" -> Lwt.fail Not_found
            | text -> Lwt.return (Ok { Answer.text = text ^ "!" })
          in
          let ask ?timeout_s text =
            Client.request ?timeout_s asks Question.t Answer.t
              { Question.text }
          in
          cause "nobody" Not_found (ask "x") >>= fun () ->
          ok (Client.respond answers Question.t Answer.t answer)
          >>= fun responder ->
          repeat 1 200 (fun number ->
              let text = string_of_int number in
              ok (ask text) >|= fun answer ->
              string "answer" (text ^ "!") answer.text)
          >>= fun () ->
          cause "raised" Internal (ask "raise") >>= fun () ->
          cause "late" Deadline_exceeded (ask ~timeout_s:0.05 "never")
          >>= fun () ->
          let cancelled = ask "never" in
          Lwt.cancel cancelled;
          Lwt.catch
            (fun () -> cancelled >|= fun _ -> Alcotest.fail "not cancelled")
            (function Lwt.Canceled -> Lwt.return_unit | error -> Lwt.fail error)
          >>= fun () ->
          ignore responder;
          ok (Client.ping asks) >|= ignore))

(* --- Callbacks ------------------------------------------------------------ *)

let callbacks_may_call_everything _ url =
  with_client url (fun client ->
      let steps = ref [] in
      let subscription = ref None in
      let handler _ =
        ok (Client.flush ~timeout_s:10. client) >>= fun () ->
        ok (Client.publish_bytes client ~type_id:9 "from within") >>= fun () ->
        Client.unsubscribe (Option.get !subscription) >|= fun () ->
        steps := "unsubscribed" :: !steps
      in
      ok (Client.pull_bytes client ~type_id:9) >>= fun pulled ->
      ok (Client.subscribe_bytes client ~type_id:7 handler) >>= fun own ->
      subscription := Some own;
      ok (Client.publish_bytes client ~type_id:7 "1") >>= fun () ->
      ok (Client.publish_bytes client ~type_id:7 "2") >>= fun () ->
      ok (Client.next ~timeout_s:10. pulled) >>= fun _ ->
      until "unsubscribed" (fun () -> !steps <> []) >>= fun () ->
      ok (Client.flush client) >|= fun () ->
      Alcotest.(check (list string)) "once" [ "unsubscribed" ] !steps)

let exceptions_are_printed_and_end_nothing () =
  let printed =
    Broker.stderr_of
      (on_each_carrier (fun _ url ->
           with_client url (fun client ->
               let frames = ref 0 in
               let handler _ =
                 incr frames;
                 if !frames = 1 then raise Not_found
                 else Lwt.pause () >>= fun () -> Lwt.fail Exit
               in
               ok (Client.subscribe_bytes client ~type_id:7 handler)
               >>= fun _ ->
               ok (Client.publish_bytes client ~type_id:7 "a") >>= fun () ->
               ok (Client.publish_bytes client ~type_id:7 "b") >>= fun () ->
               ok (Client.publish_bytes client ~type_id:7 "c") >>= fun () ->
               until "all" (fun () -> !frames = 3))))
  in
  let reports =
    List.filter
      (String.starts_with ~prefix:"mycelium: exception in ")
      (String.split_on_char '\n' printed)
  in
  let of_handler error =
    "mycelium: exception in a subscription's handler: " ^ error
  in
  let once =
    List.map of_handler [ "Not_found"; "Stdlib.Exit"; "Stdlib.Exit" ]
  in
  Alcotest.(check (list string)) "on each carrier" (once @ once) reports

let closing_within_a_callback _ url =
  ok (Client.connect ~url ()) >>= fun client ->
  let frames = ref 0 and closed = ref false in
  ok
    (Client.subscribe_bytes client ~type_id:7 (fun _ ->
         incr frames;
         Client.close client >|= fun () -> closed := true))
  >>= fun _ ->
  repeat 1 100 (fun _ ->
      Client.publish_bytes client ~type_id:7 "" >|= function
      | Ok () | Error { cause = Cancelled; _ } -> ()
      | Error why -> Alcotest.fail (Error.to_string why))
  >>= fun () ->
  until "closed" (fun () -> !closed) >>= fun () ->
  int "one" 1 !frames;
  cause "flush" Cancelled (Client.flush client)

(* --- Reconnecting --------------------------------------------------------- *)

let it_outlives_its_broker broker url =
  let states = ref [] and given_back = ref 0 in
  let on_state state =
    states := state :: !states;
    Lwt.return_unit
  in
  let on_unaccepted frames =
    given_back := !given_back + List.length frames;
    Lwt.return_unit
  in
  let is_reconnecting () =
    match !states with Client.Reconnecting _ :: _ -> true | _ -> false
  in
  let is_connected () =
    match !states with Client.Connected :: _ -> true | _ -> false
  in
  with_client ~on_state ~on_unaccepted url (fun client ->
      ok (Client.pull_bytes client ~type_id:8) >>= fun pulled ->
      ok (Client.publish_acked_bytes client ~type_id:8 "before") >>= fun () ->
      Broker.kill broker;
      until "lost" is_reconnecting >>= fun () ->
      ok (Client.publish_bytes client ~type_id:8 "meanwhile") >>= fun () ->
      let flush = Client.flush client in
      cause "ping" Unavailable (Client.ping client) >>= fun () ->
      Broker.restart broker;
      until "again" is_connected >>= fun () ->
      ok flush >>= fun () ->
      ok (Client.publish_bytes client ~type_id:8 "after") >>= fun () ->
      let rec read gaps =
        ok (Client.next ~timeout_s:10. pulled) >>= function
        | Message ("after", _) -> Lwt.return gaps
        | Message _ -> read gaps
        | Gap { unknown; _ } -> read (unknown :: gaps)
      in
      read [] >|= fun gaps ->
      Alcotest.(check (list bool)) "unknown" [ true ] gaps;
      int "given back" 0 !given_back;
      int "reconnects" 1 (Client.counters client).reconnects)

(* --- Leaks ---------------------------------------------------------------- *)

let nothing_is_left _ url =
  let open_files () = Array.length (Sys.readdir "/proc/self/fd") in
  let once () = with_client url (fun client -> ok (Client.flush client)) in
  once () >>= fun () ->
  let files = open_files () in
  repeat 1 30 (fun _ -> once ()) >>= fun () ->
  until "files are closed" (fun () -> open_files () <= files) >>= fun () ->
  with_client url (fun client ->
      let frames = ref 0 in
      ok
        (Client.subscribe_bytes ~policy:Policy.lossless client ~type_id:7
           (fun _ ->
             incr frames;
             Lwt.return_unit))
      >>= fun _ ->
      let payload = String.make 64 'x' in
      let run count =
        let goal = !frames + count in
        repeat 1 count (fun _ ->
            ok (Client.publish_bytes client ~type_id:7 payload))
        >>= fun () -> until "all" (fun () -> !frames = goal)
      in
      let live () =
        Gc.compact ();
        (Gc.stat ()).live_words * 8
      in
      run 100_000 >>= fun () ->
      let before = live () in
      run 1_000_000 >|= fun () ->
      let more = live () - before in
      if more > 1_000_000 then
        Alcotest.failf "%d bytes more after 1,000,000 messages" more)

let () =
  let each name f = test name (on_each_carrier f) in
  Alcotest.run "lwt"
    [
      ( "lwt",
        [
          each "in order" messages_come_in_order;
          each "a slow handler" a_slow_handler_holds_back_and_loses_nothing;
          each "pulled" pulled;
          each "groups" groups;
          each "errors" errors;
          each "requests" requests;
          each "callbacks" callbacks_may_call_everything;
          test "exceptions" exceptions_are_printed_and_end_nothing;
          each "close within one" closing_within_a_callback;
          each "reconnect" it_outlives_its_broker;
          each "leaks" nothing_is_left;
        ] );
    ]
