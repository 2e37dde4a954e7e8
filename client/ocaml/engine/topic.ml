module Utf8 = Mycelium_wire.Utf8

let bytes_max = 255

type filter = {
  text : string;
  tokens : string list; (* without a last ">" *)
  takes_rest : bool;
}

(* Of the token [first, limit): whether it is that character alone. *)
let is_lone character text first limit =
  limit - first = 1 && String.unsafe_get text first = character

(* What is wrong with the tokens between [first] and [limit], or "". *)
let rec tokens_fault text ~wildcards first limit =
  let ends = ref first in
  while !ends < limit && String.unsafe_get text !ends <> '.' do
    incr ends
  done;
  let ends = !ends in
  let is_rest = is_lone '>' text first ends in
  if ends = first then "an empty token between dots"
  else if (not wildcards) && (is_rest || is_lone '*' text first ends) then
    "a wildcard"
  else if is_rest && ends < limit then "\">\" before the last token"
  else if ends < limit then tokens_fault text ~wildcards (ends + 1) limit
  else ""

let rec has_nul text first limit =
  first < limit
  && (String.unsafe_get text first = '\000' || has_nul text (first + 1) limit)

let fault text ~wildcards first limit =
  let bytes = limit - first in
  if bytes < 1 || bytes > bytes_max then
    Printf.sprintf "%d bytes, allowed 1 to %d bytes" bytes bytes_max
  else if Utf8.first_invalid text first limit >= 0 then "not UTF-8"
  else if has_nul text first limit then "a NUL byte"
  else tokens_fault text ~wildcards first limit

let is_valid topic =
  fault topic ~wildcards:false 0 (String.length topic) = ""

let is_valid_within buffer ~first ~bytes =
  if first < 0 || bytes < 0 || first > Bytes.length buffer - bytes then
    invalid_arg "Topic.is_valid_within";
  (* Nobody writes to it meanwhile. *)
  let text = Bytes.unsafe_to_string buffer in
  fault text ~wildcards:false first (first + bytes) = ""

let filter text =
  if text = "" then Ok { text; tokens = []; takes_rest = true }
  else
    match fault text ~wildcards:true 0 (String.length text) with
    | "" -> (
        let tokens = String.split_on_char '.' text in
        match List.rev tokens with
        | ">" :: before ->
            Ok { text; tokens = List.rev before; takes_rest = true }
        | _ -> Ok { text; tokens; takes_rest = false })
    | fault -> Error ("topic filter: " ^ fault)

let text filter = filter.text

let rec tokens_take wanted ~takes_rest tokens =
  match (wanted, tokens) with
  | [], [] -> not takes_rest
  | [], _ :: _ -> takes_rest
  | _ :: _, [] -> false
  | want :: wanted, token :: tokens ->
      (want = "*" || String.equal want token)
      && tokens_take wanted ~takes_rest tokens

let takes filter topic =
  filter.text = ""
  || topic <> ""
     && tokens_take filter.tokens ~takes_rest:filter.takes_rest
          (String.split_on_char '.' topic)
