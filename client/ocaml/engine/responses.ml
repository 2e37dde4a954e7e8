type asked = {
  subscription_id : int;
  type_id : int;
  id : int64;
  mutable cancelled : bool;
}

type t = (int64, asked) Hashtbl.t

let make () : t = Hashtbl.create 16

let asked t ~subscription_id ~type_id id =
  let asked = { subscription_id; type_id; id; cancelled = false } in
  Hashtbl.replace t id asked;
  asked

let on_cancel t id =
  match Hashtbl.find_opt t id with
  | Some asked -> asked.cancelled <- true
  | None -> ()

let is_cancelled asked = asked.cancelled

let answered t asked =
  match Hashtbl.find_opt t asked.id with
  | Some known when known == asked ->
      Hashtbl.remove t asked.id;
      true
  | Some _ | None -> false

let id asked = asked.id
let type_id asked = asked.type_id

let forget t ~subscription_id =
  Hashtbl.filter_map_inplace
    (fun _ asked ->
      if asked.subscription_id <> subscription_id then Some asked
      else begin
        asked.cancelled <- true;
        None
      end)
    t

let forget_all t =
  Hashtbl.iter (fun _ asked -> asked.cancelled <- true) t;
  Hashtbl.reset t

(* Of an error's words; what is longer is cut. *)
let error_bytes_max = 4096

let cut text bytes_max =
  if String.length text <= bytes_max then text
  else
    let rec whole limit =
      if limit > 0 && Char.code text.[limit] land 0xc0 = 0x80 then
        whole (limit - 1)
      else limit
    in
    String.sub text 0 (whole bytes_max)

let error_body ~frame_bytes_max { Error.cause; message } =
  (* Beside the words a RequestError takes less than 32 bytes. *)
  let bytes_max = min error_bytes_max (max 0 (frame_bytes_max - 32)) in
  let words = cut message bytes_max in
  let is_utf8 =
    Mycelium_wire.Utf8.first_invalid words 0 (String.length words) < 0
  in
  let message =
    if is_utf8 then words
    else
      Printf.sprintf "respond: an error of %d bytes that are not UTF-8"
        (String.length message)
  in
  Mycelium_control.RequestError.(
    encode (make ~status:(Error.number cause) ~message ()))
