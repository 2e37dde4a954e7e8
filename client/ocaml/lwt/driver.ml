open Lwt.Infix
module Clock = Mycelium_posix.Clock
module Dial = Mycelium_posix.Dial
module Engine = Mycelium_engine.Engine
module Error = Mycelium_engine.Error
module Gap = Mycelium_engine.Gap
module Item = Mycelium_engine.Item
module Item_queue = Mycelium_engine.Item_queue
module Received = Mycelium_engine.Received
module Responses = Mycelium_engine.Responses
module Settings = Mycelium_posix.Settings
module Subscriptions = Mycelium_engine.Subscriptions

type handler = { mutable ended : bool; deliver : delivery }

and delivery =
  | Callback of (Item.t -> unit Lwt.t)
  | Pulled of pulled
  | Responder of (Received.t -> Responses.asked -> unit Lwt.t)

and pulled = {
  queue : Item_queue.t;
  stall_ms_max : int;
  mutable in_hand : Item.t option;
  mutable over : Error.t option;
}

type callbacks = {
  on_state : Engine.state -> unit Lwt.t;
  on_unaccepted : Mycelium_engine.Publish_log.unaccepted list -> unit Lwt.t;
}

type t = {
  engine : handler Engine.t;
  settings : Settings.t;
  callbacks : callbacks;
  changed : unit Lwt_condition.t; (* for [await] *)
  has_events : unit Lwt_condition.t;
  has_output : unit Lwt_condition.t;
  has_room : unit Lwt_condition.t; (* for what is read *)
  is_earlier : unit Lwt_condition.t; (* the next time to keep *)
  mutable asking : int;
  mutable socket : Lwt_unix.file_descr option;
  mutable is_broken : bool; (* the socket takes nothing any more *)
  mutable dialing : bool;
  mutable wakes_at : float;
  mutable running : handler option; (* whose callback *)
  mutable closing : bool;
  mutable lingers : bool; (* said goodbye, and reads on to the end *)
  mutable callbacks_over : bool;
}

(* What a read brings at most; and how much may wait for callbacks, also while
   somebody waits for an answer that only reading can bring. *)
let read_bytes = 64 lsl 10
let events_bytes_max = 1 lsl 20
let events_bytes_ceiling = 16 lsl 20
let goodbye_s_max = 1.
let engine t = t.engine

(* Of what runs within a callback. *)
let callback_key : handler Lwt.key = Lwt.new_key ()

(* --- The connection ------------------------------------------------------- *)

let is_over t = Engine.wish t.engine = Nothing

let has_room t =
  is_over t
  || Engine.events_bytes t.engine
     < if t.asking > 0 then events_bytes_ceiling else events_bytes_max

let next_time t =
  let dial_at =
    match Engine.wish t.engine with
    | Dial at when not t.dialing -> at
    | Dial _ | Keep | Nothing -> infinity
  in
  Float.min dial_at (Engine.next_tick t.engine)

let close_quietly socket =
  Lwt.catch (fun () -> Lwt_unix.close socket) (fun _ -> Lwt.return_unit)

let close_socket t =
  match t.socket with
  | None -> ()
  | Some socket ->
      t.socket <- None;
      t.is_broken <- false;
      let farewell = Engine.farewell t.engine in
      (if farewell <> "" then
       try
         ignore
           (Unix.write_substring
              (Lwt_unix.unix_file_descr socket)
              farewell 0 (String.length farewell))
       (* The broker has closed already, or does not read. *)
       with Unix.Unix_error _ -> ());
      Lwt.async (fun () -> close_quietly socket)

let rec touched t =
  fulfil_wish t;
  if Engine.unwritten_bytes t.engine > 0 || is_over t then
    Lwt_condition.signal t.has_output ();
  if Engine.has_events t.engine || is_over t then
    Lwt_condition.signal t.has_events ();
  if has_room t then Lwt_condition.signal t.has_room ();
  if next_time t < t.wakes_at || is_over t then
    Lwt_condition.signal t.is_earlier ();
  Lwt_condition.broadcast t.changed ()

and fulfil_wish t =
  match Engine.wish t.engine with
  | Keep -> ()
  | Nothing ->
      if not t.lingers then close_socket t
  | Dial at ->
      close_socket t;
      if Clock.now () >= at && not t.dialing then begin
        t.dialing <- true;
        Lwt.async (fun () -> dial t >|= on_dialed t)
      end

(* In a thread of Lwt's pool: a host name may take its time. *)
and dial t =
  let { Settings.url; config; timeout_s } = t.settings in
  Lwt_preemptive.detach
    (fun () ->
      Dial.dial config.url url ~deadline:(Clock.now () +. timeout_s))
    ()

and on_dialed t dialed =
  t.dialing <- false;
  let now = Clock.now () in
  (match (Engine.wish t.engine, dialed) with
  | Dial _, Ok descriptor ->
      let socket = Lwt_unix.of_unix_file_descr ~blocking:false descriptor in
      t.socket <- Some socket;
      Engine.dialed t.engine ~now
        ~greeting_deadline:(now +. t.settings.timeout_s);
      Lwt.async (fun () -> read_on t socket (Bytes.create read_bytes))
  | Dial _, Error why -> Engine.dial_failed t.engine ~now why
  | (Keep | Nothing), Ok descriptor -> Unix.close descriptor
  | (Keep | Nothing), Error _ -> ());
  touched t

and is_current t socket =
  match t.socket with Some own -> own == socket | None -> false

and lost t socket why =
  if is_current t socket then begin
    t.lingers <- false;
    Engine.lost t.engine ~now:(Clock.now ()) why;
    touched t
  end;
  Lwt.return_unit

(* What is read of a connection that is not the present one is nobody's. *)
and read_on t socket buffer =
  if not (is_current t socket) then Lwt.return_unit
  else if not (has_room t) then
    Lwt_condition.wait t.has_room >>= fun () -> read_on t socket buffer
  else
    Lwt.try_bind
      (fun () -> Lwt_unix.read socket buffer 0 read_bytes)
      (function
        | 0 -> lost t socket "end of the stream without CLOSE"
        | bytes ->
            if is_current t socket then begin
              Engine.feed t.engine ~now:(Clock.now ()) buffer 0 bytes;
              touched t
            end;
            read_on t socket buffer)
      (function
        | Unix.Unix_error ((EINTR | EAGAIN), _, _) -> read_on t socket buffer
        | Unix.Unix_error (error, _, _) ->
            lost t socket (Unix.error_message error)
        | error -> lost t socket (Printexc.to_string error))

(* --- Writing -------------------------------------------------------------- *)

(* Lwt writes at once what the socket takes, so what was written is told before
   anything else happens. *)
let write_piece t socket =
  let piece, first, bytes = Engine.piece t.engine in
  Lwt.try_bind
    (fun () -> Lwt_unix.write socket piece first bytes)
    (fun written ->
      if is_current t socket then begin
        Engine.wrote t.engine written;
        Lwt_condition.broadcast t.changed ()
      end;
      Lwt.return_unit)
    (fun _ ->
      (* What the broker has said last may still be there to be read: the end of
         the stream is what ends the connection. *)
      if is_current t socket then t.is_broken <- true;
      Lwt.return_unit)

let rec write_on t =
  match t.socket with
  | Some socket
    when Engine.unwritten_bytes t.engine > 0 && not t.is_broken ->
      write_piece t socket >>= fun () -> write_on t
  | Some _ | None ->
      if is_over t then Lwt.return_unit
      else
        (* What is published meanwhile goes with one write. *)
        Lwt_condition.wait t.has_output >>= Lwt.pause >>= fun () -> write_on t

(* --- The time ------------------------------------------------------------- *)

let rec keep_time t =
  if is_over t then Lwt.return_unit
  else begin
    let until = next_time t in
    t.wakes_at <- until;
    let wait_s = Float.max 0. (until -. Clock.now ()) in
    let time =
      if until = infinity then fst (Lwt.task ()) else Lwt_unix.sleep wait_s
    in
    Lwt.pick [ time; Lwt_condition.wait t.is_earlier ] >>= fun () ->
    Engine.tick t.engine ~now:(Clock.now ()) ~is_reading:(has_room t);
    t.wakes_at <- infinity;
    touched t;
    keep_time t
  end

(* --- Waiting -------------------------------------------------------------- *)

let rec await_change t found =
  match found () with
  | Some value -> Lwt.return (Ok value)
  | None ->
      Lwt_condition.wait t.changed >>= fun () -> await_change t found

let too_late subject =
  Error.fail Deadline_exceeded "%s: no answer before the deadline" subject

let asking t promise =
  t.asking <- t.asking + 1;
  touched t;
  Lwt.finalize
    (fun () -> promise)
    (fun () ->
      t.asking <- t.asking - 1;
      Lwt.return_unit)

let await t ~subject ?timeout_s ?(asks = true) found =
  match found () with
  | Some value -> Lwt.return (Ok value)
  | None ->
      let change = await_change t found in
      let first_of =
        match timeout_s with
        | None -> change
        | Some timeout_s ->
            Lwt.pick
              [
                change;
                ( Lwt_unix.sleep (Float.max 0. timeout_s) >|= fun () ->
                  too_late subject );
              ]
      in
      if asks then asking t first_of else first_of

(* --- Callbacks ------------------------------------------------------------ *)

let report what error =
  Printf.eprintf "mycelium: exception in %s: %s\n%s%!" what
    (Printexc.to_string error)
    (Printexc.get_backtrace ())

let guarded what f =
  Lwt.catch f (fun error ->
      report what error;
      Lwt.return_unit)

let call t handler what f =
  if handler.ended then Lwt.return_unit
  else begin
    t.running <- Some handler;
    Lwt.with_value callback_key (Some handler) (fun () -> guarded what f)
    >|= fun () ->
    t.running <- None;
    if handler.ended then Lwt_condition.broadcast t.changed ()
  end

let is_within_any t = t.running <> None && Lwt.get callback_key <> None

let is_running t handler =
  match t.running with Some running -> running == handler | None -> false

let is_within t handler =
  is_running t handler
  &&
  match Lwt.get callback_key with
  | Some within -> within == handler
  | None -> false

let await_quiet t handler =
  if is_within t handler then Lwt.return_unit
  else
    await t ~subject:"unsubscribe" (fun () ->
        if is_running t handler then None else Some ())
    >|= fun (_ : (unit, Error.t) result) -> ()

let push t handler pulled item =
  let taken () =
    if handler.ended || Engine.ended t.engine <> None then Some ()
    else if Item_queue.push pulled.queue item then Some ()
    else None
  in
  let timeout_s =
    if pulled.stall_ms_max < 0 then None
    else Some (float pulled.stall_ms_max /. 1000.)
  in
  await t ~subject:"push" ?timeout_s ~asks:false taken >|= fun result ->
  (match result with
  | Ok () -> ()
  | Error _ -> (
      match Item_queue.overflow pulled.queue item with
      | Ok () -> ()
      | Error why -> Engine.disconnect t.engine why));
  touched t

let deliver_item t (entry : handler Subscriptions.entry) item ~is_last =
  match entry.user.deliver with
  | Callback f ->
      call t entry.user "a subscription's handler" (fun () -> f item)
      >|= fun () ->
      if entry.acks <> None then begin
        Engine.done_with t.engine entry item
          ~idle:(is_last && not (Engine.has_events t.engine));
        touched t
      end
  | Pulled pulled -> push t entry.user pulled item
  | Responder _ -> Lwt.return_unit

let deliver_end t (entry : handler Subscriptions.entry) why =
  match entry.user.deliver with
  | Callback f ->
      let gap = { Gap.reason = Reconnect; ranges = []; unknown = true } in
      call t entry.user "a subscription's handler" (fun () -> f (Gap gap))
  | Pulled pulled ->
      pulled.over <- Some why;
      Lwt.return_unit
  | Responder _ -> Lwt.return_unit

let deliver t (event : handler Engine.event) ~is_last =
  match event with
  | Item (entry, item) -> deliver_item t entry item ~is_last
  | Asked
      ({ user = { deliver = Responder f; _ } as handler; _ }, received, asked)
    ->
      (* Requests have no order among each other. *)
      if not (Engine.begin_answer t.engine asked) then touched t
      else if not handler.ended then
        Lwt.async (fun () ->
            guarded "a responder" (fun () -> f received asked));
      Lwt.return_unit
  | Asked _ -> Lwt.return_unit
  | Ended (entry, why) -> deliver_end t entry why
  | State state ->
      guarded "on_state" (fun () -> t.callbacks.on_state state)
  | Unaccepted frames ->
      guarded "on_unaccepted" (fun () -> t.callbacks.on_unaccepted frames)
  | Call f ->
      guarded "a callback" (fun () ->
          f ();
          Lwt.return_unit)

let end_pulled t =
  let why = Engine.ended t.engine in
  List.iter
    (fun { Subscriptions.user; _ } ->
      match user.deliver with
      | Pulled pulled when pulled.over = None -> pulled.over <- why
      | Pulled _ | Callback _ | Responder _ -> ())
    (Engine.subscriptions t.engine)

(* After so many, others have their turn. *)
let batch_max = 256

let rec run_callbacks t left =
  match Engine.next_event t.engine with
  | Some event ->
      let is_last = not (Engine.has_events t.engine) in
      if has_room t then Lwt_condition.signal t.has_room ();
      deliver t event ~is_last >>= fun () ->
      if left > 0 then run_callbacks t (left - 1)
      else Lwt.pause () >>= fun () -> run_callbacks t batch_max
  | None when is_over t ->
      t.callbacks_over <- true;
      end_pulled t;
      Lwt.return (touched t)
  | None ->
      Lwt_condition.wait t.has_events >>= fun () -> run_callbacks t batch_max

(* --- Beginning and end ---------------------------------------------------- *)

let make (settings : Settings.t) callbacks =
  {
    engine = Engine.make settings.config;
    settings;
    callbacks;
    changed = Lwt_condition.create ();
    has_events = Lwt_condition.create ();
    has_output = Lwt_condition.create ();
    has_room = Lwt_condition.create ();
    is_earlier = Lwt_condition.create ();
    asking = 0;
    socket = None;
    is_broken = false;
    dialing = false;
    wakes_at = infinity;
    running = None;
    closing = false;
    lingers = false;
    callbacks_over = false;
  }

(* A write to a connection that the broker has closed is an error here, and not
   the end of the program. *)
let ignore_sigpipe () =
  match Sys.signal Sys.sigpipe Signal_ignore with
  | Signal_default | Signal_ignore -> ()
  | Signal_handle _ as own -> Sys.set_signal Sys.sigpipe own

let connect settings callbacks =
  ignore_sigpipe ();
  Printexc.record_backtrace true;
  let t = make settings callbacks in
  t.dialing <- true;
  dial t >>= function
  | Error _ as error -> Lwt.return error
  | Ok _ as dialed ->
      on_dialed t dialed;
      Lwt.async (fun () -> write_on t);
      Lwt.async (fun () -> keep_time t);
      Lwt.async (fun () -> run_callbacks t batch_max);
      await_change t (fun () ->
          match Engine.ended t.engine with
          | Some why -> Some (Error why)
          | None -> if Engine.is_open t.engine then Some (Ok t) else None)
      >|= Result.join

let end_handler t ({ Subscriptions.user; _ } as entry) =
  await_quiet t user >|= fun () ->
  match user.deliver with
  | Callback _ | Responder _ -> Engine.acknowledge t.engine entry
  | Pulled pulled ->
      Option.iter
        (fun item -> Engine.done_with t.engine entry item ~idle:true)
        pulled.in_hand;
      pulled.in_hand <- None

let until t ~timeout_s condition =
  await t ~subject:"close" ~timeout_s (fun () ->
      if condition () then Some () else None)
  >|= fun (_ : (unit, Error.t) result) -> ()

let say_goodbye t =
  let timeout_s = goodbye_s_max in
  touched t;
  until t ~timeout_s (fun () -> Engine.is_settled t.engine) >>= fun () ->
  Engine.say_goodbye t.engine;
  touched t;
  until t ~timeout_s (fun () ->
      Engine.unwritten_bytes t.engine = 0 || not (Engine.is_open t.engine))
  >|= fun () ->
  match t.socket with
  | Some socket when Engine.is_open t.engine -> (
      (* Reading goes on until the broker has closed: whoever closes a TCP
         socket with unread bytes takes back what was sent. *)
      t.lingers <- true;
      try Lwt_unix.shutdown socket SHUTDOWN_SEND
      with Unix.Unix_error _ -> t.lingers <- false)
  | Some _ | None -> ()

let end_connection t =
  Engine.begin_close t.engine;
  say_goodbye t >>= fun () ->
  Engine.end_close t.engine;
  touched t;
  (* [lost] ends it, when the stream has ended. *)
  until t ~timeout_s:goodbye_s_max (fun () -> not t.lingers) >|= fun () ->
  t.lingers <- false;
  touched t

let close t =
  let entries = if t.closing then [] else Engine.subscriptions t.engine in
  let is_first = not t.closing in
  t.closing <- true;
  List.iter (fun { Subscriptions.user; _ } -> user.ended <- true) entries;
  Lwt_list.iter_s (end_handler t) entries >>= fun () ->
  (if is_first && Engine.ended t.engine = None then end_connection t
  else Lwt.return_unit)
  >>= fun () ->
  if is_within_any t then Lwt.return_unit
  else
    await_change t (fun () -> if t.callbacks_over then Some () else None)
    >|= fun (_ : (unit, Error.t) result) -> ()
