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

type handler = { ended : bool Atomic.t; deliver : delivery }

and delivery =
  | Callback of (Item.t -> unit)
  | Pulled of pulled
  | Responder of (Received.t -> Responses.asked -> unit)

and pulled = {
  queue : Item_queue.t;
  stall_ms_max : int;
  mutable in_hand : Item.t option;
  mutable over : Error.t option;
}

type callbacks = {
  on_state : Engine.state -> unit;
  on_unaccepted : Mycelium_engine.Publish_log.unaccepted list -> unit;
}

module Deadlines = Set.Make (struct
  type t = float * int

  let compare = compare
end)

type t = {
  engine : handler Engine.t;
  settings : Settings.t;
  callbacks : callbacks;
  mutex : Mutex.t;
  changed : Condition.t;
  has_events : Condition.t; (* for the thread of callbacks *)
  mutable waiting : int; (* for [changed] *)
  mutable asking : int; (* of these, for what only reading can bring *)
  mutable deadlines : Deadlines.t; (* of those *)
  mutable last_wait : int;
  wake_reader : Unix.file_descr;
  wake_writer : Unix.file_descr;
  mutable awake : bool; (* the I/O thread does not sleep, or was woken *)
  mutable sleeps_until : float;
  mutable socket : Unix.file_descr option;
  mutable dialing : bool;
  mutable is_full : bool; (* the socket takes no more just now *)
  mutable is_broken : bool; (* the socket takes nothing any more *)
  mutable is_paused : bool; (* nothing is read: callbacks are behind *)
  mutable gathers : bool;
  mutable burst_begin : float;
  mutable burst_frames : int; (* since then *)
  mutable is_burst : bool;
  mutable last_write : float;
  buffer : Bytes.t; (* of the I/O thread *)
  mutable closing : bool;
  mutable lingers_until : float;
  mutable io_over : bool;
  mutable callbacks_over : bool;
  running : handler option Atomic.t; (* whose callback *)
  quiet_waiters : int Atomic.t;
  mutable callback_thread : int; (* its id *)
}

(* What a read brings at most: as much as [Unix.read] does. *)
let read_bytes = 64 lsl 10

(* While so much waits for callbacks, nothing more is read: the broker's queue
   and its policy have the say.  If somebody waits for an answer that only
   reading can bring, as much is kept as one subscription's queue may be. *)
let events_bytes_max = 1 lsl 20
let events_bytes_ceiling = 16 lsl 20

(* A burst is so many frames within so long; then a write waits until there is so
   much, or that time has passed. *)
let burst_frames_min = 8
let gather_s_max = 0.0001
let gather_bytes = 64 lsl 10
let goodbye_s_max = 1.
let engine t = t.engine

(* --- Waking --------------------------------------------------------------- *)

let wake t =
  if not t.awake then begin
    t.awake <- true;
    match Unix.write_substring t.wake_writer "!" 0 1 with
    | _ -> ()
    (* Full: it is awake. *)
    | exception Unix.Unix_error ((EAGAIN | EWOULDBLOCK | EINTR), _, _) -> ()
  end

let woken t =
  if t.waiting > 0 then Condition.broadcast t.changed;
  if Engine.has_events t.engine then Condition.signal t.has_events

(* --- Writing -------------------------------------------------------------- *)

let rec write t =
  match t.socket with
  | Some socket 
    when Engine.unwritten_bytes t.engine > 0
         && not (t.is_full || t.is_broken) -> (
      let piece, first, bytes = Engine.piece t.engine in
      match Unix.write socket piece first bytes with
      | written ->
          Engine.wrote t.engine written;
          write t
      | exception Unix.Unix_error ((EAGAIN | EWOULDBLOCK), _, _) ->
          t.is_full <- true;
          wake t
      | exception Unix.Unix_error (EINTR, _, _) -> write t
      (* What the broker has said last may still be there to be read: the end
         of the stream is what ends the connection. *)
      | exception Unix.Unix_error (_, _, _) -> t.is_broken <- true)
  | Some _ | None -> ()

let write_now t =
  write t;
  t.last_write <- Clock.now ()

(* Whether the time since [burst_begin] has had many frames, or the same time
   before that: who waits for an answer to each does not publish that many. *)
let is_burst t ~now =
  if now -. t.burst_begin > gather_s_max then begin
    t.is_burst <-
      t.burst_frames > burst_frames_min
      && now -. t.burst_begin < 2. *. gather_s_max;
    t.burst_begin <- now;
    t.burst_frames <- 0
  end;
  t.burst_frames <- t.burst_frames + 1;
  if t.burst_frames > burst_frames_min then t.is_burst <- true;
  t.is_burst

let wrote_one t =
  let now = Clock.now () in
  if
    (not (is_burst t ~now))
    || Engine.unwritten_bytes t.engine >= gather_bytes
    || now -. t.last_write >= gather_s_max
  then begin
    write t;
    t.last_write <- now
  end
  else if not t.gathers then begin
    t.gathers <- true;
    wake t
  end

let with_lock t f =
  Mutex.lock t.mutex;
  match f () with
  | value ->
      Mutex.unlock t.mutex;
      value
  | exception error ->
      let backtrace = Printexc.get_raw_backtrace () in
      Mutex.unlock t.mutex;
      Printexc.raise_with_backtrace error backtrace

let locked t f =
  with_lock t (fun () ->
      let value = f () in
      write t;
      woken t;
      value)

(* --- Waiting -------------------------------------------------------------- *)

let keep_time t =
  if Engine.next_tick t.engine < t.sleeps_until then wake t

let on_callback_thread t = Thread.id (Thread.self ()) = t.callback_thread

let too_much_meanwhile t subject =
  Error.fail Resource_exhausted
    "%s: %d bytes came while the callback waited, allowed %d" subject
    (Engine.events_bytes t.engine)
    events_bytes_ceiling

let wait t ~deadline =
  t.last_wait <- t.last_wait + 1;
  let own = (deadline, t.last_wait) in
  if deadline < infinity then begin
    t.deadlines <- Deadlines.add own t.deadlines;
    if deadline < t.sleeps_until then wake t
  end;
  t.waiting <- t.waiting + 1;
  Condition.wait t.changed t.mutex;
  t.waiting <- t.waiting - 1;
  if deadline < infinity then t.deadlines <- Deadlines.remove own t.deadlines

let rec await t ~subject ~deadline ?(asks = true) found =
  match found () with
  | Some value -> Ok value
  | None ->
      if deadline < infinity && Clock.now () >= deadline then
        Error.fail Deadline_exceeded "%s: no answer before the deadline"
          subject
      else if
        Engine.events_bytes t.engine >= events_bytes_ceiling
        && on_callback_thread t
      then too_much_meanwhile t subject
      else begin
        write t;
        if asks then t.asking <- t.asking + 1;
        if asks && t.is_paused then wake t;
        wait t ~deadline;
        if asks then t.asking <- t.asking - 1;
        await t ~subject ~deadline ~asks found
      end

(* --- Callbacks ------------------------------------------------------------ *)

let report what error backtrace =
  Printf.eprintf "mycelium: exception in %s: %s\n%s%!" what
    (Printexc.to_string error)
    (Printexc.raw_backtrace_to_string backtrace)

let guarded what f =
  match f () with
  | () -> ()
  | exception error -> report what error (Printexc.get_raw_backtrace ())

(* Whoever waits for it to be quiet has set [ended] before it looks. *)
let call t handler what f =
  Atomic.set t.running (Some handler);
  if not (Atomic.get handler.ended) then guarded what f;
  Atomic.set t.running None;
  if Atomic.get t.quiet_waiters > 0 then begin
    Mutex.lock t.mutex;
    Condition.broadcast t.changed;
    Mutex.unlock t.mutex
  end

let await_quiet t handler =
  if not (on_callback_thread t) then begin
    Atomic.incr t.quiet_waiters;
    Mutex.lock t.mutex;
    let is_running () =
      match Atomic.get t.running with
      | Some running -> running == handler
      | None -> false
    in
    while is_running () do
      wait t ~deadline:infinity
    done;
    Mutex.unlock t.mutex;
    Atomic.decr t.quiet_waiters
  end

(* Needs the lock. *)
let push t handler pulled item =
  let stall_until () =
    if pulled.stall_ms_max < 0 then infinity
    else Clock.now () +. (float pulled.stall_ms_max /. 1000.)
  in
  let taken () =
    if Atomic.get handler.ended || Engine.ended t.engine <> None then Some ()
    else if Item_queue.push pulled.queue item then Some ()
    else None
  in
  let rec until deadline =
    match taken () with
    | Some () -> ()
    | None when Clock.now () < deadline ->
        wait t ~deadline;
        until deadline
    | None -> (
        match Item_queue.overflow pulled.queue item with
        | Ok () -> ()
        | Error why ->
            Engine.disconnect t.engine why;
            wake t)
  in
  (match taken () with Some () -> () | None -> until (stall_until ()));
  woken t

let deliver_item t (entry : handler Subscriptions.entry) item ~is_last =
  let handler = entry.user in
  match handler.deliver with
  | Callback f ->
      call t handler "a subscription's handler" (fun () -> f item);
      if entry.acks <> None then
        locked t (fun () ->
            Engine.done_with t.engine entry item
              ~idle:(is_last && not (Engine.has_events t.engine)))
  | Pulled pulled ->
      Mutex.lock t.mutex;
      push t handler pulled item;
      Mutex.unlock t.mutex
  | Responder _ -> ()

let deliver_end t (entry : handler Subscriptions.entry) why =
  match entry.user.deliver with
  | Callback f ->
      let gap = { Gap.reason = Reconnect; ranges = []; unknown = true } in
      call t entry.user "a subscription's handler" (fun () -> f (Gap gap))
  | Pulled pulled -> locked t (fun () -> pulled.over <- Some why)
  | Responder _ -> ()

let deliver t (event : handler Engine.event) ~is_last =
  match event with
  | Item (entry, item) -> deliver_item t entry item ~is_last
  | Asked ({ user = { deliver = Responder f; _ } as handler; _ }, received, asked)
    ->
      if locked t (fun () -> Engine.begin_answer t.engine asked) then
        call t handler "a responder" (fun () -> f received asked)
  | Asked _ -> ()
  | Ended (entry, why) -> deliver_end t entry why
  | State state ->
      guarded "on_state" (fun () -> t.callbacks.on_state state)
  | Unaccepted frames ->
      guarded "on_unaccepted" (fun () -> t.callbacks.on_unaccepted frames)
  | Call f -> guarded "a callback" f

(* So much is taken at a time, with one look at the lock. *)
let batch_events_max = 256
let batch_bytes_max = 256 lsl 10

let take_batch t batch =
  let all = Engine.events_bytes t.engine in
  let rec take () =
    if
      Queue.length batch < batch_events_max
      && all - Engine.events_bytes t.engine < batch_bytes_max
    then
      match Engine.next_event t.engine with
      | None -> ()
      | Some event ->
          Queue.push event batch;
          take ()
  in
  take ()

let rec deliver_batch t batch =
  match Queue.take_opt batch with
  | None -> ()
  | Some event ->
      deliver t event ~is_last:(Queue.is_empty batch);
      deliver_batch t batch

let rec run_callbacks t batch =
  Mutex.lock t.mutex;
  while not (Engine.has_events t.engine || t.io_over) do
    Condition.wait t.has_events t.mutex
  done;
  take_batch t batch;
  if t.is_paused && Engine.events_bytes t.engine < events_bytes_max then wake t;
  let is_over = Queue.is_empty batch in
  if is_over then begin
    t.callbacks_over <- true;
    Condition.broadcast t.changed
  end;
  Mutex.unlock t.mutex;
  if not is_over then begin
    deliver_batch t batch;
    run_callbacks t batch
  end

(* --- The I/O thread ------------------------------------------------------- *)

let close_socket t =
  match t.socket with
  | None -> ()
  | Some socket ->
      t.socket <- None;
      t.is_full <- false;
      t.is_broken <- false;
      let farewell = Engine.farewell t.engine in
      (if farewell <> "" then
       try ignore (Unix.write_substring socket farewell 0 (String.length farewell))
       (* The broker has closed already, or does not read. *)
       with Unix.Unix_error _ -> ());
      Unix.close socket

let on_dialed t dialed =
  Mutex.lock t.mutex;
  t.dialing <- false;
  let now = Clock.now () in
  (match (Engine.wish t.engine, dialed) with
  | Dial _, Ok socket ->
      t.socket <- Some socket;
      Engine.dialed t.engine ~now ~greeting_deadline:(now +. t.settings.timeout_s);
      write t
  | Dial _, Error why -> Engine.dial_failed t.engine ~now why
  | (Keep | Nothing), Ok socket -> Unix.close socket
  | (Keep | Nothing), Error _ -> ());
  wake t;
  woken t;
  Mutex.unlock t.mutex

let dial t =
  let { Settings.url; config; timeout_s } = t.settings in
  Dial.dial config.url url ~deadline:(Clock.now () +. timeout_s)

let start_dialing t =
  t.dialing <- true;
  ignore (Thread.create (fun () -> on_dialed t (dial t)) ())

let fulfil_wish t ~now =
  match Engine.wish t.engine with
  | Keep -> ()
  | Dial at ->
      close_socket t;
      if now >= at && not t.dialing then start_dialing t
  | Nothing -> if now >= t.lingers_until then close_socket t

let reads t =
  Engine.wish t.engine = Nothing
  || Engine.events_bytes t.engine
     < if t.asking > 0 then events_bytes_ceiling else events_bytes_max

let next_time t =
  let dial_at =
    match Engine.wish t.engine with
    | Dial at when not t.dialing -> at
    | Nothing when t.socket <> None -> t.lingers_until
    | Dial _ | Keep | Nothing -> infinity
  in
  let waiter =
    match Deadlines.min_elt_opt t.deadlines with
    | Some (deadline, _) -> deadline
    | None -> infinity
  in
  Float.min (Float.min dial_at waiter) (Engine.next_tick t.engine)

let expire_waits t ~now =
  match Deadlines.min_elt_opt t.deadlines with
  | Some (deadline, _) when deadline <= now -> Condition.broadcast t.changed
  | Some _ | None -> ()

let rec read_wakes t =
  match Unix.read t.wake_reader t.buffer 0 64 with
  | 64 -> read_wakes t
  | _ -> ()
  | exception Unix.Unix_error ((EAGAIN | EWOULDBLOCK | EINTR), _, _) -> ()

let read t socket =
  match Unix.read socket t.buffer 0 read_bytes with
  | 0 ->
      Engine.lost t.engine ~now:(Clock.now ()) "end of the stream without CLOSE";
      t.lingers_until <- neg_infinity
  | bytes -> Engine.feed t.engine ~now:(Clock.now ()) t.buffer 0 bytes
  | exception Unix.Unix_error ((EAGAIN | EWOULDBLOCK | EINTR), _, _) -> ()
  | exception Unix.Unix_error (error, _, _) ->
      Engine.lost t.engine ~now:(Clock.now ()) (Unix.error_message error);
      t.lingers_until <- neg_infinity

(* What there is to be done before it sleeps; where it may be woken from. *)
let prepare t =
  let now = Clock.now () in
  t.is_paused <- not (reads t);
  Engine.tick t.engine ~now ~is_reading:(not t.is_paused);
  expire_waits t ~now;
  if t.gathers && Engine.unwritten_bytes t.engine = 0 then t.gathers <- false;
  write_now t;
  fulfil_wish t ~now;
  woken t;
  t.is_paused <- not (reads t);
  let until = if t.gathers then now +. gather_s_max else next_time t in
  t.sleeps_until <- until;
  t.awake <- false;
  let sockets = Option.to_list t.socket in
  ( (if t.is_paused then [] else sockets),
    (if t.is_full then sockets else []),
    if until = infinity then -1. else Float.max 0. (until -. now) )

let sleep t (readers, writers, timeout_s) =
  match Unix.select (t.wake_reader :: readers) writers [] timeout_s with
  | readable, writable, _ -> (readable, writable <> [])
  | exception Unix.Unix_error (EINTR, _, _) -> ([], false)

let is_over t =
  Engine.wish t.engine = Nothing && t.lingers_until <= Clock.now ()

let rec run_io t =
  let interests = prepare t in
  if not (is_over t) then begin
    Mutex.unlock t.mutex;
    let readable, is_writable = sleep t interests in
    Mutex.lock t.mutex;
    t.awake <- true;
    if List.memq t.wake_reader readable then read_wakes t;
    if is_writable then t.is_full <- false;
    (match t.socket with
    | Some socket when List.memq socket readable -> read t socket
    | Some _ | None -> ());
    run_io t
  end

let end_pulled t =
  let why = Engine.ended t.engine in
  List.iter
    (fun { Subscriptions.user; _ } ->
      match user.deliver with
      | Pulled pulled when pulled.over = None -> pulled.over <- why
      | Pulled _ | Callback _ | Responder _ -> ())
    (Engine.subscriptions t.engine)

let io_thread t =
  Mutex.lock t.mutex;
  run_io t;
  t.awake <- true;
  close_socket t;
  Unix.close t.wake_reader;
  Unix.close t.wake_writer;
  t.io_over <- true;
  Engine.later t.engine (fun () -> locked t (fun () -> end_pulled t));
  Condition.broadcast t.changed;
  Condition.signal t.has_events;
  Mutex.unlock t.mutex

(* --- Beginning and end ---------------------------------------------------- *)

let pipe () =
  let reader, writer = Unix.pipe ~cloexec:true () in
  Unix.set_nonblock reader;
  Unix.set_nonblock writer;
  (reader, writer)

let make (settings : Settings.t) callbacks =
  let wake_reader, wake_writer = pipe () in
  {
    engine = Engine.make settings.config;
    settings;
    callbacks;
    mutex = Mutex.create ();
    changed = Condition.create ();
    has_events = Condition.create ();
    waiting = 0;
    asking = 0;
    deadlines = Deadlines.empty;
    last_wait = 0;
    wake_reader;
    wake_writer;
    awake = true;
    sleeps_until = infinity;
    socket = None;
    dialing = false;
    is_full = false;
    is_broken = false;
    is_paused = false;
    gathers = false;
    burst_begin = neg_infinity;
    burst_frames = 0;
    is_burst = false;
    last_write = neg_infinity;
    buffer = Bytes.create read_bytes;
    closing = false;
    lingers_until = neg_infinity;
    io_over = false;
    callbacks_over = false;
    running = Atomic.make None;
    quiet_waiters = Atomic.make 0;
    callback_thread = -1;
  }

(* A write to a connection that the broker has closed is an error here, and not
   the end of the program. *)
let ignore_sigpipe () =
  match Sys.signal Sys.sigpipe Signal_ignore with
  | Signal_default | Signal_ignore -> ()
  | Signal_handle _ as own -> Sys.set_signal Sys.sigpipe own

let await_over t =
  if not (on_callback_thread t) then
    while not (t.io_over && t.callbacks_over) do
      wait t ~deadline:infinity
    done

let connect settings callbacks =
  ignore_sigpipe ();
  Printexc.record_backtrace true;
  let t = make settings callbacks in
  match dial t with
  | Error _ as error ->
      Unix.close t.wake_reader;
      Unix.close t.wake_writer;
      error
  | Ok socket ->
      Mutex.lock t.mutex;
      let now = Clock.now () in
      t.socket <- Some socket;
      Engine.dialed t.engine ~now ~greeting_deadline:(now +. t.settings.timeout_s);
      let runner = Thread.create (fun () -> run_callbacks t (Queue.create ())) () in
      t.callback_thread <- Thread.id runner;
      ignore (Thread.create io_thread t);
      while not (Engine.is_open t.engine || t.io_over) do
        wait t ~deadline:infinity
      done;
      let result =
        match Engine.ended t.engine with None -> Ok t | Some why -> Error why
      in
      Mutex.unlock t.mutex;
      result

let end_handlers t entries =
  List.iter
    (fun { Subscriptions.user; _ } -> Atomic.set user.ended true)
    entries;
  List.iter
    (fun ({ Subscriptions.user; _ } as entry) ->
      await_quiet t user;
      match user.deliver with
      | Callback _ | Responder _ ->
          locked t (fun () -> Engine.acknowledge t.engine entry)
      | Pulled pulled ->
          locked t (fun () ->
              Option.iter
                (fun item -> Engine.done_with t.engine entry item ~idle:true)
                pulled.in_hand;
              pulled.in_hand <- None))
    entries

let say_goodbye t =
  let deadline = Clock.now () +. goodbye_s_max in
  let until condition =
    ignore
      (await t ~subject:"close" ~deadline (fun () ->
           if condition () then Some () else None)
        : (unit, Error.t) result)
  in
  write t;
  until (fun () -> Engine.is_settled t.engine);
  Engine.say_goodbye t.engine;
  write t;
  until (fun () ->
      Engine.unwritten_bytes t.engine = 0 || not (Engine.is_open t.engine));
  (* Reading goes on until the broker has closed: whoever closes a TCP socket
     with unread bytes takes back what was sent. *)
  match t.socket with
  | Some socket when Engine.is_open t.engine -> (
      t.lingers_until <- deadline;
      try Unix.shutdown socket SHUTDOWN_SEND
      with Unix.Unix_error _ -> t.lingers_until <- neg_infinity)
  | Some _ | None -> ()

let close t =
  let entries =
    locked t (fun () ->
        if t.closing then []
        else begin
          t.closing <- true;
          Engine.subscriptions t.engine
        end)
  in
  end_handlers t entries;
  Mutex.lock t.mutex;
  if Engine.ended t.engine = None then begin
    Engine.begin_close t.engine;
    say_goodbye t;
    Engine.end_close t.engine
  end;
  wake t;
  woken t;
  await_over t;
  Mutex.unlock t.mutex
