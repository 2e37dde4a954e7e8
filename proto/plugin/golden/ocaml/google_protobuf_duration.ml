(* Made by protoc-gen-mycelium of google/protobuf/duration.proto: do not edit. *)

module Wire = Mycelium_wire

module Duration = struct
  type t = { seconds : int64; nanos : int }

  let default : t = { seconds = 0L; nanos = 0 }

  let make ?(seconds = 0L) ?(nanos = 0) () : t =
    { seconds; nanos }

  let fields =
    Wire.Fields.make "google.protobuf.Duration" [ (1, "seconds"); (2, "nanos") ]

  let read r : t =
    let seconds = ref 0L in
    let nanos = ref 0 in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> seconds := Wire.Scalar.int64.read r
      | 16 -> nanos := Wire.Scalar.int32.read r
      | _ -> Wire.Reader.skip r
    done;
    { seconds = !seconds; nanos = !nanos }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.int32 w fields 2 m.nanos;
    Wire.Scalar.write_implicit Wire.Scalar.int64 w fields 1 m.seconds

  let equal (a : t) (b : t) =
    Wire.Scalar.int64.equal a.seconds b.seconds
    && Wire.Scalar.int32.equal a.nanos b.nanos

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "seconds" Wire.Scalar.int64.pp m.seconds;
      Wire.Print.field "nanos" Wire.Scalar.int32.pp m.nanos;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end
