type on_end = (Received.t, Error.t) result -> unit
type call = int

type waiting = { call : call; deadline : float; on_end : on_end }

module Deadlines = Set.Make (struct
  type t = float * int

  let compare = compare
end)

type t = {
  open_ : (int, waiting) Hashtbl.t; (* by number *)
  mutable deadlines : Deadlines.t;
  mutable last_call : int;
  mutable replies_late : int;
}

let number_max = 0xffffffff

let make () =
  {
    open_ = Hashtbl.create 16;
    deadlines = Deadlines.empty;
    last_call = 0;
    replies_late = 0;
  }

let rec next_number t =
  t.last_call <- t.last_call + 1;
  let number = t.last_call land number_max in
  if number = 0 || Hashtbl.mem t.open_ number then next_number t else number

let begin_ t ~deadline on_end =
  let number = next_number t in
  let call = t.last_call in
  Hashtbl.replace t.open_ number { call; deadline; on_end };
  if deadline < infinity then
    t.deadlines <- Deadlines.add (deadline, number) t.deadlines;
  (call, number)

let finish t number { deadline; on_end; _ } result =
  Hashtbl.remove t.open_ number;
  t.deadlines <- Deadlines.remove (deadline, number) t.deadlines;
  on_end result

let cancel t call why =
  let number = call land number_max in
  match Hashtbl.find_opt t.open_ number with
  | Some waiting when waiting.call = call ->
      finish t number waiting (Error why);
      Some number
  | Some _ | None -> None

let reply t id result =
  let number = Int64.to_int id in
  let is_number = Int64.equal (Int64.of_int (number land number_max)) id in
  match Hashtbl.find_opt t.open_ number with
  | Some waiting when is_number -> finish t number waiting result
  | Some _ | None -> t.replies_late <- t.replies_late + 1

let next_deadline t =
  match Deadlines.min_elt_opt t.deadlines with
  | Some (deadline, _) -> deadline
  | None -> infinity

let too_late =
  Error.make Deadline_exceeded "request: no answer before the deadline"

let rec expire t ~now =
  match Deadlines.min_elt_opt t.deadlines with
  | Some (deadline, number) when deadline <= now ->
      finish t number (Hashtbl.find t.open_ number) (Error too_late);
      number :: expire t ~now
  | Some _ | None -> []

let fail_all t why =
  let all = Hashtbl.fold (fun number w all -> (number, w) :: all) t.open_ [] in
  List.iter
    (fun (number, waiting) -> finish t number waiting (Error why))
    (List.sort (fun (_, a) (_, b) -> compare a.call b.call) all)

let replies_late t = t.replies_late
