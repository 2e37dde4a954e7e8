module Control = Mycelium_control
module Admin = Mycelium_admin

let ( let* ) = Result.bind

type config = {
  url : string;
  name : string;
  schema : Mycelium_wire.Schema.t option;
  instance_id : string;
  publish_bytes_max : int;
  reconnect : bool;
  reconnect_min_s : float;
  reconnect_max_s : float;
  gives_back : bool;
  random : float -> float;
}

type state =
  | Connected
  | Stalled of Error.t
  | Reconnecting of Error.t
  | Closed of Error.t

type broker = {
  name : string;
  version : string;
  epoch : int64;
  session_id : int;
  frame_bytes_max : int;
}

type counters = {
  frames_published : int;
  frames_accepted : int;
  frames_resent : int;
  frames_unaccepted : int;
  frames_received : int;
  frames_missed : int;
  gaps : int;
  reconnects : int;
  replies_late : int;
}

type 'h event =
  | Item of 'h Subscriptions.entry * Item.t
  | Asked of 'h Subscriptions.entry * Received.t * Responses.asked
  | Ended of 'h Subscriptions.entry * Error.t
  | State of state
  | Unaccepted of Publish_log.unaccepted list
  | Call of (unit -> unit)

type phase =
  | Waiting of float (* for the next attempt *)
  | Greeting of float (* until then *)
  | Open
  | Over

type on_done = (unit, Error.t) result -> unit

(* What somebody waits for, by the number of the request. *)
type 'h answer =
  | Flush of { publish_id : int; on_done : on_done }
  | Ping of on_done
  | Admin of ((Admin.AdminReply.t, Error.t) result -> unit)
  | Subscribe of 'h Subscriptions.entry * on_done
  | Subscribe_again of 'h Subscriptions.entry

type 'h t = {
  config : config;
  input : Input.t;
  log : Publish_log.t;
  subscriptions : 'h Subscriptions.t;
  requests : Requests.t;
  responses : Responses.t;
  answers : (int, 'h answer) Hashtbl.t;
  events : 'h event Queue.t;
  accepted_calls : (int * on_done) Queue.t; (* by publish id *)
  held : (int, Error.t) Hashtbl.t; (* by type id; 0: all *)
  mutable phase : phase;
  mutable session : Session_state.t;
  mutable ended : Error.t option;
  mutable greeting : string; (* what of it is unwritten *)
  mutable farewell : string;
  mutable backoff : Backoff.t;
  mutable welcome : Control.Welcome.t option; (* the last one *)
  mutable events_bytes : int;
  mutable last_request : int;
  mutable own_flush : int; (* its number; 0: none is on its way *)
  mutable own_flush_id : int; (* the last PUBLISH before it *)
  mutable addressee : 'h addressee;
  mutable topic : string; (* of the last frame: most have the same *)
  mutable told : state option;
  mutable lost_reason : Error.t option; (* while there is no connection *)
  mutable window_end : float;
  mutable next_beat : float;
  mutable pinged : bool;
  mutable untold : int; (* given back, and said to nobody *)
  mutable frames_received : int;
  mutable frames_missed : int;
  mutable gaps : int;
  mutable reconnects : int;
}

and 'h addressee = Whoever | Nobody | Only of 'h Subscriptions.entry

type blocked = { is_final : bool; why : Error.t }
type ticket = int

let greeting_bytes_max = 64 lsl 10
let idle_timeout_s_default = 30.
let heartbeat_divisor = 3.
let reconnect_s_min_default = 0.05
let reconnect_s_max_default = 5.

let make_backoff (config : config) (limits : Control.Limits.t) =
  let first own said otherwise =
    if own > 0. then own
    else if said > 0 then float said /. 1000.
    else otherwise
  in
  let max_s =
    first config.reconnect_max_s limits.reconnect_ms_max reconnect_s_max_default
  in
  let min_s =
    first config.reconnect_min_s limits.reconnect_ms_min reconnect_s_min_default
  in
  Backoff.make ~min_s:(Float.min min_s max_s) ~max_s ~random:config.random

let make (config : config) =
  {
    config;
    input = Input.make ();
    log = Publish_log.make ~bytes_max:config.publish_bytes_max;
    subscriptions = Subscriptions.make ();
    requests = Requests.make ();
    responses = Responses.make ();
    answers = Hashtbl.create 16;
    events = Queue.create ();
    accepted_calls = Queue.create ();
    held = Hashtbl.create 8;
    phase = Waiting neg_infinity;
    session = Greeting;
    ended = None;
    greeting = "";
    farewell = "";
    backoff = make_backoff config Control.Limits.default;
    welcome = None;
    events_bytes = 0;
    last_request = 0;
    own_flush = 0;
    own_flush_id = 0;
    addressee = Whoever;
    topic = "";
    told = None;
    lost_reason = None;
    window_end = infinity;
    next_beat = infinity;
    pinged = false;
    untold = 0;
    frames_received = 0;
    frames_missed = 0;
    gaps = 0;
    reconnects = 0;
  }

(* --- How it stands -------------------------------------------------------- *)

let ended t = t.ended
let is_open t = t.phase = Open

let limits t =
  match t.welcome with
  | Some { limits = Some limits; _ } -> limits
  | Some { limits = None; _ } | None -> Control.Limits.default

let broker t =
  let w = Option.value t.welcome ~default:Control.Welcome.default in
  {
    name = w.broker_name;
    version = w.broker_version;
    epoch = w.epoch;
    session_id = w.session_id;
    frame_bytes_max = (limits t).frame_bytes_max;
  }

let counters t =
  {
    frames_published = Publish_log.frames_published t.log;
    frames_accepted = Publish_log.frames_accepted t.log;
    frames_resent = Publish_log.frames_resent t.log;
    frames_unaccepted = Publish_log.frames_given_back t.log;
    frames_received = t.frames_received;
    frames_missed = t.frames_missed;
    gaps = t.gaps;
    reconnects = t.reconnects;
    replies_late = Requests.replies_late t.requests;
  }

(* --- Events --------------------------------------------------------------- *)

let event_bytes = function
  | Item (_, Message received) | Asked (_, received, _) ->
      Received.frame_bytes received
  | Item (_, Gap _) | Ended _ | State _ | Unaccepted _ | Call _ -> 0

let emit t event =
  t.events_bytes <- t.events_bytes + event_bytes event;
  Queue.push event t.events

let next_event t =
  match Queue.take_opt t.events with
  | None -> None
  | Some event as next ->
      t.events_bytes <- t.events_bytes - event_bytes event;
      next

let has_events t = not (Queue.is_empty t.events)
let events_bytes t = t.events_bytes
let later t call = emit t (Call call)

let tell_state t state =
  if t.told <> Some state then begin
    t.told <- Some state;
    emit t (State state)
  end

let is_subscribing_again t =
  Hashtbl.fold
    (fun _ answer found ->
      match answer with
      | Subscribe_again _ -> true
      | Flush _ | Ping _ | Admin _ | Subscribe _ -> found)
    t.answers false

let update_state t =
  match t.lost_reason with
  | Some why when t.phase <> Open || is_subscribing_again t ->
      tell_state t (Reconnecting why)
  | Some _ | None ->
      if t.phase = Open then begin
        t.lost_reason <- None;
        match Hashtbl.fold (fun _ why _ -> Some why) t.held None with
        | Some why -> tell_state t (Stalled why)
        | None -> tell_state t Connected
      end

(* --- What was published --------------------------------------------------- *)

let rec end_calls t ~through_id result =
  match Queue.peek_opt t.accepted_calls with
  | Some (id, on_done) when id <= through_id ->
      ignore (Queue.pop t.accepted_calls);
      on_done result;
      end_calls t ~through_id result
  | Some _ | None -> ()

let maybe_accepted =
  Error.make Aborted
    "publish: written to a broker that did not say that it accepted it"

(* [never]: what those are told that no broker can have accepted. *)
let give_back t { Publish_log.frames; maybe_through_id; through_id } ~never =
  end_calls t ~through_id:maybe_through_id (Error maybe_accepted);
  end_calls t ~through_id (Error never);
  if frames <> [] then
    if t.config.gives_back then emit t (Unaccepted frames)
    else t.untold <- t.untold + List.length frames

let next_request t =
  t.last_request <- t.last_request + 1;
  t.last_request

let ask_for_ack t =
  if t.own_flush = 0 && t.phase = Open then begin
    t.own_flush <- next_request t;
    t.own_flush_id <- Publish_log.last_publish_id t.log;
    Publish_log.append t.log (Frame.control Flush ~id:t.own_flush "")
  end

let settle t publish_id =
  let can_be = Publish_log.accepted t.log publish_id in
  if can_be then
    end_calls t ~through_id:(Publish_log.settled_id t.log) (Ok ());
  can_be

(* --- Losing a connection -------------------------------------------------- *)

let fail_answer answer why =
  match answer with
  | Flush { on_done; _ } | Ping on_done | Subscribe (_, on_done) ->
      on_done (Error why)
  | Admin on_done -> on_done (Error why)
  | Subscribe_again _ -> ()

let survives = function
  | Flush _ | Subscribe _ -> true
  | Ping _ | Admin _ | Subscribe_again _ -> false

let answers_in_order t =
  let all = Hashtbl.fold (fun id answer all -> (id, answer) :: all) t.answers [] in
  List.sort (fun (a, _) (b, _) -> compare a b) all

let fail_answers t why ~which =
  List.iter
    (fun (id, answer) ->
      if which answer then begin
        Hashtbl.remove t.answers id;
        fail_answer answer why
      end)
    (answers_in_order t)

(* Of the connection that was there, if there was one. *)
let leave_connection t =
  Publish_log.disconnected t.log;
  Input.clear t.input;
  t.greeting <- "";
  t.session <- Closed;
  t.own_flush <- 0;
  t.addressee <- Whoever;
  t.next_beat <- infinity;
  Hashtbl.reset t.held;
  Responses.forget_all t.responses;
  List.iter
    (fun { Subscriptions.progress; _ } -> Progress.suspend progress)
    (Subscriptions.all t.subscriptions)

let set_ended t why = if t.ended = None then t.ended <- Some why

let is_own_end t =
  match t.ended with Some { cause = Cancelled; _ } -> true | _ -> false

let finish t why =
  if t.phase <> Over then begin
    set_ended t why;
    let why = Option.value t.ended ~default:why in
    leave_connection t;
    t.phase <- Over;
    t.window_end <- infinity;
    give_back t (Publish_log.give_back_all t.log) ~never:why;
    fail_answers t why ~which:(fun _ -> true);
    Requests.fail_all t.requests why;
    if t.welcome <> None && not (is_own_end t) then tell_state t (Closed why)
  end

let connect_error t { Error.cause; message } =
  Error.make cause "connect %s: %s" t.config.url message

let try_again t ~now ~at_least_s =
  t.phase <- Waiting (now +. Backoff.next_s t.backoff ~at_least_s)

let retry_after_s (close : Control.Close.t) = float close.retry_after_ms /. 1000.

(* No WELCOME has come on this connection, or there was none. *)
let not_greeted t ~now why ~is_final ~at_least_s =
  if t.welcome = None || is_final || t.ended <> None then finish t why
  else begin
    leave_connection t;
    try_again t ~now ~at_least_s
  end

let connection_lost t ~now { Error.cause; message } ~is_final ~at_least_s =
  let why = Error.make cause "connection to %s lost: %s" t.config.url message in
  if is_final || (not t.config.reconnect) || t.ended <> None then finish t why
  else begin
    leave_connection t;
    t.lost_reason <- Some why;
    t.window_end <- now +. (float (limits t).resume_window_ms /. 1000.);
    try_again t ~now ~at_least_s;
    fail_answers t why ~which:(fun answer -> not (survives answer));
    Requests.fail_all t.requests why;
    update_state t
  end

let unavailable message = { Error.cause = Unavailable; message }
let no_broker why = Error.make Unavailable "not a Mycelium broker: %s" why

let fault t ~now message =
  match t.phase with
  | Greeting _ ->
      not_greeted t ~now
        (connect_error t (no_broker message))
        ~is_final:true ~at_least_s:0.
  | Open ->
      t.farewell <- Control_frame.close CODE_PROTOCOL message;
      connection_lost t ~now (unavailable message) ~is_final:true
        ~at_least_s:0.
  | Waiting _ | Over -> ()

let lost t ~now message =
  match t.phase with
  | Greeting _ ->
      not_greeted t ~now
        (connect_error t (no_broker (message ^ " before WELCOME")))
        ~is_final:false ~at_least_s:0.
  | Open ->
      connection_lost t ~now (unavailable message) ~is_final:false
        ~at_least_s:0.
  | Waiting _ | Over -> ()

let on_close t ~now (close : Control.Close.t) =
  let is_final = Close_code.is_final close.code in
  let at_least_s = retry_after_s close in
  let words =
    Printf.sprintf "by the broker: %s (%s)" close.reason
      (Close_code.name close.code)
  in
  match t.phase with
  | Greeting _ ->
      let cause = Close_code.cause close.code in
      not_greeted t ~now
        (connect_error t (Error.make cause "refused %s" words))
        ~is_final ~at_least_s
  | Open ->
      let cause : Error.cause =
        if close.code = CODE_SLOW_CONSUMER then Resource_exhausted
        else Unavailable
      in
      connection_lost t ~now
        (Error.make cause "closed %s" words)
        ~is_final ~at_least_s
  | Waiting _ | Over -> ()

(* --- Making a connection -------------------------------------------------- *)

type wish = Dial of float | Keep | Nothing

let wish t =
  match t.phase with
  | Waiting until -> Dial until
  | Greeting _ | Open -> Keep
  | Over -> Nothing

let schema_digest t =
  match t.config.schema with None -> "" | Some schema -> schema.digest

let dialed t ~now:_ ~greeting_deadline =
  let last = broker t in
  t.phase <- Greeting greeting_deadline;
  t.session <- Greeting;
  Input.clear t.input;
  t.farewell <- "";
  t.greeting <-
    Control_frame.hello ~name:t.config.name ~schema_digest:(schema_digest t)
      ~instance_id:t.config.instance_id ~last_epoch:last.epoch
      ~last_session_id:last.session_id

let dial_failed t ~now why =
  match t.phase with
  | Waiting _ -> not_greeted t ~now why ~is_final:false ~at_least_s:0.
  | Greeting _ | Open | Over -> ()

let on_schema t ~now (asked : Control.Schema.t) =
  match t.config.schema with
  | Some schema when schema.digest = asked.schema_digest ->
      t.greeting <- t.greeting ^ Control_frame.schema schema
  | Some _ | None -> fault t ~now "it asks for a schema that HELLO did not name"

let beat_interval_s t =
  let idle_s = float (limits t).idle_timeout_ms /. 1000. in
  (if idle_s = 0. then idle_timeout_s_default else idle_s) /. heartbeat_divisor

let heard t ~now =
  t.pinged <- false;
  t.next_beat <- now +. beat_interval_s t

let subscribe_frame (entry : _ Subscriptions.entry) ~request =
  Control_frame.subscribe ~request ~subscription_id:entry.id entry.options
    (Progress.resume entry.progress)

let subscribe_again t (entry : _ Subscriptions.entry) =
  if not entry.known_to_broker then None
  else begin
    let request = next_request t in
    Hashtbl.replace t.answers request (Subscribe_again entry);
    Some (subscribe_frame entry ~request)
  end

let send_answer_again t (request, answer) =
  match answer with
  | Flush _ -> Publish_log.append t.log (Frame.control Flush ~id:request "")
  | Subscribe (entry, _) ->
      Publish_log.append t.log (subscribe_frame entry ~request)
  | Ping _ | Admin _ | Subscribe_again _ -> ()

let open_session t ~now (welcome : Control.Welcome.t) ~is_first =
  let asked_before = answers_in_order t in
  t.welcome <- Some welcome;
  t.phase <- Open;
  t.window_end <- infinity;
  if is_first then t.backoff <- make_backoff t.config (limits t)
  else begin
    Backoff.reset t.backoff;
    t.reconnects <- t.reconnects + 1
  end;
  let said = Int64.to_int (limits t).publish_bytes_max in
  Publish_log.set_bytes_max t.log
    (if said <= 0 then t.config.publish_bytes_max
    else min said t.config.publish_bytes_max);
  let first =
    List.filter_map (subscribe_again t) (Subscriptions.all t.subscriptions)
  in
  let resumed =
    if welcome.resumed then Some (Int64.to_int welcome.last_publish_id)
    else None
  in
  let given_back = Publish_log.connected t.log ~resumed ~first in
  if welcome.resumed then
    end_calls t ~through_id:(Publish_log.settled_id t.log) (Ok ())
  else give_back t given_back ~never:maybe_accepted;
  List.iter (send_answer_again t) asked_before;
  if not (Queue.is_empty t.accepted_calls) then ask_for_ack t;
  heard t ~now;
  update_state t

let on_welcome t ~now (welcome : Control.Welcome.t) =
  let is_first = t.welcome = None in
  let limits = Option.value welcome.limits ~default:Control.Limits.default in
  let last_id = Int64.to_int welcome.last_publish_id in
  if welcome.version_major <> Control_frame.version_major then
    fault t ~now
      (Printf.sprintf "protocol: version %d at the broker, %d here"
         welcome.version_major Control_frame.version_major)
  else if
    limits.frame_bytes_max < 1
    || limits.frame_bytes_max > Frame.frame_bytes_ceiling
  then
    fault t ~now
      (Printf.sprintf
         "protocol: frame_bytes_max %d in WELCOME, allowed 1 to %d"
         limits.frame_bytes_max Frame.frame_bytes_ceiling)
  else if
    welcome.resumed
    && (last_id < 0 || not (Publish_log.can_resume_after t.log last_id))
  then
    fault t ~now
      (Printf.sprintf "welcome: last_publish_id %d, allowed up to %d" last_id
         (Publish_log.last_publish_id t.log))
  else open_session t ~now welcome ~is_first

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

let give t (entry : _ Subscriptions.entry) ({ Received.type_id; sequence; _ } as r)
    ~addressed =
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

let take_answer t request =
  let answer = Hashtbl.find_opt t.answers request in
  Hashtbl.remove t.answers request;
  answer

let send_unsubscribe t subscription_id =
  Publish_log.append t.log
    (Control_frame.unsubscribe ~request:(next_request t) ~subscription_id)

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

let can_publish t ~type_id ~frame_bytes =
  match may_publish t ~type_id ~frame_bytes with
  | Ok () | Error { is_final = true; _ } -> true
  | Error { is_final = false; _ } -> false

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
