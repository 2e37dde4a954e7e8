(* Reads messages of the wide schema from stdin, and writes each to stdout as
   OCaml encodes what it has decoded.

   A record, in and out: the payload's length in 4 bytes, the type id in 2, both
   little-endian, then the payload.  What was not decoded is answered by type
   id 0 without a payload. *)

type message_type = Any : 'a Mycelium_wire.Message.t -> message_type

let message_types =
  [
    Any Wide.Scalars.t;
    Any Wide.Optionals.t;
    Any Wide.Lists.t;
    Any Wide.Maps.t;
    Any Wide.Mixture.t;
    Any Wide.WellKnown.t;
    Any Wide.Empty.t;
    Any Shapes.Point.t;
  ]

let find id =
  List.find (fun (Any message_type) -> message_type.type_id = id) message_types

let header_bytes = 6

let answer type_id payload =
  let (Any message_type) = find type_id in
  match Mycelium_wire.Message.decode message_type payload with
  | Ok message -> (type_id, Mycelium_wire.Message.encode message_type message)
  | Error _ -> (0, "")

let write_record type_id payload =
  let header = Bytes.create header_bytes in
  Bytes.set_int32_le header 0 (Int32.of_int (String.length payload));
  Bytes.set_uint16_le header 4 type_id;
  print_bytes header;
  print_string payload;
  flush stdout

let rec run () =
  match really_input_string stdin header_bytes with
  | exception End_of_file -> ()
  | header ->
      let payload_bytes = Int32.to_int (String.get_int32_le header 0) in
      let payload = really_input_string stdin payload_bytes in
      let type_id, encoded = answer (String.get_uint16_le header 4) payload in
      write_record type_id encoded;
      run ()

let () =
  set_binary_mode_in stdin true;
  set_binary_mode_out stdout true;
  run ()
