(* The client on the C++ core: in process, and over the real broker. *)

open Mycelium_native
open Mycelium_protocol

let test name f = Alcotest.test_case name `Quick f
let int where = Alcotest.(check int) where
let string where = Alcotest.(check string) where
let bool where = Alcotest.(check bool) where

let ok = function
  | Ok value -> value
  | Error why -> Alcotest.fail (Error.to_string why)

let cause where expected = function
  | Ok _ -> Alcotest.failf "%s: ok" where
  | Error ({ Error.cause; _ } as why) ->
      if cause <> expected then
        Alcotest.failf "%s: %s" where (Error.to_string why)

let schema = Mycelium_protocol.schema

let with_client ?schema ?on_state ?on_unaccepted ?publish_bytes_max url f =
  let client =
    ok
      (Client.connect ~url ?schema ?on_state ?on_unaccepted ?publish_bytes_max
         ())
  in
  Fun.protect (fun () -> f client) ~finally:(fun () -> Client.close client)

(* In process, shared and not, and over both sockets. *)
let everywhere f () =
  f "inproc:";
  f "inproc:everywhere";
  Broker.with_broker (fun broker ->
      List.iter (fun (_, url) -> f url) (Broker.urls broker))

(* --- Messages ------------------------------------------------------------- *)

let messages_come_in_order url =
  with_client ~schema url (fun client ->
      let seen = ref [] and count = 20_000 in
      let subscription =
        ok
          (Client.subscribe client ~topic_filter:"rooms.*" TextMessage.t
             (fun message received -> seen := (message, received) :: !seen))
      in
      for number = 1 to count do
        let topic = if number mod 2 = 0 then "rooms.a" else "rooms.b" in
        ok
          (Client.publish ~topic client TextMessage.t
             {
               sender = "o";
               content = string_of_int number;
               timestamp = Int64.of_int number;
             });
        if number mod 100 = 0 then
          ok (Client.publish_bytes ~topic:"other" client ~type_id:1 "")
      done;
      ok (Client.flush client);
      Broker.until "all have come" (fun () -> List.length !seen = count);
      let last, received = List.hd !seen in
      string "topic" "rooms.a" received.topic;
      let _, first = List.nth !seen (count - 1) in
      int "sequences" (count + 198) (received.sequence - first.sequence);
      bool "last" true (last.timestamp = Int64.of_int count);
      let numbers =
        List.rev_map (fun (message, _) -> Int64.to_int message.TextMessage.timestamp)
          !seen
      in
      bool "in order" true (numbers = List.init count succ);
      Client.unsubscribe subscription;
      Client.unsubscribe subscription;
      int "published" (count + 200) (Client.counters client).frames_published)

let pulled_too url =
  with_client ~schema url (fun client ->
      let pulled = ok (Client.pull client Question.t) in
      cause "nothing is there" Deadline_exceeded
        (Client.next ~timeout_s:0.01 pulled);
      ok (Client.publish client Question.t { text = "why" });
      (match ok (Client.next ~timeout_s:10. pulled) with
      | Message ({ text }, _) -> string "text" "why" text
      | Gap gap -> Alcotest.failf "%a" Gap.pp gap);
      (* Another thread waits meanwhile. *)
      let ended = ref None in
      let waiting = Thread.create (fun () -> ended := Some (Client.next pulled)) () in
      Thread.delay 0.01;
      Client.unsubscribe (Client.subscription pulled);
      Thread.join waiting;
      cause "unsubscribed meanwhile" Cancelled (Option.get !ended);
      cause "unsubscribed" Cancelled (Client.next pulled))

let bytes_of_any_size url =
  with_client url (fun client ->
      let pulled = ok (Client.pull_bytes client ~type_id:9) in
      let bytes_max = (Client.broker client).frame_bytes_max in
      let large = String.init bytes_max (fun i -> Char.chr (i land 255)) in
      List.iter
        (fun payload ->
          ok (Client.publish_bytes client ~type_id:9 payload);
          match ok (Client.next ~timeout_s:10. pulled) with
          | Message (value, _) -> bool "the same" true (value = payload)
          | Gap gap -> Alcotest.failf "%a" Gap.pp gap)
        [ ""; large; "x\000y" ];
      cause "too large" Invalid_argument
        (Client.publish_bytes client ~type_id:9 (large ^ "x"));
      cause "no type" Invalid_argument
        (Client.publish_bytes client ~type_id:0 "");
      cause "a NUL" Invalid_argument
        (Client.publish_bytes client ~topic:"a\000b" ~type_id:9 "");
      cause "a wildcard" Invalid_argument
        (Client.publish_bytes client ~topic:"a.*" ~type_id:9 "");
      cause "no schema" Failed_precondition
        (Client.publish client Question.t { text = "" }))

let malformed_is_a_gap url =
  with_client ~schema url (fun client ->
      let gaps = ref [] and messages = ref 0 in
      ignore
        (ok
           (Client.subscribe client
              ~on_gap:(fun gap -> gaps := gap.reason :: !gaps)
              Question.t
              (fun _ _ -> incr messages)));
      ok (Client.publish_bytes client ~type_id:Question.type_id "\xff");
      ok (Client.publish client Question.t { text = "" });
      Broker.until "both" (fun () -> !messages = 1);
      bool "told" true (!gaps = [ Malformed ]))

let acknowledged url =
  with_client ~schema url (fun client ->
      let accepted = ref 0 and count = 1000 in
      for _ = 1 to count do
        ok
          (Client.publish_acked client Question.t { text = "" } (fun result ->
               ok result;
               incr accepted))
      done;
      Broker.until "all are accepted" (fun () -> !accepted = count))

let groups_share url =
  with_client ~schema url (fun client ->
      let counts = Array.make 3 0 and count = 3000 in
      Array.iteri
        (fun member _ ->
          ignore
            (ok
               (Client.subscribe client ~group:"workers" Question.t (fun _ _ ->
                    counts.(member) <- counts.(member) + 1))))
        counts;
      for _ = 1 to count do
        ok (Client.publish client Question.t { text = "" })
      done;
      Broker.until "each once" (fun () ->
          Array.fold_left ( + ) 0 counts >= count);
      int "each once" count (Array.fold_left ( + ) 0 counts))

(* --- Gaps ------------------------------------------------------------------ *)

let a_slow_handler_gets_exact_gaps url =
  with_client url (fun client ->
      let policy = { Policy.live with queue_bytes_max = 4096 } in
      let frames = ref 0 and missed = ref 0 and is_slow = ref true in
      ignore
        (ok
           (Client.subscribe_bytes client ~policy ~type_id:9
              ~on_gap:(fun gap -> missed := !missed + Gap.frames gap)
              (fun _ ->
                incr frames;
                while !is_slow do
                  Thread.delay 0.001
                done)));
      let count = 2_000 and payload = String.make 1000 'x' in
      for _ = 1 to count do
        ok (Client.publish_bytes client ~type_id:9 payload)
      done;
      ok (Client.flush client);
      is_slow := false;
      (* What comes behind tells what was lost before. *)
      Broker.until "all are told" (fun () -> !frames + !missed >= count);
      bool "missed some" true (!missed > 0);
      int "all" count (!frames + !missed))

(* --- Handlers ---------------------------------------------------------------- *)

exception Of_a_handler

let exceptions_are_printed url =
  let printed =
    Broker.stderr_of (fun () ->
        with_client ~schema url (fun client ->
            let messages = ref 0 in
            ignore
              (ok
                 (Client.subscribe client Question.t (fun _ _ ->
                      incr messages;
                      raise Of_a_handler)));
            ok (Client.publish client Question.t { text = "" });
            ok (Client.publish client Question.t { text = "" });
            Broker.until "both" (fun () -> !messages = 2)))
  in
  let mentions word =
    try
      ignore (Str.search_forward (Str.regexp_string word) printed 0);
      true
    with Not_found -> false
  in
  bool "the exception" true (mentions "Of_a_handler");
  bool "its backtrace" true (mentions "client_test.ml")

let handlers_may_do_anything url =
  with_client ~schema url (fun client ->
      let answers = ref 0 and ended = ref false in
      let inner = ref None in
      ignore
        (ok
           (Client.subscribe client Answer.t (fun { text } _ ->
                if text = "again" then incr answers)));
      let outer =
        ok
          (Client.subscribe client Question.t (fun _ _ ->
               ok (Client.publish client Answer.t { text = "again" });
               Option.iter Client.unsubscribe !inner;
               inner := Some (ok (Client.subscribe client Answer.t (fun _ _ -> ())));
               ignore (Client.next ~timeout_s:0.001 (ok (Client.pull client Answer.t)));
               Gc.compact ()))
      in
      let itself = ref None in
      itself :=
        Some
          (ok
             (Client.subscribe client ~topic_filter:"end" Question.t (fun _ _ ->
                  Client.unsubscribe (Option.get !itself);
                  ended := true)));
      ok (Client.publish client Question.t { text = "" });
      ok (Client.publish client ~topic:"end" Question.t { text = "" });
      ok (Client.publish client ~topic:"end" Question.t { text = "" });
      Broker.until "answers" (fun () -> !answers = 3 && !ended);
      Client.unsubscribe outer)

let a_handler_may_close url =
  let client = ok (Client.connect ~url ~schema ()) in
  let calls = ref 0 in
  ignore
    (ok
       (Client.subscribe client Question.t (fun _ _ ->
            incr calls;
            Client.close client)));
  ok (Client.publish client Question.t { text = "" });
  (match Client.publish client Question.t { text = "" } with
  | Ok () | Error { cause = Cancelled; _ } -> ()
  | Error why -> Alcotest.fail (Error.to_string why));
  Broker.until "closed" (fun () ->
      match Client.publish client Question.t { text = "" } with
      | Ok () -> false
      | Error { cause; _ } -> cause = Cancelled);
  Client.close client;
  int "one call" 1 !calls

(* A handler that computes without end of its own lets others run. *)
let others_run_meanwhile url =
  with_client url (fun client ->
      let stop = Atomic.make false and began = Atomic.make false in
      ignore
        (ok
           (Client.subscribe_bytes client ~type_id:9 (fun _ ->
                Atomic.set began true;
                while not (Atomic.get stop) do
                  ignore (Sys.opaque_identity (ref 0))
                done)));
      ok (Client.publish_bytes client ~type_id:9 "");
      Broker.until "it computes" (fun () -> Atomic.get began);
      Atomic.set stop true)

(* --- Requests ------------------------------------------------------------------ *)

let requests_are_answered url =
  with_client ~schema url (fun client ->
      cause "nobody" Not_found
        (Client.request client Question.t Answer.t { text = "" });
      let responder =
        ok
          (Client.respond client Question.t Answer.t (fun { text } ->
               match text with
               | "error" -> Error.fail Out_of_range "answer: not this one"
               | "raise" -> raise Of_a_handler
               | text -> Ok { text = String.uppercase_ascii text }))
      in
      string "answer" "WHY"
        (ok (Client.request client Question.t Answer.t { text = "why" })).text;
      cause "its error" Out_of_range
        (Client.request client Question.t Answer.t { text = "error" });
      ignore
        (Broker.stderr_of (fun () ->
             cause "raised" Internal
               (Client.request client Question.t Answer.t { text = "raise" })));
      let got = ref [] in
      for number = 1 to 100 do
        ignore
          (ok
             (Client.request_async client Question.t Answer.t
                { text = string_of_int number } (fun answer ->
                  got := (ok answer).text :: !got)))
      done;
      Broker.until "all" (fun () -> List.length !got = 100);
      Client.unsubscribe responder;
      cause "nobody again" Not_found
        (Client.request client Question.t Answer.t { text = "" }))

let answers_may_come_later_or_never url =
  with_client ~schema url (fun client ->
      let kept = ref None in
      ignore
        (ok
           (Client.respond_later client Question.t Answer.t
              (fun { text } respondent ->
                if text = "later" then kept := Some respondent)));
      let later = ref None in
      let call text f =
        ok (Client.request_async client Question.t Answer.t { text } f)
      in
      ignore (call "later" (fun answer -> later := Some answer));
      Broker.until "asked" (fun () -> !kept <> None);
      let respondent = Option.get !kept in
      bool "waits" false (Client.is_cancelled respondent);
      ok (Client.reply respondent { text = "now" });
      cause "once" Failed_precondition (Client.reply respondent { text = "" });
      Broker.until "answered" (fun () -> !later <> None);
      string "answer" "now" (ok (Option.get !later)).text;
      (* One that the collector finds has no answer. *)
      let never = ref None in
      ignore (call "never" (fun answer -> never := Some answer));
      Broker.until "told" (fun () ->
          Gc.full_major ();
          !never <> None);
      cause "no answer" Internal (Option.get !never);
      cause "too late" Deadline_exceeded
        (let kept_forever = ref [] in
         ignore
           (ok
              (Client.respond_later client ~topic_filter:"slow" Question.t
                 Answer.t (fun _ respondent ->
                   kept_forever := respondent :: !kept_forever)));
         let answer =
           Client.request client ~topic:"slow" ~timeout_s:0.05 Question.t
             Answer.t { text = "later" }
         in
         ignore (Sys.opaque_identity !kept_forever);
         answer))

(* --- Several clients ------------------------------------------------------------- *)

let a_named_bus_is_shared () =
  let url = "inproc:shared" in
  with_client ~schema url (fun one ->
      with_client ~schema url (fun other ->
          let pulled = ok (Client.pull one Question.t) in
          ok (Client.publish other Question.t { text = "hello" });
          (match ok (Client.next ~timeout_s:10. pulled) with
          | Message ({ text }, _) -> string "text" "hello" text
          | Gap gap -> Alcotest.failf "%a" Gap.pp gap);
          with_client ~schema "inproc:" (fun apart ->
              ok (Client.publish apart Question.t { text = "alone" });
              cause "apart" Deadline_exceeded
                (Client.next ~timeout_s:0.05 pulled))))

let another_schema_is_refused_with_the_field () =
  Broker.with_broker (fun broker ->
      List.iter
        (fun url ->
          with_client ~schema url (fun _ ->
              match Client.connect ~url ~schema:Changed.schema () with
              | Ok _ -> Alcotest.fail "connected"
              | Error { cause = Failed_precondition; message } ->
                  if not (Str.string_match (Str.regexp ".*timestamp is ") message 0)
                  then Alcotest.fail message
              | Error why -> Alcotest.fail (Error.to_string why)))
        [ Broker.unix_url broker; "inproc:schemas" ])

let digests_are_verified () =
  with_client ~schema "inproc:" (fun client ->
      ok (Client.verify_schema_digest client schema_digest);
      cause "another" Failed_precondition
        (Client.verify_schema_digest client (String.make 32 'x')))

let a_killed_broker_is_found_again () =
  Broker.with_broker (fun broker ->
      let states = ref [] and given_back = ref 0 in
      with_client ~schema
        ~on_state:(fun state -> states := state :: !states)
        ~on_unaccepted:(fun frames -> given_back := !given_back + List.length frames)
        (Broker.unix_url broker)
        (fun client ->
          let gaps = ref [] and texts = ref [] in
          ignore
            (ok
               (Client.subscribe client
                  ~on_gap:(fun gap -> gaps := gap :: !gaps)
                  Question.t
                  (fun { text } _ -> texts := text :: !texts)));
          ok (Client.publish client Question.t { text = "before" });
          Broker.until "before" (fun () -> !texts = [ "before" ]);
          Broker.kill broker;
          Broker.until "noticed" (fun () ->
              List.exists
                (function Client.Reconnecting _ -> true | _ -> false)
                !states);
          Broker.restart broker;
          Broker.until "a gap" (fun () -> !gaps <> []);
          bool "unknown" true (List.exists (fun gap -> gap.Gap.unknown) !gaps);
          ok (Client.publish client Question.t { text = "after" });
          Broker.until "after" (fun () -> List.mem "after" !texts);
          Broker.until "connected" (fun () ->
              List.hd !states = Client.Connected);
          bool "a round trip" true (ok (Client.ping ~timeout_s:10. client) > 0.)))

let () =
  Alcotest.run "native client"
    [
      ( "everywhere",
        List.map
          (fun (name, f) -> test name (everywhere f))
          [
            ("messages come in order", messages_come_in_order);
            ("pulled", pulled_too);
            ("bytes of any size", bytes_of_any_size);
            ("malformed is a gap", malformed_is_a_gap);
            ("acknowledged", acknowledged);
            ("groups share", groups_share);
            ("a slow handler gets exact gaps", a_slow_handler_gets_exact_gaps);
            ("exceptions are printed", exceptions_are_printed);
            ("handlers may do anything", handlers_may_do_anything);
            ("a handler may close", a_handler_may_close);
            ("others run meanwhile", others_run_meanwhile);
            ("requests are answered", requests_are_answered);
            ("later or never", answers_may_come_later_or_never);
          ] );
      ( "several",
        [
          test "a named bus is shared" a_named_bus_is_shared;
          test "another schema is refused with the field"
            another_schema_is_refused_with_the_field;
          test "digests are verified" digests_are_verified;
          test "a killed broker is found again" a_killed_broker_is_found_again;
        ] );
    ]
