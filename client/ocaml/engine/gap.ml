type reason =
  | Unspecified
  | Overflow
  | Conflated
  | Reconnect
  | Memory
  | Deadlock
  | Malformed

type range = {
  type_id : int;
  frames : int;
  first_sequence : int;
  last_sequence : int;
}

type t = { reason : reason; ranges : range list; unknown : bool }

let of_frame reason ~type_id ~sequence =
  let range =
    { type_id; frames = 1; first_sequence = sequence; last_sequence = sequence }
  in
  { reason; ranges = [ range ]; unknown = false }

let frames gap =
  List.fold_left (fun sum range -> sum + range.frames) 0 gap.ranges

let merge_range a b =
  {
    type_id = a.type_id;
    frames = a.frames + b.frames;
    first_sequence = min a.first_sequence b.first_sequence;
    last_sequence = max a.last_sequence b.last_sequence;
  }

let rec add_range range = function
  | [] -> [ range ]
  | first :: rest when first.type_id = range.type_id ->
      merge_range first range :: rest
  | first :: rest -> first :: add_range range rest

let merge a b =
  {
    a with
    ranges = List.fold_left (fun all r -> add_range r all) a.ranges b.ranges;
    unknown = a.unknown || b.unknown;
  }

let reason_name = function
  | Unspecified -> "unspecified"
  | Overflow -> "overflow"
  | Conflated -> "conflated"
  | Reconnect -> "reconnect"
  | Memory -> "memory"
  | Deadlock -> "deadlock"
  | Malformed -> "malformed"

let pp_range ppf { type_id; frames; first_sequence; last_sequence } =
  if type_id = 0 then Format.fprintf ppf "%d frames" frames
  else if frames = 0 then
    Format.fprintf ppf "type %d from %d on" type_id first_sequence
  else
    Format.fprintf ppf "%d frames of type %d, %d to %d" frames type_id
      first_sequence last_sequence

let pp ppf gap =
  let comma ppf () = Format.pp_print_string ppf "; " in
  Format.pp_print_list ~pp_sep:comma pp_range ppf gap.ranges;
  if gap.unknown then
    Format.fprintf ppf "%sperhaps more"
      (if gap.ranges = [] then "" else ", ");
  Format.fprintf ppf " (%s)" (reason_name gap.reason)
