(* What the engine does over a session and over several, against a broker in the
   test's hands. *)

open Mycelium_engine
open Fake_broker
module Control = Mycelium_control

let strings where = Alcotest.(check (list string)) where
let int where = Alcotest.(check int) where
let test name f = Alcotest.test_case name `Quick f

let kinds frames = List.map (fun { kind; _ } -> Frame.name kind) frames

let publish_some t payloads =
  List.iter
    (fun payload ->
      match Engine.publish t ~type_id:7 ~topic:"" payload with
      | Ok () -> ()
      | Error { why; _ } -> Alcotest.fail (Error.to_string why))
    payloads

let published frames =
  List.filter_map
    (fun { kind; id; body; _ } ->
      if kind = Publish then Some (Printf.sprintf "%d:%s" id body) else None)
    frames

let note notes name value = notes := (name ^ " " ^ result value) :: !notes

(* --- Greeting ------------------------------------------------------------- *)

let greets_with_what_the_last_welcome_said () =
  let t = opened ~welcome:(welcome ~epoch:9L ~session_id:4 ()) () in
  Engine.lost t ~now "cut";
  Engine.dialed t ~now ~greeting_deadline:infinity;
  match sent t with
  | [ { kind = Hello; body; id; _ } ] -> (
      int "its id" (Int64.to_int Frame.hello_id) id;
      match Control.Hello.decode body with
      | Ok { last_epoch; last_session_id; instance_id; _ } ->
          Alcotest.(check int64) "epoch" 9L last_epoch;
          int "session" 4 last_session_id;
          Alcotest.(check string) "instance" config.instance_id instance_id
      | Error why -> Alcotest.fail (Mycelium_wire.Error.to_string why))
  | frames -> Alcotest.failf "sent %s" (String.concat " " (kinds frames))

let a_refusal_is_the_error_of_connecting () =
  let t = Engine.make config in
  Engine.dialed t ~now ~greeting_deadline:infinity;
  feed t (close CODE_SCHEMA "schema: chat.A.b is string here");
  Alcotest.(check (option string))
    "why"
    (Some
       "connect unix:/test: refused by the broker: schema: chat.A.b is string \
        here (CODE_SCHEMA) (failed precondition)")
    (Option.map Error.to_string (Engine.ended t))

let no_welcome_in_time_is_an_error () =
  let t = Engine.make config in
  Engine.dialed t ~now ~greeting_deadline:(now +. 5.);
  Engine.tick t ~now:(now +. 4.9) ~is_reading:true;
  Alcotest.(check bool) "not yet" true (Engine.ended t = None);
  Engine.tick t ~now:(now +. 5.) ~is_reading:true;
  match Engine.ended t with
  | Some { cause = Deadline_exceeded; _ } -> ()
  | Some why -> Alcotest.fail (Error.to_string why)
  | None -> Alcotest.fail "it goes on"

(* --- Subscriptions -------------------------------------------------------- *)

let options_of start =
  Result.get_ok
    (Arguments.subscription ~type_id:7 ~topic_filter:""
       ~policy:Policy.balanced ~group:"" ~start ~responder:false)

let frames_go_to_all_who_take_them () =
  let t = opened () in
  ignore (subscribe t ~type_id:7 "all of 7");
  ignore (subscribe t ~type_id:0 ~topic_filter:"a.*" "a.*");
  ignore (subscribe t ~type_id:8 "8");
  feed t (publish ~type_id:7 ~sequence:1 ~topic:"a.b" "x");
  feed t (publish ~type_id:7 ~sequence:2 "y");
  strings "events"
    [ "all of 7: 7/a.b #1 x"; "a.*: 7/a.b #1 x"; "all of 7: 7/ #2 y" ]
    (events t)

let an_addressee_gets_its_frames_alone () =
  let t = opened () in
  let shared = subscribe t ~type_id:7 "shared" in
  let folded = subscribe t ~type_id:7 ~policy:Policy.latest "folded" in
  feed t (publish ~type_id:7 ~sequence:1 "for shared");
  feed t (addressee folded.id);
  feed t (publish ~type_id:7 ~sequence:1 "for folded");
  feed t (addressee shared.id);
  feed t (publish ~type_id:7 ~sequence:1 "history");
  feed t (addressee 99);
  feed t (publish ~type_id:7 ~sequence:2 "for nobody");
  feed t (addressee 0);
  feed t (publish ~type_id:7 ~sequence:2 "for shared");
  strings "events"
    [
      "shared: 7/ #1 for shared";
      "folded: 7/ #1 for folded";
      "shared: 7/ #1 history";
      "shared: 7/ #2 for shared";
    ]
    (events t)

let what_was_queued_before_is_not_for_it () =
  let t = opened () in
  let options = options_of Now in
  let entry, _ = Engine.subscribe t options "late" ignore in
  feed t (publish ~type_id:7 ~sequence:4 "before SUBSCRIBED");
  let request = (List.hd (sent t)).id in
  feed t (subscribed ~request entry.id ~starts:[ (7, 5) ]);
  feed t (publish ~type_id:7 ~sequence:5 "queued before");
  feed t (publish ~type_id:7 ~sequence:6 "its first");
  strings "events" [ "late: 7/ #6 its first" ] (events t)

let a_gap_is_told_in_its_place_and_covers_what_still_comes () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 "s" in
  feed t (publish ~type_id:7 ~sequence:1 "a");
  feed t (gap ~subscription_id:entry.id [ (7, 3, 2, 4) ]);
  feed t (publish ~type_id:7 ~sequence:4 "for another");
  feed t (publish ~type_id:7 ~sequence:5 "b");
  strings "events"
    [
      "s: 7/ #1 a";
      "s: gap 3 frames of type 7, 2 to 4 (overflow)";
      "s: 7/ #5 b";
    ]
    (events t);
  int "missed" 3 (Engine.counters t).frames_missed

let nothing_comes_after_unsubscribe () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 "s" in
  Engine.unsubscribe t entry;
  Engine.unsubscribe t entry;
  strings "sent" [ "UNSUBSCRIBE" ] (kinds (sent t));
  feed t (publish ~type_id:7 ~sequence:1 "late");
  feed t (gap ~subscription_id:entry.id [ (7, 1, 2, 2) ]);
  strings "events" [] (events t)

let a_subscription_that_was_given_up_is_unsubscribed () =
  let t = opened () in
  let options = options_of Now in
  let notes = ref [] in
  let entry, ticket = Engine.subscribe t options "s" (note notes "s") in
  let request = (List.hd (sent t)).id in
  Engine.give_up t ticket;
  feed t (subscribed ~request entry.id);
  strings "sent" [ "UNSUBSCRIBE" ] (kinds (sent t));
  strings "told" [] !notes

let a_refused_subscription_says_why () =
  let t = opened () in
  let options = options_of (Last 1) in
  let notes = ref [] in
  let entry, _ = Engine.subscribe t options "s" (note notes "s") in
  let request = (List.hd (sent t)).id in
  feed t (subscribed ~code:CODE_INVALID_ARGUMENT ~request entry.id);
  strings "told"
    [ "s subscribe: because (CODE_INVALID_ARGUMENT) (invalid argument)" ]
    !notes

let frames_larger_than_a_read_are_put_together () =
  let t = opened () in
  ignore (subscribe t ~type_id:7 "s");
  let large = String.init 1_000_000 (fun i -> Char.chr (i * 7 land 255)) in
  let stream =
    String.concat ""
      [
        publish ~type_id:7 ~sequence:1 "before";
        publish ~type_id:7 ~sequence:2 large;
        publish ~type_id:7 ~sequence:3 (String.make 70_000 'x');
        publish ~type_id:7 ~sequence:4 "after";
      ]
  in
  let rec pieces first =
    if first < String.length stream then begin
      let bytes = min 65_536 (String.length stream - first) in
      feed t (String.sub stream first bytes);
      pieces (first + bytes)
    end
  in
  pieces 0;
  strings "all"
    [
      "s: 7/ #1 before";
      "s: 7/ #2 " ^ large;
      "s: 7/ #3 " ^ String.make 70_000 'x';
      "s: 7/ #4 after";
    ]
    (events t)

(* --- Groups --------------------------------------------------------------- *)

let acked frames =
  List.filter_map
    (fun { kind; body; _ } ->
      if kind <> Ack then None
      else Some (Int64.to_int (Result.get_ok (Control.Ack.decode body)).frames))
    frames

let message received = Item.Message received

let received =
  {
    Received.type_id = 7;
    topic = "";
    payload = "";
    sequence = 1;
    redelivered = false;
  }

let a_member_acknowledges_what_it_has_done_with () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 ~group:"g" "member" in
  feed t (addressee entry.id);
  List.iter
    (fun sequence -> feed t (publish ~type_id:7 ~sequence "x"))
    [ 1; 2; 3 ];
  feed t (publish ~redelivered:true ~type_id:7 ~sequence:4 "y");
  int "given" 4 (List.length (events t));
  Engine.done_with t entry (message received) ~idle:false;
  Engine.done_with t entry (message received) ~idle:false;
  Alcotest.(check (list int)) "not yet" [] (acked (sent t));
  Engine.done_with t entry (message received) ~idle:true;
  Alcotest.(check (list int)) "three" [ 3 ] (acked (sent t));
  Engine.done_with t entry (message received) ~idle:false;
  Engine.unsubscribe t entry;
  let frames = sent t in
  Alcotest.(check (list int)) "the last" [ 4 ] (acked frames);
  strings "before it leaves" [ "ACK"; "UNSUBSCRIBE" ] (kinds frames)

let what_another_connection_brought_is_not_acknowledged () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 ~group:"g" "member" in
  feed t (addressee entry.id);
  feed t (publish ~type_id:7 ~sequence:1 "x");
  feed t (publish ~type_id:7 ~sequence:2 "x");
  Engine.lost t ~now "cut";
  connected_again t (welcome ~resumed:0 ~session_id:2 ());
  let request = (List.hd (sent t)).id in
  feed t (subscribed ~request entry.id);
  feed t (addressee entry.id);
  feed t (publish ~redelivered:true ~type_id:7 ~sequence:1 "x");
  Engine.done_with t entry (message received) ~idle:true;
  Engine.done_with t entry (message received) ~idle:true;
  Alcotest.(check (list int)) "of before" [] (acked (sent t));
  Engine.done_with t entry (message received) ~idle:true;
  Alcotest.(check (list int)) "of now" [ 1 ] (acked (sent t))

(* --- Publishing ----------------------------------------------------------- *)

let hold_stops_a_type_and_no_other () =
  let t = opened () in
  feed t (hold ~by:"recorder" 7);
  (match Engine.publish t ~type_id:7 ~topic:"" "x" with
  | Error { is_final = false; why } ->
      Alcotest.(check string)
        "why"
        "publish: would block, type 7 is held back by session 12 (recorder) \
         (unavailable)"
        (Error.to_string why)
  | Error { is_final = true; _ } | Ok () -> Alcotest.fail "not held");
  Alcotest.(check bool)
    "another" true
    (Engine.publish t ~type_id:8 ~topic:"" "x" = Ok ());
  feed t (hold 0);
  feed t (release 7);
  Alcotest.(check bool)
    "all" false
    (Engine.publish t ~type_id:8 ~topic:"" "" = Ok ());
  feed t (release 0);
  publish_some t [ "y" ];
  match events t with
  | [ stalled; _; connected ] ->
      Alcotest.(check bool)
        "stalled" true
        (String.starts_with ~prefix:"stalled: publish" stalled);
      Alcotest.(check string) "connected" "connected" connected
  | others -> Alcotest.failf "events: %s" (String.concat "; " others)

let what_is_not_accepted_is_bounded () =
  let t = opened ~config:{ config with publish_bytes_max = 100 } () in
  publish_some t [ String.make 60 'x' ];
  Alcotest.(check bool)
    "full" false
    (Result.is_ok (Engine.publish t ~type_id:7 ~topic:"" (String.make 60 'x')));
  ignore (sent t);
  Alcotest.(check bool)
    "written is not accepted" false
    (Result.is_ok (Engine.publish t ~type_id:7 ~topic:"" (String.make 60 'x')));
  feed t (ack 1);
  publish_some t [ String.make 500 'y' ];
  int "larger than the bound, alone" 2 (Engine.counters t).frames_published

let an_acknowledged_publish_asks_and_is_told () =
  let t = opened () in
  let notes = ref [] in
  let acked name =
    ignore
      (Engine.publish t ~type_id:7 ~topic:""
         ~on_accepted:(note notes name)
         name)
  in
  acked "a";
  acked "b";
  publish_some t [ "c" ];
  let frames = sent t in
  strings "one flush at a time"
    [ "PUBLISH"; "FLUSH"; "PUBLISH"; "PUBLISH" ]
    (kinds frames);
  feed t (flushed (List.nth frames 1).id);
  strings "the first" [ "a ok" ] !notes;
  strings "and again for the rest" [ "FLUSH" ] (kinds (sent t));
  feed t (ack 3);
  strings "all" [ "b ok"; "a ok" ] !notes

let an_ack_of_what_was_not_sent_is_a_fault () =
  let t = opened () in
  publish_some t [ "a" ];
  feed t (ack 1);
  match Engine.ended t with
  | Some { message; _ } ->
      Alcotest.(check string)
        "why"
        "connection to unix:/test lost: ack: publish_id 1, allowed up to 1"
        message;
      Alcotest.(check bool) "CLOSE" true (Engine.farewell t <> "")
  | None -> Alcotest.fail "taken"

(* --- Reconnecting --------------------------------------------------------- *)

let resumed_it_sends_again_what_was_not_accepted () =
  let t = opened () in
  publish_some t [ "a"; "b"; "c" ];
  ignore (sent t);
  feed t (ack 1);
  Engine.lost t ~now "cut";
  publish_some t [ "d" ];
  connected_again t (welcome ~resumed:2 ~session_id:2 ());
  strings "again, with the same ids" [ "3:c"; "4:d" ] (published (sent t));
  feed t (ack 4);
  let { Engine.frames_accepted; frames_resent; reconnects; _ } =
    Engine.counters t
  in
  int "accepted" 4 frames_accepted;
  int "resent" 1 frames_resent;
  int "reconnects" 1 reconnects

let a_new_broker_gets_only_what_was_never_written () =
  let t = opened () in
  let notes = ref [] in
  let acked name =
    ignore
      (Engine.publish t ~type_id:7 ~topic:"t"
         ~on_accepted:(note notes name)
         name)
  in
  acked "a";
  ignore (sent t);
  Engine.lost t ~now "cut";
  acked "b";
  ignore (events t);
  connected_again t (welcome ~epoch:8L ());
  strings "given back" [ "unaccepted 7/t/a?"; "connected" ] (events t);
  strings "told"
    [
      "a publish: written to a broker that did not say that it accepted it \
       (aborted)";
    ]
    !notes;
  strings "sent" [ "2:b" ] (published (sent t));
  feed t (ack 2);
  Alcotest.(check string) "accepted" "b ok" (List.hd !notes)

let a_frame_cut_in_the_middle_was_not_written () =
  let t = opened () in
  publish_some t [ "aaaa"; "bbbb" ];
  ignore (Engine.piece t);
  Engine.wrote t 30;
  Engine.lost t ~now "cut";
  ignore (events t);
  connected_again t (welcome ~epoch:8L ());
  strings "given back" [ "unaccepted 7//aaaa?"; "connected" ] (events t);
  strings "sent" [ "2:bbbb" ] (published (sent t))

(* Its ACK was read before the write was told, which then never was. *)
let what_was_accepted_is_not_sent_again () =
  let t = opened () in
  publish_some t [ "a"; "b" ];
  ignore (Engine.piece t);
  feed t (ack 1);
  Engine.lost t ~now "cut";
  connected_again t (welcome ~resumed:1 ());
  strings "the rest" [ "2:b" ] (published (sent t))

let without_a_callback_the_next_flush_tells () =
  let t = opened ~config:{ config with gives_back = false } () in
  publish_some t [ "a"; "b" ];
  ignore (sent t);
  Engine.lost t ~now "cut";
  connected_again t (welcome ~epoch:8L ());
  let notes = ref [] in
  ignore (Engine.flush t (note notes "flush"));
  let id = (List.hd (List.rev (sent t))).id in
  feed t (flushed id);
  match !notes with
  | [ words ] ->
      Alcotest.(check bool)
        words true
        (String.starts_with ~prefix:"flush flush: 2 frames were written" words)
  | others -> Alcotest.failf "told: %s" (String.concat "; " others)

let the_window_passes () =
  let t = opened ~welcome:(welcome ~window_ms:2000 ()) () in
  publish_some t [ "a" ];
  ignore (sent t);
  Engine.lost t ~now "cut";
  publish_some t [ "b" ];
  ignore (events t);
  Engine.tick t ~now:(now +. 1.9) ~is_reading:true;
  strings "not yet" [] (events t);
  Engine.tick t ~now:(now +. 2.) ~is_reading:true;
  strings "then" [ "unaccepted 7//a?" ] (events t)

let subscriptions_go_on () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 "s" in
  feed t (publish ~type_id:7 ~sequence:1 "a");
  feed t (gap ~subscription_id:entry.id [ (7, 2, 2, 3) ]);
  Engine.lost t ~now "cut";
  ignore (events t);
  connected_again t (welcome ~resumed:0 ~session_id:2 ());
  let request =
    match sent t with
    | [ { kind = Subscribe; id; body; _ } ] -> (
        match Control.Subscribe.decode body with
        | Ok { resume = Some { epoch; frames; session_id; seen }; _ } ->
            Alcotest.(check int64) "epoch" 7L epoch;
            Alcotest.(check int64) "frames" 3L frames;
            int "session" 1 session_id;
            Alcotest.(check bool)
              "seen" true
              (seen = [ { type_id = 7; sequence = 3L } ]);
            id
        | Ok { resume = None; _ } | Error _ -> Alcotest.fail "no resume")
    | frames -> Alcotest.failf "sent %s" (String.concat " " (kinds frames))
  in
  strings "not before SUBSCRIBED" [] (events t);
  feed t (subscribed ~request entry.id);
  feed t
    (gap ~reason:GAP_REASON_RECONNECT ~subscription_id:entry.id
       [ (7, 1, 4, 4) ]);
  feed t (publish ~type_id:7 ~sequence:5 "b");
  strings "then"
    [
      "connected";
      "s: gap 1 frames of type 7, 4 to 4 (reconnect)";
      "s: 7/ #5 b";
    ]
    (events t)

let who_waits_is_asked_for_again_or_told () =
  let t = opened () in
  let notes = ref [] in
  ignore (Engine.flush t (note notes "flush"));
  ignore (Engine.ping t (note notes "ping"));
  let on_end result = note notes "request" (Result.map ignore result) in
  ignore
    (Engine.request t ~type_id:7 ~topic:"" ~deadline:infinity "q" on_end);
  ignore (sent t);
  Engine.lost t ~now "cut";
  strings "told"
    [
      "request connection to unix:/test lost: cut (unavailable)";
      "ping connection to unix:/test lost: cut (unavailable)";
    ]
    !notes;
  connected_again t (welcome ~resumed:0 ());
  let frames = sent t in
  strings "asked again" [ "FLUSH" ] (kinds frames);
  feed t (flushed (List.hd frames).id);
  Alcotest.(check string) "answered" "flush ok" (List.hd !notes)

let attempts_wait_longer_and_longer () =
  let t = opened () in
  let wait () =
    match Engine.wish t with
    | Dial at -> at -. now
    | Keep | Nothing -> Alcotest.fail "no wish to dial"
  in
  Engine.lost t ~now "cut";
  let first = wait () in
  let unreachable = Error.make Unavailable "nobody there" in
  let waits =
    List.init 3 (fun _ ->
        Engine.dial_failed t ~now unreachable;
        wait ())
  in
  Alcotest.(check (list (float 1e-6)))
    "s" [ 0.1; 0.2; 0.4; 0.4 ] (first :: waits);
  connected_again t (welcome ~resumed:0 ());
  Engine.lost t ~now "cut";
  Alcotest.(check (float 1e-6)) "from the beginning" 0.1 (wait ())

let final_closes_end_it () =
  let t = opened () in
  publish_some t [ "a" ];
  ignore (sent t);
  publish_some t [ "b" ];
  feed t (close CODE_SLOW_CONSUMER "too slow");
  strings "events"
    [
      "unaccepted 7//a? 7//b";
      "closed: connection to unix:/test lost: closed by the broker: too slow \
       (CODE_SLOW_CONSUMER) (resource exhausted)";
    ]
    (events t);
  Alcotest.(check bool) "nothing to do" true (Engine.wish t = Nothing)

let silence_is_asked_about_and_then_an_end () =
  let t = opened () in
  Engine.tick t ~now:(now +. 9.9) ~is_reading:true;
  strings "quiet" [] (kinds (sent t));
  Engine.tick t ~now:(now +. 10.) ~is_reading:true;
  strings "asked" [ "PING" ] (kinds (sent t));
  feed ~now:(now +. 11.) t (Frame.control Pong "");
  Engine.tick t ~now:(now +. 21.) ~is_reading:true;
  Engine.tick t ~now:(now +. 31.) ~is_reading:true;
  strings "lost"
    [
      "reconnecting: connection to unix:/test lost: silent for 20000 ms \
       (unavailable)";
    ]
    (events t)

let silence_says_nothing_while_nobody_reads () =
  let t = opened () in
  for beat = 1 to 5 do
    Engine.tick t ~now:(now +. (10. *. float beat)) ~is_reading:false
  done;
  strings "it says that it lives"
    [ "PING"; "PING"; "PING"; "PING"; "PING" ]
    (kinds (sent t));
  Alcotest.(check bool) "open" true (Engine.is_open t)

(* --- Requests ------------------------------------------------------------- *)

let ask t notes ?(deadline = infinity) name =
  let on_end = function
    | Ok { Received.payload; _ } -> notes := (name ^ " " ^ payload) :: !notes
    | Error why -> notes := (name ^ " " ^ Error.to_string why) :: !notes
  in
  match Engine.request t ~type_id:7 ~topic:"" ~deadline name on_end with
  | Ok call -> call
  | Error { why; _ } -> Alcotest.fail (Error.to_string why)

let reply_to t kind id payload =
  feed t (Frame.data kind ~type_id:8 ~topic:"" ~id:(Int64.of_int id) payload)

let a_request_ends_once () =
  let t = opened () in
  let notes = ref [] in
  ignore (ask t notes "a");
  let b = ask t notes "b" in
  ignore (ask t notes ~deadline:(now +. 1.) "c");
  ignore (ask t notes "d");
  let ids = List.map (fun { id; _ } -> id) (sent t) in
  reply_to t Reply (List.nth ids 0) "answer";
  reply_to t Reply (List.nth ids 0) "again";
  Engine.cancel t b (Error.make Cancelled "request: cancelled");
  Engine.tick t ~now:(now +. 1.) ~is_reading:true;
  reply_to t Reply (List.nth ids 2) "late";
  reply_to t Error_reply (List.nth ids 3)
    Control.RequestError.(encode (make ~status:5 ~message:"nobody" ()));
  strings "cancelled at the broker" [ "CANCEL"; "CANCEL" ] (kinds (sent t));
  strings "ends"
    [
      "a answer";
      "b request: cancelled (cancelled)";
      "c request: no answer before the deadline (deadline exceeded)";
      "d nobody (not found)";
    ]
    (List.rev !notes);
  int "late" 2 (Engine.counters t).replies_late

let take_asked t =
  match Engine.next_event t with
  | Some (Asked (_, received, asked)) -> (received, asked)
  | Some _ | None -> Alcotest.fail "nobody asks"

let a_responder_answers_once () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 ~responder:true "r" in
  let id = Int64.(logor 5L (shift_left 0xffffffffL 32)) in
  feed t (addressee entry.id);
  feed t (Frame.data Request ~type_id:7 ~topic:"t" ~id "q");
  let received, asked = take_asked t in
  Alcotest.(check string) "topic" "t" received.topic;
  let reply () = result (Engine.reply t asked ~type_id:8 "a") in
  Alcotest.(check string) "once" "ok" (reply ());
  Alcotest.(check bool) "not twice" true (reply () <> "ok");
  match sent t with
  | [ { kind = Reply; body = "a"; type_id = 8; id = answered; _ } ] ->
      int "to whom it came from" (Int64.to_int id) answered
  | frames -> Alcotest.failf "sent %s" (String.concat " " (kinds frames))

let a_cancelled_request_is_not_begun () =
  let t = opened () in
  let entry = subscribe t ~type_id:7 ~responder:true "r" in
  feed t (addressee entry.id);
  feed t (Frame.data Request ~type_id:7 ~topic:"" ~id:9L "q");
  feed t (Frame.control Cancel ~id:9 "");
  let _, asked = take_asked t in
  Alcotest.(check bool) "begun" false (Engine.begin_answer t asked);
  strings "the broker is told" [ "ERROR_REPLY" ] (kinds (sent t))

(* --- The end -------------------------------------------------------------- *)

let closing_tells_everybody_and_the_broker () =
  let t = opened () in
  let notes = ref [] in
  ignore (Engine.ping t (note notes "ping"));
  publish_some t [ "a" ];
  ignore (sent t);
  Engine.begin_close t;
  strings "told" [ "ping client: closed by its owner (cancelled)" ] !notes;
  let frames = sent t in
  strings "asks for the last ack" [ "FLUSH" ] (kinds frames);
  Alcotest.(check bool) "not settled" false (Engine.is_settled t);
  feed t (flushed (List.hd frames).id);
  Alcotest.(check bool) "settled" true (Engine.is_settled t);
  Engine.say_goodbye t;
  strings "goodbye" [ "CLOSE" ] (kinds (sent t));
  Engine.end_close t;
  strings "no events" [] (events t);
  match Engine.publish t ~type_id:7 ~topic:"" "x" with
  | Error { is_final = true; why = { cause = Cancelled; _ } } -> ()
  | Error _ | Ok () -> Alcotest.fail "still taken"

let () =
  Alcotest.run "session"
    [
      ( "greeting",
        [
          test "HELLO says which WELCOME was read last"
            greets_with_what_the_last_welcome_said;
          test "a refusal is the error" a_refusal_is_the_error_of_connecting;
          test "no WELCOME in time" no_welcome_in_time_is_an_error;
        ] );
      ( "subscriptions",
        [
          test "all who take a frame get it" frames_go_to_all_who_take_them;
          test "an addressee gets its own" an_addressee_gets_its_frames_alone;
          test "starts" what_was_queued_before_is_not_for_it;
          test "gaps" a_gap_is_told_in_its_place_and_covers_what_still_comes;
          test "unsubscribe" nothing_comes_after_unsubscribe;
          test "large frames" frames_larger_than_a_read_are_put_together;
          test "given up" a_subscription_that_was_given_up_is_unsubscribed;
          test "refused" a_refused_subscription_says_why;
        ] );
      ( "groups",
        [
          test "done with" a_member_acknowledges_what_it_has_done_with;
          test "another connection"
            what_another_connection_brought_is_not_acknowledged;
        ] );
      ( "publishing",
        [
          test "HOLD" hold_stops_a_type_and_no_other;
          test "bounded" what_is_not_accepted_is_bounded;
          test "acknowledged" an_acknowledged_publish_asks_and_is_told;
          test "an ACK that cannot be" an_ack_of_what_was_not_sent_is_a_fault;
        ] );
      ( "reconnecting",
        [
          test "resumed" resumed_it_sends_again_what_was_not_accepted;
          test "another broker" a_new_broker_gets_only_what_was_never_written;
          test "half a frame" a_frame_cut_in_the_middle_was_not_written;
          test "accepted before written"
            what_was_accepted_is_not_sent_again;
          test "no callback" without_a_callback_the_next_flush_tells;
          test "the window passes" the_window_passes;
          test "subscriptions go on" subscriptions_go_on;
          test "who waits" who_waits_is_asked_for_again_or_told;
          test "backoff" attempts_wait_longer_and_longer;
          test "final" final_closes_end_it;
          test "silence" silence_is_asked_about_and_then_an_end;
          test "not reading" silence_says_nothing_while_nobody_reads;
        ] );
      ( "requests",
        [
          test "ends once" a_request_ends_once;
          test "answered once" a_responder_answers_once;
          test "cancelled before it begins" a_cancelled_request_is_not_begun;
        ] );
      ("the end", [ test "closing" closing_tells_everybody_and_the_broker ]);
    ]
