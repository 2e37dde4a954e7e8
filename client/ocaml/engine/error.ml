type cause =
  | Cancelled
  | Unknown
  | Invalid_argument
  | Deadline_exceeded
  | Not_found
  | Already_exists
  | Permission_denied
  | Resource_exhausted
  | Failed_precondition
  | Aborted
  | Out_of_range
  | Unimplemented
  | Internal
  | Unavailable
  | Data_loss
  | Unauthenticated

type t = { cause : cause; message : string }

(* In the order of their numbers. *)
let causes =
  [|
    (Cancelled, "cancelled");
    (Unknown, "unknown");
    (Invalid_argument, "invalid argument");
    (Deadline_exceeded, "deadline exceeded");
    (Not_found, "not found");
    (Already_exists, "already exists");
    (Permission_denied, "permission denied");
    (Resource_exhausted, "resource exhausted");
    (Failed_precondition, "failed precondition");
    (Aborted, "aborted");
    (Out_of_range, "out of range");
    (Unimplemented, "unimplemented");
    (Internal, "internal");
    (Unavailable, "unavailable");
    (Data_loss, "data loss");
    (Unauthenticated, "unauthenticated");
  |]

let number cause =
  let rec find index =
    if fst causes.(index) = cause then index + 1 else find (index + 1)
  in
  find 0

let of_number number =
  if number >= 1 && number <= Array.length causes then
    fst causes.(number - 1)
  else Unknown

let cause_name cause = snd causes.(number cause - 1)
let make cause = Printf.ksprintf (fun message -> { cause; message })

let fail cause =
  Printf.ksprintf (fun message -> Result.Error { cause; message })

let to_string { cause; message } =
  Printf.sprintf "%s (%s)" message (cause_name cause)

let pp ppf error = Format.pp_print_string ppf (to_string error)
