(* Values, their bytes and how they are printed. *)

open Mycelium_wire
open Fact

let check_scalar scalar = List.iter (One_field.check (One_field.scalar scalar))

let check_longer scalar hex value =
  One_field.check_decoded (One_field.scalar scalar) hex value

let integers_of_32_bits () =
  check_scalar Scalar.int32
    [
      (0, "");
      (1, "08 01");
      (150, "08 96 01");
      (0x7fffffff, "08 ff ff ff ff 07");
      (-1, "08 ff ff ff ff ff ff ff ff ff 01");
      (-0x80000000, "08 80 80 80 80 f8 ff ff ff ff 01");
    ];
  check_scalar Scalar.uint32
    [ (300, "08 ac 02"); (0xffffffff, "08 ff ff ff ff 0f") ];
  check_scalar Scalar.sint32
    [
      (-1, "08 01");
      (1, "08 02");
      (0x7fffffff, "08 fe ff ff ff 0f");
      (-0x80000000, "08 ff ff ff ff 0f");
    ];
  check_scalar Scalar.fixed32
    [ (1, "0d 01 00 00 00"); (0xffffffff, "0d ff ff ff ff") ];
  check_scalar Scalar.sfixed32
    [ (-1, "0d ff ff ff ff"); (-0x80000000, "0d 00 00 00 80") ]

let integers_of_64_bits () =
  check_scalar Scalar.int64
    [
      (0L, "");
      (1L, "08 01");
      (-1L, "08 ff ff ff ff ff ff ff ff ff 01");
      (Int64.max_int, "08 ff ff ff ff ff ff ff ff 7f");
      (Int64.min_int, "08 80 80 80 80 80 80 80 80 80 01");
      (* No int can hold it. *)
      (0x4000000000000000L, "08 80 80 80 80 80 80 80 80 40");
    ];
  check_scalar Scalar.uint64 [ (-1L, "08 ff ff ff ff ff ff ff ff ff 01") ];
  check_scalar Scalar.sint64
    [
      (-1L, "08 01");
      (Int64.max_int, "08 fe ff ff ff ff ff ff ff ff 01");
      (Int64.min_int, "08 ff ff ff ff ff ff ff ff ff 01");
    ];
  check_scalar Scalar.fixed64 [ (-1L, "09 ff ff ff ff ff ff ff ff") ];
  check_scalar Scalar.sfixed64 [ (Int64.min_int, "09 00 00 00 00 00 00 00 80") ]

let low_bits () =
  check_longer Scalar.int32 "08 ff ff ff ff 1f" (-1);
  check_longer Scalar.uint32 "08 81 80 80 80 70" 1;
  check_longer Scalar.sint32 "08 82 80 80 80 10" 1;
  check_longer Scalar.int64 "08 81 80 80 80 80 80 80 80 80 7e" 1L;
  check_longer Scalar.int64 "08 81 80 80 00" 1L;
  check_longer Scalar.bool "08 80 80 80 80 80 80 80 80 80 01" true

let floats () =
  check_scalar Scalar.double
    [
      (0., "");
      (1., "09 00 00 00 00 00 00 f0 3f");
      (-0., "09 00 00 00 00 00 00 00 80");
      (infinity, "09 00 00 00 00 00 00 f0 7f");
    ];
  check_scalar Scalar.float
    [
      (0., "");
      (1.5, "0d 00 00 c0 3f");
      (-0., "0d 00 00 00 80");
      (neg_infinity, "0d 00 00 80 ff");
    ];
  One_field.check_encoded (One_field.scalar Scalar.float) "0d cd cc cc 3d" 0.1

let bits_of_nans () =
  let check_same scalar hex =
    let codec = One_field.scalar scalar in
    match Codec.decode codec (of_hex hex) with
    | Ok value when Float.is_nan value ->
        One_field.check_encoded codec hex value
    | Ok value -> Alcotest.failf "%s: %a" hex codec.pp value
    | Error error -> Alcotest.failf "%s: %a" hex Error.pp error
  in
  List.iter
    (check_same Scalar.float)
    [ "0d 00 00 c0 7f"; "0d 01 00 80 7f"; "0d 56 34 92 ff"; "0d ff ff ff ff" ];
  List.iter
    (check_same Scalar.double)
    [ "09 00 00 00 00 00 00 f8 7f"; "09 01 00 00 00 00 00 f0 ff" ]

let nan_without_high_bits () =
  One_field.check_encoded
    (One_field.scalar Scalar.float)
    "0d 00 00 c0 7f"
    (Int64.float_of_bits 0x7ff0000000000001L)

let texts () =
  check_scalar Scalar.bool [ (false, ""); (true, "08 01") ];
  check_scalar Scalar.string [ ("", ""); ("\xc3\xbc", "0a 02 c3 bc") ];
  check_scalar Scalar.bytes [ ("", ""); ("\xff\x00", "0a 02 ff 00") ]

let long_bytes () =
  let codec = One_field.scalar Scalar.bytes in
  List.iter
    (fun length ->
      let value = String.make length 'x' in
      match Codec.decode codec (Codec.encode codec value) with
      | Ok decoded -> check_text (string_of_int length) value decoded
      | Error error -> Alcotest.failf "%d: %a" length Error.pp error)
    [ 127; 128; 251; 252; 253; 254; 16_383; 16_384; 3_000_000 ]

let packed () =
  List.iter
    (One_field.check (One_field.packed Scalar.int32))
    [ ([], ""); ([ 1; 300; 0 ], "0a 04 01 ac 02 00") ];
  One_field.check
    (One_field.packed Scalar.fixed32)
    ([ 1; 2 ], "0a 08 01 00 00 00 02 00 00 00");
  One_field.check_decoded
    (One_field.packed Scalar.int32)
    "0a 01 01 0a 00 0a 02 02 03" [ 1; 2; 3 ]

let names = One_field.map Scalar.int32 Scalar.string

let maps () =
  One_field.check names
    ([ (1, "a"); (2, "") ], "0a 05 08 01 12 01 61 0a 04 08 02 12 00");
  (* Without a value, without a key, the wrong way round, twice. *)
  One_field.check_decoded names "0a 02 08 01" [ (1, "") ];
  One_field.check_decoded names "0a 03 12 01 61" [ (0, "a") ];
  One_field.check_decoded names "0a 05 12 01 61 08 01" [ (1, "a") ];
  One_field.check_decoded names "0a 07 08 01 12 01 61 08 02" [ (2, "a") ];
  (* With an unknown field, and a key of another wire type. *)
  One_field.check_decoded names "0a 07 08 01 18 05 12 01 61" [ (1, "a") ];
  One_field.check_decoded names "0a 08 0d 01 00 00 00 12 01 61" [ (0, "a") ]

let order_of_maps () =
  One_field.check_encoded names "0a 05 08 01 12 01 61 0a 05 08 02 12 01 62"
    [ (2, "b"); (1, "x"); (1, "a") ];
  let entries =
    "0a 05 08 02 12 01 62 0a 05 08 01 12 01 78 0a 05 08 01 12 01 61"
  in
  (match Codec.decode names (of_hex entries) with
  | Ok map ->
      Alcotest.(check (list (pair int string)))
        "decoded"
        [ (1, "a"); (2, "b") ]
        map
  | Error error -> Alcotest.failf "%a" Error.pp error);
  let unsigned = One_field.map Scalar.uint64 Scalar.bool in
  One_field.check_encoded unsigned
    "0a 04 08 01 10 00 0a 0d 08 ff ff ff ff ff ff ff ff ff 01 10 01"
    [ (-1L, true); (1L, false) ]

let equality () =
  let check = Alcotest.(check bool) in
  check "nan" true (Scalar.double.equal nan nan);
  check "zeros" true (Scalar.double.equal 0. (-0.));
  let ordered = [ (1, "a"); (2, "b") ] in
  check "order" true (names.equal ordered (List.rev ordered));
  check "the last one" true (names.equal [ (1, "x"); (1, "a") ] [ (1, "a") ]);
  check "values" false (names.equal [ (1, "a") ] [ (1, "b") ]);
  check "fewer" false (names.equal [ (1, "a"); (2, "b") ] [ (1, "a") ])

let refused () =
  let check scalar value expected =
    check_refused ("test.M.value: " ^ expected) (fun () ->
        Codec.encode (One_field.scalar scalar) value)
  in
  let signed = "allowed -2147483648 to 2147483647" in
  check Scalar.int32 5_000_000_000 ("5000000000, " ^ signed);
  check Scalar.sint32 (-2_147_483_649) ("-2147483649, " ^ signed);
  check Scalar.sfixed32 2_147_483_648 ("2147483648, " ^ signed);
  check Scalar.uint32 (-1) "-1, allowed 0 to 4294967295";
  check Scalar.fixed32 4_294_967_296 "4294967296, allowed 0 to 4294967295";
  check Scalar.string "ab\xff" "invalid UTF-8 at byte 2, allowed UTF-8";
  check_refused "test.M.value: 4294967296, allowed 0 to 4294967295" (fun () ->
      Codec.encode (One_field.packed Scalar.uint32) [ 1; 4_294_967_296 ]);
  check_refused "test.M.value: invalid UTF-8 at byte 0, allowed UTF-8"
    (fun () -> Codec.encode names [ (1, "\x80") ])

let printed () =
  let check (scalar : _ Scalar.t) value expected =
    check_text expected expected (Format.asprintf "%a" scalar.pp value)
  in
  check Scalar.double 0.1 "0.1";
  check Scalar.double (1. /. 3.) "0.33333333333333331";
  check Scalar.double 3. "3.";
  check Scalar.double (-0.) "-0.";
  check Scalar.double 1e300 "1e+300";
  check Scalar.double nan "nan";
  check Scalar.double neg_infinity "neg_infinity";
  check Scalar.int64 (-1L) "-1L";
  check Scalar.uint64 (-1L) "18446744073709551615L";
  check Scalar.string "\"\xc3\xbc\" it's\n" "\"\\\"\xc3\xbc\\\" it's\\n\"";
  check Scalar.bytes "a\xff" "\"a\\255\"";
  check_text "map" "[(1, \"a\"); (2, \"\")]"
    (Format.asprintf "%a" names.pp [ (1, "a"); (2, "") ])

let digests () =
  let digest = String.init Schema.digest_bytes Char.chr in
  check_text "text"
    "m1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    (Schema.digest_text digest);
  check_refused "schema digest: 2 bytes, allowed 32" (fun () ->
      (Schema.make ~digest:"ab" ~descriptor_set:"").digest)

let () =
  run "scalar"
    [
      ( "bytes",
        [
          test "integers of 32 bits are Protobuf's" integers_of_32_bits;
          test "integers of 64 bits are Protobuf's" integers_of_64_bits;
          test "of a longer varint the low bits are taken" low_bits;
          test "floats are Protobuf's" floats;
          test "the bits of a NaN stay" bits_of_nans;
          test "a NaN never becomes an infinity" nan_without_high_bits;
          test "bool, string and bytes are Protobuf's" texts;
          test "long values make the buffer grow" long_bytes;
          test "packed fields may come in pieces" packed;
        ] );
      ( "maps",
        [
          test "an entry may lack anything" maps;
          test "entries are in the order of their keys, the last one counts"
            order_of_maps;
        ] );
      ( "values",
        [
          test "what is equal" equality;
          test "what does not fit the type is refused by name" refused;
          test "values are printed as OCaml writes them" printed;
          test "a digest has 32 bytes and begins with its algorithm" digests;
        ] );
    ]
