module Arguments = Mycelium_engine.Arguments
module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Item = Mycelium_engine.Item
module Policy = Mycelium_engine.Policy
module Received = Mycelium_engine.Received
module Start = Mycelium_engine.Start
module Topic = Mycelium_engine.Topic
module Typed = Mycelium_engine.Typed
module Clock = Mycelium_posix.Clock

let ( let* ) = Result.bind

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

type t = {
  stub : Stubs.client;
  schema : Mycelium_wire.Schema.t option;
  (* Others' callbacks may run within a publish. *)
  is_shared_bus : bool;
  is_closed : bool Atomic.t;
  mutable subscriptions : subscription list;
  mutex : Mutex.t; (* of [subscriptions] *)
}

and subscription = {
  client : t;
  of_library : Stubs.subscription;
  is_released : bool Atomic.t;
}

let locked mutex f =
  Mutex.lock mutex;
  Fun.protect f ~finally:(fun () -> Mutex.unlock mutex)

let is_closed = Error.make Cancelled "client: closed by its owner"
let if_open t f = if Atomic.get t.is_closed then Error is_closed else f ()

(* --- The end --------------------------------------------------------------- *)

(* All clients that are open: they are kept until they are closed. *)
let open_clients = ref []
let open_clients_mutex = Mutex.create ()

let update_open f =
  locked open_clients_mutex (fun () -> open_clients := f !open_clients)

(* Within a handler nothing is waited for: what is waited for may wait for it. *)
let release subscription ~finish =
  if not (Atomic.exchange subscription.is_released true) then
    finish (Stubs.unsubscribe subscription.of_library)

let close_with t ~finish ~await_told =
  if not (Atomic.exchange t.is_closed true) then begin
    let subscriptions = locked t.mutex (fun () -> t.subscriptions) in
    List.iter
      (fun subscription -> Stubs.silence subscription.of_library)
      (if Stubs.in_callback () then subscriptions else []);
    finish (Stubs.close t.stub);
    List.iter (release ~finish) subscriptions;
    await_told ();
    locked t.mutex (fun () -> t.subscriptions <- []);
    update_open (List.filter (fun other -> other != t))
  end

let close t =
  if Stubs.in_callback () then
    close_with t ~finish:ignore ~await_told:ignore
  else
    close_with t ~finish:Waiting.finish ~await_told:(fun () ->
        if not (Waiting.is_events_thread ()) then Waiting.await_told infinity)

let at_exit_s = 1.

let close_all () =
  let deadline = Clock.now () +. at_exit_s in
  let finish work = ignore (Waiting.finish_until deadline work : bool) in
  let close_one t =
    if Waiting.in_callback () then
      ignore (Stubs.flush t.stub (Waiting.left_ms deadline) : int)
    else
      close_with t ~finish ~await_told:(fun () -> Waiting.await_told deadline)
  in
  List.iter close_one !open_clients

let () = at_exit close_all

(* --- Connecting ------------------------------------------------------------ *)

let milliseconds ~subject ~name seconds =
  if seconds >= 0. && seconds < 1e12 then
    Ok (int_of_float (Float.ceil (seconds *. 1000.)))
  else
    Error.fail Invalid_argument "%s: %s %g, allowed 0 to 1e12 seconds" subject
      name seconds

let optional f = function
  | None -> Ok None
  | Some value -> Result.map Option.some (f value)

let without_nul ~subject ~name text =
  if String.contains text '\000' then
    Error.fail Invalid_argument "%s: %s with a NUL, allowed without" subject
      name
  else Ok ()

let inproc = "inproc:"

let names_a_bus url =
  String.length url > String.length inproc
  && String.sub url 0 (String.length inproc) = inproc

let connect_with ?(url = "") ?schema ?digest
    ?(name = Filename.basename Sys.executable_name) ?timeout_s
    ?publish_bytes_max ?(reconnect = true) ?reconnect_min_s ?reconnect_max_s
    ?on_state ?on_unaccepted () =
  let subject = "connect" in
  let ms name = optional (milliseconds ~subject ~name) in
  let* () = without_nul ~subject ~name:"url" url in
  let* () = Arguments.client ~name ~instance_id:"" in
  let* () = without_nul ~subject ~name:"name" name in
  let* timeout_ms = ms "timeout_s" timeout_s in
  let* reconnect_ms_min = ms "reconnect_min_s" reconnect_min_s in
  let* reconnect_ms_max = ms "reconnect_max_s" reconnect_max_s in
  Waiting.begin_events ();
  let of_schema field = Option.map field schema in
  let work =
    Stubs.connect
      {
        url;
        name;
        digest =
          (match digest with
          | Some _ -> digest
          | None -> of_schema (fun { Mycelium_wire.Schema.digest; _ } -> digest));
        descriptor_set =
          of_schema (fun { Mycelium_wire.Schema.descriptor_set; _ } ->
              descriptor_set);
        timeout_ms;
        publish_bytes_max;
        reconnect;
        reconnect_ms_min;
        reconnect_ms_max;
        on_state;
        on_unaccepted;
      }
  in
  Waiting.finish work;
  let* () = Stubs.work_result work in
  let t =
    {
      stub = Stubs.connected work;
      schema;
      is_shared_bus = names_a_bus url;
      is_closed = Atomic.make false;
      subscriptions = [];
      mutex = Mutex.create ();
    }
  in
  update_open (fun others -> t :: others);
  Ok t

let connect ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
    ?reconnect_min_s ?reconnect_max_s ?on_state ?on_unaccepted () =
  connect_with ?url ?schema ?name ?timeout_s ?publish_bytes_max ?reconnect
    ?reconnect_min_s ?reconnect_max_s ?on_state ?on_unaccepted ()

(* --- Publishing ------------------------------------------------------------ *)

let deadline_exceeded = Error.number Deadline_exceeded
let unavailable = Error.number Unavailable
let last_failure () = Error (Stubs.last_error ())

let check_frame ~subject ~type_id ~topic =
  if type_id < 1 || type_id > 65535 then
    Error.fail Invalid_argument "%s: type_id %d, allowed 1 to 65535" subject
      type_id
  else if topic = "" || not (String.contains topic '\000') then Ok ()
  else without_nul ~subject ~name:"topic" topic

(* [attempt ms] is a status. *)
let until_done ~deadline attempt =
  Waiting.in_slices ~deadline ~too_late:last_failure (fun ms ->
      let status = attempt ms in
      if status = 0 then Some (Ok ())
      else if status = deadline_exceeded then None
      else Some (last_failure ()))

let publish_in_time ~deadline t ~type_id ~topic payload =
  until_done ~deadline (Stubs.publish_waiting t.stub type_id topic payload)

let publish_bytes ?(topic = "") ?timeout_s t ~type_id payload =
  let* () = check_frame ~subject:"publish" ~type_id ~topic in
  if_open t (fun () ->
      let status =
        if t.is_shared_bus then unavailable
        else Stubs.publish_now t.stub type_id topic payload
      in
      if status = 0 then Ok ()
      else if status = unavailable then
        let deadline = Clock.deadline timeout_s in
        publish_in_time ~deadline t ~type_id ~topic payload
      else last_failure ())

let try_publish_bytes ?(topic = "") t ~type_id payload =
  let* () = check_frame ~subject:"publish" ~type_id ~topic in
  if_open t (fun () ->
      let status =
        if t.is_shared_bus then
          Stubs.publish_waiting t.stub type_id topic payload 0
        else Stubs.publish_now t.stub type_id topic payload
      in
      if status = 0 then Ok () else last_failure ())

let publish_acked_bytes ?(topic = "") ?timeout_s t ~type_id payload on_accepted
    =
  let* () = check_frame ~subject:"publish" ~type_id ~topic in
  let deadline = Clock.deadline timeout_s in
  if_open t (fun () ->
      until_done ~deadline (fun ms ->
          Stubs.publish_acked t.stub type_id topic payload ms on_accepted))

let encode t ~subject message_type value =
  let* () = Typed.check ~subject t.schema message_type in
  Typed.encode ~subject message_type value

let publish ?topic ?timeout_s t (message_type : _ message_type) value =
  let* payload = encode t ~subject:"publish" message_type value in
  publish_bytes ?topic ?timeout_s t ~type_id:message_type.type_id payload

let try_publish ?topic t (message_type : _ message_type) value =
  let* payload = encode t ~subject:"publish" message_type value in
  try_publish_bytes ?topic t ~type_id:message_type.type_id payload

let publish_acked ?topic ?timeout_s t (message_type : _ message_type) value
    on_accepted =
  let* payload = encode t ~subject:"publish" message_type value in
  publish_acked_bytes ?topic ?timeout_s t ~type_id:message_type.type_id payload
    on_accepted

let flush ?timeout_s t =
  let deadline = Clock.deadline timeout_s in
  if_open t (fun () -> until_done ~deadline (Stubs.flush t.stub))

(* --- Subscriptions ---------------------------------------------------------- *)

type 'a item = 'a Typed.item = Message of 'a * Received.t | Gap of Gap.t
type 'a pulled = { subscription : subscription; decode : Item.t -> 'a item }

let start_of : Start.t -> int * int = function
  | Now -> (0, 0)
  | Last frames -> (1, frames)
  | Sequence sequence -> (2, sequence)
  | Time seconds -> (3, int_of_float (seconds *. 1000.))

let keep t work =
  let subscription =
    {
      client = t;
      of_library = Stubs.subscribed work;
      is_released = Atomic.make false;
    }
  in
  locked t.mutex (fun () -> t.subscriptions <- subscription :: t.subscriptions);
  (* It may have been closed meanwhile. *)
  if Atomic.get t.is_closed then begin
    release subscription ~finish:ignore;
    Error is_closed
  end
  else Ok subscription

let add ?(topic_filter = "") ?(policy = Policy.balanced) ?(group = "")
    ?(start = Start.Now) ?on_message ?on_request ?on_gap t ~type_id () =
  let* _ =
    Arguments.subscription ~type_id ~topic_filter ~policy ~group ~start
      ~responder:(Option.is_some on_request)
  in
  let start_kind, start_value = start_of start in
  if_open t (fun () ->
      let work =
        Stubs.subscribe t.stub
          {
            type_id;
            topic_filter;
            policy;
            group;
            start_kind;
            start_value;
            on_message;
            on_request;
            on_gap;
          }
      in
      Waiting.finish work;
      let* () = Stubs.work_result work in
      keep t work)

let handler = "a subscription's handler"

let subscribe_bytes ?topic_filter ?policy ?group ?start ?(on_gap = ignore) t
    ~type_id f =
  add ?topic_filter ?policy ?group ?start t ~type_id
    ~on_message:(Waiting.guarded handler f)
    ~on_gap:(Waiting.guarded handler on_gap)
    ()

let subscribe ?topic_filter ?policy ?group ?start ?(on_gap = ignore) t
    (message_type : _ message_type) f =
  let* () = Typed.check ~subject:"subscribe" t.schema message_type in
  let on_received received =
    match Typed.decode message_type (Message received) with
    | Message (value, received) -> f value received
    | Gap gap -> on_gap gap
  in
  subscribe_bytes ?topic_filter ?policy ?group ?start ~on_gap t
    ~type_id:message_type.type_id on_received

let pull_as ?topic_filter ?policy ?group ?start t ~type_id decode =
  let* subscription =
    add ?topic_filter ?policy ?group ?start t ~type_id ()
  in
  Ok { subscription; decode }

let pull_bytes ?topic_filter ?policy ?group ?start t ~type_id =
  pull_as ?topic_filter ?policy ?group ?start t ~type_id Typed.payload

let pull ?topic_filter ?policy ?group ?start t (message_type : _ message_type) =
  let* () = Typed.check ~subject:"subscribe" t.schema message_type in
  pull_as ?topic_filter ?policy ?group ?start t ~type_id:message_type.type_id
    (Typed.decode message_type)

let subscription pulled = pulled.subscription

let is_late = function
  | Error { Error.cause = Deadline_exceeded; _ } -> true
  | Error _ | Ok _ -> false

let next ?timeout_s { subscription = { client; of_library; _ }; decode } =
  let deadline = Clock.deadline timeout_s in
  let first = Stubs.next of_library 0 in
  let taken =
    if not (is_late first) then first
    else
      Waiting.in_slices ~deadline
        ~too_late:(fun () ->
          Error.fail Deadline_exceeded "next: nothing came in time")
        (fun ms ->
          if Atomic.get client.is_closed then Some (Error is_closed)
          else
            let taken = Stubs.next of_library (max ms 1) in
            if is_late taken then None else Some taken)
  in
  Result.map decode taken

let unsubscribe subscription =
  let finish = if Stubs.in_callback () then ignore else Waiting.finish in
  release subscription ~finish;
  let t = subscription.client in
  locked t.mutex (fun () ->
      t.subscriptions <-
        List.filter (fun other -> other != subscription) t.subscriptions)

(* --- Requests ---------------------------------------------------------------- *)

type call = { of_client : t; number : int }

let request_bytes ?(topic = "") ?timeout_s t ~type_id payload =
  let* () = check_frame ~subject:"request" ~type_id ~topic in
  let limit = Waiting.left_ms (Clock.deadline timeout_s) in
  if_open t (fun () ->
      let status, number, waiting =
        Stubs.ask t.stub type_id topic payload limit
      in
      if status <> 0 then last_failure ()
      else
        (* The library keeps the time. *)
        match
          Waiting.in_slices ~deadline:infinity
            ~too_late:(fun () -> assert false)
            (Stubs.await waiting)
        with
        | result -> result
        | exception interrupted ->
            Stubs.cancel t.stub number;
            raise interrupted)

let check_both t question answer ~subject =
  let* () = Typed.check ~subject t.schema question in
  Typed.check ~subject t.schema answer

let request ?topic ?timeout_s t (question : _ message_type) answer value =
  let subject = "request" in
  let* () = check_both t question answer ~subject in
  let* payload = Typed.encode ~subject question value in
  let* received =
    request_bytes ?topic ?timeout_s t ~type_id:question.type_id payload
  in
  Typed.decode_reply answer received

let request_async ?(topic = "") ?timeout_s t (question : _ message_type) answer
    value on_reply =
  let subject = "request" in
  let* () = check_both t question answer ~subject in
  let* payload = Typed.encode ~subject question value in
  let* () = check_frame ~subject ~type_id:question.type_id ~topic in
  let limit = Waiting.left_ms (Clock.deadline timeout_s) in
  if_open t (fun () ->
      let status, number =
        Stubs.request t.stub question.type_id topic payload limit
          (fun result ->
            on_reply (Result.bind result (Typed.decode_reply answer)))
      in
      if status = 0 then Ok { of_client = t; number } else last_failure ())

let cancel { of_client; number } = Stubs.cancel of_client.stub number

(* --- Responders --------------------------------------------------------------- *)

type 'answer respondent = {
  asked : Stubs.respondent;
  request : Received.t;
  encode : 'answer -> (int * string, Error.t) result;
}

let is_cancelled respondent = Stubs.is_cancelled respondent.asked
let topic respondent = respondent.request.topic

let fail respondent { Error.cause; message } =
  let words = String.map (function '\000' -> ' ' | c -> c) message in
  Stubs.fail respondent.asked (Error.number cause) words

let reply respondent value =
  let* type_id, payload = respondent.encode value in
  let* () = check_frame ~subject:"reply" ~type_id ~topic:"" in
  Stubs.reply respondent.asked type_id payload

(* Nobody is left to be told, if the connection is lost. *)
let settle respondent result =
  let told =
    match result with
    | Error why -> fail respondent why
    | Ok value -> (
        match reply respondent value with
        | Ok () | Error { cause = Unavailable | Failed_precondition; _ } ->
            Ok ()
        | Error why -> fail respondent why)
  in
  ignore (told : (unit, Error.t) result)

let respond_anyhow ?topic_filter
    ?(queue_bytes_max = Policy.balanced.queue_bytes_max) t ~type_id encode f =
  let policy = { Policy.balanced with queue_bytes_max } in
  let on_request (request, asked) =
    let respondent = { asked; request; encode } in
    match f request respondent with
    | () -> ()
    | exception error ->
        let backtrace = Printexc.get_raw_backtrace () in
        settle respondent
          (Error.fail Internal "respond: the responder raised %s"
             (Printexc.to_string error));
        Waiting.report "a responder" error backtrace
  in
  add ?topic_filter ~policy t ~type_id ~on_request ()

let respond_later ?topic_filter ?queue_bytes_max t
    (question : _ message_type) (answer : _ message_type) f =
  let* () = check_both t question answer ~subject:"respond" in
  let encode value =
    Result.map
      (fun payload -> (answer.type_id, payload))
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

(* --- The broker ------------------------------------------------------------- *)

let ping ?timeout_s t =
  let limit = Waiting.left_ms (Clock.deadline timeout_s) in
  if_open t (fun () ->
      let began = Clock.now () in
      let work = Stubs.ping t.stub limit in
      Waiting.finish work;
      let* () = Stubs.work_result work in
      Ok (Clock.now () -. began))

let verify_schema_digest t digest = Stubs.verify t.stub digest

type broker = Engine.broker = {
  name : string;
  version : string;
  epoch : int64;
  session_id : int;
  frame_bytes_max : int;
}

let broker t = Stubs.broker t.stub

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

let counters t = Stubs.counters t.stub
