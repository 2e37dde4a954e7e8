(* Made by protoc-gen-mycelium of shapes.proto: do not edit. *)

module Wire = Mycelium_wire

(* m1:21f9103f2bdd148572fc783654aa0faa074f8d573359ab2c8b8137a5d20286b7 *)
let schema_digest =
  "\x21\xf9\x10\x3f\x2b\xdd\x14\x85\x72\xfc\x78\x36\x54\xaa\x0f\xaa\x07\
   \x4f\x8d\x57\x33\x59\xab\x2c\x8b\x81\x37\xa5\xd2\x02\x86\xb7"

let schema =
  Wire.Schema.make ~digest:schema_digest ~descriptor_set:
    "\010\239\001\010\012shapes.proto\018\006shapes\"*\010\005Point\018\012\
     \010\001x\024\001 \001(\001R\001x\018\012\010\001y\024\002 \001(\001R\
     \001y:\005\240\161\025\210\001\"F\010\004Tree\018\020\010\005label\024\
     \001 \001(\009R\005label\018(\010\008children\024\002 \003(\0112\012.sh\
     apes.TreeR\008children*[\010\005Color\018\021\010\017COLOR_UNSPECIFIED\
     \016\000\018\013\010\009COLOR_RED\016\001\018\015\010\011COLOR_GREEN\
     \016\002\018\027\010\014COLOR_NEGATIVE\016\251\255\255\255\255\255\255\
     \255\255\001b\006proto3\010\251\001\010\030google/protobuf/duration.pro\
     to\018\015google.protobuf\":\010\008Duration\018\024\010\007seconds\024\
     \001 \001(\003R\007seconds\018\020\010\005nanos\024\002 \001(\005R\005n\
     anosB\131\001\010\019com.google.protobufB\013DurationProtoP\001Z1google\
     .golang.org/protobuf/types/known/durationpb\248\001\001\162\002\003GPB\
     \170\002\030Google.Protobuf.WellKnownTypesb\006proto3\010\226\005\010\
     \028google/protobuf/struct.proto\018\015google.protobuf\"\152\001\010\
     \006Struct\018;\010\006fields\024\001 \003(\0112#.google.protobuf.Struc\
     t.FieldsEntryR\006fields\026Q\010\011FieldsEntry\018\016\010\003key\024\
     \001 \001(\009R\003key\018,\010\005value\024\002 \001(\0112\022.google.\
     protobuf.ValueR\005value:\0028\001\"\178\002\010\005Value\018;\010\010n\
     ull_value\024\001 \001(\0142\026.google.protobuf.NullValueH\000R\009nul\
     lValue\018#\010\012number_value\024\002 \001(\001H\000R\011numberValue\
     \018#\010\012string_value\024\003 \001(\009H\000R\011stringValue\018\
     \031\010\010bool_value\024\004 \001(\008H\000R\009boolValue\018<\010\
     \012struct_value\024\005 \001(\0112\023.google.protobuf.StructH\000R\
     \011structValue\018;\010\010list_value\024\006 \001(\0112\026.google.pr\
     otobuf.ListValueH\000R\009listValueB\006\010\004kind\";\010\009ListValu\
     e\018.\010\006values\024\001 \003(\0112\022.google.protobuf.ValueR\006v\
     alues*\027\010\009NullValue\018\014\010\010NULL_VALUE\016\000B\127\010\
     \019com.google.protobufB\011StructProtoP\001Z/google.golang.org/protobu\
     f/types/known/structpb\248\001\001\162\002\003GPB\170\002\030Google.Pro\
     tobuf.WellKnownTypesb\006proto3\010\255\001\010\031google/protobuf/time\
     stamp.proto\018\015google.protobuf\";\010\009Timestamp\018\024\010\007s\
     econds\024\001 \001(\003R\007seconds\018\020\010\005nanos\024\002 \001(\
     \005R\005nanosB\133\001\010\019com.google.protobufB\014TimestampProtoP\
     \001Z2google.golang.org/protobuf/types/known/timestamppb\248\001\001\
     \162\002\003GPB\170\002\030Google.Protobuf.WellKnownTypesb\006proto3\
     \010\134\004\010\030google/protobuf/wrappers.proto\018\015google.protob\
     uf\"#\010\011DoubleValue\018\020\010\005value\024\001 \001(\001R\005val\
     ue\"\"\010\010FloatValue\018\020\010\005value\024\001 \001(\002R\005val\
     ue\"\"\010\010Int64Value\018\020\010\005value\024\001 \001(\003R\005val\
     ue\"#\010\011UInt64Value\018\020\010\005value\024\001 \001(\004R\005val\
     ue\"\"\010\010Int32Value\018\020\010\005value\024\001 \001(\005R\005val\
     ue\"#\010\011UInt32Value\018\020\010\005value\024\001 \001(\013R\005val\
     ue\"!\010\009BoolValue\018\020\010\005value\024\001 \001(\008R\005value\
     \"#\010\011StringValue\018\020\010\005value\024\001 \001(\009R\005value\
     \"\"\010\010BytesValue\018\020\010\005value\024\001 \001(\012R\005value\
     B\131\001\010\019com.google.protobufB\013WrappersProtoP\001Z1google.gol\
     ang.org/protobuf/types/known/wrapperspb\248\001\001\162\002\003GPB\170\
     \002\030Google.Protobuf.WellKnownTypesb\006proto3\010\203(\010\010wide.\
     proto\018\004wide\026\030google/protobuf/duration.proto\026\028google/p\
     rotobuf/struct.proto\026\031google/protobuf/timestamp.proto\026\030goog\
     le/protobuf/wrappers.proto\026\012shapes.proto\"\212\003\010\007Scalars\
     \018\025\010\008a_double\024\001 \001(\001R\007aDouble\018\023\010\007a\
     _float\024\002 \001(\002R\006aFloat\018\025\010\008an_int32\024\003 \
     \001(\005R\007anInt32\018\025\010\008an_int64\024\004 \001(\003R\007anI\
     nt64\018\025\010\008a_uint32\024\005 \001(\013R\007aUint32\018\025\010\
     \008a_uint64\024\006 \001(\004R\007aUint64\018\025\010\008a_sint32\024\
     \007 \001(\017R\007aSint32\018\025\010\008a_sint64\024\008 \001(\018R\
     \007aSint64\018\027\010\009a_fixed32\024\009 \001(\007R\008aFixed32\018\
     \027\010\009a_fixed64\024\010 \001(\006R\008aFixed64\018\029\010\010a_s\
     fixed32\024\011 \001(\015R\009aSfixed32\018\029\010\010a_sfixed64\024\
     \012 \001(\016R\009aSfixed64\018\021\010\006a_bool\024\013 \001(\008R\
     \005aBool\018\025\010\008a_string\024\014 \001(\009R\007aString\018\029\
     \010\010some_bytes\024\015 \001(\012R\009someBytes\018#\010\005color\
     \024\016 \001(\0142\013.shapes.ColorR\005color:\005\240\161\025\200\001\
     \"\248\005\010\009Optionals\018\030\010\008a_double\024\001 \001(\001H\
     \000R\007aDouble\136\001\001\018\028\010\007a_float\024\002 \001(\002H\
     \001R\006aFloat\136\001\001\018\030\010\008an_int32\024\003 \001(\005H\
     \002R\007anInt32\136\001\001\018\030\010\008an_int64\024\004 \001(\003H\
     \003R\007anInt64\136\001\001\018\030\010\008a_uint32\024\005 \001(\013H\
     \004R\007aUint32\136\001\001\018\030\010\008a_uint64\024\006 \001(\004H\
     \005R\007aUint64\136\001\001\018\030\010\008a_sint32\024\007 \001(\017H\
     \006R\007aSint32\136\001\001\018\030\010\008a_sint64\024\008 \001(\018H\
     \007R\007aSint64\136\001\001\018 \010\009a_fixed32\024\009 \001(\007H\
     \008R\008aFixed32\136\001\001\018 \010\009a_fixed64\024\010 \001(\006H\
     \009R\008aFixed64\136\001\001\018\"\010\010a_sfixed32\024\011 \001(\015\
     H\010R\009aSfixed32\136\001\001\018\"\010\010a_sfixed64\024\012 \001(\
     \016H\011R\009aSfixed64\136\001\001\018\026\010\006a_bool\024\013 \001(\
     \008H\012R\005aBool\136\001\001\018\030\010\008a_string\024\014 \001(\
     \009H\013R\007aString\136\001\001\018\"\010\010some_bytes\024\015 \001(\
     \012H\014R\009someBytes\136\001\001\018(\010\005color\024\016 \001(\014\
     2\013.shapes.ColorH\015R\005color\136\001\001:\005\240\161\025\201\001B\
     \011\010\009_a_doubleB\010\010\008_a_floatB\011\010\009_an_int32B\011\
     \010\009_an_int64B\011\010\009_a_uint32B\011\010\009_a_uint64B\011\010\
     \009_a_sint32B\011\010\009_a_sint64B\012\010\010_a_fixed32B\012\010\010\
     _a_fixed64B\013\010\011_a_sfixed32B\013\010\011_a_sfixed64B\009\010\007\
     _a_boolB\011\010\009_a_stringB\013\010\011_some_bytesB\008\010\006_colo\
     r\"\133\005\010\005Lists\018\024\010\007doubles\024\001 \003(\001R\007d\
     oubles\018\022\010\006floats\024\002 \003(\002R\006floats\018\022\010\
     \006int32s\024\003 \003(\005R\006int32s\018\022\010\006int64s\024\004 \
     \003(\003R\006int64s\018\024\010\007uint32s\024\005 \003(\013R\007uint3\
     2s\018\024\010\007uint64s\024\006 \003(\004R\007uint64s\018\024\010\007\
     sint32s\024\007 \003(\017R\007sint32s\018\024\010\007sint64s\024\008 \
     \003(\018R\007sint64s\018\026\010\008fixed32s\024\009 \003(\007R\008fix\
     ed32s\018\026\010\008fixed64s\024\010 \003(\006R\008fixed64s\018\028\
     \010\009sfixed32s\024\011 \003(\015R\009sfixed32s\018\028\010\009sfixed\
     64s\024\012 \003(\016R\009sfixed64s\018\020\010\005bools\024\013 \003(\
     \008R\005bools\018\024\010\007strings\024\014 \003(\009R\007strings\018\
     !\010\012byte_strings\024\015 \003(\012R\011byteStrings\018%\010\006col\
     ors\024\016 \003(\0142\013.shapes.ColorR\006colors\018%\010\006points\
     \024\017 \003(\0112\013.shapes.PointR\006points\018+\010\015unpacked_in\
     t32s\024\018 \003(\005B\002\016\000R\014unpackedInt32s\018-\010\016unpa\
     cked_doubles\024\019 \003(\001B\002\016\000R\015unpackedDoubles\018:\
     \010\015unpacked_colors\024\020 \003(\0142\013.shapes.ColorB\002\016\
     \000R\014unpackedColors:\005\240\161\025\202\001\"\175\013\010\004Maps\
     \018H\010\016string_to_string\024\001 \003(\0112\030.wide.Maps.StringTo\
     StringEntryR\014stringToString\018E\010\015int32_to_double\024\002 \003\
     (\0112\029.wide.Maps.Int32ToDoubleEntryR\013int32ToDouble\018B\010\014i\
     nt64_to_bytes\024\003 \003(\0112\028.wide.Maps.Int64ToBytesEntryR\012in\
     t64ToBytes\018B\010\014uint32_to_bool\024\004 \003(\0112\028.wide.Maps.\
     Uint32ToBoolEntryR\012uint32ToBool\018H\010\016uint64_to_uint64\024\005\
     \ \003(\0112\030.wide.Maps.Uint64ToUint64EntryR\014uint64ToUint64\018H\
     \010\016sint32_to_sint64\024\006 \003(\0112\030.wide.Maps.Sint32ToSint6\
     4EntryR\014sint32ToSint64\018E\010\015sint64_to_float\024\007 \003(\011\
     2\029.wide.Maps.Sint64ToFloatEntryR\013sint64ToFloat\018H\010\016fixed3\
     2_to_int32\024\008 \003(\0112\030.wide.Maps.Fixed32ToInt32EntryR\014fix\
     ed32ToInt32\018Q\010\019sfixed64_to_fixed64\024\009 \003(\0112!.wide.Ma\
     ps.Sfixed64ToFixed64EntryR\017sfixed64ToFixed64\018?\010\013bool_to_col\
     or\024\010 \003(\0112\027.wide.Maps.BoolToColorEntryR\011boolToColor\
     \018E\010\015string_to_point\024\011 \003(\0112\029.wide.Maps.StringToP\
     ointEntryR\013stringToPoint\018B\010\014string_to_maps\024\012 \003(\
     \0112\028.wide.Maps.StringToMapsEntryR\012stringToMaps\026A\010\019Stri\
     ngToStringEntry\018\016\010\003key\024\001 \001(\009R\003key\018\020\
     \010\005value\024\002 \001(\009R\005value:\0028\001\026@\010\018Int32To\
     DoubleEntry\018\016\010\003key\024\001 \001(\005R\003key\018\020\010\
     \005value\024\002 \001(\001R\005value:\0028\001\026?\010\017Int64ToByte\
     sEntry\018\016\010\003key\024\001 \001(\003R\003key\018\020\010\005valu\
     e\024\002 \001(\012R\005value:\0028\001\026?\010\017Uint32ToBoolEntry\
     \018\016\010\003key\024\001 \001(\013R\003key\018\020\010\005value\024\
     \002 \001(\008R\005value:\0028\001\026A\010\019Uint64ToUint64Entry\018\
     \016\010\003key\024\001 \001(\004R\003key\018\020\010\005value\024\002 \
     \001(\004R\005value:\0028\001\026A\010\019Sint32ToSint64Entry\018\016\
     \010\003key\024\001 \001(\017R\003key\018\020\010\005value\024\002 \001\
     (\018R\005value:\0028\001\026@\010\018Sint64ToFloatEntry\018\016\010\
     \003key\024\001 \001(\018R\003key\018\020\010\005value\024\002 \001(\
     \002R\005value:\0028\001\026A\010\019Fixed32ToInt32Entry\018\016\010\
     \003key\024\001 \001(\007R\003key\018\020\010\005value\024\002 \001(\
     \005R\005value:\0028\001\026D\010\022Sfixed64ToFixed64Entry\018\016\010\
     \003key\024\001 \001(\016R\003key\018\020\010\005value\024\002 \001(\
     \006R\005value:\0028\001\026M\010\016BoolToColorEntry\018\016\010\003ke\
     y\024\001 \001(\008R\003key\018#\010\005value\024\002 \001(\0142\013.sh\
     apes.ColorR\005value:\0028\001\026O\010\018StringToPointEntry\018\016\
     \010\003key\024\001 \001(\009R\003key\018#\010\005value\024\002 \001(\
     \0112\013.shapes.PointR\005value:\0028\001\026K\010\017StringToMapsEntr\
     y\018\016\010\003key\024\001 \001(\009R\003key\018 \010\005value\024\
     \002 \001(\0112\010.wide.MapsR\005value:\0028\001:\005\240\161\025\203\
     \001\"\202\008\010\007Mixture\018\020\010\004text\024\001 \001(\009H\
     \000R\004text\018\024\010\006number\024\002 \001(\003H\000R\006number\
     \018+\010\005inner\024\003 \001(\0112\019.wide.Mixture.InnerH\000R\005i\
     nner\018%\010\005color\024\004 \001(\0142\013.shapes.ColorH\000R\005col\
     or\018\018\010\003raw\024\005 \001(\012H\000R\003raw\018\020\010\004fla\
     g\024\006 \001(\008H\000R\004flag\0185\010\007lasting\024\007 \001(\011\
     2\025.google.protobuf.DurationH\000R\007lasting\018\020\010\004left\024\
     \010 \001(\001H\001R\004left\018\022\010\005right\024\011 \001(\001H\
     \001R\005right\018+\010\006single\024\020 \001(\0112\019.wide.Mixture.I\
     nnerR\006single\018-\010\007several\024\021 \003(\0112\019.wide.Mixture\
     .InnerR\007several\018 \010\004tree\024\022 \001(\0112\012.shapes.TreeR\
     \004tree\0188\010\009by_number\024\023 \003(\0112\027.wide.Mixture.ByNu\
     mberEntryR\008byNumber\018\020\010\005class\024\030 \001(\009R\005class\
     \018\018\010\004type\024\031 \001(\005R\004type\018\016\010\003val\024 \
     \ \001(\008R\003val\018\018\010\004from\024! \001(\009R\004from\018\018\
     \010\004None\024\" \001(\005R\004None\018\022\010\006method\024# \001(\
     \009R\006method\018\018\010\004self\024$ \001(\005R\004self\018\016\010\
     \003end\024% \001(\012R\003end\018\012\010\001t\024& \001(\005R\001t\
     \018\022\010\006encode\024' \001(\005R\006encode\018\025\010\008to_byte\
     s\024( \001(\005R\007toBytes\018\028\010\009camelCase\024) \001(\005R\
     \009camelCase\018\018\010\004list\024* \001(\005R\004list\018\023\010\
     \007TYPE_ID\024+ \001(\005R\006TYPEID\018!\010\012two_byte_tag\024\208\
     \015 \001(\005R\010twoByteTag\018&\010\013five_byte_tag\024\255\255\255\
     \255\001 \001(\005R\011fiveByteTag\026\135\001\010\005Inner\018,\010\
     \004mood\024\001 \001(\0142\024.wide.Mixture.Inner.MoodR\004mood\018#\
     \010\005outer\024\002 \001(\0112\013.wide.MixtureR\005outer\"+\010\004M\
     ood\018\020\010\016MOOD_UNSPECIFIED\016\000\018\013\010\009MOOD_GOOD\
     \016\001\026P\010\013ByNumberEntry\018\016\010\003key\024\001 \001(\005\
     R\003key\018)\010\005value\024\002 \001(\0112\019.wide.Mixture.InnerR\
     \005value:\0028\001:\005\240\161\025\204\001B\008\010\006choiceB\014\
     \010\012other_choice\"\172\002\010\009WellKnown\0188\010\009timestamp\
     \024\001 \001(\0112\026.google.protobuf.TimestampR\009timestamp\0185\
     \010\008duration\024\002 \001(\0112\025.google.protobuf.DurationR\008du\
     ration\0183\010\008anything\024\003 \001(\0112\023.google.protobuf.Stru\
     ctR\008anything\0186\010\007wrapped\024\004 \001(\0112\028.google.proto\
     buf.StringValueR\007wrapped\018:\010\010timestamps\024\005 \003(\0112\
     \026.google.protobuf.TimestampR\010timestamps:\005\240\161\025\205\001\
     \"\014\010\005Empty:\005\240\161\025\206\001B\010\250\161\025\006\008\
     \200\001\016\209\001b\006proto3"

module Color = struct
  type t =
    | COLOR_UNSPECIFIED
    | COLOR_RED
    | COLOR_GREEN
    | COLOR_NEGATIVE
    | Unrecognized of int

  let default = COLOR_UNSPECIFIED

  let to_int = function
    | COLOR_UNSPECIFIED -> 0
    | COLOR_RED -> 1
    | COLOR_GREEN -> 2
    | COLOR_NEGATIVE -> -5
    | Unrecognized number -> number

  let of_int = function
    | 0 -> COLOR_UNSPECIFIED
    | 1 -> COLOR_RED
    | 2 -> COLOR_GREEN
    | -5 -> COLOR_NEGATIVE
    | number -> Unrecognized number

  let pp ppf = function
    | COLOR_UNSPECIFIED -> Stdlib.Format.pp_print_string ppf "COLOR_UNSPECIFIED"
    | COLOR_RED -> Stdlib.Format.pp_print_string ppf "COLOR_RED"
    | COLOR_GREEN -> Stdlib.Format.pp_print_string ppf "COLOR_GREEN"
    | COLOR_NEGATIVE -> Stdlib.Format.pp_print_string ppf "COLOR_NEGATIVE"
    | Unrecognized number ->
        Wire.Print.variant "Unrecognized" Stdlib.Format.pp_print_int
          ppf number

  let scalar = Wire.Scalar.enum ~of_int ~to_int ~pp
  let equal = scalar.equal
end

module Point = struct
  type t = { x : float; y : float }

  let default : t = { x = 0.; y = 0. }

  let make ?(x = 0.) ?(y = 0.) () : t =
    { x; y }

  let fields =
    Wire.Fields.make "shapes.Point" [ (1, "x"); (2, "y") ]

  let read r : t =
    let x = ref 0. in
    let y = ref 0. in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 9 -> x := Wire.Scalar.double.read r
      | 17 -> y := Wire.Scalar.double.read r
      | _ -> Wire.Reader.skip r
    done;
    { x = !x; y = !y }

  let write w (m : t) =
    Wire.Scalar.write_implicit Wire.Scalar.double w fields 2 m.y;
    Wire.Scalar.write_implicit Wire.Scalar.double w fields 1 m.x

  let equal (a : t) (b : t) =
    Wire.Scalar.double.equal a.x b.x
    && Wire.Scalar.double.equal a.y b.y

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "x" Wire.Scalar.double.pp m.x;
      Wire.Print.field "y" Wire.Scalar.double.pp m.y;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 210

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x53\xaa\xf2\xc0\x27\x94\x5d\x8a\x17\x15\x39\x82\x89\x81\xfb\x6e\x4a\
       \x4c\x86\x7e\x0d\x39\x26\x32\xcc\x3f\x79\x51\xcd\x2a\x47\x83"
end

module Tree = struct
  type t = { label : string; children : t list }

  let default : t = { label = ""; children = [] }

  let make ?(label = "") ?(children = []) () : t =
    { label; children }

  let fields =
    Wire.Fields.make "shapes.Tree" [ (1, "label"); (2, "children") ]

  let rec read r : t =
    let label = ref "" in
    let children = ref [] in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> label := Wire.Scalar.string.read r
      | 18 -> children := Wire.Reader.message r read :: !children
      | _ -> Wire.Reader.skip r
    done;
    { label = !label; children = Stdlib.List.rev !children }

  let rec write w (m : t) =
    Wire.Writer.delimited_list w 2 write m.children;
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 1 m.label

  let rec equal (a : t) (b : t) =
    Wire.Scalar.string.equal a.label b.label
    && Stdlib.List.equal equal a.children b.children

  let rec pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "label" Wire.Scalar.string.pp m.label;
      Wire.Print.field "children" (Wire.Print.list pp) m.children;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
end
