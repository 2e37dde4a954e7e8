(* Made by protoc-gen-mycelium of google/protobuf/struct.proto: do not edit. *)

module Wire = Mycelium_wire

module NullValue = struct
  type t =
    | NULL_VALUE
    | Unrecognized of int

  let default = NULL_VALUE

  let to_int = function
    | NULL_VALUE -> 0
    | Unrecognized number -> number

  let of_int = function
    | 0 -> NULL_VALUE
    | number -> Unrecognized number

  let pp ppf = function
    | NULL_VALUE -> Stdlib.Format.pp_print_string ppf "NULL_VALUE"
    | Unrecognized number ->
        Wire.Print.variant "Unrecognized" Stdlib.Format.pp_print_int
          ppf number

  let scalar = Wire.Scalar.enum ~of_int ~to_int ~pp
  let equal = scalar.equal
end

(* Messages that refer to each other: their types, then what reads,
   writes, compares and prints them, then their modules. *)

module rec Types : sig
  module Struct : sig
    type t = { fields : (string * Types.Value.t) list }
  end

  module Value : sig
    type kind =
      | Null_value of NullValue.t
      | Number_value of float
      | String_value of string
      | Bool_value of bool
      | Struct_value of Types.Struct.t
      | List_value of Types.ListValue.t

    type t = { kind : kind option }
  end

  module ListValue : sig
    type t = { values : Types.Value.t list }
  end
end =
  Types

let fields_Struct =
  Wire.Fields.make "google.protobuf.Struct" [ (1, "fields") ]

let fields_Value =
  Wire.Fields.make "google.protobuf.Value" [
    (1, "null_value");
    (2, "number_value");
    (3, "string_value");
    (4, "bool_value");
    (5, "struct_value");
    (6, "list_value");
  ]

let fields_ListValue =
  Wire.Fields.make "google.protobuf.ListValue" [ (1, "values") ]

let rec read_Struct r : Types.Struct.t =
  let open Types.Struct in
  let fields' = ref [] in
  while Wire.Reader.next r fields_Struct do
    match Wire.Reader.tag r with
    | 10 -> fields' := Wire.Entries.read_message r Wire.Scalar.string read_Value :: !fields'
    | _ -> Wire.Reader.skip r
  done;
  { fields = Wire.Entries.of_occurrences Wire.Scalar.string !fields' }

and read_Value r : Types.Value.t =
  let open Types.Value in
  let kind = ref Wire.Oneof.absent in
  while Wire.Reader.next r fields_Value do
    match Wire.Reader.tag r with
    | 8 -> kind := Wire.Oneof.value (Null_value (NullValue.scalar.read r)) !kind
    | 17 -> kind := Wire.Oneof.value (Number_value (Wire.Scalar.double.read r)) !kind
    | 26 -> kind := Wire.Oneof.value (String_value (Wire.Scalar.string.read r)) !kind
    | 32 -> kind := Wire.Oneof.value (Bool_value (Wire.Scalar.bool.read r)) !kind
    | 42 -> kind := Wire.Oneof.message r read_Struct (fun m -> Struct_value m) !kind
    | 50 -> kind := Wire.Oneof.message r read_ListValue (fun m -> List_value m) !kind
    | _ -> Wire.Reader.skip r
  done;
  { kind = Wire.Oneof.finish !kind }

and read_ListValue r : Types.ListValue.t =
  let open Types.ListValue in
  let values = ref [] in
  while Wire.Reader.next r fields_ListValue do
    match Wire.Reader.tag r with
    | 10 -> values := Wire.Reader.message r read_Value :: !values
    | _ -> Wire.Reader.skip r
  done;
  { values = Stdlib.List.rev !values }

let rec write_Struct w (m : Types.Struct.t) =
  let open Types.Struct in
  Wire.Entries.write_messages w fields_Struct 1 Wire.Scalar.string write_Value m.fields

and write_Value w (m : Types.Value.t) =
  let open Types.Value in
  (match m.kind with
    | Some (List_value v) -> Wire.Writer.delimited w 6 write_ListValue v
    | Some (Struct_value v) -> Wire.Writer.delimited w 5 write_Struct v
    | Some (Bool_value v) -> Wire.Scalar.write Wire.Scalar.bool w fields_Value 4 v
    | Some (String_value v) -> Wire.Scalar.write Wire.Scalar.string w fields_Value 3 v
    | Some (Number_value v) -> Wire.Scalar.write Wire.Scalar.double w fields_Value 2 v
    | Some (Null_value v) -> Wire.Scalar.write NullValue.scalar w fields_Value 1 v
    | None -> ())

and write_ListValue w (m : Types.ListValue.t) =
  let open Types.ListValue in
  Wire.Writer.delimited_list w 1 write_Value m.values

let rec equal_Struct (a : Types.Struct.t) (b : Types.Struct.t) =
  let open Types.Struct in
  Wire.Entries.equal Wire.Scalar.string equal_Value a.fields b.fields

and equal_Value (a : Types.Value.t) (b : Types.Value.t) =
  let open Types.Value in
  (match (a.kind, b.kind) with
    | None, None -> true
    | Some (Null_value a), Some (Null_value b) -> NullValue.scalar.equal a b
    | Some (Number_value a), Some (Number_value b) -> Wire.Scalar.double.equal a b
    | Some (String_value a), Some (String_value b) -> Wire.Scalar.string.equal a b
    | Some (Bool_value a), Some (Bool_value b) -> Wire.Scalar.bool.equal a b
    | Some (Struct_value a), Some (Struct_value b) -> equal_Struct a b
    | Some (List_value a), Some (List_value b) -> equal_ListValue a b
    | _ -> false)

and equal_ListValue (a : Types.ListValue.t) (b : Types.ListValue.t) =
  let open Types.ListValue in
  Stdlib.List.equal equal_Value a.values b.values

let rec pp_Struct ppf (m : Types.Struct.t) =
  let open Types.Struct in
  Wire.Print.record ppf [
    Wire.Print.field "fields" (Wire.Print.entries Wire.Scalar.string.pp pp_Value) m.fields;
  ]

and pp_Value ppf (m : Types.Value.t) =
  let open Types.Value in
  Wire.Print.record ppf [
    Wire.Print.field "kind"
      (Wire.Print.option (fun ppf -> function
        | Null_value v -> Wire.Print.variant "Null_value" NullValue.scalar.pp ppf v
        | Number_value v -> Wire.Print.variant "Number_value" Wire.Scalar.double.pp ppf v
        | String_value v -> Wire.Print.variant "String_value" Wire.Scalar.string.pp ppf v
        | Bool_value v -> Wire.Print.variant "Bool_value" Wire.Scalar.bool.pp ppf v
        | Struct_value v -> Wire.Print.variant "Struct_value" pp_Struct ppf v
        | List_value v -> Wire.Print.variant "List_value" pp_ListValue ppf v
      )) m.kind;
  ]

and pp_ListValue ppf (m : Types.ListValue.t) =
  let open Types.ListValue in
  Wire.Print.record ppf [
    Wire.Print.field "values" (Wire.Print.list pp_Value) m.values;
  ]

module Struct = struct
  include Types.Struct

  let default : t = { fields = [] }

  let make ?(fields = []) () : t =
    { fields }

  let equal = equal_Struct
  let pp = pp_Struct

  let codec =
    Wire.Codec.make ~fields:fields_Struct ~read:read_Struct
      ~write:write_Struct ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module Value = struct
  include Types.Value

  let default : t = { kind = None }

  let make ?kind () : t =
    { kind }

  let equal = equal_Value
  let pp = pp_Value

  let codec =
    Wire.Codec.make ~fields:fields_Value ~read:read_Value
      ~write:write_Value ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end

module ListValue = struct
  include Types.ListValue

  let default : t = { values = [] }

  let make ?(values = []) () : t =
    { values }

  let equal = equal_ListValue
  let pp = pp_ListValue

  let codec =
    Wire.Codec.make ~fields:fields_ListValue ~read:read_ListValue
      ~write:write_ListValue ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end
