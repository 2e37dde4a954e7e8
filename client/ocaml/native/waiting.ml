(* Waiting in slices, so that a signal that comes meanwhile is seen, and the
   thread that passes on what is not told by a handler's own. *)

module Clock = Mycelium_posix.Clock

let slice_ms = 100

(* --- Time ------------------------------------------------------------------ *)

(* Until a deadline of [Clock]'s; -1: without end. *)
let left_ms deadline =
  if deadline = infinity then -1
  else
    let left = Float.ceil ((deadline -. Clock.now ()) *. 1000.) in
    if left > 1e15 then -1 else max 0 (int_of_float left)

(* [attempt ms] is None if nothing came within that time. *)
let rec in_slices ~deadline ~too_late attempt =
  let left = left_ms deadline in
  let is_last = left >= 0 && left <= slice_ms in
  match attempt (if is_last then left else slice_ms) with
  | Some result -> result
  | None when is_last -> too_late ()
  | None -> in_slices ~deadline ~too_late attempt

let rec finish work =
  if not (Stubs.work_done work slice_ms) then finish work

(* Whether it was done in time. *)
let finish_until deadline work =
  let too_late () = false in
  in_slices ~deadline ~too_late (fun ms ->
      if Stubs.work_done work ms then Some true else None)

(* --- The thread of events ---------------------------------------------------- *)

let report what error backtrace =
  Printf.eprintf "mycelium: exception in %s: %s\n%s%!" what
    (Printexc.to_string error)
    (Printexc.raw_backtrace_to_string backtrace)

let guarded what f argument =
  match f argument with
  | () -> ()
  | exception error -> report what error (Printexc.get_raw_backtrace ())

let rec tell told_before =
  let (Event (f, argument)) = Stubs.next_event told_before in
  guarded "a callback" f argument;
  tell true

(* Handlers of signals run on the program's own threads. *)
let signals = Sys.[ sigint; sigterm; sighup; sigquit; sigusr1; sigusr2; sigalrm ]

(* Of which process, and the thread. *)
let events = ref None

let is_events_thread () =
  match !events with
  | Some (_, thread) -> Thread.id thread = Thread.id (Thread.self ())
  | None -> false

(* In a child of fork it is begun again. *)
let begin_events () =
  Stubs.begin_ ();
  Printexc.record_backtrace true;
  let pid = Unix.getpid () in
  match !events with
  | Some (of_pid, _) when of_pid = pid -> ()
  | Some _ | None ->
      let run () =
        ignore (Thread.sigmask SIG_BLOCK signals);
        tell false
      in
      events := Some (pid, Thread.create run ())

let in_callback () = Stubs.in_callback () || is_events_thread ()

(* Until what was told by now has been passed on. *)
let await_told deadline =
  let count = Stubs.posted () in
  in_slices ~deadline
    ~too_late:(fun () -> ())
    (fun ms -> if Stubs.told count ms then Some () else None)
