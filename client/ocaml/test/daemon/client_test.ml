(* The client with threads against the real broker: messages, policies, gaps,
   groups, history, callbacks. *)

open Mycelium
open Mycelium_protocol

let test name f = Alcotest.test_case name `Quick f
let int where = Alcotest.(check int) where
let string where = Alcotest.(check string) where
let strings where = Alcotest.(check (list string)) where

let ok = function
  | Ok value -> value
  | Error why -> Alcotest.fail (Error.to_string why)

let cause where expected = function
  | Ok _ -> Alcotest.failf "%s: ok" where
  | Error ({ Error.cause; _ } as why) ->
      if cause <> expected then
        Alcotest.failf "%s: %s" where (Error.to_string why)

let schema = Mycelium_protocol.schema

let with_client ?schema ?name ?publish_bytes_max ?on_state url f =
  let client =
    ok (Client.connect ~url ?schema ?name ?publish_bytes_max ?on_state ())
  in
  Fun.protect (fun () -> f client) ~finally:(fun () -> Client.close client)

let on_each_carrier f () =
  Broker.with_broker (fun broker ->
      List.iter (fun (_, url) -> f broker url) (Broker.urls broker))

let on_unix ?config f () =
  Broker.with_broker ?config (fun broker -> f broker (Broker.unix_url broker))

(* --- Messages ------------------------------------------------------------- *)

let messages_come_in_order _ url =
  with_client ~schema url (fun subscriber ->
      with_client ~schema url (fun publisher ->
          let seen = ref [] and count = 20_000 in
          let subscription =
            ok
              (Client.subscribe subscriber ~topic_filter:"rooms.*" TextMessage.t
                 (fun message received ->
                   seen := (message, received.topic) :: !seen))
          in
          let message number =
            TextMessage.make ~sender:"o"
              ~content:(string_of_int number)
              ~timestamp:(Int64.of_int number) ()
          in
          for number = 1 to count do
            let topic = if number mod 2 = 0 then "rooms.a" else "rooms.b" in
            ok (Client.publish ~topic publisher TextMessage.t (message number));
            if number mod 100 = 0 then
              ok
                (Client.publish ~topic:"other" publisher TextMessage.t
                   (message 0))
          done;
          ok (Client.flush publisher);
          Broker.until "all have come" (fun () -> List.length !seen = count);
          let last, topic = List.hd !seen in
          string "topic" "rooms.a" topic;
          Alcotest.(check bool)
            "last" true
            (TextMessage.equal last (message count));
          let numbers =
            List.rev_map
              (fun (message, _) -> int_of_string message.TextMessage.content)
              !seen
          in
          Alcotest.(check bool)
            "in order" true
            (numbers = List.init count succ);
          Client.unsubscribe subscription;
          int "accepted" (count + 200)
            (Client.counters publisher).frames_accepted))

let pulled_too _ url =
  with_client ~schema url (fun client ->
      let pulled = ok (Client.pull client Question.t) in
      cause "nothing is there" Deadline_exceeded
        (Client.next ~timeout_s:0.01 pulled);
      ok (Client.publish client Question.t { text = "why" });
      (match ok (Client.next ~timeout_s:10. pulled) with
      | Message ({ text }, { sequence; _ }) ->
          string "text" "why" text;
          Alcotest.(check bool) "sequence" true (sequence > 0)
      | Gap gap -> Alcotest.failf "%a" Gap.pp gap);
      Client.unsubscribe (Client.subscription pulled);
      cause "unsubscribed" Cancelled (Client.next pulled))

let large_and_empty_messages _ url =
  with_client url (fun client ->
      let pulled = ok (Client.pull_bytes client ~type_id:9) in
      let bytes_max = (Client.broker client).frame_bytes_max in
      let large = String.init bytes_max (fun i -> Char.chr (i land 255)) in
      List.iter
        (fun payload ->
          ok (Client.publish_bytes client ~type_id:9 payload);
          match ok (Client.next ~timeout_s:10. pulled) with
          | Message (value, _) ->
              Alcotest.(check bool) "the same" true (value = payload)
          | Gap gap -> Alcotest.failf "%a" Gap.pp gap)
        [ ""; large; "x" ];
      cause "too large" Invalid_argument
        (Client.publish_bytes client ~type_id:9 (large ^ "x")))

let malformed_is_a_gap _ url =
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
      Alcotest.(check bool) "told" true (!gaps = [ Malformed ]))

let subscriptions client =
  let request =
    Mycelium_admin.(
      AdminRequest.make ~request:(Status (StatusRequest.make ())) ())
  in
  match ok (Client.admin client request) with
  | { reply = Some (Status { sessions; _ }); _ } ->
      List.concat_map
        (fun { Mycelium_admin.SessionStatus.subscriptions; _ } ->
          subscriptions)
        sessions
  | _ -> Alcotest.fail "no status"

let with_the_tool broker url =
  with_client ~schema url (fun client ->
      let pulled = ok (Client.pull_bytes client ~type_id:0) in
      let pub =
        Broker.tool broker
          [ "pub"; "7"; "--topic"; "greetings.en"; "--data"; "hello" ]
      in
      int "pub" 0 (snd (Broker.finish pub));
      (match ok (Client.next ~timeout_s:10. pulled) with
      | Message (payload, { topic; type_id; _ }) ->
          string "from the tool" "7 greetings.en hello"
            (Printf.sprintf "%d %s %s" type_id topic payload)
      | Gap gap -> Alcotest.failf "%a" Gap.pp gap);
      let sub = Broker.tool broker [ "sub"; "chat.Question"; "--count"; "1" ] in
      Broker.until "the tool has subscribed" (fun () ->
          List.exists
            (fun { Mycelium_admin.SubscriptionStatus.type_id; _ } ->
              type_id = Question.type_id)
            (subscriptions client));
      ok (Client.publish client Question.t { text = "and back" });
      let lines, code = Broker.finish sub in
      int "sub" 0 code;
      Alcotest.(check bool)
        "to the tool" true
        (List.exists
           (fun line ->
             String.starts_with ~prefix:"chat.Question - #" line
             && String.length line > 10
             && line.[String.length line - 1] = '}')
           lines))

let ping_and_broker _ url =
  with_client ~name:"pinger" url (fun client ->
      Alcotest.(check bool)
        "s" true
        (ok (Client.ping ~timeout_s:10. client) < 10.);
      let { Client.version; session_id; epoch; _ } = Client.broker client in
      Alcotest.(check bool)
        "broker" true
        (version <> "" && session_id > 0 && epoch <> 0L))

(* --- Schemas and errors --------------------------------------------------- *)

let a_schema_that_does_not_fit_is_refused _ url =
  with_client ~schema url (fun _ ->
      match Client.connect ~url ~schema:Changed.schema () with
      | Ok _ -> Alcotest.fail "let in"
      | Error ({ cause = Failed_precondition; message } as why) ->
          let field = "chat.TextMessage.timestamp is string here, int64" in
          let rec names at =
            at + String.length field <= String.length message
            && (String.sub message at (String.length field) = field
               || names (at + 1))
          in
          if not (names 0) then Alcotest.fail (Error.to_string why)
      | Error why -> Alcotest.fail (Error.to_string why))

let types_need_their_schema _ url =
  with_client url (fun client ->
      cause "none" Failed_precondition
        (Client.publish client Question.t { text = "" }));
  with_client ~schema url (fun client ->
      cause "another" Failed_precondition
        (Client.subscribe client Changed.TextMessage.t (fun _ _ -> ())))

let arguments_are_checked _ url =
  cause "url" Invalid_argument (Client.connect ~url:"http://x" ());
  cause "port" Invalid_argument (Client.connect ~url:"tcp://x:0" ());
  cause "name" Invalid_argument
    (Client.connect ~url ~name:(String.make 129 'n') ());
  cause "instance" Invalid_argument (Client.connect ~url ~instance_id:"x" ());
  with_client url (fun client ->
      let publish ?topic type_id =
        Client.publish_bytes ?topic client ~type_id "x"
      in
      cause "type" Invalid_argument (publish 0);
      cause "type" Invalid_argument (publish 65536);
      cause "topic" Invalid_argument (publish ~topic:"a..b" 7);
      let subscribe ?topic_filter ?policy ?group ?start type_id =
        Client.subscribe_bytes ?topic_filter ?policy ?group ?start client
          ~type_id ignore
      in
      cause "filter" Invalid_argument (subscribe ~topic_filter:">.a" 7);
      cause "queue" Invalid_argument
        (subscribe ~policy:{ Policy.live with queue_bytes_max = 1 } 7);
      (* What only the broker knows. *)
      cause "queue" Invalid_argument
        (subscribe ~policy:{ Policy.live with queue_bytes_max = 1 lsl 40 } 7);
      cause "history" Invalid_argument (subscribe ~start:(Last 1) 7);
      ok (Client.flush client))

let nobody_there () =
  let url = "unix:/var/tmp/nobody-listens-here" in
  match Client.connect ~url () with
  | Ok _ -> Alcotest.fail "connected"
  | Error why ->
      string "words"
        ("connect " ^ url ^ ": no such file; start one with: mycelium-brokerd \
         --listen " ^ url ^ " (unavailable)")
        (Error.to_string why)

(* A peer that says something else, and one that says nothing. *)
let not_a_broker () =
  let listener = Unix.socket ~cloexec:true PF_INET SOCK_STREAM 0 in
  Unix.bind listener (ADDR_INET (Unix.inet_addr_loopback, 0));
  Unix.listen listener 4;
  let port =
    match Unix.getsockname listener with
    | ADDR_INET (_, port) -> port
    | ADDR_UNIX _ -> assert false
  in
  let url = Printf.sprintf "tcp://127.0.0.1:%d" port in
  let answer =
    Thread.create
      (fun () ->
        let socket, _ = Unix.accept ~cloexec:true listener in
        let answer = "HTTP/1.1 400 Bad Request\r\n" in
        ignore (Unix.write_substring socket answer 0 (String.length answer));
        Unix.close socket)
      ()
  in
  cause "something else" Unavailable (Client.connect ~url ());
  Thread.join answer;
  cause "nothing" Deadline_exceeded (Client.connect ~url ~timeout_s:0.1 ());
  Unix.close listener

(* --- Policies and gaps ---------------------------------------------------- *)

(* A handler that waits until it is let go. *)
let gate () =
  let mutex = Mutex.create () in
  Mutex.lock mutex;
  ( (fun () ->
      Mutex.lock mutex;
      Mutex.unlock mutex),
    fun () -> Mutex.unlock mutex )

let lossless_loses_nothing _ url =
  with_client url (fun subscriber ->
      let stalled = ref "" in
      let on_state = function
        | Client.Stalled { message; _ } -> stalled := message
        | Connected | Reconnecting _ | Closed _ -> ()
      in
      with_client ~on_state url (fun publisher ->
          let pass, let_go = gate () in
          let frames = ref 0 in
          let policy = { Policy.lossless with queue_bytes_max = 1 lsl 20 } in
          ignore
            (ok
               (Client.subscribe_bytes ~policy
                  ~on_gap:(fun gap -> Alcotest.failf "%a" Gap.pp gap)
                  subscriber ~type_id:9
                  (fun _ ->
                    if !frames = 0 then pass ();
                    incr frames)));
          let payload = String.make 1000 'x' in
          let rec publish count =
            match
              Client.publish_bytes ~timeout_s:0.2 publisher ~type_id:9 payload
            with
            | Ok () -> publish (count + 1)
            | Error { cause = Deadline_exceeded; message } -> (count, message)
            | Error why -> Alcotest.fail (Error.to_string why)
          in
          let count, why = publish 0 in
          Alcotest.(check bool)
            why true
            (String.starts_with
               ~prefix:"publish: would block, type 9 is held back by session "
               why);
          cause "would block" Unavailable
            (Client.try_publish_bytes publisher ~type_id:9 payload);
          (* Another type is not held. *)
          ok (Client.publish_bytes publisher ~type_id:8 payload);
          ok (Client.ping ~timeout_s:10. subscriber) |> ignore;
          Broker.until "told" (fun () -> !stalled <> "");
          let_go ();
          ok (Client.publish_bytes publisher ~type_id:9 payload);
          Broker.until "all" (fun () -> !frames = count + 1)))

let a_stopped_subscriber_has_exact_gaps _ url =
  with_client url (fun publisher ->
      let peer = Broker.peer [ "count"; url; "1048576" ] in
      string "ready" "ready" (Broker.line peer);
      Broker.signal peer Sys.sigstop;
      let count = 200_000 in
      let payload = String.make 100 'x' in
      for _ = 1 to count do
        ok (Client.publish_bytes publisher ~type_id:7 payload)
      done;
      ok (Client.flush publisher);
      Broker.signal peer Sys.sigcont;
      ok (Client.publish_bytes publisher ~type_id:8 "");
      let lines, code = Broker.finish peer in
      int "exit code" 0 code;
      Scanf.sscanf (List.hd lines) "%d frames, %d missed, %s@\n"
        (fun frames missed holes ->
          int "all accounted for" count (frames + missed);
          Alcotest.(check bool) "some missed" true (missed > 0);
          string "in place" "no holes" holes))

let latest_keeps_the_newest _ url =
  with_client url (fun client ->
      let pulled =
        ok (Client.pull_bytes ~policy:Policy.latest client ~type_id:9)
      in
      let count = 1000 in
      for number = 1 to count do
        ok
          (Client.publish_bytes client ~type_id:9
             ~topic:(if number mod 2 = 0 then "even" else "odd")
             (string_of_int number))
      done;
      ok (Client.flush client);
      let rec read missed values =
        if values = [ "1000"; "999" ] then missed
        else
          match ok (Client.next ~timeout_s:10. pulled) with
          | Gap gap -> read (missed + Gap.frames gap) values
          | Message (value, _) -> (
              match values with
              | last :: _ when value = "1000" -> read missed [ value; last ]
              | _ -> read (missed + if values = [] then 0 else 1) [ value ])
      in
      int "the others were folded, or came before" (count - 2) (read 0 []))

let strict_ends_the_client _ url =
  with_client url (fun publisher ->
      let closed = ref None in
      let on_state = function
        | Client.Closed why -> closed := Some why
        | Connected | Stalled _ | Reconnecting _ -> ()
      in
      with_client ~on_state url (fun subscriber ->
          let policy =
            {
              Policy.strict with
              queue_bytes_max = 65536;
              stall_ms_max = 50;
            }
          in
          let pulled =
            ok (Client.pull_bytes ~policy subscriber ~type_id:9)
          in
          let payload = String.make 1000 'x' in
          Broker.until "it is ended" (fun () ->
              ok (Client.publish_bytes publisher ~type_id:9 payload);
              !closed <> None);
          cause "why" Resource_exhausted (Error (Option.get !closed));
          let rec last () =
            match Client.next pulled with Ok _ -> last () | error -> error
          in
          cause "and the subscription, after what it has" Resource_exhausted
            (last ());
          cause "everything else" Resource_exhausted (Client.flush subscriber)))

(* --- Groups --------------------------------------------------------------- *)

let groups_share _ url =
  with_client url (fun publisher ->
      with_client url (fun one ->
          with_client url (fun two ->
              let seen = Hashtbl.create 1000 and mutex = Mutex.create () in
              let member client =
                let own = ref 0 in
                ignore
                  (ok
                     (Client.subscribe_bytes ~group:"g" client ~type_id:7
                        (fun { payload; _ } ->
                          Mutex.lock mutex;
                          incr own;
                          Hashtbl.add seen payload ();
                          Mutex.unlock mutex)));
                own
              in
              let a = member one in
              let b = member two in
              for number = 1 to 1000 do
                ok
                  (Client.publish_bytes publisher ~type_id:7
                     (string_of_int number))
              done;
              Broker.until "all" (fun () -> !a + !b = 1000);
              int "each once" 1000
                (Hashtbl.length seen);
              Alcotest.(check bool) "both" true (!a > 0 && !b > 0))))

let what_a_lost_member_holds_goes_to_another _ url =
  with_client url (fun client ->
      let peer = Broker.peer [ "hold"; url; "g" ] in
      string "ready" "ready" (Broker.line peer);
      for number = 1 to 10 do
        ok (Client.publish_bytes client ~type_id:7 (string_of_int number))
      done;
      string "holds" "holds" (Broker.line peer);
      let pulled = ok (Client.pull_bytes ~group:"g" client ~type_id:7) in
      Broker.signal peer Sys.sigkill;
      ignore (Broker.finish peer);
      let rec read left again =
        if left = 0 then again
        else
          match ok (Client.next ~timeout_s:10. pulled) with
          | Message (_, { redelivered; _ }) ->
              read (left - 1) (if redelivered then again + 1 else again)
          | Gap gap -> Alcotest.failf "%a" Gap.pp gap
      in
      int "again" 10 (read 10 0))

(* --- History -------------------------------------------------------------- *)

let history_starts _ url =
  with_client url (fun client ->
      let began_s = Unix.gettimeofday () in
      for number = 1 to 10 do
        ok
          (Client.publish_bytes client ~type_id:7
             ~topic:(if number mod 2 = 0 then "even" else "odd")
             (string_of_int number))
      done;
      ok (Client.flush client);
      let from start =
        let pulled = ok (Client.pull_bytes ~start client ~type_id:7) in
        let rec read () =
          match Client.next ~timeout_s:10. pulled with
          | Ok (Message ("end", _)) -> []
          | Ok (Message (value, _)) -> value :: read ()
          | Ok (Gap gap) -> Format.asprintf "%a" Gap.pp gap :: read ()
          | Error why -> Alcotest.fail (Error.to_string why)
        in
        ok (Client.publish_bytes ~topic:"end" client ~type_id:7 "end");
        let values = read () in
        Client.unsubscribe (Client.subscription pulled);
        values
      in
      strings "last" [ "9"; "10" ] (from (Last 1));
      (* The ends count, too. *)
      strings "sequence" [ "9"; "10" ] (from (Sequence 9));
      strings "time" [ "1"; "2"; "3" ]
        (List.filteri (fun i _ -> i < 3) (from (Time (began_s -. 1.))));
      strings "now" [] (from Now);
      cause "a sequence of the future" Invalid_argument
        (Client.pull_bytes ~start:(Sequence 1000) client ~type_id:7))

(* --- Callbacks ------------------------------------------------------------ *)

let[@inline never] raise_not_found () =
  if Sys.opaque_identity true then raise Not_found

let exceptions_are_printed_and_end_nothing _ url =
  with_client url (fun client ->
      let frames = ref 0 in
      let printed =
        Broker.stderr_of (fun () ->
            ignore
              (ok
                 (Client.subscribe_bytes client ~type_id:7 (fun _ ->
                      incr frames;
                      raise_not_found ())));
            ok (Client.publish_bytes client ~type_id:7 "a");
            ok (Client.publish_bytes client ~type_id:7 "b");
            Broker.until "both" (fun () -> !frames = 2);
            ok (Client.flush client);
            Client.close client)
      in
      match String.split_on_char '\n' printed with
      | first :: second :: _ ->
          string "words"
            "mycelium: exception in a subscription's handler: Not_found" first;
          Alcotest.(check bool)
            second true
            (String.starts_with ~prefix:"Raised at" second)
      | _ -> Alcotest.failf "printed: %s" printed)

let handlers_may_call_everything _ url =
  with_client ~schema url (fun client ->
      let steps = ref [] in
      let step name = steps := name :: !steps in
      let subscription = ref None in
      let handler _ _ =
        step "handler";
        ok (Client.flush ~timeout_s:10. client);
        ignore (ok (Client.ping ~timeout_s:10. client) : float);
        ok (Client.publish_bytes client ~type_id:9 "from within");
        let inner =
          ok (Client.subscribe_bytes client ~type_id:8 (fun _ -> step "inner"))
        in
        Client.unsubscribe inner;
        Client.unsubscribe (Option.get !subscription);
        step "unsubscribed"
      in
      let pulled = ok (Client.pull_bytes client ~type_id:9) in
      subscription := Some (ok (Client.subscribe client Question.t handler));
      ok (Client.publish client Question.t { text = "1" });
      ok (Client.publish client Question.t { text = "2" });
      (match ok (Client.next ~timeout_s:10. pulled) with
      | Message (value, _) -> string "published" "from within" value
      | Gap gap -> Alcotest.failf "%a" Gap.pp gap);
      Broker.until "unsubscribed" (fun () -> List.mem "unsubscribed" !steps);
      ok (Client.flush client);
      strings "once" [ "handler"; "unsubscribed" ] (List.rev !steps))

let next_does_not_wait_in_a_handler _ url =
  with_client url (fun client ->
      let pulled = ok (Client.pull_bytes client ~type_id:9) in
      let result = ref None in
      ignore
        (ok
           (Client.subscribe_bytes client ~type_id:7 (fun _ ->
                result := Some (Client.next pulled))));
      ok (Client.publish_bytes client ~type_id:7 "");
      Broker.until "called" (fun () -> !result <> None);
      cause "it says so" Failed_precondition (Option.get !result))

let closing_within_a_handler _ url =
  let client = ok (Client.connect ~url ()) in
  let frames = ref 0 and closed = ref false in
  ignore
    (ok
       (Client.subscribe_bytes client ~type_id:7 (fun _ ->
            incr frames;
            Client.close client;
            closed := true)));
  for _ = 1 to 100 do
    match Client.publish_bytes client ~type_id:7 "" with
    | Ok () -> ()
    | Error { cause = Cancelled; _ } -> ()
    | Error why -> Alcotest.fail (Error.to_string why)
  done;
  Broker.until "closed" (fun () -> !closed);
  Client.close client;
  int "one" 1 !frames;
  cause "flush" Cancelled (Client.flush client);
  cause "subscribe" Cancelled (Client.pull_bytes client ~type_id:7)

let closing_writes_what_was_published _ url =
  with_client url (fun subscriber ->
      let pulled = ok (Client.pull_bytes subscriber ~type_id:7) in
      let publisher = ok (Client.connect ~url ()) in
      for number = 1 to 1000 do
        ok (Client.publish_bytes publisher ~type_id:7 (string_of_int number))
      done;
      Client.close publisher;
      int "accepted" 1000 (Client.counters publisher).frames_accepted;
      for number = 1 to 1000 do
        match ok (Client.next ~timeout_s:10. pulled) with
        | Message (value, _) -> string "each" (string_of_int number) value
        | Gap gap -> Alcotest.failf "%a" Gap.pp gap
      done)

let many_threads_publish _ url =
  with_client url (fun subscriber ->
      let threads = 8 and each = 2000 in
      let next = Array.make threads 0 and frames = ref 0 in
      ignore
        (ok
           (Client.subscribe_bytes ~policy:Policy.lossless subscriber ~type_id:7
              (fun { payload; _ } ->
                Scanf.sscanf payload "%d %d" (fun thread number ->
                    if next.(thread) = number then
                      next.(thread) <- number + 1;
                    incr frames))));
      with_client url (fun publisher ->
          let publish thread =
            for number = 0 to each - 1 do
              ok
                (Client.publish_bytes publisher ~type_id:7
                   (Printf.sprintf "%d %d" thread number))
            done
          in
          List.iter Thread.join
            (List.init threads (Thread.create publish)));
      Broker.until "all" (fun () -> !frames = threads * each);
      Alcotest.(check (list int))
        "each in its order"
        (List.init threads (fun _ -> each))
        (Array.to_list next))

(* --- Leaks ---------------------------------------------------------------- *)

let open_files () = Array.length (Sys.readdir "/proc/self/fd")
let threads () = Array.length (Sys.readdir "/proc/self/task")

let nothing_is_left_of_closed_clients _ url =
  let once () =
    with_client url (fun client ->
        ignore (ok (Client.pull_bytes client ~type_id:7));
        ok (Client.flush client))
  in
  once ();
  let files = open_files () and running = threads () in
  for _ = 1 to 50 do
    once ()
  done;
  cause "nobody there" Unavailable
    (Client.connect ~url:"unix:/var/tmp/nobody-listens-here" ());
  int "files" files (open_files ());
  Broker.until "threads have ended" (fun () -> threads () <= running)

let live_bytes () =
  Gc.compact ();
  (Gc.stat ()).live_words * 8

let millions_of_messages_leave_nothing _ url =
  with_client url (fun client ->
      let frames = ref 0 in
      ignore
        (ok
           (Client.subscribe_bytes ~policy:Policy.lossless client ~type_id:7
              (fun _ -> incr frames)));
      let payload = String.make 64 'x' in
      let run count =
        let before = !frames in
        for _ = 1 to count do
          ok (Client.publish_bytes client ~type_id:7 payload)
        done;
        ok (Client.flush client);
        Broker.until "all" (fun () -> !frames = before + count)
      in
      run 100_000;
      let before = live_bytes () in
      run 2_000_000;
      let more = live_bytes () - before in
      if more > 1_000_000 then
        Alcotest.failf "%d bytes more after 2,000,000 messages" more)

let () =
  let each name f = test name (on_each_carrier f) in
  Alcotest.run "client"
    [
      ( "messages",
        [
          each "in order" messages_come_in_order;
          each "pulled" pulled_too;
          each "large and empty" large_and_empty_messages;
          each "malformed" malformed_is_a_gap;
          test "with the tool" (on_unix with_the_tool);
          each "ping" ping_and_broker;
        ] );
      ( "errors",
        [
          each "a schema that does not fit"
            a_schema_that_does_not_fit_is_refused;
          each "types need their schema" types_need_their_schema;
          test "arguments" (on_unix arguments_are_checked);
          test "nobody there" nobody_there;
          test "not a broker" not_a_broker;
        ] );
      ( "policies",
        [
          each "lossless" lossless_loses_nothing;
          test "exact gaps" (on_unix a_stopped_subscriber_has_exact_gaps);
          test "latest" (on_unix latest_keeps_the_newest);
          test "strict" (on_unix strict_ends_the_client);
        ] );
      ( "groups",
        [
          each "share" groups_share;
          each "redelivery" what_a_lost_member_holds_goes_to_another;
        ] );
      ( "history",
        [
          test "starts"
            (on_unix ~config:"history { types: [7] }" history_starts);
        ] );
      ( "callbacks",
        [
          test "exceptions" (on_unix exceptions_are_printed_and_end_nothing);
          each "call everything" handlers_may_call_everything;
          test "next within one" (on_unix next_does_not_wait_in_a_handler);
          each "close within one" closing_within_a_handler;
          each "close writes" closing_writes_what_was_published;
          each "many threads" many_threads_publish;
        ] );
      ( "leaks",
        [
          each "clients" nothing_is_left_of_closed_clients;
          test "messages" (on_unix millions_of_messages_leave_nothing);
        ] );
    ]
