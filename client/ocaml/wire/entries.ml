let key_number = 1
let value_number = 2
let wire_type_delimited = 2
let tag_of number wire_type = (number lsl 3) lor wire_type

(* Reading *)

let read r (key : 'k Scalar.t) (value : 'v Scalar.t) =
  Reader.entry r (fun entry ->
      let found_key = ref key.default in
      let found_value = ref value.default in
      while Reader.next_of_entry entry do
        let tag = Reader.tag entry in
        if tag = tag_of key_number key.wire_type then
          found_key := key.read entry
        else if tag = tag_of value_number value.wire_type then
          found_value := value.read entry
        else Reader.skip entry
      done;
      (!found_key, !found_value))

let read_message r (key : 'k Scalar.t) read_value =
  Reader.entry r (fun entry ->
      let found_key = ref key.default in
      let found_value = ref Reader.none in
      while Reader.next_of_entry entry do
        let tag = Reader.tag entry in
        if tag = tag_of key_number key.wire_type then
          found_key := key.read entry
        else if tag = tag_of value_number wire_type_delimited then
          found_value := Reader.occurrence entry !found_value
        else Reader.skip entry
      done;
      (!found_key, Reader.merged entry read_value !found_value))

let rec is_descending (key : 'k Scalar.t) = function
  | (later, _) :: ((earlier, _) :: _ as rest) ->
      key.compare later earlier >= 0 && is_descending key rest
  | [ _ ] | [] -> true

(* The sort is stable: the first of equal keys is the last that was there. *)
let descending (key : 'k Scalar.t) entries =
  if is_descending key entries then entries
  else List.stable_sort (fun (a, _) (b, _) -> key.compare b a) entries

let of_occurrences (key : 'k Scalar.t) entries =
  List.fold_left
    (fun ascending ((k, _) as entry) ->
      match ascending with
      | (taken, _) :: _ when key.equal taken k -> ascending
      | _ -> entry :: ascending)
    []
    (descending key entries)

let of_list key entries = of_occurrences key (List.rev entries)

(* Writing.  Of an entry, key and value are always written. *)

let write_entries w fields number (key : 'k Scalar.t) write_value entries =
  let write_entry w (k, v) =
    write_value w v;
    key.write w k;
    Writer.tag w key_number ~wire_type:key.wire_type
  in
  let write_field w = Writer.delimited_list w number write_entry in
  Scalar.naming fields number write_field w (of_list key entries)

let write w fields number key (value : 'v Scalar.t) entries =
  let write_value w v =
    value.write w v;
    Writer.tag w value_number ~wire_type:value.wire_type
  in
  write_entries w fields number key write_value entries

let write_messages w fields number key write_message entries =
  let write_value w v = Writer.delimited w value_number write_message v in
  write_entries w fields number key write_value entries

(* Comparing *)

let equal (key : 'k Scalar.t) equal_values a b =
  List.equal
    (fun (k, v) (l, w) -> key.equal k l && equal_values v w)
    (of_list key a) (of_list key b)
