open Lwt.Infix
module Arguments = Mycelium_engine.Arguments
module Clock = Mycelium_posix.Clock
module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Item = Mycelium_engine.Item
module Item_queue = Mycelium_engine.Item_queue
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Responses = Mycelium_engine.Responses
module Settings = Mycelium_posix.Settings
module Start = Mycelium_engine.Start
module Subscriptions = Mycelium_engine.Subscriptions
module Typed = Mycelium_engine.Typed

let ( let* ) = Lwt_result.bind
let lift = Lwt.return

type t = { driver : Driver.t; schema : Mycelium_wire.Schema.t option }
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

let nothing _ = Lwt.return_unit

let connect ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
    ?reconnect_min_s ?reconnect_max_s ?instance_id ?(on_state = nothing)
    ?on_unaccepted () =
  let* settings =
    lift
      (Settings.make ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
         ?reconnect_min_s ?reconnect_max_s ?instance_id
         ~gives_back:(on_unaccepted <> None) ())
  in
  let on_unaccepted = Option.value on_unaccepted ~default:nothing in
  let* driver = Driver.connect settings { on_state; on_unaccepted } in
  Lwt_result.return { driver; schema }

let close t = Driver.close t.driver

(* --- Publishing ----------------------------------------------------------- *)

(* Tries until it is taken, refused, or too late. *)
let until_taken driver ~subject ?timeout_s attempt =
  let last_why = ref None in
  let found () =
    match attempt () with
    | Ok taken -> Some (Ok taken)
    | Error { Engine.is_final = true; why } -> Some (Error why)
    | Error { is_final = false; why } ->
        last_why := Some why;
        None
  in
  Driver.await driver ~subject ?timeout_s found >|= fun result ->
  match (result, !last_why) with
  | Ok result, _ -> result
  | Error { cause = Deadline_exceeded; _ }, Some { message; _ } ->
      Error.fail Deadline_exceeded "%s" message
  | Error why, _ -> Error why

let publish_anyhow ?(topic = "") ?timeout_s ?on_accepted t ~type_id payload =
  let engine = Driver.engine t.driver in
  let attempt () = Engine.publish engine ~type_id ~topic ?on_accepted payload in
  let taken = function
    | Ok () as result ->
        Driver.touched t.driver;
        result
    | Error _ as result -> result
  in
  match attempt () with
  | Ok () as result -> Lwt.return (taken result)
  | Error { is_final = true; why } -> Lwt_result.fail why
  | Error { is_final = false; why } -> (
      match timeout_s with
      | Some timeout_s when timeout_s <= 0. -> Lwt_result.fail why
      | Some _ | None ->
          until_taken t.driver ~subject:"publish" ?timeout_s attempt >|= taken)

let publish_bytes ?topic ?timeout_s t ~type_id payload =
  publish_anyhow ?topic ?timeout_s t ~type_id payload

(* It does not wait, and so is resolved. *)
let at_once promise =
  match Lwt.state promise with
  | Return result -> result
  | Fail error -> raise error
  | Sleep -> assert false

let try_publish_bytes ?topic t ~type_id payload =
  at_once (publish_anyhow ?topic ~timeout_s:0. t ~type_id payload)

let publish_acked_bytes ?topic ?timeout_s t ~type_id payload =
  let accepted, resolver = Lwt.wait () in
  let on_accepted = Lwt.wakeup_later resolver in
  let* () = publish_anyhow ?topic ?timeout_s ~on_accepted t ~type_id payload in
  accepted

let encode t ~subject message_type value =
  Result.bind (Typed.check ~subject t.schema message_type) (fun () ->
      Typed.encode ~subject message_type value)

let publish ?topic ?timeout_s t (message_type : _ message_type) value =
  let* payload = lift (encode t ~subject:"publish" message_type value) in
  publish_anyhow ?topic ?timeout_s t ~type_id:message_type.type_id payload

let try_publish ?topic t message_type value =
  at_once (publish ?topic ~timeout_s:0. t message_type value)

let publish_acked ?topic ?timeout_s t (message_type : _ message_type) value =
  let* payload = lift (encode t ~subject:"publish" message_type value) in
  publish_acked_bytes ?topic ?timeout_s t ~type_id:message_type.type_id payload

(* --- Asking --------------------------------------------------------------- *)

(* [begin_ on_done] is a ticket. *)
let ask t ~subject ?timeout_s begin_ =
  let answer = ref None in
  let ticket = begin_ (fun result -> answer := Some result) in
  Driver.touched t.driver;
  Driver.await t.driver ~subject ?timeout_s (fun () -> !answer) >|= function
  | Ok result -> result
  | Error _ as error ->
      Engine.give_up (Driver.engine t.driver) ticket;
      error

let flush ?timeout_s t =
  ask t ~subject:"flush" ?timeout_s (Engine.flush (Driver.engine t.driver))

let ping ?timeout_s t =
  let began = Clock.now () in
  let* () =
    ask t ~subject:"ping" ?timeout_s (Engine.ping (Driver.engine t.driver))
  in
  Lwt_result.return (Clock.now () -. began)

let admin ?timeout_s t request =
  ask t ~subject:"admin" ?timeout_s
    (Engine.admin (Driver.engine t.driver) request)

(* --- Subscriptions -------------------------------------------------------- *)

type subscription = { client : t; entry : Driver.handler Subscriptions.entry }

type 'a pulled = {
  subscription : subscription;
  state : Driver.pulled;
  decode : Item.t -> 'a Typed.item;
}

type 'a item = 'a Typed.item = Message of 'a * Received.t | Gap of Gap.t

let add t options deliver =
  let handler = { Driver.ended = false; deliver } in
  let entry = ref None in
  let* () =
    ask t ~subject:"subscribe" (fun on_done ->
        let added, ticket =
          Engine.subscribe (Driver.engine t.driver) options handler on_done
        in
        entry := Some added;
        ticket)
  in
  Lwt_result.return { client = t; entry = Option.get !entry }

let options ?(topic_filter = "") ?(policy = Policy.balanced) ?(group = "")
    ?(start = Start.Now) ?(responder = false) ~type_id () =
  lift
    (Arguments.subscription ~type_id ~topic_filter ~policy ~group ~start
       ~responder)

let subscribe_bytes ?topic_filter ?policy ?group ?start ?(on_gap = nothing) t
    ~type_id f =
  let* options = options ?topic_filter ?policy ?group ?start ~type_id () in
  let deliver = function
    | Item.Message received -> f received
    | Item.Gap gap -> on_gap gap
  in
  add t options (Callback deliver)

let subscribe ?topic_filter ?policy ?group ?start ?(on_gap = nothing) t
    (message_type : _ message_type) f =
  let type_id = message_type.type_id in
  let* () = lift (Typed.check ~subject:"subscribe" t.schema message_type) in
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
      Driver.queue = Item_queue.make policy;
      stall_ms_max = policy.stall_ms_max;
      in_hand = None;
      over = None;
    }
  in
  let* subscription = add t options (Pulled state) in
  Lwt_result.return { subscription; state; decode }

let pull_bytes ?topic_filter ?policy ?group ?start t ~type_id =
  pull_as ?topic_filter ?policy ?group ?start t ~type_id Typed.payload

let pull ?topic_filter ?policy ?group ?start t (message_type : _ message_type) =
  let* () = lift (Typed.check ~subject:"subscribe" t.schema message_type) in
  pull_as ?topic_filter ?policy ?group ?start t ~type_id:message_type.type_id
    (Typed.decode message_type)

let subscription pulled = pulled.subscription
let unsubscribed = Error.make Cancelled "subscription: unsubscribed"
let closed = Error.make Cancelled "client: closed by its owner"

let end_of { subscription = { client; entry }; state; _ } =
  if entry.user.ended then
    Some
      (match Engine.ended (Driver.engine client.driver) with
      | Some ({ cause = Cancelled; _ } as why) -> why
      | Some _ | None -> if entry.ended then unsubscribed else closed)
  else state.over

let take pulled =
  let { subscription = { client; entry }; state; _ } = pulled in
  let ended () = Option.map Result.error (end_of pulled) in
  if entry.user.ended then ended ()
  else
    match Item_queue.pop state.queue with
    | None -> ended ()
    | Some item ->
        if entry.acks <> None then state.in_hand <- Some item;
        Driver.touched client.driver;
        Some (Ok item)

let finish_in_hand { client; entry } (state : Driver.pulled) ~idle =
  match state.in_hand with
  | None -> ()
  | Some item ->
      state.in_hand <- None;
      Engine.done_with (Driver.engine client.driver) entry item ~idle;
      Driver.touched client.driver

let waits_in_callback =
  Error.make Failed_precondition
    "next: waits within a callback, behind which what comes waits"

let next ?timeout_s pulled =
  let { subscription = { client = { driver; _ }; entry } as own; state; _ } =
    pulled
  in
  finish_in_hand own state ~idle:false;
  let found () = take pulled in
  (match found () with
  | Some taken -> Lwt.return taken
  | None when Driver.is_within_any driver -> Lwt_result.fail waits_in_callback
  | None ->
      Engine.acknowledge (Driver.engine driver) entry;
      Driver.touched driver;
      Driver.await driver ~subject:"next" ?timeout_s ~asks:false found
      >|= Result.join)
  >|= Result.map pulled.decode

let unsubscribe ({ client = { driver; _ }; entry } as own) =
  entry.user.ended <- true;
  (* What its callback is doing is done with, and nobody else's. *)
  Driver.await_quiet driver entry.user >|= fun () ->
  (match entry.user.deliver with
  | Pulled state -> finish_in_hand own state ~idle:true
  | Callback _ | Responder _ -> ());
  Engine.unsubscribe (Driver.engine driver) entry;
  Driver.touched driver

(* --- Requests ------------------------------------------------------------- *)

let cancelled = Error.make Cancelled "request: cancelled"

let request_bytes ?(topic = "") ?timeout_s t ~type_id payload =
  let engine = Driver.engine t.driver in
  let deadline = Clock.deadline timeout_s in
  let answer, resolver = Lwt.task () in
  let on_end result =
    match Lwt.state answer with
    | Sleep -> Lwt.wakeup_later resolver result
    | Return _ | Fail _ -> ()
  in
  let attempt () =
    Engine.request engine ~type_id ~topic ~deadline payload on_end
  in
  let* call = until_taken t.driver ~subject:"request" ?timeout_s attempt in
  Lwt.on_cancel answer (fun () ->
      Engine.cancel engine call cancelled;
      Driver.touched t.driver);
  Driver.asking t.driver answer

let check_both t (question : _ message_type) (answer : _ message_type)
    ~subject =
  lift
    (Result.bind (Typed.check ~subject t.schema question) (fun () ->
         Typed.check ~subject t.schema answer))

let request ?topic ?timeout_s t question answer value =
  let subject = "request" in
  let* () = check_both t question answer ~subject in
  let* payload = lift (Typed.encode ~subject question value) in
  let* received =
    request_bytes ?topic ?timeout_s t ~type_id:question.type_id payload
  in
  lift (Typed.decode_reply answer received)

(* --- Responders ----------------------------------------------------------- *)

type 'answer respondent = {
  asked_of : Driver.t;
  asked : Responses.asked;
  request : Received.t;
  encode : 'answer -> (int * string, Error.t) result;
}

let is_cancelled respondent = Responses.is_cancelled respondent.asked
let topic respondent = respondent.request.topic

let fail { asked_of; asked; _ } error =
  let result = Engine.fail (Driver.engine asked_of) asked error in
  Driver.touched asked_of;
  result

let reply { asked_of; asked; encode; _ } value =
  Result.bind (encode value) (fun (type_id, payload) ->
      let result =
        Engine.reply (Driver.engine asked_of) asked ~type_id payload
      in
      Driver.touched asked_of;
      result)

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
    let respondent = { asked_of = t.driver; asked; request; encode } in
    Lwt.catch
      (fun () -> f request respondent)
      (fun error ->
        settle respondent (Error (raised error));
        Lwt.fail error)
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
      | Error why -> Lwt.return (settle respondent (Error why)))

let respond ?topic_filter ?queue_bytes_max t question answer f =
  respond_later ?topic_filter ?queue_bytes_max t question answer
    (fun value respondent -> f value >|= settle respondent)

let respond_bytes ?topic_filter ?queue_bytes_max t ~type_id f =
  respond_anyhow ?topic_filter ?queue_bytes_max t ~type_id Result.ok
    (fun request respondent -> f request >|= settle respondent)

(* --- The broker ----------------------------------------------------------- *)

type broker = Engine.broker = {
  name : string;
  version : string;
  epoch : int64;
  session_id : int;
  frame_bytes_max : int;
}

let broker t = Engine.broker (Driver.engine t.driver)

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

let counters t = Engine.counters (Driver.engine t.driver)
