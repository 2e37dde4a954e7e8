(* Messages of one field, [value = 1], without generated code. *)

open Mycelium_wire

let fields = Fields.make "test.M" [ (1, "value") ]

(* [read r value] is [value] after the field that [r] is at. *)
let codec ~default ~read ~write ~equal ~pp =
  let read r =
    let value = ref default in
    while Reader.next r fields do
      if Reader.tag r lsr 3 = 1 then value := read r !value else Reader.skip r
    done;
    !value
  in
  Codec.make ~fields ~read ~write ~equal ~pp

let scalar (scalar : 'a Scalar.t) =
  codec ~default:scalar.default
    ~read:(fun r _ -> scalar.read r)
    ~write:(fun w -> Scalar.write_implicit scalar w fields 1)
    ~equal:scalar.equal ~pp:scalar.pp

let packed (scalar : 'a Scalar.t) =
  codec ~default:[]
    ~read:(fun r values ->
      List.rev (Reader.packed r scalar.read (List.rev values)))
    ~write:(fun w -> Scalar.write_packed scalar w fields 1)
    ~equal:(List.equal scalar.equal) ~pp:(Print.list scalar.pp)

let map (key : 'k Scalar.t) (value : 'v Scalar.t) =
  codec ~default:[]
    ~read:(fun r entries ->
      let entry = Entries.read r key value in
      Entries.of_occurrences key (entry :: List.rev entries))
    ~write:(fun w -> Entries.write w fields 1 key value)
    ~equal:(Entries.equal key value.equal)
    ~pp:(Print.entries key.pp value.pp)

let check_decoded (codec : 'a Codec.t) hex expected =
  match Codec.decode codec (Fact.of_hex hex) with
  | Error error -> Alcotest.failf "%s: %a" hex Error.pp error
  | Ok value ->
      if not (codec.equal value expected) then
        Alcotest.failf "%s: %a, expected %a" hex codec.pp value codec.pp
          expected

let check_encoded codec hex value =
  Fact.check_bytes hex (Fact.of_hex hex) (Codec.encode codec value)

(* Both ways. *)
let check codec (value, hex) =
  check_encoded codec hex value;
  check_decoded codec hex value

let check_error codec hex expected =
  match Codec.decode codec (Fact.of_hex hex) with
  | Ok value -> Alcotest.failf "%s: %a" hex codec.pp value
  | Error error -> Fact.check_text hex expected (Error.to_string error)
