type entry = {
  id : int; (* 0: not a PUBLISH *)
  frame : string;
  mutable ends_at : int; (* where in the connection's stream, once staged *)
}

type unaccepted = {
  type_id : int;
  topic : string;
  payload : string;
  maybe_accepted : bool;
}

type given_back = {
  frames : unaccepted list;
  maybe_through_id : int;
  through_id : int;
}

(* A frame goes from [unwritten] into the buffer that is written from, [staged],
   and then, if it is a PUBLISH, waits in [written] to be accepted. *)
type t = {
  mutable bytes_max : int;
  mutable connected : bool;
  mutable has_been_connected : bool;
  mutable unwritten : entry Queue.t;
  staged : entry Queue.t;
  written : entry Queue.t;
  mutable used_bytes : int; (* of the frames in all three *)
  mutable unwritten_bytes : int; (* of those in [unwritten] *)
  (* The stage; places are counted from the connection's beginning. *)
  mutable stage : Bytes.t;
  mutable stage_first : int;
  mutable stage_limit : int;
  mutable wrote_at : int;
  mutable staged_at : int;
  mutable first_id : int;
  mutable last_id : int;
  mutable settled_id : int;
  (* Connected: the last that was staged.  Otherwise: the last that was written
     in full. *)
  mutable taken_id : int;
  mutable frames_given_back : int;
  mutable frames_resent : int;
}

let stage_bytes = 64 lsl 10

let make ~bytes_max =
  {
    bytes_max;
    connected = false;
    has_been_connected = false;
    unwritten = Queue.create ();
    staged = Queue.create ();
    written = Queue.create ();
    used_bytes = 0;
    unwritten_bytes = 0;
    stage = Bytes.create stage_bytes;
    stage_first = 0;
    stage_limit = 0;
    wrote_at = 0;
    staged_at = 0;
    first_id = 1;
    last_id = 0;
    settled_id = 0;
    taken_id = 0;
    frames_given_back = 0;
    frames_resent = 0;
  }

let set_bytes_max t bytes_max = t.bytes_max <- bytes_max
let bytes_max t = t.bytes_max

(* Taking *)

let has_room t ~frame_bytes =
  t.used_bytes = 0 || t.used_bytes + frame_bytes <= t.bytes_max

let add t entry =
  let bytes = String.length entry.frame in
  Queue.push entry t.unwritten;
  t.used_bytes <- t.used_bytes + bytes;
  t.unwritten_bytes <- t.unwritten_bytes + bytes

let publish t ~type_id ~topic payload =
  let id = t.last_id + 1 in
  let frame =
    Frame.data Publish ~type_id ~topic ~id:(Int64.of_int id) payload
  in
  t.last_id <- id;
  add t { id; frame; ends_at = 0 };
  id

let append t frame = if t.connected then add t { id = 0; frame; ends_at = 0 }

(* Writing *)

let unwritten_bytes t =
  if t.connected then t.unwritten_bytes + (t.stage_limit - t.stage_first)
  else 0

let stage_one t entry =
  let bytes = String.length entry.frame in
  Bytes.blit_string entry.frame 0 t.stage t.stage_limit bytes;
  t.stage_limit <- t.stage_limit + bytes;
  t.staged_at <- t.staged_at + bytes;
  t.unwritten_bytes <- t.unwritten_bytes - bytes;
  entry.ends_at <- t.staged_at;
  Queue.push entry t.staged;
  if entry.id > t.taken_id then t.taken_id <- entry.id

(* What fits; one that is larger than the stage gets one of its own. *)
let rec fill t =
  match Queue.peek_opt t.unwritten with
  | None -> ()
  | Some { frame; _ } ->
      let bytes = String.length frame in
      let room = Bytes.length t.stage - t.stage_limit in
      if bytes <= room then begin
        stage_one t (Queue.pop t.unwritten);
        fill t
      end
      else if t.stage_limit = 0 then begin
        t.stage <- Bytes.create bytes;
        fill t
      end

let piece t =
  if t.connected && t.stage_first = t.stage_limit then begin
    t.stage_first <- 0;
    t.stage_limit <- 0;
    if Bytes.length t.stage > stage_bytes then
      t.stage <- Bytes.create stage_bytes;
    fill t
  end;
  (t.stage, t.stage_first, t.stage_limit - t.stage_first)

let forget t entry = t.used_bytes <- t.used_bytes - String.length entry.frame

let rec leave_stage t =
  match Queue.peek_opt t.staged with
  | Some entry when entry.ends_at <= t.wrote_at ->
      ignore (Queue.pop t.staged);
      if entry.id > t.settled_id then Queue.push entry t.written
      else forget t entry;
      leave_stage t
  | Some _ | None -> ()

let wrote t bytes =
  if bytes < 0 || bytes > t.stage_limit - t.stage_first then
    invalid_arg "Publish_log.wrote";
  t.stage_first <- t.stage_first + bytes;
  t.wrote_at <- t.wrote_at + bytes;
  leave_stage t

(* Accepting *)

let rec forget_settled t =
  match Queue.peek_opt t.written with
  | Some entry when entry.id <= t.settled_id ->
      forget t (Queue.pop t.written);
      forget_settled t
  | Some _ | None -> ()

let accepted t id =
  id <= t.taken_id
  && begin
       if id > t.settled_id then begin
         t.settled_id <- id;
         forget_settled t
       end;
       true
     end

(* Connections *)

let disconnected t =
  let keep kept entry =
    if entry.id > t.settled_id then Queue.push entry kept else forget t entry;
    kept
  in
  let kept = Queue.fold keep (Queue.create ()) t.staged in
  let kept = Queue.fold keep kept t.unwritten in
  t.unwritten <- kept;
  Queue.clear t.staged;
  t.unwritten_bytes <-
    Queue.fold (fun sum { frame; _ } -> sum + String.length frame) 0 kept;
  t.stage_first <- 0;
  t.stage_limit <- 0;
  t.wrote_at <- 0;
  t.staged_at <- 0;
  t.taken_id <-
    Queue.fold (fun last { id; _ } -> max last id) t.settled_id t.written;
  t.connected <- false

let can_resume_after t last_publish_id =
  (not t.has_been_connected) || last_publish_id <= t.taken_id

let unaccepted ~maybe_accepted { frame; _ } =
  let header = Bytes.unsafe_of_string frame in
  let topic_bytes = Frame.topic_bytes header 0 in
  let payload_at = Frame.header_bytes + topic_bytes in
  {
    type_id = Frame.type_id header 0;
    topic = String.sub frame Frame.header_bytes topic_bytes;
    payload = String.sub frame payload_at (String.length frame - payload_at);
    maybe_accepted;
  }

(* All of a queue; the latest foremost. *)
let take_all t queue ~maybe_accepted frames =
  let take frames entry =
    forget t entry;
    unaccepted ~maybe_accepted entry :: frames
  in
  let frames = Queue.fold take frames queue in
  Queue.clear queue;
  frames

let given_back t frames ~maybe_through_id ~through_id =
  t.settled_id <- max t.settled_id through_id;
  t.frames_given_back <- t.frames_given_back + List.length frames;
  { frames = List.rev frames; maybe_through_id; through_id }

let give_back_written t =
  let frames = take_all t t.written ~maybe_accepted:true [] in
  let through_id = max t.settled_id t.taken_id in
  given_back t frames ~maybe_through_id:through_id ~through_id

let give_back_all t =
  let maybe_through_id = max t.settled_id t.taken_id in
  let frames = take_all t t.written ~maybe_accepted:true [] in
  let frames = take_all t t.unwritten ~maybe_accepted:false frames in
  t.unwritten_bytes <- 0;
  given_back t frames ~maybe_through_id ~through_id:t.last_id

let nothing t =
  {
    frames = [];
    maybe_through_id = t.settled_id;
    through_id = t.settled_id;
  }

let send_written_again t =
  t.frames_resent <- t.frames_resent + Queue.length t.written;
  t.unwritten_bytes <-
    Queue.fold
      (fun sum { frame; _ } -> sum + String.length frame)
      t.unwritten_bytes t.written;
  let again = Queue.copy t.written in
  Queue.clear t.written;
  Queue.transfer t.unwritten again;
  t.unwritten <- again

let put_first t frames =
  let all = Queue.create () in
  let put frame =
    let bytes = String.length frame in
    Queue.push { id = 0; frame; ends_at = 0 } all;
    t.used_bytes <- t.used_bytes + bytes;
    t.unwritten_bytes <- t.unwritten_bytes + bytes
  in
  List.iter put frames;
  Queue.transfer t.unwritten all;
  t.unwritten <- all

let connected t ~resumed ~first =
  let is_first = not t.has_been_connected in
  let given_back =
    match resumed with
    | Some id when is_first ->
        t.first_id <- id + 1;
        t.last_id <- id;
        t.settled_id <- id;
        nothing t
    | Some id ->
        t.settled_id <- max t.settled_id id;
        forget_settled t;
        nothing t
    | None when is_first -> nothing t
    | None -> give_back_written t
  in
  send_written_again t;
  t.taken_id <- t.settled_id;
  t.has_been_connected <- true;
  t.connected <- true;
  put_first t first;
  given_back

(* How it stands *)

let last_publish_id t = t.last_id
let settled_id t = t.settled_id
let frames_published t = t.last_id - t.first_id + 1

let frames_accepted t =
  t.settled_id - t.first_id + 1 - t.frames_given_back

let frames_given_back t = t.frames_given_back
let frames_resent t = t.frames_resent
