type kind = Shared | Addressed | Exclusive

type seen = { type_id : int; mutable sequence : int }

type t = {
  kind : kind;
  mutable active : bool;
  mutable was_active : bool;
  mutable epoch : int64;
  mutable session_id : int;
  mutable frames : int; (* given and told in gaps, since SUBSCRIBED *)
  mutable seen : seen list; (* the last of each type; latest type foremost *)
  mutable skips : seen list; (* what comes up to there is for others *)
}

let make kind =
  {
    kind;
    active = false;
    was_active = false;
    epoch = 0L;
    session_id = 0;
    frames = 0;
    seen = [];
    skips = [];
  }

let activate t ~epoch ~session_id ~resumed ~starts =
  let same_epoch = t.was_active && Int64.equal epoch t.epoch in
  if (not same_epoch) || t.kind = Exclusive then t.seen <- [];
  if (not same_epoch) || (not resumed) || t.kind = Exclusive then
    t.frames <- 0;
  t.skips <- List.map (fun (type_id, sequence) -> { type_id; sequence }) starts;
  t.epoch <- epoch;
  t.session_id <- session_id;
  t.active <- true;
  t.was_active <- true

let suspend t = t.active <- false
let is_active t = t.active

let rec find type_id = function
  | [] -> None
  | seen :: _ when seen.type_id = type_id -> Some seen
  | _ :: rest -> find type_id rest

let is_skipped t ~type_id ~sequence =
  match find type_id t.skips with
  | None -> false
  | Some skip when sequence <= skip.sequence -> true
  | Some skip ->
      t.skips <- List.filter (fun each -> each != skip) t.skips;
      false

let takes t ~type_id ~sequence ~addressed =
  t.active
  && (addressed
     || t.kind = Shared
        && (t.skips = [] || not (is_skipped t ~type_id ~sequence)))

let note t ~type_id ~frames ~sequence =
  t.frames <- t.frames + frames;
  match t.seen with
  | last :: _ when last.type_id = type_id ->
      if sequence > last.sequence then last.sequence <- sequence
  | _ -> (
      match find type_id t.seen with
      | None -> t.seen <- { type_id; sequence } :: t.seen
      | Some seen ->
          if sequence > seen.sequence then seen.sequence <- sequence;
          t.seen <- seen :: List.filter (fun each -> each != seen) t.seen)

let gave t ~type_id ~sequence = note t ~type_id ~frames:1 ~sequence

(* Frames within the range may still come for others of the session. *)
let covers_what_still_comes (reason : Gap.reason) =
  match reason with
  | Overflow | Memory | Deadlock -> true
  | Unspecified | Conflated | Reconnect | Malformed -> false

let skip t type_id sequence =
  match find type_id t.skips with
  | None -> t.skips <- { type_id; sequence } :: t.skips
  | Some skip -> skip.sequence <- max skip.sequence sequence

let told_range t reason { Gap.type_id; frames; last_sequence; _ } =
  (* Without frames it only says where what nobody knows of begins, perhaps in
     the counts of another epoch. *)
  if type_id = 0 || frames = 0 then t.frames <- t.frames + frames
  else begin
    note t ~type_id ~frames ~sequence:last_sequence;
    if t.kind = Shared && covers_what_still_comes reason then
      skip t type_id last_sequence
  end

let told t (gap : Gap.t) = List.iter (told_range t gap.reason) gap.ranges

type resume = {
  epoch : int64;
  session_id : int;
  frames : int;
  seen : (int * int) list;
}

let resume (t : t) =
  if (not t.was_active) || t.kind = Exclusive then None
  else
    let pair { type_id; sequence } = (type_id, sequence) in
    Some
      {
        epoch = t.epoch;
        session_id = t.session_id;
        frames = t.frames;
        seen = List.sort compare (List.map pair t.seen);
      }
