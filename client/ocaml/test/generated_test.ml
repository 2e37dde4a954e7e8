(* What protoc-gen-mycelium makes of the wide schema and of the demo's. *)

open Mycelium_wire
open Fact
open Wide

let decoded decode bytes =
  match decode bytes with
  | Ok message -> message
  | Error error -> Alcotest.failf "%s: %a" (to_hex bytes) Error.pp error

let check_true what = Alcotest.(check bool) what true

let check_decoded (t : _ Message.t) hex expected =
  let message = decoded (Message.decode t) (of_hex hex) in
  if not (t.codec.equal message expected) then
    Alcotest.failf "%s: %a, expected %a" hex t.codec.pp message t.codec.pp
      expected

let check_encoded t message hex =
  check_bytes hex (of_hex hex) (Message.encode t message)

(* Random messages *)

type any = Any : 'a Message.t * 'a QCheck.Gen.t -> any

let all =
  [
    Any (Scalars.t, Random_messages.scalars);
    Any (Optionals.t, Random_messages.optionals);
    Any (Lists.t, Random_messages.lists);
    Any (Maps.t, Random_messages.maps 2);
    Any (Mixture.t, Random_messages.mixture 3);
    Any (WellKnown.t, Random_messages.well_known);
    Any (Empty.t, QCheck.Gen.return ());
    Any (Shapes.Point.t, Random_messages.point);
  ]

let arbitrary (t : _ Message.t) gen =
  QCheck.make gen ~print:(Format.asprintf "%a" t.codec.pp)

let round_trip (Any (t, gen)) =
  property (Message.name t ^ " comes back") (arbitrary t gen) (fun message ->
      let bytes = Message.encode t message in
      let back = decoded (Message.decode t) bytes in
      t.codec.equal message back && String.equal bytes (Message.encode t back))

(* Of each wire type, a group among them. *)
let unknown =
  of_hex
    "a0 e8 03 05 a1 e8 03 01 02 03 04 05 06 07 08 a2 e8 03 02 ff ff a5 e8 03 \
     01 02 03 04 a3 e8 03 08 01 a4 e8 03"

let unknown_fields (Any (t, gen)) =
  property ~count:50
    (Message.name t ^ " without its unknown fields")
    (arbitrary t gen)
    (fun message ->
      let bytes = Message.encode t message in
      t.codec.equal message
        (decoded (Message.decode t) (unknown ^ bytes ^ unknown)))

let mutated encoded =
  let open QCheck.Gen in
  0 -- String.length encoded >>= fun at ->
  let before = String.sub encoded 0 at in
  let behind = String.sub encoded at (String.length encoded - at) in
  let insert more = before ^ more ^ behind in
  let replace more =
    let kept = max 0 (String.length behind - String.length more) in
    before ^ more ^ String.sub behind (String.length behind - kept) kept
  in
  oneof
    [
      return before;
      map insert (string_size (1 -- 3));
      map replace (string_size (1 -- 3));
    ]

let mutation (Any (t, gen)) =
  let bytes = QCheck.Gen.(map (Message.encode t) gen >>= mutated >>= mutated) in
  property ~count:2000
    (Message.name t ^ " of spoilt bytes is a message or an error within them")
    (QCheck.make bytes ~print:to_hex)
    (fun bytes ->
      match Message.decode t bytes with
      | Error { offset; _ } -> 0 <= offset && offset <= String.length bytes
      | Ok message ->
          let again = Message.encode t message in
          t.codec.equal message (decoded (Message.decode t) again))

let compaction =
  property ~count:30 "messages survive that the heap is compacted"
    (arbitrary Mixture.t (Random_messages.mixture 3))
    (fun message ->
      let bytes = Mixture.encode message in
      Gc.compact ();
      let back = decoded Mixture.decode bytes in
      Gc.compact ();
      Mixture.equal message back)

(* Single bytes *)

let defaults () =
  let check (Any (t, _)) =
    let name = Message.name t in
    let empty = decoded (Message.decode t) "" in
    check_text name "" (Message.encode t empty)
  in
  List.iter check all;
  check_true "Scalars" (Scalars.equal Scalars.default (Scalars.make ()));
  check_true "Mixture" (Mixture.equal Mixture.default (Mixture.make ()));
  check_decoded Scalars.t "" Scalars.default;
  check_decoded Mixture.t "" Mixture.default

let presence () =
  check_encoded Scalars.t (Scalars.make ~an_int32:0 ~a_double:0. ()) "";
  check_encoded Optionals.t (Optionals.make ~an_int32:0 ()) "18 00";
  check_decoded Optionals.t "18 00" (Optionals.make ~an_int32:0 ());
  check_true "not equal"
    (not (Optionals.equal (Optionals.make ~an_int32:0 ()) Optionals.default))

let order () =
  check_encoded Mixture.t
    (Mixture.make ~five_byte_tag:1 ~two_byte_tag:2 ~class_:"c"
       ~other_choice:(Left 0.) ~choice:(Flag false) ())
    "30 00 51 00 00 00 00 00 00 00 00 f2 01 01 63 80 7d 02 f8 ff ff ff 0f 01"

let last_one_wins () =
  check_decoded Scalars.t "18 01 72 01 61 18 02 72 00"
    (Scalars.make ~an_int32:2 ());
  check_decoded Mixture.t "0a 01 61 10 05"
    (Mixture.make ~choice:(Number 5L) ());
  check_decoded Mixture.t "10 05 0a 01 61"
    (Mixture.make ~choice:(Text "a") ())

let merging () =
  let inner = Mixture.Inner.make ~mood:MOOD_GOOD ~outer:Mixture.default () in
  check_decoded Mixture.t "a2 01 02 08 01 a2 01 02 12 00"
    (Mixture.make ~single:inner ());
  check_decoded Mixture.t "1a 02 08 01 1a 02 12 00"
    (Mixture.make ~choice:(Inner inner) ());
  (* Another member of the oneof between them. *)
  check_decoded Mixture.t "1a 02 08 01 30 01 1a 02 12 00"
    (Mixture.make
       ~choice:(Inner (Mixture.Inner.make ~outer:Mixture.default ()))
       ());
  check_decoded Mixture.t "1a 02 08 01 3a 02 10 07"
    (Mixture.make
       ~choice:(Lasting (Google_protobuf_duration.Duration.make ~nanos:7 ()))
       ());
  (* Lists grow, and so does what is within. *)
  let tree label = Shapes.Tree.make ~label () in
  check_decoded Mixture.t
    "b2 01 05 12 03 0a 01 61 b2 01 08 0a 01 72 12 03 0a 01 62"
    (Mixture.make
       ~tree:(Shapes.Tree.make ~label:"r" ~children:[ tree "a"; tree "b" ] ())
       ());
  (* The value of a map's entry is a message too. *)
  check_decoded Maps.t
    "5a 18 12 09 09 00 00 00 00 00 00 f0 3f 12 09 11 00 00 00 00 00 00 f0 3f \
     0a 00"
    (Maps.make ~string_to_point:[ ("", { x = 1.; y = 1. }) ] ())

let packed () =
  check_encoded Lists.t
    (Lists.make ~int32s:[ 1; 300 ] ~unpacked_int32s:[ 1; 300 ] ())
    "1a 03 01 ac 02 90 01 01 90 01 ac 02";
  check_decoded Lists.t "18 01 1a 02 02 03 18 04"
    (Lists.make ~int32s:[ 1; 2; 3; 4 ] ());
  check_decoded Lists.t "90 01 01 92 01 02 02 03"
    (Lists.make ~unpacked_int32s:[ 1; 2; 3 ] ())

let open_enums () =
  check_decoded Scalars.t "80 01 07" (Scalars.make ~color:(Unrecognized 7) ());
  check_encoded Scalars.t (Scalars.make ~color:COLOR_NEGATIVE ())
    "80 01 fb ff ff ff ff ff ff ff ff 01";
  check_true "the same number"
    (Shapes.Color.equal (Unrecognized 1) COLOR_RED);
  check_encoded Scalars.t (Scalars.make ~color:(Unrecognized 0) ()) ""

let other_wire_types () =
  check_decoded Scalars.t "1d 01 00 00 00 18 05" (Scalars.make ~an_int32:5 ());
  check_decoded Scalars.t "70 01" Scalars.default;
  check_decoded Mixture.t "a0 01 01" Mixture.default

(* Depth and size *)

let delimited number payload =
  let w = Writer.make () in
  Writer.delimited w number Writer.bytes payload;
  Writer.contents w

(* Messages within each other, in the fields with these numbers by turns. *)
let rec nested numbers levels =
  match numbers with
  | number :: rest when levels > 0 ->
      delimited number (nested (rest @ [ number ]) (levels - 1))
  | _ -> ""

let depth () =
  let check decode numbers subject =
    ignore (decoded decode (nested numbers 100));
    match decode (nested numbers 101) with
    | Ok _ -> Alcotest.fail "101 levels were decoded"
    | Error ({ fault = Too_deep 100; _ } as error) ->
        check_text "subject" subject (error.message ^ "." ^ error.field)
    | Error error -> Alcotest.failf "%a" Error.pp error
  in
  check Shapes.Tree.decode [ 2 ] "shapes.Tree.children";
  check Mixture.decode [ 20; 2 ] "wide.Mixture.single";
  check Mixture.decode [ 3; 2 ] "wide.Mixture.inner";
  (* An entry is a level. *)
  check Maps.decode [ 12; 2 ] "wide.Maps.string_to_maps"

let many = 300_000

let repeat bytes = String.concat "" (List.init many (fun _ -> bytes))

let long_lists () =
  let int32s = List.init many Fun.id in
  let strings = List.init many string_of_int in
  let lists = Lists.make ~int32s ~strings () in
  check_true "equal"
    (Lists.equal lists (decoded Lists.decode (Lists.encode lists)))

let long_maps () =
  (* From the greatest key down, each twice. *)
  let entries = List.init many (fun i -> ((many - i) / 2, float i)) in
  let maps = Maps.make ~int32_to_double:entries () in
  let back = decoded Maps.decode (Maps.encode maps) in
  check_true "equal" (Maps.equal maps back);
  let keys = List.length back.int32_to_double in
  Alcotest.(check int) "keys" ((many / 2) + 1) keys

(* If each were merged into those before it, it would take an hour. *)
let many_occurrences () =
  let bytes = repeat (delimited 22 (nested [ 2 ] 1)) in
  match (decoded Mixture.decode bytes).tree with
  | Some tree ->
      Alcotest.(check int) "children" many (List.length tree.children)
  | None -> Alcotest.fail "no tree"

(* Errors *)

let refused () =
  check_refused
    "wide.Scalars.an_int32: 5000000000, allowed -2147483648 to 2147483647"
    (fun () -> Scalars.(encode (make ~an_int32:5_000_000_000 ())));
  check_refused "wide.Lists.uint32s: -1, allowed 0 to 4294967295" (fun () ->
      Lists.(encode (make ~uint32s:[ 1; -1 ] ())));
  check_refused
    "wide.Maps.string_to_string: invalid UTF-8 at byte 0, allowed UTF-8"
    (fun () -> Maps.(encode (make ~string_to_string:[ ("", "\xff") ] ())));
  (* By its name in the .proto file, in the innermost message. *)
  let mixture = Mixture.make ~type_:(1 lsl 40) () in
  check_refused
    "wide.Mixture.type: 1099511627776, allowed -2147483648 to 2147483647"
    (fun () ->
      let inner = Mixture.Inner.make ~outer:mixture () in
      Mixture.(encode (make ~by_number:[ (1, inner) ] ())));
  check_refused
    "wide.Scalars.color: 4294967296, allowed -2147483648 to 2147483647"
    (fun () -> Scalars.(encode (make ~color:(Unrecognized (1 lsl 32)) ())))

let undecodable () =
  let check decode hex expected =
    match decode (of_hex hex) with
    | Ok _ -> Alcotest.failf "%s: was decoded" hex
    | Error error -> check_text hex expected (Error.to_string error)
  in
  check Scalars.decode "72 03 61 ff 62"
    "wide.Scalars.a_string: invalid UTF-8 at byte 3, allowed UTF-8";
  check Mixture.decode "a2 01 02 08 80"
    "wide.Mixture.Inner.mood: cut short at byte 4, allowed whole values";
  check Mixture.decode "a2 01 04 12 02 30 80 08 01"
    "wide.Mixture.flag: cut short at byte 6, allowed whole values";
  check Mixture.decode "a2 01 02 08 01 80"
    "wide.Mixture: cut short at byte 5, allowed whole values";
  (* Although another member of the oneof replaces it. *)
  let duration =
    "google.protobuf.Duration.seconds: cut short at byte 3, allowed whole values"
  in
  check Mixture.decode "3a 01 08 0a 00" duration;
  check Mixture.decode "3a 01 08 1a 00" duration;
  (* Of an entry the map is named, of a message in it the message. *)
  check Maps.decode "0a 03 0a 01 ff"
    "wide.Maps.string_to_string: invalid UTF-8 at byte 4, allowed UTF-8";
  check Maps.decode "5a 04 12 02 09 00"
    "shapes.Point.x: cut short at byte 5, allowed whole values"

(* What stands beside the codec *)

let descriptors () =
  let open Mycelium_protocol in
  Alcotest.(check int) "type id" 1 TextMessage.type_id;
  Alcotest.(check int) "type id of t" 1 TextMessage.t.type_id;
  check_text "name" "chat.TextMessage" (Message.name TextMessage.t);
  check_text "digest" schema_digest TextMessage.t.schema.digest;
  check_true "files of one call"
    (String.equal Shapes.schema_digest Wide.schema_digest);
  check_true "schemas" (not (String.equal schema_digest Wide.schema_digest));
  let bytes = String.length TextMessage.t.fingerprint in
  Alcotest.(check int) "fingerprint" Schema.digest_bytes bytes;
  check_true "fingerprints"
    (not (String.equal TextMessage.t.fingerprint Question.t.fingerprint))

let demo () =
  let open Mycelium_protocol in
  let message =
    TextMessage.{ sender = "ocaml"; content = "hello"; timestamp = 123L }
  in
  check_bytes "bytes"
    (of_hex "0a 05 6f 63 61 6d 6c 12 05 68 65 6c 6c 6f 18 7b")
    (TextMessage.encode message);
  check_text "pp"
    "{ sender = \"ocaml\"; content = \"hello\"; timestamp = 123L }"
    (Format.asprintf "%a" TextMessage.pp message)

let printed () =
  Format.asprintf "%a" Mixture.Inner.pp
    (Mixture.Inner.make ~mood:(Unrecognized (-3)) ())
  |> check_text "enum" "{ mood = Unrecognized (-3); outer = None }";
  Format.asprintf "%a" Shapes.Tree.pp
    (Shapes.Tree.make ~children:[ Shapes.Tree.make ~label:"a" () ] ())
  |> check_text "list"
       "{ label = \"\"; children = [{ label = \"a\"; children = [] }] }";
  Format.asprintf "%a" Empty.pp () |> check_text "nothing" "()"

let names () =
  let open Names in
  Alcotest.(check int) "alias" 0 (Value.to_int Value.zero);
  check_true "constructor" (Value.of_int 1 = Value.Unrecognized_);
  let same codec message =
    check_true (Codec.name codec)
      (codec.Codec.equal message
         (decoded (Codec.decode codec) (Codec.encode codec message)))
  in
  same Variables.codec
    (Variables.make ~r:"1" ~ref:"2" ~read:"3" ~fields:"4" ~read_Variables:"5"
       ~class_:"6" ~__:"7" ());
  let self = Oneofs.make ~option:(Number "n") ~number:(Positive 3L) () in
  same Oneofs.codec (Oneofs.make ~t:(Self self) ~unit:(True true) ~int64:4 ());
  same Shadow.codec
    (Shadow.make ~outer:{ w = 1 } ~inner:{ text = "a" }
       ~shadow:{ text = "b" } ());
  let part = Right.Part.make ~kind:KIND_ONE ~kinds:[ ("k", KIND_ONE) ] () in
  let left_part = Left.Part.make ~part () in
  let left = Left.make ~nothing:{ behind = Some () } ~part:left_part () in
  same Right.codec (Right.make ~lefts:[ (1, left) ] ~part ())

let () =
  run "generated"
    [
      ("comes back", List.map round_trip all);
      ("unknown fields", List.map unknown_fields all);
      ("spoilt", List.map mutation all);
      ( "bytes",
        [
          test "a default is no bytes" defaults;
          test "explicit presence is kept" presence;
          test "fields are in the order of their numbers" order;
          test "the last of several wins" last_one_wins;
          test "embedded messages merge" merging;
          test "lists are read packed and not, and written as they are declared"
            packed;
          test "enums are open" open_enums;
          test "a field of another wire type is unknown" other_wire_types;
        ] );
      ( "size",
        [
          test "messages are nested to 100 levels" depth;
          test "lists may be long" long_lists;
          test "maps may be long" long_maps;
          test "occurrences of a message may be many" many_occurrences;
          compaction;
        ] );
      ( "errors",
        [
          test "what does not fit the type is refused by name" refused;
          test "a decoding error names message, field and offset" undecodable;
        ] );
      ( "modules",
        [
          test "a descriptor has id, name, fingerprint and schema" descriptors;
          test "the demo's messages are plain records" demo;
          test "messages are printed as OCaml writes them" printed;
          test "names that are taken get an underscore" names;
        ] );
    ]
