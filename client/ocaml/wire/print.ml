type 'a printer = Format.formatter -> 'a -> unit

(* 17 digits are enough for every number. *)
let digits value =
  let short = Printf.sprintf "%.15g" value in
  if Float.equal (float_of_string short) value then short
  else Printf.sprintf "%.17g" value

let float ppf value =
  let text =
    if Float.is_integer value && Float.abs value < 1e15 then
      Printf.sprintf "%.0f." value
    else
      match Float.classify_float value with
      | FP_nan -> "nan"
      | FP_infinite -> if value > 0. then "infinity" else "neg_infinity"
      | FP_normal | FP_subnormal | FP_zero -> digits value
  in
  Format.pp_print_string ppf text

let bytes ppf value = Format.fprintf ppf "%S" value

let text ppf value =
  let escaped = Buffer.create (String.length value) in
  String.iter
    (fun byte ->
      if byte >= '\x80' then Buffer.add_char escaped byte
      else Buffer.add_string escaped (String.escaped (String.make 1 byte)))
    value;
  Format.fprintf ppf "\"%s\"" (Buffer.contents escaped)

let option pp ppf = function
  | None -> Format.pp_print_string ppf "None"
  | Some value -> Format.fprintf ppf "@[<hv 2>Some@ (%a)@]" pp value

let semicolon ppf () = Format.fprintf ppf ";@ "

let list pp ppf values =
  Format.fprintf ppf "@[<hv 1>[%a]@]"
    (Format.pp_print_list ~pp_sep:semicolon pp)
    values

let entries pp_key pp_value =
  list (fun ppf (key, value) ->
      Format.fprintf ppf "@[<hv 1>(%a,@ %a)@]" pp_key key pp_value value)

let field name pp value ppf =
  Format.fprintf ppf "@[<hv 2>%s =@ %a@]" name pp value

let record ppf fields =
  let print ppf field = field ppf in
  Format.fprintf ppf "@[<hv 2>{ %a }@]"
    (Format.pp_print_list ~pp_sep:semicolon print)
    fields

let variant name pp ppf value =
  Format.fprintf ppf "@[<hv 2>%s@ (%a)@]" name pp value
