(* A client's state over all of its connections: what it holds, how a connection
   is lost and how it is made again.  Part of the engine, whose rules hold. *)

module Control = Mycelium_control
module Admin = Mycelium_admin

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

let take_answer t request =
  let answer = Hashtbl.find_opt t.answers request in
  Hashtbl.remove t.answers request;
  answer

let answers_in_order t =
  let add id answer all = (id, answer) :: all in
  let all = Hashtbl.fold add t.answers [] in
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

let retry_after_s (close : Control.Close.t) =
  float close.retry_after_ms /. 1000.

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

let send_unsubscribe t subscription_id =
  Publish_log.append t.log
    (Control_frame.unsubscribe ~request:(next_request t) ~subscription_id)

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
