type t = {
  mutable buffer : Bytes.t;
  mutable first : int; (* what was written is from here to the end *)
}

(* Most messages fit, and the minor heap gives them for nothing. *)
let bytes_at_first = 256
let wire_type_delimited = 2
let make () = { buffer = Bytes.create bytes_at_first; first = bytes_at_first }
let written w = Bytes.length w.buffer - w.first
let contents w = Bytes.sub_string w.buffer w.first (written w)

let grow w bytes =
  let old_bytes = Bytes.length w.buffer in
  let new_bytes = old_bytes + max old_bytes bytes in
  let buffer = Bytes.create new_bytes in
  let first = new_bytes - written w in
  Bytes.blit w.buffer w.first buffer first (written w);
  w.buffer <- buffer;
  w.first <- first

(* Where [bytes] more bytes are to be put, which count as written. *)
let room w bytes =
  if w.first < bytes then grow w bytes;
  w.first <- w.first - bytes;
  w.first

let put w at byte = Bytes.set w.buffer at (Char.unsafe_chr (byte land 255))

(* Values *)

let rec put_varint w at value =
  if value land lnot 127 = 0 then put w at value
  else begin
    put w at (value lor 128);
    put_varint w (at + 1) (value lsr 7)
  end

let rec varint_bytes value bytes =
  if value land lnot 127 = 0 then bytes
  else varint_bytes (value lsr 7) (bytes + 1)

let varint w value =
  if value land lnot 127 = 0 then put w (room w 1) value
  else put_varint w (room w (varint_bytes value 1)) value

let varint64 w value =
  let low = Int64.to_int value in
  if Int64.compare value 0L >= 0 then varint w low
  else begin
    (* Nine bytes hold the 63 bits that an int has; the tenth has the sign's. *)
    let at = room w 10 in
    for i = 0 to 8 do
      put w (at + i) ((low lsr (7 * i)) lor 128)
    done;
    put w (at + 9) 1
  end

let fixed32 w value =
  let at = room w 4 in
  Bytes.set_int32_le w.buffer at value

let fixed64 w value =
  let at = room w 8 in
  Bytes.set_int64_le w.buffer at value

let bytes w value =
  let length = String.length value in
  let at = room w length in
  Bytes.blit_string value 0 w.buffer at length

(* Fields *)

let tag w number ~wire_type = varint w ((number lsl 3) lor wire_type)

let delimited w number write value =
  let behind = written w in
  write w value;
  varint w (written w - behind);
  tag w number ~wire_type:wire_type_delimited

let delimited_option w number write = function
  | None -> ()
  | Some value -> delimited w number write value

let delimited_list w number write values =
  List.iter (delimited w number write) (List.rev values)
