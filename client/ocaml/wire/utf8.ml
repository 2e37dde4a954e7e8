let not_ascii = 0x8080808080808080L

(* Whether there is a byte at [at], and from [low] to [high]. *)
let has s at limit low high =
  at < limit && low <= Char.code s.[at] && Char.code s.[at] <= high

let continues s at limit = has s at limit 0x80 0xbf

(* The bytes of the character at [at]; 0: it is none.  The second byte has the
   narrower range where an overlong form, a surrogate or more than U+10FFFF
   would begin. *)
let width s at limit =
  match s.[at] with
  | '\x00' .. '\x7f' -> 1
  | '\xc2' .. '\xdf' -> if continues s (at + 1) limit then 2 else 0
  | '\xe0' .. '\xef' as lead ->
      let low = if lead = '\xe0' then 0xa0 else 0x80 in
      let high = if lead = '\xed' then 0x9f else 0xbf in
      if has s (at + 1) limit low high && continues s (at + 2) limit then 3
      else 0
  | '\xf0' .. '\xf4' as lead ->
      let low = if lead = '\xf0' then 0x90 else 0x80 in
      let high = if lead = '\xf4' then 0x8f else 0xbf in
      if
        has s (at + 1) limit low high
        && continues s (at + 2) limit
        && continues s (at + 3) limit
      then 4
      else 0
  | _ -> 0

let rec first_invalid s first limit =
  if first >= limit then -1
  else if
    (* Eight bytes at once. *)
    limit - first >= 8
    && Int64.equal (Int64.logand (String.get_int64_ne s first) not_ascii) 0L
  then first_invalid s (first + 8) limit
  else
    match width s first limit with
    | 0 -> first
    | bytes -> first_invalid s (first + bytes) limit
