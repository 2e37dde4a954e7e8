(* Made by protoc-gen-mycelium of google/protobuf/wrappers.proto: do not edit. *)

module Wire = Mycelium_wire

module DoubleValue = struct
  type t = { value : float }

  let default : t = { value = 0. }

  let make ?(value = 0.) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.DoubleValue" [ (1, "value") ]

  let read r : t =
    let value = ref 0. in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 9 -> value := Wire.Scalar.double.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.double w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.double.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.double.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module FloatValue = struct
  type t = { value : float }

  let default : t = { value = 0. }

  let make ?(value = 0.) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.FloatValue" [ (1, "value") ]

  let read r : t =
    let value = ref 0. in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 13 -> value := Wire.Scalar.float.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.float w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.float.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.float.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module Int64Value = struct
  type t = { value : int64 }

  let default : t = { value = 0L }

  let make ?(value = 0L) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.Int64Value" [ (1, "value") ]

  let read r : t =
    let value = ref 0L in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> value := Wire.Scalar.int64.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.int64 w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.int64.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.int64.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module UInt64Value = struct
  type t = { value : int64 }

  let default : t = { value = 0L }

  let make ?(value = 0L) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.UInt64Value" [ (1, "value") ]

  let read r : t =
    let value = ref 0L in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> value := Wire.Scalar.uint64.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.uint64 w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.uint64.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.uint64.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module Int32Value = struct
  type t = { value : int }

  let default : t = { value = 0 }

  let make ?(value = 0) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.Int32Value" [ (1, "value") ]

  let read r : t =
    let value = ref 0 in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> value := Wire.Scalar.int32.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.int32 w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.int32.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.int32.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module UInt32Value = struct
  type t = { value : int }

  let default : t = { value = 0 }

  let make ?(value = 0) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.UInt32Value" [ (1, "value") ]

  let read r : t =
    let value = ref 0 in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> value := Wire.Scalar.uint32.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.uint32 w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.uint32.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.uint32.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module BoolValue = struct
  type t = { value : bool }

  let default : t = { value = false }

  let make ?(value = false) () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.BoolValue" [ (1, "value") ]

  let read r : t =
    let value = ref false in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 8 -> value := Wire.Scalar.bool.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.bool w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.bool.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.bool.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module StringValue = struct
  type t = { value : string }

  let default : t = { value = "" }

  let make ?(value = "") () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.StringValue" [ (1, "value") ]

  let read r : t =
    let value = ref "" in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> value := Wire.Scalar.string.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.string.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.string.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module BytesValue = struct
  type t = { value : string }

  let default : t = { value = "" }

  let make ?(value = "") () : t =
    { value }

  let fields =
    Wire.Fields.make "google.protobuf.BytesValue" [ (1, "value") ]

  let read r : t =
    let value = ref "" in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> value := Wire.Scalar.bytes.read r
      | _ -> Wire.Reader.skip r
    done;
    { value = !value }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.bytes w fields 1 m.value

  let equal (a : t) (b : t) =
    Wire.Scalar.bytes.equal a.value b.value

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "value" Wire.Scalar.bytes.pp m.value;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end
