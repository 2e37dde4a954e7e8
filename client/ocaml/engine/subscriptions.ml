type options = {
  type_id : int;
  filter : Topic.filter;
  policy : Policy.t;
  group : string;
  start : Start.t;
  responder : bool;
}

type 'h entry = {
  id : int;
  options : options;
  user : 'h;
  progress : Progress.t;
  acks : Group_acks.t option;
  mutable known_to_broker : bool;
  mutable ended : bool;
}

type 'h t = {
  by_id : (int, 'h entry) Hashtbl.t;
  routes : (int * string, 'h entry list) Hashtbl.t; (* looked for before *)
  mutable last_id : int;
  (* Of the last route: most frames take the same. *)
  mutable last_type_id : int;
  mutable last_topic : string;
  mutable last_takers : 'h entry list;
}

(* Beyond it, all of them are looked for anew. *)
let routes_max = 4096

(* An ACK leaves when it is about so many bytes or, of small queues, an
   eighth. *)
let ack_bytes = 256 lsl 10
let ack_divisor = 8

let make () =
  {
    by_id = Hashtbl.create 16;
    routes = Hashtbl.create 64;
    last_id = 0;
    last_type_id = 0;
    last_topic = "";
    last_takers = [];
  }

let forget_routes t =
  Hashtbl.reset t.routes;
  t.last_type_id <- 0;
  t.last_takers <- []

let kind_of options : Progress.kind =
  if options.responder || options.group <> "" then Exclusive
  else if options.policy.overflow = Conflate then Addressed
  else Shared

let acks_of options =
  if options.group = "" then None
  else
    let due_bytes =
      min ack_bytes (options.policy.queue_bytes_max / ack_divisor)
    in
    Some (Group_acks.make ~due_bytes)

let pulled_policy { policy; group; _ } : Policy.t =
  if group = "" then policy
  else
    {
      queue_bytes_max = 2 * policy.queue_bytes_max;
      stall_ms_max = -1;
      overflow = Gap;
    }

let add t options user =
  t.last_id <- t.last_id + 1;
  let entry =
    {
      id = t.last_id;
      options;
      user;
      progress = Progress.make (kind_of options);
      acks = acks_of options;
      known_to_broker = false;
      ended = false;
    }
  in
  Hashtbl.replace t.by_id entry.id entry;
  forget_routes t;
  entry

let remove t entry =
  entry.ended <- true;
  Hashtbl.remove t.by_id entry.id;
  forget_routes t

let find t id = Hashtbl.find_opt t.by_id id

let all t =
  let entries = Hashtbl.fold (fun _ entry all -> entry :: all) t.by_id [] in
  List.sort (fun a b -> compare a.id b.id) entries

let takes ~type_id ~topic { options; _ } =
  (options.type_id = 0 || options.type_id = type_id)
  && (not options.responder)
  && Topic.takes options.filter topic

let look_for t ~type_id ~topic =
  match Hashtbl.find_opt t.routes (type_id, topic) with
  | Some takers -> takers
  | None ->
      let takers = List.filter (takes ~type_id ~topic) (all t) in
      if Hashtbl.length t.routes >= routes_max then Hashtbl.reset t.routes;
      Hashtbl.replace t.routes (type_id, topic) takers;
      takers

let takers t ~type_id ~topic =
  if not (type_id = t.last_type_id && String.equal topic t.last_topic)
  then begin
    t.last_takers <- look_for t ~type_id ~topic;
    t.last_type_id <- type_id;
    t.last_topic <- topic
  end;
  t.last_takers
