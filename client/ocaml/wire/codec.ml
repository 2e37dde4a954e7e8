type 'a t = {
  fields : Fields.t;
  read : Reader.t -> 'a;
  write : Writer.t -> 'a -> unit;
  equal : 'a -> 'a -> bool;
  pp : Format.formatter -> 'a -> unit;
}

let make ~fields ~read ~write ~equal ~pp = { fields; read; write; equal; pp }
let name codec = Fields.message codec.fields

let encode codec message =
  let w = Writer.make () in
  codec.write w message;
  Writer.contents w

let decode codec bytes =
  match codec.read (Reader.make bytes) with
  | message -> Ok message
  | exception Reader.Malformed error -> Error error
