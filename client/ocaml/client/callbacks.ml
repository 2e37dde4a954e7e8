(* The thread of callbacks. *)

open Shared

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
  | Asked
      ({ user = { deliver = Responder f; _ } as handler; _ }, received, asked)
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

let rec run t batch =
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
    run t batch
  end
