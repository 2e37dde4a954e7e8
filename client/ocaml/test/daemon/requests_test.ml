(* Requests and responders against the real broker. *)

open Mycelium
open Mycelium_protocol

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

let schema = Mycelium_protocol.schema

let with_client url f =
  let client = ok (Client.connect ~url ~schema ()) in
  Fun.protect (fun () -> f client) ~finally:(fun () -> Client.close client)

(* One that asks and one that answers, over each carrier. *)
let with_two f () =
  Broker.with_broker (fun broker ->
      List.iter
        (fun (_, url) ->
          with_client url (fun asks ->
              with_client url (fun answers -> f asks answers)))
        (Broker.urls broker))

let ask ?topic ?(timeout_s = 20.) client text =
  Client.request ?topic ~timeout_s client Question.t Answer.t
    { Question.text }

let echo { Question.text } = Ok { Answer.text = text ^ "!" }

let answered asks answers =
  let responder = ok (Client.respond answers Question.t Answer.t echo) in
  for number = 1 to 1000 do
    let text = string_of_int number in
    string "answer" (text ^ "!") (ok (ask asks text)).text
  done;
  Client.unsubscribe responder;
  cause "nobody any more" Not_found (ask asks "x")

let by_topic asks answers =
  let responder name topic_filter =
    ok
      (Client.respond ~topic_filter answers Question.t Answer.t (fun _ ->
           Ok { Answer.text = name }))
  in
  let a = responder "a" "print.a4" and b = responder "b" "print.b5" in
  string "one" "a" (ok (ask ~topic:"print.a4" asks "")).text;
  string "other" "b" (ok (ask ~topic:"print.b5" asks "")).text;
  (match ask ~topic:"scan" asks "" with
  | Error { cause = Not_found; message } ->
      string "words" "request: nobody answers type 2 topic scan" message
  | Error why -> Alcotest.fail (Error.to_string why)
  | Ok _ -> Alcotest.fail "answered");
  List.iter Client.unsubscribe [ a; b ]

let errors_are_the_requester's asks answers =
  let refuse { Question.text } =
    if text = "raise" then raise Not_found
    else Error.fail Already_exists "respond: %s is there" text
  in
  let responder = ok (Client.respond answers Question.t Answer.t refuse) in
  (match ask asks "it" with
  | Error { cause = Already_exists; message } ->
      string "words" "respond: it is there" message
  | Error why -> Alcotest.fail (Error.to_string why)
  | Ok _ -> Alcotest.fail "answered");
  cause "an exception" Internal (ask asks "raise");
  cause "it goes on" Already_exists (ask asks "on");
  Client.unsubscribe responder

let later_and_from_another_thread asks answers =
  let waiting = Queue.create () and mutex = Mutex.create () in
  let responder =
    ok
      (Client.respond_later answers Question.t Answer.t
         (fun { text } respondent ->
           Mutex.lock mutex;
           Queue.push (text, respondent) waiting;
           Mutex.unlock mutex))
  in
  let replies = ref [] in
  let note name result = replies := (name, result) :: !replies in
  let ask_async ?timeout_s text =
    ok
      (Client.request_async ?timeout_s asks Question.t Answer.t { text }
         (note text))
  in
  ignore (ask_async "first");
  let cancelled = ask_async "cancelled" in
  ignore (ask_async ~timeout_s:0.05 "late");
  Broker.until "all asked" (fun () -> Queue.length waiting = 3);
  Client.cancel cancelled;
  Client.cancel cancelled;
  Broker.until "two have ended" (fun () -> List.length !replies = 2);
  cause "cancelled" Cancelled (List.assoc "cancelled" !replies);
  cause "late" Deadline_exceeded (List.assoc "late" !replies);
  let answer name (text, respondent) =
    if text = name then begin
      ok (Client.reply respondent { Answer.text = "at last" });
      cause "twice" Unavailable (Client.reply respondent { Answer.text = "" })
    end
    else
      Broker.until "the responder is told" (fun () ->
          Client.is_cancelled respondent)
  in
  Queue.iter (answer "first") waiting;
  Broker.until "all have ended" (fun () -> List.length !replies = 3);
  string "answer" "at last" (ok (List.assoc "first" !replies)).text;
  Client.unsubscribe responder

let within_a_callback asks answers =
  let responder = ok (Client.respond answers Question.t Answer.t echo) in
  let answer = ref None in
  let subscription =
    ok
      (Client.subscribe_bytes asks ~type_id:9 (fun _ ->
           answer := Some (ask asks "from within")))
  in
  ok (Client.publish_bytes answers ~type_id:9 "");
  Broker.until "answered" (fun () -> !answer <> None);
  string "answer" "from within!" (ok (Option.get !answer)).text;
  List.iter Client.unsubscribe [ responder; subscription ]

let a_late_reply_is_counted asks answers =
  let held = ref None in
  let responder =
    ok
      (Client.respond_later answers Question.t Answer.t (fun _ respondent ->
           held := Some respondent))
  in
  cause "late" Deadline_exceeded (ask ~timeout_s:0.05 asks "x");
  Broker.until "asked" (fun () -> !held <> None);
  (* It may cross the CANCEL; the broker drops it, or this client counts it. *)
  ignore (Client.reply (Option.get !held) { Answer.text = "late" });
  ignore (ok (Client.ping asks) : float);
  string "the next one" "Deadline_exceeded"
    (match ask ~timeout_s:0.01 asks "y" with
    | Error { cause = Deadline_exceeded; _ } -> "Deadline_exceeded"
    | Error why -> Error.to_string why
    | Ok _ -> "ok");
  Client.unsubscribe responder

let a_lost_responder_is_unavailable () =
  Broker.with_broker (fun broker ->
      let url = Broker.unix_url broker in
      with_client url (fun asks ->
          let answers = ok (Client.connect ~url ~schema ()) in
          let asked = ref false and reply = ref None in
          ignore
            (ok
               (Client.respond_later answers Question.t Answer.t (fun _ _ ->
                    asked := true)));
          ignore
            (ok
               (Client.request_async asks Question.t Answer.t { text = "" }
                  (fun result -> reply := Some result)));
          Broker.until "asked" (fun () -> !asked);
          Client.close answers;
          Broker.until "ended" (fun () -> !reply <> None);
          cause "lost" Unavailable (Option.get !reply)))

let with_the_tool () =
  Broker.with_broker (fun broker ->
      with_client (Broker.unix_url broker) (fun client ->
          ignore (ok (Client.respond client Question.t Answer.t echo));
          let request =
            Broker.tool broker
              [ "request"; "chat.Question"; "--json"; {|{"text": "why"}|} ]
          in
          let lines, code = Broker.finish request in
          Alcotest.(check int) "exit code" 0 code;
          string "reply" {|chat.Answer {"text":"why!"}|}
            (String.concat "\n" lines);
          let reply =
            Broker.tool broker [ "reply"; "9"; "--echo"; "--count"; "1" ]
          in
          let answer = ref (Error.fail Not_found "") in
          Broker.until "the tool responds" (fun () ->
              answer :=
                Result.map
                  (fun { Received.payload; _ } -> payload)
                  (Client.request_bytes ~timeout_s:10. client ~type_id:9
                     "echo");
              Result.is_ok !answer);
          string "from the tool" "echo" (ok !answer);
          ignore (Broker.finish reply)))

let () =
  Alcotest.run "requests"
    [
      ( "requests",
        [
          test "answered" (with_two answered);
          test "by topic" (with_two by_topic);
          test "errors" (with_two errors_are_the_requester's);
          test "later" (with_two later_and_from_another_thread);
          test "within a callback" (with_two within_a_callback);
          test "late" (with_two a_late_reply_is_counted);
          test "a lost responder" a_lost_responder_is_unavailable;
          test "with the tool" with_the_tool;
        ] );
    ]
