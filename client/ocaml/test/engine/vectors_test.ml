(* The vectors that all languages share, against the codec and the engine: what
   they say of a client, and of frames in general; each again one byte at a
   time. *)

open Mycelium_engine
module Control = Mycelium_control

let check_string where = Alcotest.(check string) where
let check_bool where = Alcotest.(check bool) where

let limit vector =
  match Vector_file.get vector "frame_bytes_max" with
  | Some text -> int_of_string text
  | None -> 1_048_576

let fault_name : Frame.fault -> string = function
  | Too_large -> "too_large"
  | Unknown_kind -> "unknown_kind"
  | Control_topic -> "control_topic"
  | Topic_too_long -> "topic_too_long"
  | Topic_invalid -> "topic_invalid"

(* --- The codec ------------------------------------------------------------ *)

let status vector bytes =
  Frame.check ~frame_bytes_max:(limit vector)
    (Bytes.of_string bytes)
    ~first:0 ~limit:(String.length bytes)

(* How often what is cut off says anything but "more", which it may not. *)
let check_prefixes vector bytes ~final =
  for length = 0 to String.length bytes - 1 do
    match (status vector (String.sub bytes 0 length), final) with
    | Need_more needed, _ ->
        check_bool "asks for more than there is" true (needed > length)
    | Fault a, Frame.Fault b when a = b -> ()
    | (Fault _ | Whole), _ ->
        Alcotest.failf "%s: judged after %d bytes" (Vector_file.name vector)
          length
  done

let check_header vector bytes =
  let where = Vector_file.name vector in
  let buffer = Bytes.of_string bytes in
  let is key shown =
    match Vector_file.get vector key with
    | Some value -> check_string (where ^ " " ^ key) value shown
    | None -> ()
  in
  is "type_id" (string_of_int (Frame.type_id buffer 0));
  is "kind_name" (Frame.name (Frame.kind buffer 0));
  is "id" (Printf.sprintf "%Lu" (Frame.id buffer 0));
  if Frame.type_id buffer 0 <> 0 then begin
    let topic_bytes = Frame.topic_bytes buffer 0 in
    let topic = String.sub bytes Frame.header_bytes topic_bytes in
    let at = Frame.header_bytes + topic_bytes in
    check_string (where ^ " topic") (Vector_file.bytes vector "topic") topic;
    check_string (where ^ " payload")
      (Vector_file.bytes vector "payload")
      (String.sub bytes at (String.length bytes - at))
  end

(* Of a frame that is whole; its length, if the outcome is another one of the
   receiver's. *)
let frame_outcomes = [ "frame"; "forbidden"; "bad_body" ]

let check_frame vector =
  let where = Vector_file.name vector in
  let bytes = Vector_file.hex vector "hex" in
  let outcome = Vector_file.find vector "outcome" in
  let final = status vector bytes in
  (match final with
  | Need_more _ -> check_string where outcome "need_more"
  | Fault fault ->
      check_string where outcome (fault_name fault);
      check_string where
        (Vector_file.find vector "error")
        (Frame.describe ~frame_bytes_max:(limit vector)
           (Bytes.of_string bytes) 0 fault)
  | Whole ->
      check_bool where true (List.mem outcome frame_outcomes);
      check_header vector bytes);
  check_prefixes vector bytes ~final

(* --- Bodies --------------------------------------------------------------- *)

(* Decodes, and encodes again. *)
let recode message body =
  let again decode encode = Result.map encode (decode body) in
  match message with
  | "Hello" -> Control.Hello.(again decode encode)
  | "Welcome" -> Control.Welcome.(again decode encode)
  | "Subscribe" -> Control.Subscribe.(again decode encode)
  | "Subscribed" -> Control.Subscribed.(again decode encode)
  | "Unsubscribe" -> Control.Unsubscribe.(again decode encode)
  | "Unsubscribed" -> Control.Unsubscribed.(again decode encode)
  | "Gap" -> Control.Gap.(again decode encode)
  | "Ack" -> Control.Ack.(again decode encode)
  | "Hold" -> Control.Hold.(again decode encode)
  | "Release" -> Control.Release.(again decode encode)
  | "Schema" -> Control.Schema.(again decode encode)
  | "Close" -> Control.Close.(again decode encode)
  | "Addressee" -> Control.Addressee.(again decode encode)
  | "RequestError" -> Control.RequestError.(again decode encode)
  | "AdminRequest" -> Mycelium_admin.AdminRequest.(again decode encode)
  | "AdminReply" -> Mycelium_admin.AdminReply.(again decode encode)
  | other -> Alcotest.failf "a body of %s" other

let check_body vector =
  let outcome = Vector_file.find vector "outcome" in
  match (Vector_file.get vector "message", outcome) with
  | Some message, "frame" -> (
      let where = Vector_file.name vector in
      let bytes = Vector_file.hex vector "hex" in
      let at = Frame.header_bytes in
      let body = String.sub bytes at (String.length bytes - at) in
      match recode message body with
      | Error why ->
          Alcotest.failf "%s: %s" where (Mycelium_wire.Error.to_string why)
      | Ok again when Vector_file.get vector "canonical" = Some "no" ->
          check_bool where true (recode message again = Ok again)
      | Ok again -> check_string where body again)
  | (Some _ | None), _ -> ()

(* --- The engine ----------------------------------------------------------- *)

let schema =
  Mycelium_wire.Schema.make
    ~digest:(String.init 32 Char.chr)
    ~descriptor_set:"d"

let asked_for_schema =
  Frame.control Schema
    (Control.Schema.encode
       (Control.Schema.make ~schema_digest:schema.digest ()))

let engine_in state =
  let config = { Fake_broker.config with schema = Some schema } in
  match state with
  | "open" -> Fake_broker.opened ~config ()
  | "greeting" | "schema_asked" ->
      let t = Engine.make config in
      Engine.dialed t ~now:Fake_broker.now ~greeting_deadline:infinity;
      if state = "schema_asked" then Fake_broker.feed t asked_for_schema;
      t
  | other -> failwith other

let contains text part =
  let rec at index =
    index + String.length part <= String.length text
    && (String.sub text index (String.length part) = part || at (index + 1))
  in
  at 0

(* What the engine makes of it, fed with so many bytes at a time. *)
let ended_after vector bytes ~step =
  let t = engine_in (Vector_file.find vector "state") in
  let rec feed first =
    if first < String.length bytes then begin
      Fake_broker.feed t
        (String.sub bytes first (min step (String.length bytes - first)));
      feed (first + step)
    end
  in
  feed 0;
  Engine.ended t

let protocol_outcomes =
  [
    "unknown_kind";
    "control_topic";
    "topic_too_long";
    "topic_invalid";
    "forbidden";
    "bad_body";
  ]

let check_engine vector =
  let where = Vector_file.name vector in
  let outcome = Vector_file.find vector "outcome" in
  let bytes = Vector_file.hex vector "hex" in
  List.iter
    (fun step ->
      match ended_after vector bytes ~step with
      | Some { message; _ } when List.mem outcome protocol_outcomes ->
          let error = Vector_file.find vector "error" in
          if not (contains message error) then
            Alcotest.failf "%s: %s, expected %s" where message error
      | None when List.mem outcome protocol_outcomes ->
          Alcotest.failf "%s: no error" where
      | Some { message; _ } when outcome = "need_more" ->
          Alcotest.failf "%s: %s" where message
      | Some _ | None -> ())
    [ String.length bytes; 1 ]

let is_for_client vector = Vector_file.find vector "role" = "client"
let is_closed vector = Vector_file.find vector "state" = "closed"

let test_frames file () =
  let vectors = Vector_file.read file in
  let judged_by_all vector =
    is_for_client vector || Vector_file.find vector "state" <> "greeting"
  in
  List.iter check_frame (List.filter judged_by_all vectors);
  List.iter check_body vectors;
  let own = List.filter is_for_client vectors in
  check_bool "there are some for clients" true (List.length own > 5);
  List.iter check_engine (List.filter (fun v -> not (is_closed v)) own)

let state_of : string -> Session_state.t = function
  | "greeting" -> Greeting
  | "schema_asked" -> Schema_asked
  | "open" -> Open
  | "closed" -> Closed
  | other -> failwith other

(* --- Streams -------------------------------------------------------------- *)

let frame_words buffer first =
  let topic_bytes = Frame.topic_bytes buffer first in
  let at = first + Frame.header_bytes + topic_bytes in
  let payload_bytes = Frame.body_bytes buffer first - topic_bytes in
  let hex byte = Printf.sprintf "%02x" (Char.code byte) in
  let payload = Bytes.sub_string buffer at payload_bytes in
  Printf.sprintf "type_id=%d kind=%d id=%Lu topic=%s payload_hex=%s"
    (Frame.type_id buffer first)
    (Bytes.get_uint8 buffer (first + 6))
    (Frame.id buffer first)
    (Bytes.sub_string buffer (first + Frame.header_bytes) topic_bytes)
    (String.concat "" (List.map hex (List.of_seq (String.to_seq payload))))

(* [seen] bytes have come; [step] more whenever that is not enough. *)
let check_stream_by vector ~step =
  let where = Vector_file.name vector in
  let buffer = Bytes.of_string (Vector_file.hex vector "hex") in
  let bytes = Bytes.length buffer in
  let rec take first frames state ~seen =
    match
      Frame.check ~frame_bytes_max:(limit vector) buffer ~first ~limit:seen
    with
    | Need_more _ when seen < bytes ->
        take first frames state ~seen:(min bytes (seen + step))
    | Need_more _ -> (first, frames, "need_more")
    | Fault fault -> (first, frames, fault_name fault)
    | Whole -> (
        let next = first + Frame.header_bytes + Frame.body_bytes buffer first in
        let all = frame_words buffer first :: frames in
        if not (is_for_client vector) then take next all state ~seen
        else
          match Session_state.on_frame state (Frame.kind buffer first) with
          | Ok state -> take next all state ~seen
          | Error _ -> (first, frames, "forbidden"))
  in
  let state = state_of (Vector_file.find vector "state") in
  let rest, frames, outcome = take 0 [] state ~seen:(min step bytes) in
  let expected = Vector_file.find vector "outcome" in
  (* What a broker may not be sent is nothing that a client has to know. *)
  if is_for_client vector || expected <> "forbidden" then begin
    Alcotest.(check (list string))
      where
      (Vector_file.list vector "frames")
      (List.rev frames);
    check_string where expected outcome;
    check_string where
      (Vector_file.find vector "rest_bytes")
      (string_of_int (bytes - rest))
  end

let check_stream vector =
  check_stream_by vector ~step:max_int;
  check_stream_by vector ~step:1

let test_streams () =
  let vectors = Vector_file.read "streams.txt" in
  check_bool "some" true (List.length vectors >= 10);
  List.iter check_stream vectors

(* --- Topics and transitions ----------------------------------------------- *)

let check_topic vector =
  let where = Vector_file.name vector in
  let yes key = Vector_file.find vector key = "yes" in
  let has key =
    Vector_file.get vector key <> None
    || Vector_file.get vector (key ^ "_hex") <> None
  in
  let filter () = Topic.filter (Vector_file.bytes vector "filter") in
  let topic () = Vector_file.bytes vector "topic" in
  if has "filter" && has "topic" then
    match filter () with
    | Error why -> Alcotest.failf "%s: %s" where why
    | Ok filter ->
        check_bool where (yes "match") (Topic.takes filter (topic ()))
  else if has "topic" then
    check_bool where (yes "valid") (Topic.is_valid (topic ()))
  else if Vector_file.bytes vector "filter" <> "" then
    match filter () with
    | Ok _ -> check_bool where (yes "valid") true
    | Error why ->
        check_bool where (yes "valid") false;
        Option.iter
          (fun error -> check_string where error why)
          (Vector_file.get vector "error")

let test_topics () =
  let vectors = Vector_file.read "topics.txt" in
  check_bool "some" true (List.length vectors > 50);
  List.iter check_topic vectors

let kinds =
  Frame.
    [
      Publish; Request; Reply; Error_reply; Hello; Welcome; Subscribe;
      Subscribed; Unsubscribe; Unsubscribed; Gap; Ack; Hold; Release; Flush;
      Flushed; Ping; Pong; Schema; Close; Admin; Cancel; Addressee;
    ]

let check_transitions vector =
  let allowed =
    List.map
      (fun line ->
        match String.split_on_char ' ' line with
        | [ kind; "->"; state ] -> (kind, state_of state)
        | _ -> failwith line)
      (Vector_file.list vector "allowed")
  in
  let replace_kind name =
    Vector_file.find vector "error"
    |> String.split_on_char ' '
    |> List.map (function
         | "KIND" -> name
         | "KIND," -> name ^ ","
         | word -> word)
    |> String.concat " "
  in
  let state = state_of (Vector_file.find vector "state") in
  List.iter
    (fun kind ->
      let name = Frame.name kind in
      let expected =
        match List.assoc_opt name allowed with
        | Some state -> Ok state
        | None -> Error (replace_kind name)
      in
      check_bool
        (Vector_file.name vector ^ " " ^ name)
        true
        (Session_state.on_frame state kind = expected))
    kinds

let test_transitions () =
  let own = List.filter is_for_client (Vector_file.read "transitions.txt") in
  Alcotest.(check int) "states of a client" 4 (List.length own);
  List.iter check_transitions own

let () =
  let test name f = Alcotest.test_case name `Quick f in
  Alcotest.run "vectors"
    [
      ( "vectors",
        [
          test "frames" (test_frames "frames.txt");
          test "handshake" (test_frames "handshake.txt");
          test "control" (test_frames "control.txt");
          test "streams" test_streams;
          test "topics" test_topics;
          test "transitions" test_transitions;
        ] );
    ]
