type entry = { mutable item : Item.t option (* None: conflated *); bytes : int }

type t = {
  policy : Policy.t;
  entries : entry Queue.t;
  (* Told before anything in [entries]; one for each reason. *)
  mutable gaps : Gap.t list;
  (* CONFLATE: the newest of each type and topic. *)
  newest : (int * string, entry) Hashtbl.t;
  mutable bytes : int;
  mutable live : int; (* entries that have an item *)
  mutable overflows : bool;
}

(* A gap's share of a queue. *)
let gap_bytes = 64

let make policy =
  {
    policy;
    entries = Queue.create ();
    gaps = [];
    newest = Hashtbl.create 8;
    bytes = 0;
    live = 0;
    overflows = false;
  }

let item_bytes = function
  | Item.Message received -> Received.frame_bytes received
  | Item.Gap _ -> gap_bytes

let bytes t = t.bytes

let rec tell (gap : Gap.t) = function
  | [] -> [ gap ]
  | (first : Gap.t) :: rest when first.reason = gap.reason ->
      Gap.merge first gap :: rest
  | first :: rest -> first :: tell gap rest

(* Of an entry that goes: its bytes, and the gap that tells of it. *)
let drop t (entry : entry) reason =
  match entry.item with
  | None -> ()
  | Some item ->
      entry.item <- None;
      t.bytes <- t.bytes - entry.bytes;
      t.live <- t.live - 1;
      let gap =
        match item with
        | Message { type_id; sequence; _ } ->
            Gap.of_frame reason ~type_id ~sequence
        | Gap gap -> gap
      in
      t.gaps <- tell gap t.gaps

let forget_newest t entry =
  match entry.item with
  | Some (Message { type_id; topic; _ }) when t.policy.overflow = Conflate -> (
      match Hashtbl.find_opt t.newest (type_id, topic) with
      | Some newest when newest == entry ->
          Hashtbl.remove t.newest (type_id, topic)
      | Some _ | None -> ())
  | Some _ | None -> ()

(* Those that were conflated leave holes behind. *)
let close_holes t =
  if Queue.length t.entries > (2 * t.live) + 16 then begin
    let kept = Queue.create () in
    Queue.iter
      (fun entry -> if entry.item <> None then Queue.push entry kept)
      t.entries;
    Queue.clear t.entries;
    Queue.transfer kept t.entries
  end

let conflate t entry = function
  | Item.Gap _ -> ()
  | Item.Message { type_id; topic; _ } ->
      (match Hashtbl.find_opt t.newest (type_id, topic) with
      | Some older -> drop t older Conflated
      | None -> ());
      Hashtbl.replace t.newest (type_id, topic) entry;
      close_holes t

let add t item bytes =
  let entry = { item = Some item; bytes } in
  if t.policy.overflow = Conflate then conflate t entry item;
  Queue.push entry t.entries;
  t.live <- t.live + 1;
  t.bytes <- t.bytes + bytes

let is_full t bytes =
  t.live > 0 && t.bytes + bytes > t.policy.queue_bytes_max

let rec make_room t bytes =
  if is_full t bytes then begin
    let oldest = Queue.pop t.entries in
    forget_newest t oldest;
    drop t oldest Overflow;
    make_room t bytes
  end

let drops t = t.overflows || t.policy.overflow = Conflate

let push t item =
  let bytes = item_bytes item in
  if not (is_full t bytes) then begin
    add t item bytes;
    true
  end
  else if drops t then begin
    if t.policy.overflow = Conflate then begin
      add t item bytes;
      make_room t 0
    end
    else begin
      make_room t bytes;
      add t item bytes
    end;
    true
  end
  else false

let overflow t item =
  match t.policy.overflow with
  | Disconnect ->
      Error.fail Resource_exhausted
        "subscription: queue of %d bytes full for %d ms, overflow is DISCONNECT"
        t.policy.queue_bytes_max t.policy.stall_ms_max
  | Gap | Conflate ->
      t.overflows <- true;
      ignore (push t item);
      Ok ()

let rec pop_entry t =
  match Queue.take_opt t.entries with
  | None -> None
  | Some { item = None; _ } -> pop_entry t
  | Some ({ item; bytes } as entry) ->
      forget_newest t entry;
      t.bytes <- t.bytes - bytes;
      t.live <- t.live - 1;
      if 2 * t.bytes <= t.policy.queue_bytes_max then t.overflows <- false;
      item

let pop t =
  match t.gaps with
  | gap :: rest ->
      t.gaps <- rest;
      Some (Item.Gap gap)
  | [] -> pop_entry t
