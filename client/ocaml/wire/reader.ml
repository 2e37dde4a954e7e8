type span = { first : int; limit : int }
type occurrences = span list (* the last one foremost *)

type t = {
  input : string;
  depth : int;
  map : int; (* the number of the map that this is an entry of; or 0 *)
  mutable position : int;
  mutable limit : int;
  mutable later : span list; (* what is to be read after [limit] *)
  mutable fields : Fields.t;
  mutable tag : int; (* 0 while it is read *)
}

exception Malformed of Error.t

let depth_max = 100
let varint_bytes_max = 10

(* Tags and lengths have 32 bits; what a tag's fifth byte has beyond them is
   dropped, as Protobuf's C++ does. *)
let short_varint_bytes_max = 5
let tag_max = 0xffffffff

let fail r offset fault =
  let number = if r.map <> 0 then r.map else r.tag lsr 3 in
  let field = if number = 0 then "" else Fields.field r.fields number in
  let message = Fields.message r.fields in
  raise (Malformed { Error.message; field; offset; fault })

let make input =
  {
    input;
    depth = 0;
    map = 0;
    position = 0;
    limit = String.length input;
    later = [];
    fields = Fields.make "" [];
    tag = 0;
  }

(* Values *)

let rec long_varint r first position bytes_max value =
  let bytes = position - first in
  if bytes = bytes_max then fail r first (Error.Varint_too_long bytes_max)
  else if position >= r.limit then fail r first Error.Cut_short
  else
    let byte = Char.code r.input.[position] in
    let value = value lor ((byte land 127) lsl (7 * bytes)) in
    if byte >= 128 then long_varint r first (position + 1) bytes_max value
    else begin
      r.position <- position + 1;
      value
    end

let varint_of_at_most r bytes_max =
  let first = r.position in
  if first < r.limit && r.input.[first] < '\x80' then begin
    r.position <- first + 1;
    Char.code r.input.[first]
  end
  else long_varint r first first bytes_max 0

let varint r = varint_of_at_most r varint_bytes_max

let varint64 r =
  let first = r.position in
  let low = Int64.logand (Int64.of_int (varint r)) Int64.max_int in
  if r.position - first < varint_bytes_max then low
  else
    (* An int has one bit less than the value: the tenth byte's. *)
    let last = Int64.of_int (Char.code r.input.[r.position - 1]) in
    Int64.logor low (Int64.shift_left last 63)

(* Where the next [bytes] bytes begin, which are passed over. *)
let take r bytes =
  let first = r.position in
  if bytes > r.limit - first then fail r first Error.Cut_short
  else begin
    r.position <- first + bytes;
    first
  end

let fixed32 r = String.get_int32_le r.input (take r 4)
let fixed64 r = String.get_int64_le r.input (take r 8)

let length r =
  let first = r.position in
  let bytes = varint_of_at_most r short_varint_bytes_max in
  let left = r.limit - r.position in
  if bytes > left then fail r first (Error.Length { bytes; left }) else bytes

let bytes r =
  let bytes = length r in
  String.sub r.input (take r bytes) bytes

let string r =
  let bytes = length r in
  let first = take r bytes in
  let invalid = Utf8.first_invalid r.input first (first + bytes) in
  if invalid >= 0 then fail r invalid Error.Invalid_utf8
  else String.sub r.input first bytes

let packed r read values =
  let bytes = length r in
  let limit = r.limit in
  r.limit <- r.position + bytes;
  let values = ref values in
  while r.position < r.limit do
    values := read r :: !values
  done;
  r.limit <- limit;
  !values

(* Fields *)

let read_tag r =
  let first = r.position in
  let tag = varint_of_at_most r short_varint_bytes_max land tag_max in
  if tag lsr 3 = 0 then fail r first Error.Field_number_0 else tag

let rec next r fields =
  if r.fields != fields then r.fields <- fields;
  r.tag <- 0;
  if r.position < r.limit then begin
    r.tag <- read_tag r;
    true
  end
  else
    match r.later with
    | [] -> false
    | { first; limit } :: later ->
        r.position <- first;
        r.limit <- limit;
        r.later <- later;
        next r fields

let next_of_entry r = next r r.fields
let tag r = r.tag

let rec skip_value r tag depth =
  match tag land 7 with
  | 0 -> ignore (varint r)
  | 1 -> ignore (take r 8)
  | 2 -> ignore (take r (length r))
  | 3 -> skip_group r (tag lsr 3) (depth + 1)
  | 4 -> fail r r.position Error.Group_end
  | 5 -> ignore (take r 4)
  | wire_type -> fail r r.position (Error.Wire_type wire_type)

and skip_group r number depth =
  if depth > depth_max then fail r r.position (Error.Too_deep depth_max);
  let tag = read_tag r in
  if tag <> (number lsl 3) lor 4 then begin
    skip_value r tag depth;
    skip_group r number depth
  end

let skip r = skip_value r r.tag r.depth

(* Messages *)

(* Where the embedded message lies that is the next value; it is passed over. *)
let embedded r =
  if r.depth = depth_max then
    fail r r.position (Error.Too_deep depth_max)
  else
    let bytes = length r in
    let first = take r bytes in
    { first; limit = first + bytes }

let within r ~map { first; limit } later =
  { r with depth = r.depth + 1; map; position = first; limit; later }

let message r read = read (within r ~map:0 (embedded r) [])
let entry r read = read (within r ~map:(r.tag lsr 3) (embedded r) [])
let none = []
let occurrence r occurrences = embedded r :: occurrences

let merged r read occurrences =
  match List.rev occurrences with
  | [] -> read (make "")
  | first :: later -> read (within r ~map:0 first later)

let merged_option r read = function
  | [] -> None
  | occurrences -> Some (merged r read occurrences)
