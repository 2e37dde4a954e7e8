(* What the threads of a client share: its state, behind one lock, and how they
   write, wait and wake each other. *)

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

(* A burst is so many frames within so long; then a write waits until there is
   so much, or that time has passed. *)
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
