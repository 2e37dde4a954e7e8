type t = { line : string; values : (string, string) Hashtbl.t }

let folder = "../vectors"

let lines path =
  let channel = open_in_bin path in
  let text = really_input_string channel (in_channel_length channel) in
  close_in channel;
  String.split_on_char '\n' text

let begins_with_space line = line.[0] = ' '

let add_line file number (blocks, open_, key) line =
  if line = "" then (blocks, None, "")
  else if line.[0] = '#' then (blocks, open_, key)
  else
    let block, blocks =
      match open_ with
      | Some block -> (block, blocks)
      | None ->
          let line = Printf.sprintf "%s:%d" file number in
          let block = { line; values = Hashtbl.create 8 } in
          (block, block :: blocks)
    in
    let key, value =
      if begins_with_space line then
        (key, Hashtbl.find block.values key ^ "\n" ^ String.trim line)
      else
        let colon = String.index line ':' in
        let rest = String.length line - colon - 1 in
        ( String.sub line 0 colon,
          String.trim (String.sub line (colon + 1) rest) )
    in
    Hashtbl.replace block.values key value;
    (blocks, Some block, key)

let read file =
  let number = ref 0 in
  let blocks, _, _ =
    List.fold_left
      (fun state line ->
        incr number;
        add_line file !number state line)
      ([], None, "")
      (lines (Filename.concat folder file))
  in
  List.rev blocks

let get t key = Hashtbl.find_opt t.values key

let find t key =
  match get t key with
  | Some value -> value
  | None -> failwith (t.line ^ ": no " ^ key)

let name t = Option.value (get t "name") ~default:t.line

let word_bytes word =
  let digits, count =
    match String.split_on_char '*' word with
    | [ digits; count ] -> (digits, int_of_string count)
    | _ -> (word, 1)
  in
  let byte index =
    Char.chr (int_of_string ("0x" ^ String.sub digits (2 * index) 2))
  in
  let once = String.init (String.length digits / 2) byte in
  String.concat "" (List.init count (fun _ -> once))

let decode_hex text =
  let words line =
    String.split_on_char ' ' (List.hd (String.split_on_char '#' line))
  in
  String.split_on_char '\n' text
  |> List.concat_map words
  |> List.filter (fun word -> word <> "")
  |> List.map word_bytes |> String.concat ""

let hex t key = decode_hex (find t key)

let bytes t key =
  match get t (key ^ "_hex") with
  | Some text -> decode_hex text
  | None -> Option.value (get t key) ~default:""

let list t key =
  match get t key with
  | None | Some "" -> []
  | Some text -> String.split_on_char '\n' text
