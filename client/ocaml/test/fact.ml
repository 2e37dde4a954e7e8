(* Test cases, and how bytes stand in them. *)

let test name check = Alcotest.test_case name `Quick check

let seed =
  match Sys.getenv_opt "QCHECK_SEED" with
  | Some seed -> int_of_string seed
  | None ->
      Random.self_init ();
      Random.bits ()

(* Whether [check] holds for random values. *)
let property ?(count = 300) name arbitrary check =
  test name (fun () ->
      let rand = Random.State.make [| seed |] in
      QCheck.Test.check_exn ~rand
        (QCheck.Test.make ~count ~name arbitrary check))

let run name suites =
  Printf.printf "QCHECK_SEED=%d\n%!" seed;
  Alcotest.run name suites

let of_hex text =
  let digits = String.concat "" (String.split_on_char ' ' text) in
  let byte i = int_of_string ("0x" ^ String.sub digits (2 * i) 2) in
  String.init (String.length digits / 2) (fun i -> Char.chr (byte i))

let to_hex bytes =
  let byte c = Printf.sprintf "%02x" (Char.code c) in
  String.concat " " (List.map byte (List.of_seq (String.to_seq bytes)))

let pp_hex ppf bytes = Format.pp_print_string ppf (to_hex bytes)
let check_bytes = Alcotest.(check (testable pp_hex String.equal))
let check_text = Alcotest.(check string)

(* [encode] raises Invalid_argument, with this text. *)
let check_refused expected encode =
  match encode () with
  | bytes -> Alcotest.failf "%s: encoded as %s" expected (to_hex bytes)
  | exception Invalid_argument text -> check_text expected expected text
