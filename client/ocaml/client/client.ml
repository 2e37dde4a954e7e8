module Arguments = Mycelium_engine.Arguments
module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Item = Mycelium_engine.Item
module Item_queue = Mycelium_engine.Item_queue
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Requests = Mycelium_engine.Requests
module Responses = Mycelium_engine.Responses
module Start = Mycelium_engine.Start
module Subscriptions = Mycelium_engine.Subscriptions
module Typed = Mycelium_engine.Typed
module Clock = Mycelium_posix.Clock
module Settings = Mycelium_posix.Settings

let ( let* ) = Result.bind

type t = { io : Io.t; schema : Mycelium_wire.Schema.t option }
type 'a message_type = 'a Mycelium_wire.Message.t

type state = Engine.state =
  | Connected
  | Stalled of Error.t
  | Reconnecting of Error.t
  | Closed of Error.t

type unaccepted = Mycelium_engine.Publish_log.unaccepted = {
  type_id : int;
  topic : string;
  payload : string;
  maybe_accepted : bool;
}

(* --- Connecting ----------------------------------------------------------- *)

let connect ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
    ?reconnect_min_s ?reconnect_max_s ?instance_id ?(on_state = ignore)
    ?on_unaccepted () =
  let* settings =
    Settings.make ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
      ?reconnect_min_s ?reconnect_max_s ?instance_id
      ~gives_back:(on_unaccepted <> None) ()
  in
  let on_unaccepted = Option.value on_unaccepted ~default:ignore in
  let* io = Io.connect settings { on_state; on_unaccepted } in
  Ok { io; schema }

let close t = Io.close t.io

(* --- Publishing ----------------------------------------------------------- *)

(* Needs the lock.  Tries until it is taken, refused, or too late. *)
let until_taken io ~subject ~deadline attempt =
  let last_why = ref None in
  let found () =
    match attempt () with
    | Ok taken -> Some (Ok taken)
    | Error { Engine.is_final = true; why } -> Some (Error why)
    | Error { is_final = false; why } ->
        last_why := Some why;
        None
  in
  match (Io.await io ~subject ~deadline found, !last_why) with
  | Ok result, _ -> result
  | Error { cause = Deadline_exceeded; _ }, Some { message; _ } ->
      Error.fail Deadline_exceeded "%s" message
  | Error why, _ -> Error why

let publish_anyhow ?(topic = "") ?timeout_s ?on_accepted t ~type_id payload =
  let engine = Io.engine t.io in
  let on_accepted =
    Option.map
      (fun f result -> Engine.later engine (fun () -> f result))
      on_accepted
  in
  let attempt () = Engine.publish engine ~type_id ~topic ?on_accepted payload in
  Io.with_lock t.io (fun () ->
      match attempt () with
      | Ok () ->
          Io.wrote_one t.io;
          Ok ()
      | Error { is_final = true; why } -> Error why
      | Error { is_final = false; why } -> (
          match timeout_s with
          | Some timeout_s when timeout_s <= 0. -> Error why
          | Some _ | None ->
              let deadline = Clock.deadline timeout_s in
              let* () =
                until_taken t.io ~subject:"publish" ~deadline attempt
              in
              Io.wrote_one t.io;
              Ok ()))

let publish_bytes ?topic ?timeout_s t ~type_id payload =
  publish_anyhow ?topic ?timeout_s t ~type_id payload

let try_publish_bytes ?topic t ~type_id payload =
  publish_anyhow ?topic ~timeout_s:0. t ~type_id payload

let publish_acked_bytes ?topic ?timeout_s t ~type_id payload on_accepted =
  publish_anyhow ?topic ?timeout_s ~on_accepted t ~type_id payload

let encode t ~subject message_type value =
  let* () = Typed.check ~subject t.schema message_type in
  Typed.encode ~subject message_type value

let publish ?topic ?timeout_s t (message_type : _ message_type) value =
  let* payload = encode t ~subject:"publish" message_type value in
  publish_anyhow ?topic ?timeout_s t ~type_id:message_type.type_id payload

let try_publish ?topic t message_type value =
  publish ?topic ~timeout_s:0. t message_type value

let publish_acked ?topic ?timeout_s t (message_type : _ message_type) value
    on_accepted =
  let* payload = encode t ~subject:"publish" message_type value in
  publish_anyhow ?topic ?timeout_s ~on_accepted t
    ~type_id:message_type.type_id payload

(* --- Asking --------------------------------------------------------------- *)

(* [begin_ on_done] is a ticket. *)
let ask t ~subject ?timeout_s begin_ =
  let deadline = Clock.deadline timeout_s in
  Io.with_lock t.io (fun () ->
      let answer = ref None in
      let ticket = begin_ (fun result -> answer := Some result) in
      match Io.await t.io ~subject ~deadline (fun () -> !answer) with
      | Ok result -> result
      | Error _ as error ->
          Engine.give_up (Io.engine t.io) ticket;
          error)

let flush ?timeout_s t =
  ask t ~subject:"flush" ?timeout_s (Engine.flush (Io.engine t.io))

let ping ?timeout_s t =
  let began = Clock.now () in
  let* () = ask t ~subject:"ping" ?timeout_s (Engine.ping (Io.engine t.io)) in
  Ok (Clock.now () -. began)

let admin ?timeout_s t request =
  ask t ~subject:"admin" ?timeout_s (Engine.admin (Io.engine t.io) request)

(* --- Subscriptions -------------------------------------------------------- *)

type subscription = { client : t; entry : Io.handler Subscriptions.entry }

type 'a pulled = {
  subscription : subscription;
  state : Io.pulled;
  decode : Item.t -> 'a Typed.item;
}

type 'a item = 'a Typed.item = Message of 'a * Received.t | Gap of Gap.t

let add t options deliver =
  let handler = { Io.ended = Atomic.make false; deliver } in
  let entry = ref None in
  let* () =
    ask t ~subject:"subscribe" (fun on_done ->
        let added, ticket =
          Engine.subscribe (Io.engine t.io) options handler on_done
        in
        entry := Some added;
        ticket)
  in
  Ok { client = t; entry = Option.get !entry }

let options ?(topic_filter = "") ?(policy = Policy.balanced) ?(group = "")
    ?(start = Start.Now) ?(responder = false) ~type_id () =
  Arguments.subscription ~type_id ~topic_filter ~policy ~group ~start
    ~responder

let subscribe_bytes ?topic_filter ?policy ?group ?start ?(on_gap = ignore) t
    ~type_id f =
  let* options = options ?topic_filter ?policy ?group ?start ~type_id () in
  let deliver = function
    | Item.Message received -> f received
    | Item.Gap gap -> on_gap gap
  in
  add t options (Callback deliver)

let subscribe ?topic_filter ?policy ?group ?start ?(on_gap = ignore) t
    (message_type : _ message_type) f =
  let type_id = message_type.type_id in
  let* () = Typed.check ~subject:"subscribe" t.schema message_type in
  let* options = options ?topic_filter ?policy ?group ?start ~type_id () in
  let deliver item =
    match Typed.decode message_type item with
    | Message (value, received) -> f value received
    | Gap gap -> on_gap gap
  in
  add t options (Callback deliver)

let pull_as ?topic_filter ?policy ?group ?start t ~type_id decode =
  let* options = options ?topic_filter ?policy ?group ?start ~type_id () in
  let policy = Subscriptions.pulled_policy options in
  let state =
    {
      Io.queue = Item_queue.make policy;
      stall_ms_max = policy.stall_ms_max;
      in_hand = None;
      over = None;
    }
  in
  let* subscription = add t options (Pulled state) in
  Ok { subscription; state; decode }

let pull_bytes ?topic_filter ?policy ?group ?start t ~type_id =
  pull_as ?topic_filter ?policy ?group ?start t ~type_id Typed.payload

let pull ?topic_filter ?policy ?group ?start t (message_type : _ message_type) =
  let* () = Typed.check ~subject:"subscribe" t.schema message_type in
  pull_as ?topic_filter ?policy ?group ?start t ~type_id:message_type.type_id
    (Typed.decode message_type)

let subscription pulled = pulled.subscription
let unsubscribed = Error.make Cancelled "subscription: unsubscribed"
let closed = Error.make Cancelled "client: closed by its owner"

let end_of { subscription = { client; entry }; state; _ } =
  if Atomic.get entry.user.ended then
    Some
      (match Engine.ended (Io.engine client.io) with
      | Some ({ cause = Cancelled; _ } as why) -> why
      | Some _ | None -> if entry.ended then unsubscribed else closed)
  else state.over

(* Needs the lock. *)
let take pulled =
  let { subscription = { client; entry }; state; _ } = pulled in
  if Atomic.get entry.user.ended then Option.map Result.error (end_of pulled)
  else
    match Item_queue.pop state.queue with
    | Some item ->
        if entry.acks <> None then state.in_hand <- Some item;
        Io.woken client.io;
        Some (Ok item)
    | None -> Option.map Result.error (end_of pulled)

let finish_in_hand { subscription = { client; entry }; state; _ } ~idle =
  match state.in_hand with
  | None -> ()
  | Some item ->
      state.in_hand <- None;
      Engine.done_with (Io.engine client.io) entry item ~idle

let waits_in_callback =
  Error.make Failed_precondition
    "next: waits within a callback, behind which what comes waits"

let next ?timeout_s pulled =
  let { subscription = { client = { io; _ }; entry }; _ } = pulled in
  let found () = take pulled in
  Io.with_lock io (fun () ->
      finish_in_hand pulled ~idle:false;
      let taken =
        match found () with
        | Some taken -> taken
        | None when Io.on_callback_thread io -> Error waits_in_callback
        | None ->
            Engine.acknowledge (Io.engine io) entry;
            let deadline = Clock.deadline timeout_s in
            Result.join
              (Io.await io ~subject:"next" ~deadline ~asks:false found)
      in
      Result.map pulled.decode taken)

let finish_pulled io entry (pulled : Io.pulled) =
  Option.iter
    (fun item -> Engine.done_with (Io.engine io) entry item ~idle:true)
    pulled.in_hand;
  pulled.in_hand <- None

let unsubscribe { client = { io; _ }; entry } =
  Atomic.set entry.user.ended true;
  (* What its callback is doing is done with, and nobody else's. *)
  Io.await_quiet io entry.user;
  Io.locked io (fun () ->
      (match entry.user.deliver with
      | Pulled pulled -> finish_pulled io entry pulled
      | Callback _ | Responder _ -> ());
      Engine.unsubscribe (Io.engine io) entry)

(* --- Requests ------------------------------------------------------------- *)

type call = { of_client : Io.t; call : Requests.call }

let begin_request ?(topic = "") ?timeout_s t ~type_id payload on_end =
  let deadline = Clock.deadline timeout_s in
  let engine = Io.engine t.io in
  let attempt () =
    Engine.request engine ~type_id ~topic ~deadline payload on_end
  in
  until_taken t.io ~subject:"request" ~deadline attempt

let request_bytes ?topic ?timeout_s t ~type_id payload =
  Io.with_lock t.io (fun () ->
      let answer = ref None in
      let* call =
        begin_request ?topic ?timeout_s t ~type_id payload (fun result ->
            answer := Some result)
      in
      Io.wrote_one t.io;
      Io.keep_time t.io;
      (* The engine keeps the time. *)
      match
        Io.await t.io ~subject:"request" ~deadline:infinity (fun () -> !answer)
      with
      | Ok result -> result
      | Error why as error ->
          Engine.cancel (Io.engine t.io) call why;
          error)

let check_both t (question : _ message_type) (answer : _ message_type)
    ~subject =
  let* () = Typed.check ~subject t.schema question in
  Typed.check ~subject t.schema answer

let request ?topic ?timeout_s t question answer value =
  let subject = "request" in
  let* () = check_both t question answer ~subject in
  let* payload = Typed.encode ~subject question value in
  let* received =
    request_bytes ?topic ?timeout_s t ~type_id:question.type_id payload
  in
  Typed.decode_reply answer received

let request_async ?topic ?timeout_s t question answer value on_reply =
  let subject = "request" in
  let* () = check_both t question answer ~subject in
  let* payload = Typed.encode ~subject question value in
  let engine = Io.engine t.io in
  let on_end result =
    Engine.later engine (fun () ->
        on_reply (Result.bind result (Typed.decode_reply answer)))
  in
  Io.with_lock t.io (fun () ->
      let* call =
        begin_request ?topic ?timeout_s t ~type_id:question.type_id payload
          on_end
      in
      Io.wrote_one t.io;
      Io.keep_time t.io;
      Ok { of_client = t.io; call })

let cancel { of_client = io; call } =
  let why = Error.make Cancelled "request: cancelled" in
  Io.locked io (fun () -> Engine.cancel (Io.engine io) call why)

(* --- Responders ----------------------------------------------------------- *)

type 'answer respondent = {
  asked_of : Io.t;
  asked : Responses.asked;
  request : Received.t;
  encode : 'answer -> (int * string, Error.t) result;
}

let is_cancelled respondent = Responses.is_cancelled respondent.asked
let topic respondent = respondent.request.topic

let fail { asked_of = io; asked; _ } error =
  Io.locked io (fun () -> Engine.fail (Io.engine io) asked error)

let reply { asked_of = io; asked; encode; _ } value =
  let* type_id, payload = encode value in
  Io.locked io (fun () -> Engine.reply (Io.engine io) asked ~type_id payload)

(* Nobody is left to be told, if the connection is lost. *)
let settle respondent result =
  let told =
    match result with
    | Ok value -> (
        match reply respondent value with
        | Ok () | Error { cause = Unavailable; _ } -> Ok ()
        | Error why -> fail respondent why)
    | Error why -> fail respondent why
  in
  ignore (told : (unit, Error.t) result)

let raised error =
  Error.make Internal "respond: the responder raised %s"
    (Printexc.to_string error)

let respond_anyhow ?topic_filter
    ?(queue_bytes_max = Policy.balanced.queue_bytes_max) t ~type_id encode f =
  let policy = { Policy.balanced with queue_bytes_max } in
  let* options = options ?topic_filter ~policy ~responder:true ~type_id () in
  let on_request request asked =
    let respondent = { asked_of = t.io; asked; request; encode } in
    match f request respondent with
    | () -> ()
    | exception error ->
        let backtrace = Printexc.get_raw_backtrace () in
        settle respondent (Error (raised error));
        Printexc.raise_with_backtrace error backtrace
  in
  add t options (Responder on_request)

let respond_later ?topic_filter ?queue_bytes_max t question answer f =
  let* () = check_both t question answer ~subject:"respond" in
  let encode value =
    Result.map
      (fun payload -> (answer.Mycelium_wire.Message.type_id, payload))
      (Typed.encode ~subject:"reply" answer value)
  in
  respond_anyhow ?topic_filter ?queue_bytes_max t ~type_id:question.type_id
    encode (fun request respondent ->
      match Typed.decode_request question request with
      | Ok value -> f value respondent
      | Error why -> settle respondent (Error why))

let respond ?topic_filter ?queue_bytes_max t question answer f =
  respond_later ?topic_filter ?queue_bytes_max t question answer
    (fun value respondent -> settle respondent (f value))

let respond_bytes ?topic_filter ?queue_bytes_max t ~type_id f =
  respond_anyhow ?topic_filter ?queue_bytes_max t ~type_id Result.ok
    (fun request respondent -> settle respondent (f request))

(* --- The broker ----------------------------------------------------------- *)

type broker = Engine.broker = {
  name : string;
  version : string;
  epoch : int64;
  session_id : int;
  frame_bytes_max : int;
}

let broker t = Io.with_lock t.io (fun () -> Engine.broker (Io.engine t.io))

type counters = Engine.counters = {
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

let counters t = Io.with_lock t.io (fun () -> Engine.counters (Io.engine t.io))
