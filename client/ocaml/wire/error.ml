type fault =
  | Cut_short
  | Varint_too_long of int
  | Length of { bytes : int; left : int }
  | Invalid_utf8
  | Field_number_0
  | Wire_type of int
  | Group_end
  | Too_deep of int

type t = { message : string; field : string; offset : int; fault : fault }

let seen_and_allowed = function
  | Cut_short -> ("cut short", "whole values")
  | Varint_too_long bytes_max ->
      ("a varint without an end", Printf.sprintf "%d bytes" bytes_max)
  | Length { bytes; left } ->
      ( Printf.sprintf "length %d" bytes,
        Printf.sprintf "the %d bytes left" left )
  | Invalid_utf8 -> ("invalid UTF-8", "UTF-8")
  | Field_number_0 -> ("field number 0", "1 to 536870911")
  | Wire_type wire_type -> (Printf.sprintf "wire type %d" wire_type, "0 to 5")
  | Group_end -> ("the end of a group", "that of one begun")
  | Too_deep levels_max ->
      ("nested too deep", Printf.sprintf "%d levels" levels_max)

let to_string { message; field; offset; fault } =
  let subject = if field = "" then message else message ^ "." ^ field in
  let seen, allowed = seen_and_allowed fault in
  Printf.sprintf "%s: %s at byte %d, allowed %s" subject seen offset allowed

let pp ppf error = Format.pp_print_string ppf (to_string error)
