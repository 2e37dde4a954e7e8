(* What a connection brings: frames, and what each of them does.  Part of the
   engine, whose rules hold. *)

open Connection
module Control = Mycelium_control
module Admin = Mycelium_admin

(* --- Data ----------------------------------------------------------------- *)

let rec same_bytes buffer first text index =
  index < 0
  || Char.equal
       (Bytes.unsafe_get buffer (first + index))
       (String.unsafe_get text index)
     && same_bytes buffer first text (index - 1)

let topic_of t buffer first =
  let bytes = Frame.topic_bytes buffer first in
  let at = first + Frame.header_bytes in
  if bytes = 0 then ""
  else if
    String.length t.topic = bytes
    && same_bytes buffer at t.topic (bytes - 1)
  then t.topic
  else begin
    t.topic <- Bytes.sub_string buffer at bytes;
    t.topic
  end

let received t buffer first ~sequence ~redelivered =
  let topic = topic_of t buffer first in
  let topic_bytes = String.length topic in
  {
    Received.type_id = Frame.type_id buffer first;
    topic;
    payload =
      Bytes.sub_string buffer
        (first + Frame.header_bytes + topic_bytes)
        (Frame.body_bytes buffer first - topic_bytes);
    sequence;
    redelivered;
  }

let give t (entry : _ Subscriptions.entry) r ~addressed =
  let { Received.type_id; sequence; _ } = r in
  if Progress.takes entry.progress ~type_id ~sequence ~addressed then begin
    Progress.gave entry.progress ~type_id ~sequence;
    (match entry.acks with
    | Some acks -> Group_acks.gave acks ~frames:1
    | None -> ());
    t.frames_received <- t.frames_received + 1;
    emit t (Item (entry, Message r))
  end

let rec give_each t r = function
  | [] -> ()
  | entry :: rest ->
      give t entry r ~addressed:false;
      give_each t r rest

let on_publish t buffer first ~redelivered =
  let sequence = Frame.sequence buffer first in
  let r = received t buffer first ~sequence ~redelivered in
  match t.addressee with
  | Whoever ->
      give_each t r
        (Subscriptions.takers t.subscriptions ~type_id:r.type_id
           ~topic:r.topic)
  | Only entry when (not entry.ended) && not entry.options.responder ->
      give t entry r ~addressed:true
  | Only _ | Nobody -> ()

let on_request t buffer first =
  match t.addressee with
  | Only entry when (not entry.ended) && entry.options.responder ->
      let r = received t buffer first ~sequence:0 ~redelivered:false in
      let asked =
        Responses.asked t.responses ~subscription_id:entry.id
          ~type_id:r.type_id (Frame.id buffer first)
      in
      t.frames_received <- t.frames_received + 1;
      emit t (Asked (entry, r, asked))
  (* It has ended meanwhile, and the broker tells those who asked. *)
  | Only _ | Nobody | Whoever -> ()

let request_error payload =
  match Control.RequestError.decode payload with
  | Ok { status; message; _ } ->
      { Error.cause = Error.of_number status; message }
  | Error _ ->
      Error.make Internal
        "request: an error of %d bytes that is not a RequestError message"
        (String.length payload)

let on_data t kind buffer first =
  match (kind : Frame.kind) with
  | Publish -> on_publish t buffer first ~redelivered:false
  | Redelivered -> on_publish t buffer first ~redelivered:true
  | Request -> on_request t buffer first
  | Reply | Error_reply ->
      let r = received t buffer first ~sequence:0 ~redelivered:false in
      Requests.reply t.requests (Frame.id buffer first)
        (if kind = Reply then Ok r else Error (request_error r.payload))
  | _ -> invalid_arg "Engine.on_data"

(* --- Control frames ------------------------------------------------------- *)

let activate t (entry : _ Subscriptions.entry) starts =
  let { epoch; session_id; _ } = broker t in
  let pair { Control.TypeSequence.type_id; sequence } =
    (type_id, Int64.to_int sequence)
  in
  let resumed =
    match t.welcome with Some welcome -> welcome.resumed | None -> false
  in
  entry.known_to_broker <- true;
  Progress.activate entry.progress ~epoch ~session_id ~resumed
    ~starts:(List.map pair starts);
  Option.iter Group_acks.activate entry.acks

let on_subscribed t request (body : Control.Subscribed.t) =
  let result =
    if body.code = CODE_OK then Ok ()
    else
      Error.fail
        (Close_code.cause body.code)
        "subscribe: %s (%s)" body.reason
        (Close_code.name body.code)
  in
  match (take_answer t request, result) with
  | Some (Subscribe (entry, on_done)), Ok () ->
      activate t entry body.starts;
      on_done result
  | Some (Subscribe_again entry), Ok () when not entry.ended ->
      activate t entry body.starts;
      update_state t
  | Some (Subscribe (entry, on_done)), Error _ ->
      Subscriptions.remove t.subscriptions entry;
      on_done result
  | Some (Subscribe_again entry), Error why ->
      if not entry.ended then begin
        Subscriptions.remove t.subscriptions entry;
        emit t (Ended (entry, why))
      end;
      update_state t
  (* Nobody waits for it any more. *)
  | (Some (Subscribe_again _) | None), Ok () ->
      send_unsubscribe t body.subscription_id;
      update_state t
  | None, Error _ -> ()
  | Some ((Flush _ | Ping _ | Admin _) as other), _ ->
      Hashtbl.replace t.answers request other

let on_gap t (body : Control.Gap.t) =
  match Subscriptions.find t.subscriptions body.subscription_id with
  | Some entry when Progress.is_active entry.progress ->
      let gap = Control_frame.gap body in
      let frames = Gap.frames gap in
      Progress.told entry.progress gap;
      Option.iter (fun acks -> Group_acks.gave acks ~frames) entry.acks;
      t.frames_missed <- t.frames_missed + frames;
      t.gaps <- t.gaps + 1;
      emit t (Item (entry, Gap gap))
  | Some _ | None -> ()

let end_flush t on_done =
  let frames = t.untold in
  t.untold <- 0;
  on_done
    (if frames = 0 then Ok ()
    else
      Error.fail Aborted
        "flush: %d frames were written to a broker that has forgotten this \
         client or was restarted, and may not have been accepted"
        frames)

let on_flushed t ~now request =
  if request = t.own_flush && request <> 0 then begin
    t.own_flush <- 0;
    if not (settle t t.own_flush_id) then
      fault t ~now "flushed: before FLUSH was sent"
    else if not (Queue.is_empty t.accepted_calls) then ask_for_ack t
  end
  else
    match take_answer t request with
    | Some (Flush { publish_id; on_done }) ->
        if settle t publish_id then end_flush t on_done
        else begin
          Hashtbl.replace t.answers request (Flush { publish_id; on_done });
          fault t ~now "flushed: before FLUSH was sent"
        end
    | Some other -> Hashtbl.replace t.answers request other
    | None -> ()

let on_pong t request =
  match take_answer t request with
  | Some (Ping on_done) -> on_done (Ok ())
  | Some other -> Hashtbl.replace t.answers request other
  | None -> ()

let on_admin t request reply =
  match take_answer t request with
  | Some (Admin on_done) -> on_done (Ok reply)
  | Some other -> Hashtbl.replace t.answers request other
  | None -> ()

let on_ack t ~now (ack : Control.Ack.t) =
  let publish_id = Int64.to_int ack.publish_id in
  if not (settle t publish_id) then
    fault t ~now
      (Printf.sprintf "ack: publish_id %d, allowed up to %d" publish_id
         (Publish_log.last_publish_id t.log))

let held_words (hold : Control.Hold.t) =
  Printf.sprintf "%s held back by session %d (%s)"
    (if hold.type_id = 0 then "all types are"
    else Printf.sprintf "type %d is" hold.type_id)
    hold.by_session_id hold.by_name

let on_hold t (hold : Control.Hold.t) =
  Hashtbl.replace t.held hold.type_id
    (Error.make Unavailable "publish: would block, %s" (held_words hold));
  update_state t

let on_release t (release : Control.Release.t) =
  Hashtbl.remove t.held release.type_id;
  update_state t

let on_addressee t (addressee : Control.Addressee.t) =
  t.addressee <-
    (match addressee.subscription_id with
    | 0 -> Whoever
    | id -> (
        match Subscriptions.find t.subscriptions id with
        | Some entry -> Only entry
        | None -> Nobody))

let message_name kind =
  String.capitalize_ascii (String.lowercase_ascii (Frame.name kind))

let on_control t ~now kind ~id body =
  let on decode handle =
    match decode body with
    | Ok body -> handle body
    | Error (_ : Mycelium_wire.Error.t) ->
        fault t ~now
          (Printf.sprintf "%s: body of %d bytes is not a %s message"
             (Frame.name kind) (String.length body)
             (if kind = Frame.Admin then "AdminReply" else message_name kind))
  in
  let request = Int64.to_int id in
  match (kind : Frame.kind) with
  | Welcome -> on Control.Welcome.decode (on_welcome t ~now)
  | Schema -> on Control.Schema.decode (on_schema t ~now)
  | Close -> on Control.Close.decode (on_close t ~now)
  | Subscribed -> on Control.Subscribed.decode (on_subscribed t request)
  | Unsubscribed -> on Control.Unsubscribed.decode ignore
  | Gap -> on Control.Gap.decode (on_gap t)
  | Ack -> on Control.Ack.decode (on_ack t ~now)
  | Hold -> on Control.Hold.decode (on_hold t)
  | Release -> on Control.Release.decode (on_release t)
  | Addressee -> on Control.Addressee.decode (on_addressee t)
  | Admin -> on Admin.AdminReply.decode (on_admin t request)
  | Flushed -> on_flushed t ~now request
  | Pong -> on_pong t request
  | Cancel -> Responses.on_cancel t.responses id
  | Ping -> Publish_log.append t.log (Frame.control Pong ~id:request "")
  | Publish | Redelivered | Request | Reply | Error_reply -> assert false
  | Hello | Subscribe | Unsubscribe | Flush -> assert false

(* --- Reading -------------------------------------------------------------- *)

let is_data (kind : Frame.kind) =
  match kind with
  | Publish | Redelivered | Request | Reply | Error_reply -> true
  | _ -> false

let on_frame t ~now buffer first =
  let kind = Frame.kind buffer first in
  if is_data kind && Session_state.takes_data t.session then
    on_data t kind buffer first
  else
    match Session_state.on_frame t.session kind with
    | Error message -> fault t ~now message
    | Ok session ->
        t.session <- session;
        on_control t ~now kind ~id:(Frame.id buffer first)
          (Bytes.sub_string buffer
             (first + Frame.header_bytes)
             (Frame.body_bytes buffer first))

let rec parse t ~now =
  match t.phase with
  | Waiting _ | Over -> ()
  | (Greeting _ | Open) as phase -> (
      let frame_bytes_max =
        if phase = Open then Frame.frame_bytes_ceiling else greeting_bytes_max
      in
      let buffer = Input.buffer t.input and first = Input.first t.input in
      match
        Frame.check ~frame_bytes_max buffer ~first ~limit:(Input.limit t.input)
      with
      | Need_more _ -> ()
      | Fault f ->
          fault t ~now (Frame.describe ~frame_bytes_max buffer first f)
      | Whole ->
          (* The buffer stays as it is until more is fed. *)
          Input.consume t.input
            (Frame.header_bytes + Frame.body_bytes buffer first);
          on_frame t ~now buffer first;
          parse t ~now)

let feed t ~now buffer first bytes =
  match t.phase with
  | Waiting _ | Over -> ()
  | Greeting _ | Open ->
      Input.add t.input buffer first bytes;
      heard t ~now;
      parse t ~now
