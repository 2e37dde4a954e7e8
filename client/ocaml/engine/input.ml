type t = { mutable buffer : Bytes.t; mutable first : int; mutable limit : int }

(* As much as one read brings, and a part of a frame. *)
let bytes_at_first = 128 lsl 10
let make () = { buffer = Bytes.create bytes_at_first; first = 0; limit = 0 }
let buffer t = t.buffer
let first t = t.first
let limit t = t.limit

(* A large frame's buffer is not kept. *)
let clear t =
  if Bytes.length t.buffer > bytes_at_first then
    t.buffer <- Bytes.create bytes_at_first;
  t.first <- 0;
  t.limit <- 0

let move_to t buffer =
  let unread = t.limit - t.first in
  Bytes.blit t.buffer t.first buffer 0 unread;
  t.buffer <- buffer;
  t.first <- 0;
  t.limit <- unread

(* It grows with what has come, and never because a length says so. *)
let add t source first bytes =
  if bytes > Bytes.length t.buffer - t.limit then begin
    let needed = t.limit - t.first + bytes in
    if needed <= Bytes.length t.buffer then move_to t t.buffer
    else move_to t (Bytes.create (max needed (2 * Bytes.length t.buffer)))
  end;
  Bytes.blit source first t.buffer t.limit bytes;
  t.limit <- t.limit + bytes

let consume t bytes =
  t.first <- t.first + bytes;
  if t.first = t.limit then clear t
