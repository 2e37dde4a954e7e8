include Shared

let await_quiet = Callbacks.await_quiet

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
       let bytes = String.length farewell in
       try ignore (Unix.write_substring socket farewell 0 bytes)
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
      Engine.dialed t.engine ~now
        ~greeting_deadline:(now +. t.settings.timeout_s);
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

let no_thread t =
  Error.make Resource_exhausted "connect %s: the system has no thread to give"
    t.settings.config.url

let start_dialing t =
  t.dialing <- true;
  match Thread.create (fun () -> on_dialed t (dial t)) () with
  | (_ : Thread.t) -> ()
  | exception (Failure _ | Sys_error _) ->
      t.dialing <- false;
      Engine.dial_failed t.engine ~now:(Clock.now ()) (no_thread t)

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
      Engine.lost t.engine ~now:(Clock.now ())
        "end of the stream without CLOSE";
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

(* Needs the lock. *)
let end_io t =
  t.awake <- true;
  close_socket t;
  Unix.close t.wake_reader;
  Unix.close t.wake_writer;
  t.io_over <- true;
  Engine.later t.engine (fun () -> locked t (fun () -> end_pulled t));
  Condition.broadcast t.changed;
  Condition.signal t.has_events

let io_thread t =
  with_lock t (fun () ->
      run_io t;
      end_io t)

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

let start_threads t =
  match
    let runner = Thread.create (Callbacks.run t) (Queue.create ()) in
    t.callback_thread <- Thread.id runner;
    ignore (Thread.create io_thread t)
  with
  | () -> ()
  | exception (Failure _ | Sys_error _) ->
      Engine.disconnect t.engine (no_thread t);
      end_io t

(* Needs the lock. *)
let await_welcome t socket =
  let now = Clock.now () in
  t.socket <- Some socket;
  Engine.dialed t.engine ~now
    ~greeting_deadline:(now +. t.settings.timeout_s);
  start_threads t;
  while not (Engine.is_open t.engine || t.io_over) do
    wait t ~deadline:infinity
  done;
  match Engine.ended t.engine with None -> Ok t | Some why -> Error why

let connect_as t =
  match dial t with
  | Ok socket -> with_lock t (fun () -> await_welcome t socket)
  | Error _ as error ->
      Unix.close t.wake_reader;
      Unix.close t.wake_writer;
      error

let connect (settings : Settings.t) callbacks =
  ignore_sigpipe ();
  Printexc.record_backtrace true;
  match make settings callbacks with
  | t -> connect_as t
  | exception Unix.Unix_error (error, _, _) ->
      Error.fail Resource_exhausted "connect %s: %s" settings.config.url
        (Unix.error_message error)

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
