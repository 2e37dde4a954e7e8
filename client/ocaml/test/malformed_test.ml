(* Bytes that are no message, and what is passed over. *)

open Mycelium_wire
open Fact

let int32 = One_field.scalar Scalar.int32
let text = One_field.scalar Scalar.string
let fixed = One_field.scalar Scalar.fixed64
let check_error = One_field.check_error
let check_passed_over hex = One_field.check_decoded int32 (hex ^ "08 05") 5

let cut_short () =
  check_error int32 "08"
    "test.M.value: cut short at byte 1, allowed whole values";
  check_error int32 "08 80 80"
    "test.M.value: cut short at byte 1, allowed whole values";
  check_error int32 "88" "test.M: cut short at byte 0, allowed whole values";
  check_error fixed "09 00 00 00 00 00 00 00"
    "test.M.value: cut short at byte 1, allowed whole values";
  check_error text "0a 03 61 62"
    "test.M.value: length 3 at byte 1, allowed the 2 bytes left";
  check_error text "0a ff ff ff ff 7f"
    "test.M.value: length 34359738367 at byte 1, allowed the 0 bytes left";
  check_error
    (One_field.packed Scalar.fixed32)
    "0a 05 01 00 00 00 02 00 00 00"
    "test.M.value: cut short at byte 6, allowed whole values";
  check_error int32 "12 01"
    "test.M.2: length 1 at byte 1, allowed the 0 bytes left"

let varints () =
  check_error int32 "08 80 80 80 80 80 80 80 80 80 80 00"
    "test.M.value: a varint without an end at byte 1, allowed 10 bytes";
  check_error text "0a 80 80 80 80 80 00"
    "test.M.value: a varint without an end at byte 1, allowed 5 bytes";
  check_error int32 "88 80 80 80 80 00"
    "test.M: a varint without an end at byte 0, allowed 5 bytes"

let tags () =
  check_error int32 "00 01"
    "test.M: field number 0 at byte 0, allowed 1 to 536870911";
  One_field.check_decoded int32 "88 80 80 80 70 05" 5;
  check_error int32 "16" "test.M.2: wire type 6 at byte 1, allowed 0 to 5"

let utf8 () =
  let decode bytes =
    let encoded = Codec.encode (One_field.scalar Scalar.bytes) bytes in
    Codec.decode text encoded
  in
  let check_valid bytes =
    match decode bytes with
    | Ok decoded -> check_bytes (to_hex bytes) bytes decoded
    | Error error -> Alcotest.failf "%s: %a" (to_hex bytes) Error.pp error
  in
  let check_invalid bytes at =
    (* Eight bytes at once are checked before it, with it and behind it. *)
    List.iter
      (fun (before, behind) ->
        let bytes = String.make before 'a' ^ bytes ^ String.make behind 'z' in
        match decode bytes with
        | Ok _ -> Alcotest.failf "%s: decoded" (to_hex bytes)
        | Error { fault = Invalid_utf8; offset; _ } ->
            Alcotest.(check int) (to_hex bytes) (2 + before + at) offset
        | Error error -> Alcotest.failf "%s: %a" (to_hex bytes) Error.pp error)
      [ (0, 0); (7, 0); (8, 9); (0, 8); (3, 20) ]
  in
  List.iter check_valid
    [
      "plain";
      "\x00\x7f";
      "\xc2\x80\xdf\xbf";
      "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf";
      "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
      "eight bytes and \xc3\xbc, then more of them";
    ];
  List.iter
    (fun bytes -> check_invalid bytes 0)
    [
      "\x80"; "\xbf"; "\xc0\x80"; "\xc1\xbf"; "\xc2"; "\xc2\x7f"; "\xc2\xc0";
      "\xe0\x9f\xbf"; "\xe1\x80"; "\xe1\x80\x7f"; "\xed\xa0\x80";
      "\xed\xbf\xbf"; "\xf0\x8f\xbf\xbf"; "\xf1\x80\x80"; "\xf4\x90\x80\x80";
      "\xf5\x80\x80\x80"; "\xfe"; "\xff";
    ];
  check_invalid "\xc3\xbc\xff" 2

let unknown_fields () =
  check_passed_over "";
  check_passed_over "10 ff ff ff ff ff ff ff ff ff 01";
  check_passed_over "11 01 02 03 04 05 06 07 08";
  check_passed_over "12 02 ff ff";
  check_passed_over "15 01 02 03 04";
  check_passed_over "f8 ff ff ff 0f 01"

let groups () =
  check_passed_over "13 14";
  check_passed_over "13 08 07 0d 01 02 03 04 12 01 14 1b 08 01 1c 14";
  check_error int32 "13 08 07"
    "test.M.2: cut short at byte 3, allowed whole values";
  check_error int32 "13 08 07 1c 14"
    "test.M.2: the end of a group at byte 4, allowed that of one begun";
  check_error int32 "14"
    "test.M.2: the end of a group at byte 1, allowed that of one begun";
  check_error int32 "13 03 04 14"
    "test.M.2: field number 0 at byte 1, allowed 1 to 536870911"

let nested_groups levels =
  String.concat "" (List.init levels (fun _ -> "13"))
  ^ String.concat "" (List.init levels (fun _ -> "14"))

let deep_groups () =
  check_passed_over (nested_groups 100);
  check_error int32 (nested_groups 101)
    "test.M.2: nested too deep at byte 101, allowed 100 levels";
  (* Far more than the stack would hold. *)
  match Codec.decode int32 (String.make 10_000_000 '\x13') with
  | Error { fault = Too_deep 100; _ } -> ()
  | Error error -> Alcotest.failf "%a" Error.pp error
  | Ok _ -> Alcotest.fail "decoded"

let prefixes () =
  let whole =
    of_hex
      "08 96 01 12 02 61 62 19 01 02 03 04 05 06 07 08 23 2d 01 02 03 04 24"
  in
  for bytes = 0 to String.length whole do
    match Codec.decode int32 (String.sub whole 0 bytes) with
    | Ok value ->
        let at_a_field's_end = List.mem bytes [ 0; 3; 7; 16; 23 ] in
        Alcotest.(check bool) (string_of_int bytes) true at_a_field's_end;
        Alcotest.(check int) "value" (if bytes = 0 then 0 else 150) value
    | Error { offset; _ } ->
        Alcotest.(check bool) (string_of_int bytes) true (offset <= bytes)
  done

let any_bytes =
  property ~count:5000 "no bytes raise an exception"
    QCheck.(string_of_size Gen.(0 -- 40))
    (fun bytes ->
      let is_within codec =
        match Codec.decode codec bytes with
        | Ok _ -> true
        | Error error -> error.offset <= String.length bytes
      in
      is_within int32 && is_within text && is_within fixed
      && is_within (One_field.packed Scalar.sint64)
      && is_within (One_field.map Scalar.string Scalar.double))

let () =
  run "malformed"
    [
      ( "refused",
        [
          test "a value ends within the bytes" cut_short;
          test "a varint has an end" varints;
          test "a tag has a field number and a wire type" tags;
          test "a string is UTF-8" utf8;
          test "every prefix is a message or an error" prefixes;
          any_bytes;
        ] );
      ( "passed over",
        [
          test "unknown fields" unknown_fields;
          test "unknown groups" groups;
          test "groups, 100 levels deep" deep_groups;
        ] );
    ]
