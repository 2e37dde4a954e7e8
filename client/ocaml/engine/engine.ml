include Connection

let ( let* ) = Result.bind
let feed = Incoming.feed

(* --- Writing -------------------------------------------------------------- *)

let unwritten_bytes t =
  match t.phase with
  | Greeting _ -> String.length t.greeting
  | Open -> String.length t.greeting + Publish_log.unwritten_bytes t.log
  | Waiting _ | Over -> 0

let piece t =
  match String.length t.greeting with
  | 0 -> Publish_log.piece t.log
  | bytes -> (Bytes.unsafe_of_string t.greeting, 0, bytes)

let wrote t bytes =
  match String.length t.greeting with
  | 0 -> Publish_log.wrote t.log bytes
  | all -> t.greeting <- String.sub t.greeting bytes (all - bytes)

let farewell t =
  let said = t.farewell in
  t.farewell <- "";
  said

(* --- The time ------------------------------------------------------------- *)

let send_cancel t number =
  Publish_log.append t.log (Frame.control Cancel ~id:number "")

(* Nothing has come for a while. *)
let beat t ~now ~is_reading =
  let interval_s = beat_interval_s t in
  if t.pinged && is_reading then
    lost t ~now
      (Printf.sprintf "silent for %.0f ms" (2000. *. interval_s))
  else begin
    t.pinged <- is_reading;
    t.next_beat <- now +. interval_s;
    Publish_log.append t.log (Frame.control Ping "")
  end

let tick t ~now ~is_reading =
  List.iter (send_cancel t) (Requests.expire t.requests ~now);
  match t.phase with
  | Greeting deadline when now >= deadline ->
      let late =
        Error.make Deadline_exceeded
          "connected, but no WELCOME before the deadline"
      in
      not_greeted t ~now (connect_error t late) ~is_final:false ~at_least_s:0.
  | Open when now >= t.next_beat -> beat t ~now ~is_reading
  | (Waiting _ | Greeting _) when now >= t.window_end ->
      t.window_end <- infinity;
      give_back t
        (Publish_log.give_back_written t.log)
        ~never:maybe_accepted
  | Waiting _ | Greeting _ | Open | Over -> ()

let next_tick t =
  let own =
    match t.phase with
    | Waiting _ -> t.window_end
    | Greeting deadline -> Float.min deadline t.window_end
    | Open -> t.next_beat
    | Over -> infinity
  in
  Float.min own (Requests.next_deadline t.requests)

(* --- Publishing ----------------------------------------------------------- *)

let not_now why = Error { is_final = false; why }
let never why = Error { is_final = true; why }

let no_room t subject =
  Error.make Unavailable
    "%s: would block, publish_bytes_max %d is reached by what is not yet \
     accepted"
    subject
    (Publish_log.bytes_max t.log)

let holder t ~type_id =
  if Hashtbl.length t.held = 0 then None
  else
    match Hashtbl.find_opt t.held type_id with
    | Some _ as why -> why
    | None -> Hashtbl.find_opt t.held 0

let may_publish t ~type_id ~frame_bytes =
  match t.ended with
  | Some why -> never why
  | None -> (
      match holder t ~type_id with
      | Some why -> not_now why
      | None ->
          if Publish_log.has_room t.log ~frame_bytes then Ok ()
          else not_now (no_room t "publish"))

let frame_bytes ~topic payload =
  Frame.header_bytes + String.length topic + String.length payload

let check_frame t ~subject ~type_id ~topic payload =
  Result.map_error
    (fun why -> { is_final = true; why })
    (Arguments.frame ~subject ~type_id ~topic
       ~payload_bytes:(String.length payload)
       ~frame_bytes_max:(limits t).frame_bytes_max)

let publish t ~type_id ~topic ?on_accepted payload =
  let* () = check_frame t ~subject:"publish" ~type_id ~topic payload in
  let* () = may_publish t ~type_id ~frame_bytes:(frame_bytes ~topic payload) in
  let id = Publish_log.publish t.log ~type_id ~topic payload in
  (match on_accepted with
  | None -> ()
  | Some on_accepted ->
      Queue.push (id, on_accepted) t.accepted_calls;
      ask_for_ack t);
  Ok ()

(* --- Asking --------------------------------------------------------------- *)

let ask t answer frame =
  let request = next_request t in
  match (t.ended, t.lost_reason) with
  | Some why, _ ->
      fail_answer answer why;
      request
  | None, Some why when t.phase <> Open && not (survives answer) ->
      fail_answer answer why;
      request
  | None, (Some _ | None) ->
      Hashtbl.replace t.answers request answer;
      Publish_log.append t.log (frame request);
      request

let flush t on_done =
  let publish_id = Publish_log.last_publish_id t.log in
  ask t
    (Flush { publish_id; on_done })
    (fun id -> Frame.control Flush ~id "")

let ping t on_done = ask t (Ping on_done) (fun id -> Frame.control Ping ~id "")

let admin t request on_done =
  let body = Admin.AdminRequest.encode request in
  ask t (Admin on_done) (fun id -> Frame.control Admin ~id body)

let subscribe t options user on_done =
  let entry = Subscriptions.add t.subscriptions options user in
  let ticket =
    ask t
      (Subscribe (entry, on_done))
      (fun request -> subscribe_frame entry ~request)
  in
  (entry, ticket)

let give_up t ticket =
  match take_answer t ticket with
  | Some (Subscribe (entry, _)) ->
      (* If the broker still says SUBSCRIBED, it is told UNSUBSCRIBE. *)
      Subscriptions.remove t.subscriptions entry
  | Some _ | None -> ()

(* --- Subscriptions -------------------------------------------------------- *)

let send_due_ack t (entry : _ Subscriptions.entry) acks ~idle =
  if Progress.is_active entry.progress then
    match Group_acks.due acks ~idle with
    | Some frames ->
        Publish_log.append t.log
          (Control_frame.ack ~subscription_id:entry.id ~frames)
    | None -> ()

let item_bytes = function
  | Item.Message received -> Received.frame_bytes received
  | Item.Gap _ -> 0

let done_with t (entry : _ Subscriptions.entry) item ~idle =
  match entry.acks with
  | Some acks when not entry.ended ->
      Group_acks.done_with acks ~frames:(Item.frames item)
        ~bytes:(item_bytes item);
      send_due_ack t entry acks ~idle
  | Some _ | None -> ()

let acknowledge t (entry : _ Subscriptions.entry) =
  match entry.acks with
  | Some acks when not entry.ended -> send_due_ack t entry acks ~idle:true
  | Some _ | None -> ()

let unsubscribe t (entry : _ Subscriptions.entry) =
  if not entry.ended then begin
    acknowledge t entry;
    Responses.forget t.responses ~subscription_id:entry.id;
    let is_known = Progress.is_active entry.progress in
    Subscriptions.remove t.subscriptions entry;
    if is_known then send_unsubscribe t entry.id
  end

(* --- Requests ------------------------------------------------------------- *)

let may_request t payload ~topic =
  match (t.ended, t.lost_reason) with
  | Some why, _ -> never why
  | None, Some why when t.phase <> Open -> never why
  | None, (Some _ | None) ->
      let frame_bytes = frame_bytes ~topic payload in
      if Publish_log.has_room t.log ~frame_bytes then Ok ()
      else not_now (no_room t "request")

let request t ~type_id ~topic ~deadline payload on_end =
  let* () = check_frame t ~subject:"request" ~type_id ~topic payload in
  let* () = may_request t payload ~topic in
  let call, number = Requests.begin_ t.requests ~deadline on_end in
  Publish_log.append t.log
    (Frame.data Request ~type_id ~topic ~id:(Int64.of_int number) payload);
  Ok call

let cancel t call why =
  Option.iter (send_cancel t) (Requests.cancel t.requests call why)

let lost_request =
  Error.make Unavailable
    "reply: the connection on which it was asked is lost, the responder has \
     unsubscribed, or it has been answered"

let answer t asked frame =
  if Responses.answered t.responses asked then begin
    Publish_log.append t.log frame;
    Ok ()
  end
  else Error lost_request

let reply t asked ~type_id payload =
  let frame_bytes_max = (limits t).frame_bytes_max in
  let* () =
    Arguments.frame ~subject:"reply" ~type_id ~topic:""
      ~payload_bytes:(String.length payload) ~frame_bytes_max
  in
  answer t asked
    (Frame.data Reply ~type_id ~topic:"" ~id:(Responses.id asked) payload)

let fail t asked error =
  let frame_bytes_max = (limits t).frame_bytes_max in
  answer t asked
    (Frame.data Error_reply
       ~type_id:(Responses.type_id asked)
       ~topic:"" ~id:(Responses.id asked)
       (Responses.error_body ~frame_bytes_max error))

let begin_answer t asked =
  if not (Responses.is_cancelled asked) then true
  else begin
    let cancelled = Error.make Cancelled "request: cancelled" in
    (* Unless it was forgotten with its connection. *)
    ignore (fail t asked cancelled : (unit, Error.t) result);
    false
  end

(* --- The end -------------------------------------------------------------- *)

let subscriptions t = Subscriptions.all t.subscriptions
let disconnect t why = finish t why

let begin_close t =
  let why = Error.make Cancelled "client: closed by its owner" in
  if t.ended = None then begin
    set_ended t why;
    fail_answers t why ~which:(fun _ -> true);
    Requests.fail_all t.requests why;
    if Publish_log.settled_id t.log < Publish_log.last_publish_id t.log then
      ask_for_ack t
  end

let is_settled t =
  t.phase <> Open
  || Publish_log.settled_id t.log = Publish_log.last_publish_id t.log

let say_goodbye t =
  if t.phase = Open then
    Publish_log.append t.log (Control_frame.close CODE_GOING_AWAY "")

let end_close t = finish t (Error.make Cancelled "client: closed by its owner")
