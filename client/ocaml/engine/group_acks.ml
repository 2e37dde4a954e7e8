type t = {
  due_bytes : int;
  (* Frames since the first SUBSCRIBED; those told in gaps count too. *)
  mutable given : int;
  mutable before : int; (* of them, on earlier connections *)
  mutable finished : int;
  mutable sent : int; (* on this connection *)
  mutable unsent_bytes : int;
}

let make ~due_bytes =
  {
    due_bytes;
    given = 0;
    before = 0;
    finished = 0;
    sent = 0;
    unsent_bytes = 0;
  }

let activate t =
  t.before <- t.given;
  t.sent <- 0

let gave t ~frames = t.given <- t.given + frames

let done_with t ~frames ~bytes =
  t.finished <- t.finished + frames;
  t.unsent_bytes <- t.unsent_bytes + bytes

let due t ~idle =
  let frames = max 0 (t.finished - t.before) in
  if frames <= t.sent || not (idle || t.unsent_bytes >= t.due_bytes) then None
  else begin
    t.sent <- frames;
    t.unsent_bytes <- 0;
    Some frames
  end
