(* Made by protoc-gen-mycelium of wide.proto: do not edit. *)

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

module Scalars = struct
  type t = {
    a_double : float;
    a_float : float;
    an_int32 : int;
    an_int64 : int64;
    a_uint32 : int;
    a_uint64 : int64;
    a_sint32 : int;
    a_sint64 : int64;
    a_fixed32 : int;
    a_fixed64 : int64;
    a_sfixed32 : int;
    a_sfixed64 : int64;
    a_bool : bool;
    a_string : string;
    some_bytes : string;
    color : Shapes.Color.t;
  }

  let default : t = {
    a_double = 0.;
    a_float = 0.;
    an_int32 = 0;
    an_int64 = 0L;
    a_uint32 = 0;
    a_uint64 = 0L;
    a_sint32 = 0;
    a_sint64 = 0L;
    a_fixed32 = 0;
    a_fixed64 = 0L;
    a_sfixed32 = 0;
    a_sfixed64 = 0L;
    a_bool = false;
    a_string = "";
    some_bytes = "";
    color = Shapes.Color.default;
  }

  let make
      ?(a_double = 0.)
      ?(a_float = 0.)
      ?(an_int32 = 0)
      ?(an_int64 = 0L)
      ?(a_uint32 = 0)
      ?(a_uint64 = 0L)
      ?(a_sint32 = 0)
      ?(a_sint64 = 0L)
      ?(a_fixed32 = 0)
      ?(a_fixed64 = 0L)
      ?(a_sfixed32 = 0)
      ?(a_sfixed64 = 0L)
      ?(a_bool = false)
      ?(a_string = "")
      ?(some_bytes = "")
      ?(color = Shapes.Color.default)
      () : t =
    {
      a_double;
      a_float;
      an_int32;
      an_int64;
      a_uint32;
      a_uint64;
      a_sint32;
      a_sint64;
      a_fixed32;
      a_fixed64;
      a_sfixed32;
      a_sfixed64;
      a_bool;
      a_string;
      some_bytes;
      color;
    }

  let fields =
    Wire.Fields.make "wide.Scalars" [
      (1, "a_double");
      (2, "a_float");
      (3, "an_int32");
      (4, "an_int64");
      (5, "a_uint32");
      (6, "a_uint64");
      (7, "a_sint32");
      (8, "a_sint64");
      (9, "a_fixed32");
      (10, "a_fixed64");
      (11, "a_sfixed32");
      (12, "a_sfixed64");
      (13, "a_bool");
      (14, "a_string");
      (15, "some_bytes");
      (16, "color");
    ]

  let read r : t =
    let a_double = ref 0. in
    let a_float = ref 0. in
    let an_int32 = ref 0 in
    let an_int64 = ref 0L in
    let a_uint32 = ref 0 in
    let a_uint64 = ref 0L in
    let a_sint32 = ref 0 in
    let a_sint64 = ref 0L in
    let a_fixed32 = ref 0 in
    let a_fixed64 = ref 0L in
    let a_sfixed32 = ref 0 in
    let a_sfixed64 = ref 0L in
    let a_bool = ref false in
    let a_string = ref "" in
    let some_bytes = ref "" in
    let color = ref Shapes.Color.default in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 9 -> a_double := Wire.Scalar.double.read r
      | 21 -> a_float := Wire.Scalar.float.read r
      | 24 -> an_int32 := Wire.Scalar.int32.read r
      | 32 -> an_int64 := Wire.Scalar.int64.read r
      | 40 -> a_uint32 := Wire.Scalar.uint32.read r
      | 48 -> a_uint64 := Wire.Scalar.uint64.read r
      | 56 -> a_sint32 := Wire.Scalar.sint32.read r
      | 64 -> a_sint64 := Wire.Scalar.sint64.read r
      | 77 -> a_fixed32 := Wire.Scalar.fixed32.read r
      | 81 -> a_fixed64 := Wire.Scalar.fixed64.read r
      | 93 -> a_sfixed32 := Wire.Scalar.sfixed32.read r
      | 97 -> a_sfixed64 := Wire.Scalar.sfixed64.read r
      | 104 -> a_bool := Wire.Scalar.bool.read r
      | 114 -> a_string := Wire.Scalar.string.read r
      | 122 -> some_bytes := Wire.Scalar.bytes.read r
      | 128 -> color := Shapes.Color.scalar.read r
      | _ -> Wire.Reader.skip r
    done;
    {
      a_double = !a_double;
      a_float = !a_float;
      an_int32 = !an_int32;
      an_int64 = !an_int64;
      a_uint32 = !a_uint32;
      a_uint64 = !a_uint64;
      a_sint32 = !a_sint32;
      a_sint64 = !a_sint64;
      a_fixed32 = !a_fixed32;
      a_fixed64 = !a_fixed64;
      a_sfixed32 = !a_sfixed32;
      a_sfixed64 = !a_sfixed64;
      a_bool = !a_bool;
      a_string = !a_string;
      some_bytes = !some_bytes;
      color = !color;
    }

  let write w (m : t) =
    Wire.Scalar.write_implicit Shapes.Color.scalar w fields 16 m.color;
    Wire.Scalar.write_implicit Wire.Scalar.bytes w fields 15 m.some_bytes;
    Wire.Scalar.write_implicit Wire.Scalar.string w fields 14 m.a_string;
    Wire.Scalar.write_implicit Wire.Scalar.bool w fields 13 m.a_bool;
    Wire.Scalar.write_implicit Wire.Scalar.sfixed64 w fields 12 m.a_sfixed64;
    Wire.Scalar.write_implicit Wire.Scalar.sfixed32 w fields 11 m.a_sfixed32;
    Wire.Scalar.write_implicit Wire.Scalar.fixed64 w fields 10 m.a_fixed64;
    Wire.Scalar.write_implicit Wire.Scalar.fixed32 w fields 9 m.a_fixed32;
    Wire.Scalar.write_implicit Wire.Scalar.sint64 w fields 8 m.a_sint64;
    Wire.Scalar.write_implicit Wire.Scalar.sint32 w fields 7 m.a_sint32;
    Wire.Scalar.write_implicit Wire.Scalar.uint64 w fields 6 m.a_uint64;
    Wire.Scalar.write_implicit Wire.Scalar.uint32 w fields 5 m.a_uint32;
    Wire.Scalar.write_implicit Wire.Scalar.int64 w fields 4 m.an_int64;
    Wire.Scalar.write_implicit Wire.Scalar.int32 w fields 3 m.an_int32;
    Wire.Scalar.write_implicit Wire.Scalar.float w fields 2 m.a_float;
    Wire.Scalar.write_implicit Wire.Scalar.double w fields 1 m.a_double

  let equal (a : t) (b : t) =
    Wire.Scalar.double.equal a.a_double b.a_double
    && Wire.Scalar.float.equal a.a_float b.a_float
    && Wire.Scalar.int32.equal a.an_int32 b.an_int32
    && Wire.Scalar.int64.equal a.an_int64 b.an_int64
    && Wire.Scalar.uint32.equal a.a_uint32 b.a_uint32
    && Wire.Scalar.uint64.equal a.a_uint64 b.a_uint64
    && Wire.Scalar.sint32.equal a.a_sint32 b.a_sint32
    && Wire.Scalar.sint64.equal a.a_sint64 b.a_sint64
    && Wire.Scalar.fixed32.equal a.a_fixed32 b.a_fixed32
    && Wire.Scalar.fixed64.equal a.a_fixed64 b.a_fixed64
    && Wire.Scalar.sfixed32.equal a.a_sfixed32 b.a_sfixed32
    && Wire.Scalar.sfixed64.equal a.a_sfixed64 b.a_sfixed64
    && Wire.Scalar.bool.equal a.a_bool b.a_bool
    && Wire.Scalar.string.equal a.a_string b.a_string
    && Wire.Scalar.bytes.equal a.some_bytes b.some_bytes
    && Shapes.Color.scalar.equal a.color b.color

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "a_double" Wire.Scalar.double.pp m.a_double;
      Wire.Print.field "a_float" Wire.Scalar.float.pp m.a_float;
      Wire.Print.field "an_int32" Wire.Scalar.int32.pp m.an_int32;
      Wire.Print.field "an_int64" Wire.Scalar.int64.pp m.an_int64;
      Wire.Print.field "a_uint32" Wire.Scalar.uint32.pp m.a_uint32;
      Wire.Print.field "a_uint64" Wire.Scalar.uint64.pp m.a_uint64;
      Wire.Print.field "a_sint32" Wire.Scalar.sint32.pp m.a_sint32;
      Wire.Print.field "a_sint64" Wire.Scalar.sint64.pp m.a_sint64;
      Wire.Print.field "a_fixed32" Wire.Scalar.fixed32.pp m.a_fixed32;
      Wire.Print.field "a_fixed64" Wire.Scalar.fixed64.pp m.a_fixed64;
      Wire.Print.field "a_sfixed32" Wire.Scalar.sfixed32.pp m.a_sfixed32;
      Wire.Print.field "a_sfixed64" Wire.Scalar.sfixed64.pp m.a_sfixed64;
      Wire.Print.field "a_bool" Wire.Scalar.bool.pp m.a_bool;
      Wire.Print.field "a_string" Wire.Scalar.string.pp m.a_string;
      Wire.Print.field "some_bytes" Wire.Scalar.bytes.pp m.some_bytes;
      Wire.Print.field "color" Shapes.Color.scalar.pp m.color;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 200

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x30\x53\xc8\x97\xca\xd6\x83\x30\x70\x2d\x15\x65\x3e\x5e\xa2\xb0\x63\
       \xcf\xea\x90\xba\xa4\x0a\xca\x77\x90\x67\xcf\xe1\xb9\xfd\x8b"
end

module Optionals = struct
  type t = {
    a_double : float option;
    a_float : float option;
    an_int32 : int option;
    an_int64 : int64 option;
    a_uint32 : int option;
    a_uint64 : int64 option;
    a_sint32 : int option;
    a_sint64 : int64 option;
    a_fixed32 : int option;
    a_fixed64 : int64 option;
    a_sfixed32 : int option;
    a_sfixed64 : int64 option;
    a_bool : bool option;
    a_string : string option;
    some_bytes : string option;
    color : Shapes.Color.t option;
  }

  let default : t = {
    a_double = None;
    a_float = None;
    an_int32 = None;
    an_int64 = None;
    a_uint32 = None;
    a_uint64 = None;
    a_sint32 = None;
    a_sint64 = None;
    a_fixed32 = None;
    a_fixed64 = None;
    a_sfixed32 = None;
    a_sfixed64 = None;
    a_bool = None;
    a_string = None;
    some_bytes = None;
    color = None;
  }

  let make
      ?a_double
      ?a_float
      ?an_int32
      ?an_int64
      ?a_uint32
      ?a_uint64
      ?a_sint32
      ?a_sint64
      ?a_fixed32
      ?a_fixed64
      ?a_sfixed32
      ?a_sfixed64
      ?a_bool
      ?a_string
      ?some_bytes
      ?color
      () : t =
    {
      a_double;
      a_float;
      an_int32;
      an_int64;
      a_uint32;
      a_uint64;
      a_sint32;
      a_sint64;
      a_fixed32;
      a_fixed64;
      a_sfixed32;
      a_sfixed64;
      a_bool;
      a_string;
      some_bytes;
      color;
    }

  let fields =
    Wire.Fields.make "wide.Optionals" [
      (1, "a_double");
      (2, "a_float");
      (3, "an_int32");
      (4, "an_int64");
      (5, "a_uint32");
      (6, "a_uint64");
      (7, "a_sint32");
      (8, "a_sint64");
      (9, "a_fixed32");
      (10, "a_fixed64");
      (11, "a_sfixed32");
      (12, "a_sfixed64");
      (13, "a_bool");
      (14, "a_string");
      (15, "some_bytes");
      (16, "color");
    ]

  let read r : t =
    let a_double = ref None in
    let a_float = ref None in
    let an_int32 = ref None in
    let an_int64 = ref None in
    let a_uint32 = ref None in
    let a_uint64 = ref None in
    let a_sint32 = ref None in
    let a_sint64 = ref None in
    let a_fixed32 = ref None in
    let a_fixed64 = ref None in
    let a_sfixed32 = ref None in
    let a_sfixed64 = ref None in
    let a_bool = ref None in
    let a_string = ref None in
    let some_bytes = ref None in
    let color = ref None in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 9 -> a_double := Some (Wire.Scalar.double.read r)
      | 21 -> a_float := Some (Wire.Scalar.float.read r)
      | 24 -> an_int32 := Some (Wire.Scalar.int32.read r)
      | 32 -> an_int64 := Some (Wire.Scalar.int64.read r)
      | 40 -> a_uint32 := Some (Wire.Scalar.uint32.read r)
      | 48 -> a_uint64 := Some (Wire.Scalar.uint64.read r)
      | 56 -> a_sint32 := Some (Wire.Scalar.sint32.read r)
      | 64 -> a_sint64 := Some (Wire.Scalar.sint64.read r)
      | 77 -> a_fixed32 := Some (Wire.Scalar.fixed32.read r)
      | 81 -> a_fixed64 := Some (Wire.Scalar.fixed64.read r)
      | 93 -> a_sfixed32 := Some (Wire.Scalar.sfixed32.read r)
      | 97 -> a_sfixed64 := Some (Wire.Scalar.sfixed64.read r)
      | 104 -> a_bool := Some (Wire.Scalar.bool.read r)
      | 114 -> a_string := Some (Wire.Scalar.string.read r)
      | 122 -> some_bytes := Some (Wire.Scalar.bytes.read r)
      | 128 -> color := Some (Shapes.Color.scalar.read r)
      | _ -> Wire.Reader.skip r
    done;
    {
      a_double = !a_double;
      a_float = !a_float;
      an_int32 = !an_int32;
      an_int64 = !an_int64;
      a_uint32 = !a_uint32;
      a_uint64 = !a_uint64;
      a_sint32 = !a_sint32;
      a_sint64 = !a_sint64;
      a_fixed32 = !a_fixed32;
      a_fixed64 = !a_fixed64;
      a_sfixed32 = !a_sfixed32;
      a_sfixed64 = !a_sfixed64;
      a_bool = !a_bool;
      a_string = !a_string;
      some_bytes = !some_bytes;
      color = !color;
    }

  let write w (m : t) =
    Wire.Scalar.write_option Shapes.Color.scalar w fields 16 m.color;
    Wire.Scalar.write_option Wire.Scalar.bytes w fields 15 m.some_bytes;
    Wire.Scalar.write_option Wire.Scalar.string w fields 14 m.a_string;
    Wire.Scalar.write_option Wire.Scalar.bool w fields 13 m.a_bool;
    Wire.Scalar.write_option Wire.Scalar.sfixed64 w fields 12 m.a_sfixed64;
    Wire.Scalar.write_option Wire.Scalar.sfixed32 w fields 11 m.a_sfixed32;
    Wire.Scalar.write_option Wire.Scalar.fixed64 w fields 10 m.a_fixed64;
    Wire.Scalar.write_option Wire.Scalar.fixed32 w fields 9 m.a_fixed32;
    Wire.Scalar.write_option Wire.Scalar.sint64 w fields 8 m.a_sint64;
    Wire.Scalar.write_option Wire.Scalar.sint32 w fields 7 m.a_sint32;
    Wire.Scalar.write_option Wire.Scalar.uint64 w fields 6 m.a_uint64;
    Wire.Scalar.write_option Wire.Scalar.uint32 w fields 5 m.a_uint32;
    Wire.Scalar.write_option Wire.Scalar.int64 w fields 4 m.an_int64;
    Wire.Scalar.write_option Wire.Scalar.int32 w fields 3 m.an_int32;
    Wire.Scalar.write_option Wire.Scalar.float w fields 2 m.a_float;
    Wire.Scalar.write_option Wire.Scalar.double w fields 1 m.a_double

  let equal (a : t) (b : t) =
    Stdlib.Option.equal Wire.Scalar.double.equal a.a_double b.a_double
    && Stdlib.Option.equal Wire.Scalar.float.equal a.a_float b.a_float
    && Stdlib.Option.equal Wire.Scalar.int32.equal a.an_int32 b.an_int32
    && Stdlib.Option.equal Wire.Scalar.int64.equal a.an_int64 b.an_int64
    && Stdlib.Option.equal Wire.Scalar.uint32.equal a.a_uint32 b.a_uint32
    && Stdlib.Option.equal Wire.Scalar.uint64.equal a.a_uint64 b.a_uint64
    && Stdlib.Option.equal Wire.Scalar.sint32.equal a.a_sint32 b.a_sint32
    && Stdlib.Option.equal Wire.Scalar.sint64.equal a.a_sint64 b.a_sint64
    && Stdlib.Option.equal Wire.Scalar.fixed32.equal a.a_fixed32 b.a_fixed32
    && Stdlib.Option.equal Wire.Scalar.fixed64.equal a.a_fixed64 b.a_fixed64
    && Stdlib.Option.equal Wire.Scalar.sfixed32.equal a.a_sfixed32 b.a_sfixed32
    && Stdlib.Option.equal Wire.Scalar.sfixed64.equal a.a_sfixed64 b.a_sfixed64
    && Stdlib.Option.equal Wire.Scalar.bool.equal a.a_bool b.a_bool
    && Stdlib.Option.equal Wire.Scalar.string.equal a.a_string b.a_string
    && Stdlib.Option.equal Wire.Scalar.bytes.equal a.some_bytes b.some_bytes
    && Stdlib.Option.equal Shapes.Color.scalar.equal a.color b.color

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "a_double" (Wire.Print.option Wire.Scalar.double.pp) m.a_double;
      Wire.Print.field "a_float" (Wire.Print.option Wire.Scalar.float.pp) m.a_float;
      Wire.Print.field "an_int32" (Wire.Print.option Wire.Scalar.int32.pp) m.an_int32;
      Wire.Print.field "an_int64" (Wire.Print.option Wire.Scalar.int64.pp) m.an_int64;
      Wire.Print.field "a_uint32" (Wire.Print.option Wire.Scalar.uint32.pp) m.a_uint32;
      Wire.Print.field "a_uint64" (Wire.Print.option Wire.Scalar.uint64.pp) m.a_uint64;
      Wire.Print.field "a_sint32" (Wire.Print.option Wire.Scalar.sint32.pp) m.a_sint32;
      Wire.Print.field "a_sint64" (Wire.Print.option Wire.Scalar.sint64.pp) m.a_sint64;
      Wire.Print.field "a_fixed32" (Wire.Print.option Wire.Scalar.fixed32.pp) m.a_fixed32;
      Wire.Print.field "a_fixed64" (Wire.Print.option Wire.Scalar.fixed64.pp) m.a_fixed64;
      Wire.Print.field "a_sfixed32" (Wire.Print.option Wire.Scalar.sfixed32.pp) m.a_sfixed32;
      Wire.Print.field "a_sfixed64" (Wire.Print.option Wire.Scalar.sfixed64.pp) m.a_sfixed64;
      Wire.Print.field "a_bool" (Wire.Print.option Wire.Scalar.bool.pp) m.a_bool;
      Wire.Print.field "a_string" (Wire.Print.option Wire.Scalar.string.pp) m.a_string;
      Wire.Print.field "some_bytes" (Wire.Print.option Wire.Scalar.bytes.pp) m.some_bytes;
      Wire.Print.field "color" (Wire.Print.option Shapes.Color.scalar.pp) m.color;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 201

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x28\x78\x03\x3f\x21\x46\x4e\xca\x23\x39\x94\xef\xd0\xe5\x2a\x08\xc7\
       \x0b\x76\x75\x5b\x2a\x71\x14\x32\x05\x4d\xb8\xe6\x74\xa3\x8d"
end

module Lists = struct
  type t = {
    doubles : float list;
    floats : float list;
    int32s : int list;
    int64s : int64 list;
    uint32s : int list;
    uint64s : int64 list;
    sint32s : int list;
    sint64s : int64 list;
    fixed32s : int list;
    fixed64s : int64 list;
    sfixed32s : int list;
    sfixed64s : int64 list;
    bools : bool list;
    strings : string list;
    byte_strings : string list;
    colors : Shapes.Color.t list;
    points : Shapes.Point.t list;
    unpacked_int32s : int list;
    unpacked_doubles : float list;
    unpacked_colors : Shapes.Color.t list;
  }

  let default : t = {
    doubles = [];
    floats = [];
    int32s = [];
    int64s = [];
    uint32s = [];
    uint64s = [];
    sint32s = [];
    sint64s = [];
    fixed32s = [];
    fixed64s = [];
    sfixed32s = [];
    sfixed64s = [];
    bools = [];
    strings = [];
    byte_strings = [];
    colors = [];
    points = [];
    unpacked_int32s = [];
    unpacked_doubles = [];
    unpacked_colors = [];
  }

  let make
      ?(doubles = [])
      ?(floats = [])
      ?(int32s = [])
      ?(int64s = [])
      ?(uint32s = [])
      ?(uint64s = [])
      ?(sint32s = [])
      ?(sint64s = [])
      ?(fixed32s = [])
      ?(fixed64s = [])
      ?(sfixed32s = [])
      ?(sfixed64s = [])
      ?(bools = [])
      ?(strings = [])
      ?(byte_strings = [])
      ?(colors = [])
      ?(points = [])
      ?(unpacked_int32s = [])
      ?(unpacked_doubles = [])
      ?(unpacked_colors = [])
      () : t =
    {
      doubles;
      floats;
      int32s;
      int64s;
      uint32s;
      uint64s;
      sint32s;
      sint64s;
      fixed32s;
      fixed64s;
      sfixed32s;
      sfixed64s;
      bools;
      strings;
      byte_strings;
      colors;
      points;
      unpacked_int32s;
      unpacked_doubles;
      unpacked_colors;
    }

  let fields =
    Wire.Fields.make "wide.Lists" [
      (1, "doubles");
      (2, "floats");
      (3, "int32s");
      (4, "int64s");
      (5, "uint32s");
      (6, "uint64s");
      (7, "sint32s");
      (8, "sint64s");
      (9, "fixed32s");
      (10, "fixed64s");
      (11, "sfixed32s");
      (12, "sfixed64s");
      (13, "bools");
      (14, "strings");
      (15, "byte_strings");
      (16, "colors");
      (17, "points");
      (18, "unpacked_int32s");
      (19, "unpacked_doubles");
      (20, "unpacked_colors");
    ]

  let read r : t =
    let doubles = ref [] in
    let floats = ref [] in
    let int32s = ref [] in
    let int64s = ref [] in
    let uint32s = ref [] in
    let uint64s = ref [] in
    let sint32s = ref [] in
    let sint64s = ref [] in
    let fixed32s = ref [] in
    let fixed64s = ref [] in
    let sfixed32s = ref [] in
    let sfixed64s = ref [] in
    let bools = ref [] in
    let strings = ref [] in
    let byte_strings = ref [] in
    let colors = ref [] in
    let points = ref [] in
    let unpacked_int32s = ref [] in
    let unpacked_doubles = ref [] in
    let unpacked_colors = ref [] in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 9 -> doubles := Wire.Scalar.double.read r :: !doubles
      | 10 -> doubles := Wire.Reader.packed r Wire.Scalar.double.read !doubles
      | 21 -> floats := Wire.Scalar.float.read r :: !floats
      | 18 -> floats := Wire.Reader.packed r Wire.Scalar.float.read !floats
      | 24 -> int32s := Wire.Scalar.int32.read r :: !int32s
      | 26 -> int32s := Wire.Reader.packed r Wire.Scalar.int32.read !int32s
      | 32 -> int64s := Wire.Scalar.int64.read r :: !int64s
      | 34 -> int64s := Wire.Reader.packed r Wire.Scalar.int64.read !int64s
      | 40 -> uint32s := Wire.Scalar.uint32.read r :: !uint32s
      | 42 -> uint32s := Wire.Reader.packed r Wire.Scalar.uint32.read !uint32s
      | 48 -> uint64s := Wire.Scalar.uint64.read r :: !uint64s
      | 50 -> uint64s := Wire.Reader.packed r Wire.Scalar.uint64.read !uint64s
      | 56 -> sint32s := Wire.Scalar.sint32.read r :: !sint32s
      | 58 -> sint32s := Wire.Reader.packed r Wire.Scalar.sint32.read !sint32s
      | 64 -> sint64s := Wire.Scalar.sint64.read r :: !sint64s
      | 66 -> sint64s := Wire.Reader.packed r Wire.Scalar.sint64.read !sint64s
      | 77 -> fixed32s := Wire.Scalar.fixed32.read r :: !fixed32s
      | 74 -> fixed32s := Wire.Reader.packed r Wire.Scalar.fixed32.read !fixed32s
      | 81 -> fixed64s := Wire.Scalar.fixed64.read r :: !fixed64s
      | 82 -> fixed64s := Wire.Reader.packed r Wire.Scalar.fixed64.read !fixed64s
      | 93 -> sfixed32s := Wire.Scalar.sfixed32.read r :: !sfixed32s
      | 90 -> sfixed32s := Wire.Reader.packed r Wire.Scalar.sfixed32.read !sfixed32s
      | 97 -> sfixed64s := Wire.Scalar.sfixed64.read r :: !sfixed64s
      | 98 -> sfixed64s := Wire.Reader.packed r Wire.Scalar.sfixed64.read !sfixed64s
      | 104 -> bools := Wire.Scalar.bool.read r :: !bools
      | 106 -> bools := Wire.Reader.packed r Wire.Scalar.bool.read !bools
      | 114 -> strings := Wire.Scalar.string.read r :: !strings
      | 122 -> byte_strings := Wire.Scalar.bytes.read r :: !byte_strings
      | 128 -> colors := Shapes.Color.scalar.read r :: !colors
      | 130 -> colors := Wire.Reader.packed r Shapes.Color.scalar.read !colors
      | 138 -> points := Wire.Reader.message r Shapes.Point.codec.read :: !points
      | 144 -> unpacked_int32s := Wire.Scalar.int32.read r :: !unpacked_int32s
      | 146 -> unpacked_int32s := Wire.Reader.packed r Wire.Scalar.int32.read !unpacked_int32s
      | 153 -> unpacked_doubles := Wire.Scalar.double.read r :: !unpacked_doubles
      | 154 -> unpacked_doubles := Wire.Reader.packed r Wire.Scalar.double.read !unpacked_doubles
      | 160 -> unpacked_colors := Shapes.Color.scalar.read r :: !unpacked_colors
      | 162 -> unpacked_colors := Wire.Reader.packed r Shapes.Color.scalar.read !unpacked_colors
      | _ -> Wire.Reader.skip r
    done;
    {
      doubles = Stdlib.List.rev !doubles;
      floats = Stdlib.List.rev !floats;
      int32s = Stdlib.List.rev !int32s;
      int64s = Stdlib.List.rev !int64s;
      uint32s = Stdlib.List.rev !uint32s;
      uint64s = Stdlib.List.rev !uint64s;
      sint32s = Stdlib.List.rev !sint32s;
      sint64s = Stdlib.List.rev !sint64s;
      fixed32s = Stdlib.List.rev !fixed32s;
      fixed64s = Stdlib.List.rev !fixed64s;
      sfixed32s = Stdlib.List.rev !sfixed32s;
      sfixed64s = Stdlib.List.rev !sfixed64s;
      bools = Stdlib.List.rev !bools;
      strings = Stdlib.List.rev !strings;
      byte_strings = Stdlib.List.rev !byte_strings;
      colors = Stdlib.List.rev !colors;
      points = Stdlib.List.rev !points;
      unpacked_int32s = Stdlib.List.rev !unpacked_int32s;
      unpacked_doubles = Stdlib.List.rev !unpacked_doubles;
      unpacked_colors = Stdlib.List.rev !unpacked_colors;
    }

  let write w (m : t) =
    Wire.Scalar.write_list Shapes.Color.scalar w fields 20 m.unpacked_colors;
    Wire.Scalar.write_list Wire.Scalar.double w fields 19 m.unpacked_doubles;
    Wire.Scalar.write_list Wire.Scalar.int32 w fields 18 m.unpacked_int32s;
    Wire.Writer.delimited_list w 17 Shapes.Point.codec.write m.points;
    Wire.Scalar.write_packed Shapes.Color.scalar w fields 16 m.colors;
    Wire.Scalar.write_list Wire.Scalar.bytes w fields 15 m.byte_strings;
    Wire.Scalar.write_list Wire.Scalar.string w fields 14 m.strings;
    Wire.Scalar.write_packed Wire.Scalar.bool w fields 13 m.bools;
    Wire.Scalar.write_packed Wire.Scalar.sfixed64 w fields 12 m.sfixed64s;
    Wire.Scalar.write_packed Wire.Scalar.sfixed32 w fields 11 m.sfixed32s;
    Wire.Scalar.write_packed Wire.Scalar.fixed64 w fields 10 m.fixed64s;
    Wire.Scalar.write_packed Wire.Scalar.fixed32 w fields 9 m.fixed32s;
    Wire.Scalar.write_packed Wire.Scalar.sint64 w fields 8 m.sint64s;
    Wire.Scalar.write_packed Wire.Scalar.sint32 w fields 7 m.sint32s;
    Wire.Scalar.write_packed Wire.Scalar.uint64 w fields 6 m.uint64s;
    Wire.Scalar.write_packed Wire.Scalar.uint32 w fields 5 m.uint32s;
    Wire.Scalar.write_packed Wire.Scalar.int64 w fields 4 m.int64s;
    Wire.Scalar.write_packed Wire.Scalar.int32 w fields 3 m.int32s;
    Wire.Scalar.write_packed Wire.Scalar.float w fields 2 m.floats;
    Wire.Scalar.write_packed Wire.Scalar.double w fields 1 m.doubles

  let equal (a : t) (b : t) =
    Stdlib.List.equal Wire.Scalar.double.equal a.doubles b.doubles
    && Stdlib.List.equal Wire.Scalar.float.equal a.floats b.floats
    && Stdlib.List.equal Wire.Scalar.int32.equal a.int32s b.int32s
    && Stdlib.List.equal Wire.Scalar.int64.equal a.int64s b.int64s
    && Stdlib.List.equal Wire.Scalar.uint32.equal a.uint32s b.uint32s
    && Stdlib.List.equal Wire.Scalar.uint64.equal a.uint64s b.uint64s
    && Stdlib.List.equal Wire.Scalar.sint32.equal a.sint32s b.sint32s
    && Stdlib.List.equal Wire.Scalar.sint64.equal a.sint64s b.sint64s
    && Stdlib.List.equal Wire.Scalar.fixed32.equal a.fixed32s b.fixed32s
    && Stdlib.List.equal Wire.Scalar.fixed64.equal a.fixed64s b.fixed64s
    && Stdlib.List.equal Wire.Scalar.sfixed32.equal a.sfixed32s b.sfixed32s
    && Stdlib.List.equal Wire.Scalar.sfixed64.equal a.sfixed64s b.sfixed64s
    && Stdlib.List.equal Wire.Scalar.bool.equal a.bools b.bools
    && Stdlib.List.equal Wire.Scalar.string.equal a.strings b.strings
    && Stdlib.List.equal Wire.Scalar.bytes.equal a.byte_strings b.byte_strings
    && Stdlib.List.equal Shapes.Color.scalar.equal a.colors b.colors
    && Stdlib.List.equal Shapes.Point.codec.equal a.points b.points
    && Stdlib.List.equal Wire.Scalar.int32.equal a.unpacked_int32s b.unpacked_int32s
    && Stdlib.List.equal Wire.Scalar.double.equal a.unpacked_doubles b.unpacked_doubles
    && Stdlib.List.equal Shapes.Color.scalar.equal a.unpacked_colors b.unpacked_colors

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "doubles" (Wire.Print.list Wire.Scalar.double.pp) m.doubles;
      Wire.Print.field "floats" (Wire.Print.list Wire.Scalar.float.pp) m.floats;
      Wire.Print.field "int32s" (Wire.Print.list Wire.Scalar.int32.pp) m.int32s;
      Wire.Print.field "int64s" (Wire.Print.list Wire.Scalar.int64.pp) m.int64s;
      Wire.Print.field "uint32s" (Wire.Print.list Wire.Scalar.uint32.pp) m.uint32s;
      Wire.Print.field "uint64s" (Wire.Print.list Wire.Scalar.uint64.pp) m.uint64s;
      Wire.Print.field "sint32s" (Wire.Print.list Wire.Scalar.sint32.pp) m.sint32s;
      Wire.Print.field "sint64s" (Wire.Print.list Wire.Scalar.sint64.pp) m.sint64s;
      Wire.Print.field "fixed32s" (Wire.Print.list Wire.Scalar.fixed32.pp) m.fixed32s;
      Wire.Print.field "fixed64s" (Wire.Print.list Wire.Scalar.fixed64.pp) m.fixed64s;
      Wire.Print.field "sfixed32s" (Wire.Print.list Wire.Scalar.sfixed32.pp) m.sfixed32s;
      Wire.Print.field "sfixed64s" (Wire.Print.list Wire.Scalar.sfixed64.pp) m.sfixed64s;
      Wire.Print.field "bools" (Wire.Print.list Wire.Scalar.bool.pp) m.bools;
      Wire.Print.field "strings" (Wire.Print.list Wire.Scalar.string.pp) m.strings;
      Wire.Print.field "byte_strings" (Wire.Print.list Wire.Scalar.bytes.pp) m.byte_strings;
      Wire.Print.field "colors" (Wire.Print.list Shapes.Color.scalar.pp) m.colors;
      Wire.Print.field "points" (Wire.Print.list Shapes.Point.codec.pp) m.points;
      Wire.Print.field "unpacked_int32s" (Wire.Print.list Wire.Scalar.int32.pp) m.unpacked_int32s;
      Wire.Print.field "unpacked_doubles" (Wire.Print.list Wire.Scalar.double.pp) m.unpacked_doubles;
      Wire.Print.field "unpacked_colors" (Wire.Print.list Shapes.Color.scalar.pp) m.unpacked_colors;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 202

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x0f\x2b\x2b\xad\xc9\x4d\xc9\xff\x47\x45\x61\xa9\x44\x43\x8e\xe0\x4f\
       \x84\x9c\x5e\x5e\x90\x57\xde\x6d\x45\x04\xa4\x22\x62\x82\x8e"
end

module Maps = struct
  type t = {
    string_to_string : (string * string) list;
    int32_to_double : (int * float) list;
    int64_to_bytes : (int64 * string) list;
    uint32_to_bool : (int * bool) list;
    uint64_to_uint64 : (int64 * int64) list;
    sint32_to_sint64 : (int * int64) list;
    sint64_to_float : (int64 * float) list;
    fixed32_to_int32 : (int * int) list;
    sfixed64_to_fixed64 : (int64 * int64) list;
    bool_to_color : (bool * Shapes.Color.t) list;
    string_to_point : (string * Shapes.Point.t) list;
    string_to_maps : (string * t) list;
  }

  let default : t = {
    string_to_string = [];
    int32_to_double = [];
    int64_to_bytes = [];
    uint32_to_bool = [];
    uint64_to_uint64 = [];
    sint32_to_sint64 = [];
    sint64_to_float = [];
    fixed32_to_int32 = [];
    sfixed64_to_fixed64 = [];
    bool_to_color = [];
    string_to_point = [];
    string_to_maps = [];
  }

  let make
      ?(string_to_string = [])
      ?(int32_to_double = [])
      ?(int64_to_bytes = [])
      ?(uint32_to_bool = [])
      ?(uint64_to_uint64 = [])
      ?(sint32_to_sint64 = [])
      ?(sint64_to_float = [])
      ?(fixed32_to_int32 = [])
      ?(sfixed64_to_fixed64 = [])
      ?(bool_to_color = [])
      ?(string_to_point = [])
      ?(string_to_maps = [])
      () : t =
    {
      string_to_string;
      int32_to_double;
      int64_to_bytes;
      uint32_to_bool;
      uint64_to_uint64;
      sint32_to_sint64;
      sint64_to_float;
      fixed32_to_int32;
      sfixed64_to_fixed64;
      bool_to_color;
      string_to_point;
      string_to_maps;
    }

  let fields =
    Wire.Fields.make "wide.Maps" [
      (1, "string_to_string");
      (2, "int32_to_double");
      (3, "int64_to_bytes");
      (4, "uint32_to_bool");
      (5, "uint64_to_uint64");
      (6, "sint32_to_sint64");
      (7, "sint64_to_float");
      (8, "fixed32_to_int32");
      (9, "sfixed64_to_fixed64");
      (10, "bool_to_color");
      (11, "string_to_point");
      (12, "string_to_maps");
    ]

  let rec read r : t =
    let string_to_string = ref [] in
    let int32_to_double = ref [] in
    let int64_to_bytes = ref [] in
    let uint32_to_bool = ref [] in
    let uint64_to_uint64 = ref [] in
    let sint32_to_sint64 = ref [] in
    let sint64_to_float = ref [] in
    let fixed32_to_int32 = ref [] in
    let sfixed64_to_fixed64 = ref [] in
    let bool_to_color = ref [] in
    let string_to_point = ref [] in
    let string_to_maps = ref [] in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> string_to_string := Wire.Entries.read r Wire.Scalar.string Wire.Scalar.string :: !string_to_string
      | 18 -> int32_to_double := Wire.Entries.read r Wire.Scalar.int32 Wire.Scalar.double :: !int32_to_double
      | 26 -> int64_to_bytes := Wire.Entries.read r Wire.Scalar.int64 Wire.Scalar.bytes :: !int64_to_bytes
      | 34 -> uint32_to_bool := Wire.Entries.read r Wire.Scalar.uint32 Wire.Scalar.bool :: !uint32_to_bool
      | 42 -> uint64_to_uint64 := Wire.Entries.read r Wire.Scalar.uint64 Wire.Scalar.uint64 :: !uint64_to_uint64
      | 50 -> sint32_to_sint64 := Wire.Entries.read r Wire.Scalar.sint32 Wire.Scalar.sint64 :: !sint32_to_sint64
      | 58 -> sint64_to_float := Wire.Entries.read r Wire.Scalar.sint64 Wire.Scalar.float :: !sint64_to_float
      | 66 -> fixed32_to_int32 := Wire.Entries.read r Wire.Scalar.fixed32 Wire.Scalar.int32 :: !fixed32_to_int32
      | 74 -> sfixed64_to_fixed64 := Wire.Entries.read r Wire.Scalar.sfixed64 Wire.Scalar.fixed64 :: !sfixed64_to_fixed64
      | 82 -> bool_to_color := Wire.Entries.read r Wire.Scalar.bool Shapes.Color.scalar :: !bool_to_color
      | 90 -> string_to_point := Wire.Entries.read_message r Wire.Scalar.string Shapes.Point.codec.read :: !string_to_point
      | 98 -> string_to_maps := Wire.Entries.read_message r Wire.Scalar.string read :: !string_to_maps
      | _ -> Wire.Reader.skip r
    done;
    {
      string_to_string = Wire.Entries.of_occurrences Wire.Scalar.string !string_to_string;
      int32_to_double = Wire.Entries.of_occurrences Wire.Scalar.int32 !int32_to_double;
      int64_to_bytes = Wire.Entries.of_occurrences Wire.Scalar.int64 !int64_to_bytes;
      uint32_to_bool = Wire.Entries.of_occurrences Wire.Scalar.uint32 !uint32_to_bool;
      uint64_to_uint64 = Wire.Entries.of_occurrences Wire.Scalar.uint64 !uint64_to_uint64;
      sint32_to_sint64 = Wire.Entries.of_occurrences Wire.Scalar.sint32 !sint32_to_sint64;
      sint64_to_float = Wire.Entries.of_occurrences Wire.Scalar.sint64 !sint64_to_float;
      fixed32_to_int32 = Wire.Entries.of_occurrences Wire.Scalar.fixed32 !fixed32_to_int32;
      sfixed64_to_fixed64 = Wire.Entries.of_occurrences Wire.Scalar.sfixed64 !sfixed64_to_fixed64;
      bool_to_color = Wire.Entries.of_occurrences Wire.Scalar.bool !bool_to_color;
      string_to_point = Wire.Entries.of_occurrences Wire.Scalar.string !string_to_point;
      string_to_maps = Wire.Entries.of_occurrences Wire.Scalar.string !string_to_maps;
    }

  let rec write w (m : t) =
    Wire.Entries.write_messages w fields 12 Wire.Scalar.string write m.string_to_maps;
    Wire.Entries.write_messages w fields 11 Wire.Scalar.string Shapes.Point.codec.write m.string_to_point;
    Wire.Entries.write w fields 10 Wire.Scalar.bool Shapes.Color.scalar m.bool_to_color;
    Wire.Entries.write w fields 9 Wire.Scalar.sfixed64 Wire.Scalar.fixed64 m.sfixed64_to_fixed64;
    Wire.Entries.write w fields 8 Wire.Scalar.fixed32 Wire.Scalar.int32 m.fixed32_to_int32;
    Wire.Entries.write w fields 7 Wire.Scalar.sint64 Wire.Scalar.float m.sint64_to_float;
    Wire.Entries.write w fields 6 Wire.Scalar.sint32 Wire.Scalar.sint64 m.sint32_to_sint64;
    Wire.Entries.write w fields 5 Wire.Scalar.uint64 Wire.Scalar.uint64 m.uint64_to_uint64;
    Wire.Entries.write w fields 4 Wire.Scalar.uint32 Wire.Scalar.bool m.uint32_to_bool;
    Wire.Entries.write w fields 3 Wire.Scalar.int64 Wire.Scalar.bytes m.int64_to_bytes;
    Wire.Entries.write w fields 2 Wire.Scalar.int32 Wire.Scalar.double m.int32_to_double;
    Wire.Entries.write w fields 1 Wire.Scalar.string Wire.Scalar.string m.string_to_string

  let rec equal (a : t) (b : t) =
    Wire.Entries.equal Wire.Scalar.string Wire.Scalar.string.equal a.string_to_string b.string_to_string
    && Wire.Entries.equal Wire.Scalar.int32 Wire.Scalar.double.equal a.int32_to_double b.int32_to_double
    && Wire.Entries.equal Wire.Scalar.int64 Wire.Scalar.bytes.equal a.int64_to_bytes b.int64_to_bytes
    && Wire.Entries.equal Wire.Scalar.uint32 Wire.Scalar.bool.equal a.uint32_to_bool b.uint32_to_bool
    && Wire.Entries.equal Wire.Scalar.uint64 Wire.Scalar.uint64.equal a.uint64_to_uint64 b.uint64_to_uint64
    && Wire.Entries.equal Wire.Scalar.sint32 Wire.Scalar.sint64.equal a.sint32_to_sint64 b.sint32_to_sint64
    && Wire.Entries.equal Wire.Scalar.sint64 Wire.Scalar.float.equal a.sint64_to_float b.sint64_to_float
    && Wire.Entries.equal Wire.Scalar.fixed32 Wire.Scalar.int32.equal a.fixed32_to_int32 b.fixed32_to_int32
    && Wire.Entries.equal Wire.Scalar.sfixed64 Wire.Scalar.fixed64.equal a.sfixed64_to_fixed64 b.sfixed64_to_fixed64
    && Wire.Entries.equal Wire.Scalar.bool Shapes.Color.scalar.equal a.bool_to_color b.bool_to_color
    && Wire.Entries.equal Wire.Scalar.string Shapes.Point.codec.equal a.string_to_point b.string_to_point
    && Wire.Entries.equal Wire.Scalar.string equal a.string_to_maps b.string_to_maps

  let rec pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "string_to_string" (Wire.Print.entries Wire.Scalar.string.pp Wire.Scalar.string.pp) m.string_to_string;
      Wire.Print.field "int32_to_double" (Wire.Print.entries Wire.Scalar.int32.pp Wire.Scalar.double.pp) m.int32_to_double;
      Wire.Print.field "int64_to_bytes" (Wire.Print.entries Wire.Scalar.int64.pp Wire.Scalar.bytes.pp) m.int64_to_bytes;
      Wire.Print.field "uint32_to_bool" (Wire.Print.entries Wire.Scalar.uint32.pp Wire.Scalar.bool.pp) m.uint32_to_bool;
      Wire.Print.field "uint64_to_uint64" (Wire.Print.entries Wire.Scalar.uint64.pp Wire.Scalar.uint64.pp) m.uint64_to_uint64;
      Wire.Print.field "sint32_to_sint64" (Wire.Print.entries Wire.Scalar.sint32.pp Wire.Scalar.sint64.pp) m.sint32_to_sint64;
      Wire.Print.field "sint64_to_float" (Wire.Print.entries Wire.Scalar.sint64.pp Wire.Scalar.float.pp) m.sint64_to_float;
      Wire.Print.field "fixed32_to_int32" (Wire.Print.entries Wire.Scalar.fixed32.pp Wire.Scalar.int32.pp) m.fixed32_to_int32;
      Wire.Print.field "sfixed64_to_fixed64" (Wire.Print.entries Wire.Scalar.sfixed64.pp Wire.Scalar.fixed64.pp) m.sfixed64_to_fixed64;
      Wire.Print.field "bool_to_color" (Wire.Print.entries Wire.Scalar.bool.pp Shapes.Color.scalar.pp) m.bool_to_color;
      Wire.Print.field "string_to_point" (Wire.Print.entries Wire.Scalar.string.pp Shapes.Point.codec.pp) m.string_to_point;
      Wire.Print.field "string_to_maps" (Wire.Print.entries Wire.Scalar.string.pp pp) m.string_to_maps;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 203

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x2b\xbf\xe5\xe3\xc6\x41\xda\xeb\x2d\xf3\xd5\x57\x72\x35\xb7\x2f\xa0\
       \x53\x7f\x5a\x47\xde\xa0\x8c\x9e\x24\x35\x9d\xf0\x48\xcf\xe6"
end

(* Messages that refer to each other: their types, then what reads,
   writes, compares and prints them, then their modules. *)

module Mixture_Inner_Mood = struct
  type t =
    | MOOD_UNSPECIFIED
    | MOOD_GOOD
    | Unrecognized of int

  let default = MOOD_UNSPECIFIED

  let to_int = function
    | MOOD_UNSPECIFIED -> 0
    | MOOD_GOOD -> 1
    | Unrecognized number -> number

  let of_int = function
    | 0 -> MOOD_UNSPECIFIED
    | 1 -> MOOD_GOOD
    | number -> Unrecognized number

  let pp ppf = function
    | MOOD_UNSPECIFIED -> Stdlib.Format.pp_print_string ppf "MOOD_UNSPECIFIED"
    | MOOD_GOOD -> Stdlib.Format.pp_print_string ppf "MOOD_GOOD"
    | Unrecognized number ->
        Wire.Print.variant "Unrecognized" Stdlib.Format.pp_print_int
          ppf number

  let scalar = Wire.Scalar.enum ~of_int ~to_int ~pp
  let equal = scalar.equal
end

module rec Types : sig
  module Mixture : sig
    type choice =
      | Text of string
      | Number of int64
      | Inner of Types.Mixture_Inner.t
      | Color of Shapes.Color.t
      | Raw of string
      | Flag of bool
      | Lasting of Google_protobuf_duration.Duration.t

    type other_choice =
      | Left of float
      | Right of float

    type t = {
      choice : choice option;
      other_choice : other_choice option;
      single : Types.Mixture_Inner.t option;
      several : Types.Mixture_Inner.t list;
      tree : Shapes.Tree.t option;
      by_number : (int * Types.Mixture_Inner.t) list;
      class_ : string;
      type_ : int;
      val_ : bool;
      from : string;
      none : int;
      method_ : string;
      self : int;
      end_ : string;
      t : int;
      encode : int;
      to_bytes : int;
      camelCase : int;
      list : int;
      type_id : int;
      two_byte_tag : int;
      five_byte_tag : int;
    }
  end

  module Mixture_Inner : sig
    type t = { mood : Mixture_Inner_Mood.t; outer : Types.Mixture.t option }
  end
end =
  Types

let fields_Mixture =
  Wire.Fields.make "wide.Mixture" [
    (1, "text");
    (2, "number");
    (3, "inner");
    (4, "color");
    (5, "raw");
    (6, "flag");
    (7, "lasting");
    (10, "left");
    (11, "right");
    (20, "single");
    (21, "several");
    (22, "tree");
    (23, "by_number");
    (30, "class");
    (31, "type");
    (32, "val");
    (33, "from");
    (34, "None");
    (35, "method");
    (36, "self");
    (37, "end");
    (38, "t");
    (39, "encode");
    (40, "to_bytes");
    (41, "camelCase");
    (42, "list");
    (43, "TYPE_ID");
    (2000, "two_byte_tag");
    (536870911, "five_byte_tag");
  ]

let fields_Mixture_Inner =
  Wire.Fields.make "wide.Mixture.Inner" [ (1, "mood"); (2, "outer") ]

let rec read_Mixture r : Types.Mixture.t =
  let open Types.Mixture in
  let choice = ref Wire.Oneof.absent in
  let other_choice = ref Wire.Oneof.absent in
  let single = ref Wire.Reader.none in
  let several = ref [] in
  let tree = ref Wire.Reader.none in
  let by_number = ref [] in
  let class_ = ref "" in
  let type_ = ref 0 in
  let val_ = ref false in
  let from = ref "" in
  let none = ref 0 in
  let method_ = ref "" in
  let self = ref 0 in
  let end_ = ref "" in
  let t = ref 0 in
  let encode = ref 0 in
  let to_bytes = ref 0 in
  let camelCase = ref 0 in
  let list = ref 0 in
  let type_id = ref 0 in
  let two_byte_tag = ref 0 in
  let five_byte_tag = ref 0 in
  while Wire.Reader.next r fields_Mixture do
    match Wire.Reader.tag r with
    | 10 -> choice := Wire.Oneof.value (Text (Wire.Scalar.string.read r)) !choice
    | 16 -> choice := Wire.Oneof.value (Number (Wire.Scalar.int64.read r)) !choice
    | 26 -> choice := Wire.Oneof.message r read_Mixture_Inner (fun m -> Inner m) !choice
    | 32 -> choice := Wire.Oneof.value (Color (Shapes.Color.scalar.read r)) !choice
    | 42 -> choice := Wire.Oneof.value (Raw (Wire.Scalar.bytes.read r)) !choice
    | 48 -> choice := Wire.Oneof.value (Flag (Wire.Scalar.bool.read r)) !choice
    | 58 -> choice := Wire.Oneof.message r Google_protobuf_duration.Duration.codec.read (fun m -> Lasting m) !choice
    | 81 -> other_choice := Wire.Oneof.value (Left (Wire.Scalar.double.read r)) !other_choice
    | 89 -> other_choice := Wire.Oneof.value (Right (Wire.Scalar.double.read r)) !other_choice
    | 162 -> single := Wire.Reader.occurrence r !single
    | 170 -> several := Wire.Reader.message r read_Mixture_Inner :: !several
    | 178 -> tree := Wire.Reader.occurrence r !tree
    | 186 -> by_number := Wire.Entries.read_message r Wire.Scalar.int32 read_Mixture_Inner :: !by_number
    | 242 -> class_ := Wire.Scalar.string.read r
    | 248 -> type_ := Wire.Scalar.int32.read r
    | 256 -> val_ := Wire.Scalar.bool.read r
    | 266 -> from := Wire.Scalar.string.read r
    | 272 -> none := Wire.Scalar.int32.read r
    | 282 -> method_ := Wire.Scalar.string.read r
    | 288 -> self := Wire.Scalar.int32.read r
    | 298 -> end_ := Wire.Scalar.bytes.read r
    | 304 -> t := Wire.Scalar.int32.read r
    | 312 -> encode := Wire.Scalar.int32.read r
    | 320 -> to_bytes := Wire.Scalar.int32.read r
    | 328 -> camelCase := Wire.Scalar.int32.read r
    | 336 -> list := Wire.Scalar.int32.read r
    | 344 -> type_id := Wire.Scalar.int32.read r
    | 16000 -> two_byte_tag := Wire.Scalar.int32.read r
    | 4294967288 -> five_byte_tag := Wire.Scalar.int32.read r
    | _ -> Wire.Reader.skip r
  done;
  {
    choice = Wire.Oneof.finish !choice;
    other_choice = Wire.Oneof.finish !other_choice;
    single = Wire.Reader.merged_option r read_Mixture_Inner !single;
    several = Stdlib.List.rev !several;
    tree = Wire.Reader.merged_option r Shapes.Tree.codec.read !tree;
    by_number = Wire.Entries.of_occurrences Wire.Scalar.int32 !by_number;
    class_ = !class_;
    type_ = !type_;
    val_ = !val_;
    from = !from;
    none = !none;
    method_ = !method_;
    self = !self;
    end_ = !end_;
    t = !t;
    encode = !encode;
    to_bytes = !to_bytes;
    camelCase = !camelCase;
    list = !list;
    type_id = !type_id;
    two_byte_tag = !two_byte_tag;
    five_byte_tag = !five_byte_tag;
  }

and read_Mixture_Inner r : Types.Mixture_Inner.t =
  let open Types.Mixture_Inner in
  let mood = ref Mixture_Inner_Mood.default in
  let outer = ref Wire.Reader.none in
  while Wire.Reader.next r fields_Mixture_Inner do
    match Wire.Reader.tag r with
    | 8 -> mood := Mixture_Inner_Mood.scalar.read r
    | 18 -> outer := Wire.Reader.occurrence r !outer
    | _ -> Wire.Reader.skip r
  done;
  { mood = !mood; outer = Wire.Reader.merged_option r read_Mixture !outer }

let rec write_Mixture w (m : Types.Mixture.t) =
  let open Types.Mixture in
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 536870911 m.five_byte_tag;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 2000 m.two_byte_tag;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 43 m.type_id;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 42 m.list;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 41 m.camelCase;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 40 m.to_bytes;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 39 m.encode;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 38 m.t;
  Wire.Scalar.write_implicit Wire.Scalar.bytes w fields_Mixture 37 m.end_;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 36 m.self;
  Wire.Scalar.write_implicit Wire.Scalar.string w fields_Mixture 35 m.method_;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 34 m.none;
  Wire.Scalar.write_implicit Wire.Scalar.string w fields_Mixture 33 m.from;
  Wire.Scalar.write_implicit Wire.Scalar.bool w fields_Mixture 32 m.val_;
  Wire.Scalar.write_implicit Wire.Scalar.int32 w fields_Mixture 31 m.type_;
  Wire.Scalar.write_implicit Wire.Scalar.string w fields_Mixture 30 m.class_;
  Wire.Entries.write_messages w fields_Mixture 23 Wire.Scalar.int32 write_Mixture_Inner m.by_number;
  Wire.Writer.delimited_option w 22 Shapes.Tree.codec.write m.tree;
  Wire.Writer.delimited_list w 21 write_Mixture_Inner m.several;
  Wire.Writer.delimited_option w 20 write_Mixture_Inner m.single;
  (match m.other_choice with
    | Some (Right v) -> Wire.Scalar.write Wire.Scalar.double w fields_Mixture 11 v
    | Some (Left v) -> Wire.Scalar.write Wire.Scalar.double w fields_Mixture 10 v
    | None -> ());
  (match m.choice with
    | Some (Lasting v) -> Wire.Writer.delimited w 7 Google_protobuf_duration.Duration.codec.write v
    | Some (Flag v) -> Wire.Scalar.write Wire.Scalar.bool w fields_Mixture 6 v
    | Some (Raw v) -> Wire.Scalar.write Wire.Scalar.bytes w fields_Mixture 5 v
    | Some (Color v) -> Wire.Scalar.write Shapes.Color.scalar w fields_Mixture 4 v
    | Some (Inner v) -> Wire.Writer.delimited w 3 write_Mixture_Inner v
    | Some (Number v) -> Wire.Scalar.write Wire.Scalar.int64 w fields_Mixture 2 v
    | Some (Text v) -> Wire.Scalar.write Wire.Scalar.string w fields_Mixture 1 v
    | None -> ())

and write_Mixture_Inner w (m : Types.Mixture_Inner.t) =
  let open Types.Mixture_Inner in
  Wire.Writer.delimited_option w 2 write_Mixture m.outer;
  Wire.Scalar.write_implicit Mixture_Inner_Mood.scalar w fields_Mixture_Inner 1 m.mood

let rec equal_Mixture (a : Types.Mixture.t) (b : Types.Mixture.t) =
  let open Types.Mixture in
  (match (a.choice, b.choice) with
    | None, None -> true
    | Some (Text a), Some (Text b) -> Wire.Scalar.string.equal a b
    | Some (Number a), Some (Number b) -> Wire.Scalar.int64.equal a b
    | Some (Inner a), Some (Inner b) -> equal_Mixture_Inner a b
    | Some (Color a), Some (Color b) -> Shapes.Color.scalar.equal a b
    | Some (Raw a), Some (Raw b) -> Wire.Scalar.bytes.equal a b
    | Some (Flag a), Some (Flag b) -> Wire.Scalar.bool.equal a b
    | Some (Lasting a), Some (Lasting b) -> Google_protobuf_duration.Duration.codec.equal a b
    | _ -> false)
  && (match (a.other_choice, b.other_choice) with
    | None, None -> true
    | Some (Left a), Some (Left b) -> Wire.Scalar.double.equal a b
    | Some (Right a), Some (Right b) -> Wire.Scalar.double.equal a b
    | _ -> false)
  && Stdlib.Option.equal equal_Mixture_Inner a.single b.single
  && Stdlib.List.equal equal_Mixture_Inner a.several b.several
  && Stdlib.Option.equal Shapes.Tree.codec.equal a.tree b.tree
  && Wire.Entries.equal Wire.Scalar.int32 equal_Mixture_Inner a.by_number b.by_number
  && Wire.Scalar.string.equal a.class_ b.class_
  && Wire.Scalar.int32.equal a.type_ b.type_
  && Wire.Scalar.bool.equal a.val_ b.val_
  && Wire.Scalar.string.equal a.from b.from
  && Wire.Scalar.int32.equal a.none b.none
  && Wire.Scalar.string.equal a.method_ b.method_
  && Wire.Scalar.int32.equal a.self b.self
  && Wire.Scalar.bytes.equal a.end_ b.end_
  && Wire.Scalar.int32.equal a.t b.t
  && Wire.Scalar.int32.equal a.encode b.encode
  && Wire.Scalar.int32.equal a.to_bytes b.to_bytes
  && Wire.Scalar.int32.equal a.camelCase b.camelCase
  && Wire.Scalar.int32.equal a.list b.list
  && Wire.Scalar.int32.equal a.type_id b.type_id
  && Wire.Scalar.int32.equal a.two_byte_tag b.two_byte_tag
  && Wire.Scalar.int32.equal a.five_byte_tag b.five_byte_tag

and equal_Mixture_Inner (a : Types.Mixture_Inner.t) (b : Types.Mixture_Inner.t) =
  let open Types.Mixture_Inner in
  Mixture_Inner_Mood.scalar.equal a.mood b.mood
  && Stdlib.Option.equal equal_Mixture a.outer b.outer

let rec pp_Mixture ppf (m : Types.Mixture.t) =
  let open Types.Mixture in
  Wire.Print.record ppf [
    Wire.Print.field "choice"
      (Wire.Print.option (fun ppf -> function
        | Text v -> Wire.Print.variant "Text" Wire.Scalar.string.pp ppf v
        | Number v -> Wire.Print.variant "Number" Wire.Scalar.int64.pp ppf v
        | Inner v -> Wire.Print.variant "Inner" pp_Mixture_Inner ppf v
        | Color v -> Wire.Print.variant "Color" Shapes.Color.scalar.pp ppf v
        | Raw v -> Wire.Print.variant "Raw" Wire.Scalar.bytes.pp ppf v
        | Flag v -> Wire.Print.variant "Flag" Wire.Scalar.bool.pp ppf v
        | Lasting v -> Wire.Print.variant "Lasting" Google_protobuf_duration.Duration.codec.pp ppf v
      )) m.choice;
    Wire.Print.field "other_choice"
      (Wire.Print.option (fun ppf -> function
        | Left v -> Wire.Print.variant "Left" Wire.Scalar.double.pp ppf v
        | Right v -> Wire.Print.variant "Right" Wire.Scalar.double.pp ppf v
      )) m.other_choice;
    Wire.Print.field "single" (Wire.Print.option pp_Mixture_Inner) m.single;
    Wire.Print.field "several" (Wire.Print.list pp_Mixture_Inner) m.several;
    Wire.Print.field "tree" (Wire.Print.option Shapes.Tree.codec.pp) m.tree;
    Wire.Print.field "by_number" (Wire.Print.entries Wire.Scalar.int32.pp pp_Mixture_Inner) m.by_number;
    Wire.Print.field "class_" Wire.Scalar.string.pp m.class_;
    Wire.Print.field "type_" Wire.Scalar.int32.pp m.type_;
    Wire.Print.field "val_" Wire.Scalar.bool.pp m.val_;
    Wire.Print.field "from" Wire.Scalar.string.pp m.from;
    Wire.Print.field "none" Wire.Scalar.int32.pp m.none;
    Wire.Print.field "method_" Wire.Scalar.string.pp m.method_;
    Wire.Print.field "self" Wire.Scalar.int32.pp m.self;
    Wire.Print.field "end_" Wire.Scalar.bytes.pp m.end_;
    Wire.Print.field "t" Wire.Scalar.int32.pp m.t;
    Wire.Print.field "encode" Wire.Scalar.int32.pp m.encode;
    Wire.Print.field "to_bytes" Wire.Scalar.int32.pp m.to_bytes;
    Wire.Print.field "camelCase" Wire.Scalar.int32.pp m.camelCase;
    Wire.Print.field "list" Wire.Scalar.int32.pp m.list;
    Wire.Print.field "type_id" Wire.Scalar.int32.pp m.type_id;
    Wire.Print.field "two_byte_tag" Wire.Scalar.int32.pp m.two_byte_tag;
    Wire.Print.field "five_byte_tag" Wire.Scalar.int32.pp m.five_byte_tag;
  ]

and pp_Mixture_Inner ppf (m : Types.Mixture_Inner.t) =
  let open Types.Mixture_Inner in
  Wire.Print.record ppf [
    Wire.Print.field "mood" Mixture_Inner_Mood.scalar.pp m.mood;
    Wire.Print.field "outer" (Wire.Print.option pp_Mixture) m.outer;
  ]

module Mixture = struct
  module Inner = struct
    module Mood = Mixture_Inner_Mood

    include Types.Mixture_Inner

    let default : t = { mood = Mixture_Inner_Mood.default; outer = None }

    let make ?(mood = Mixture_Inner_Mood.default) ?outer () : t =
      { mood; outer }

    let equal = equal_Mixture_Inner
    let pp = pp_Mixture_Inner

    let codec =
      Wire.Codec.make ~fields:fields_Mixture_Inner ~read:read_Mixture_Inner
        ~write:write_Mixture_Inner ~equal ~pp
    let encode message = Wire.Codec.encode codec message
    let decode bytes = Wire.Codec.decode codec bytes
  end

  include Types.Mixture

  let default : t = {
    choice = None;
    other_choice = None;
    single = None;
    several = [];
    tree = None;
    by_number = [];
    class_ = "";
    type_ = 0;
    val_ = false;
    from = "";
    none = 0;
    method_ = "";
    self = 0;
    end_ = "";
    t = 0;
    encode = 0;
    to_bytes = 0;
    camelCase = 0;
    list = 0;
    type_id = 0;
    two_byte_tag = 0;
    five_byte_tag = 0;
  }

  let make
      ?choice
      ?other_choice
      ?single
      ?(several = [])
      ?tree
      ?(by_number = [])
      ?(class_ = "")
      ?(type_ = 0)
      ?(val_ = false)
      ?(from = "")
      ?(none = 0)
      ?(method_ = "")
      ?(self = 0)
      ?(end_ = "")
      ?(t = 0)
      ?(encode = 0)
      ?(to_bytes = 0)
      ?(camelCase = 0)
      ?(list = 0)
      ?(type_id = 0)
      ?(two_byte_tag = 0)
      ?(five_byte_tag = 0)
      () : t =
    {
      choice;
      other_choice;
      single;
      several;
      tree;
      by_number;
      class_;
      type_;
      val_;
      from;
      none;
      method_;
      self;
      end_;
      t;
      encode;
      to_bytes;
      camelCase;
      list;
      type_id;
      two_byte_tag;
      five_byte_tag;
    }

  let equal = equal_Mixture
  let pp = pp_Mixture

  let codec =
    Wire.Codec.make ~fields:fields_Mixture ~read:read_Mixture
      ~write:write_Mixture ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 204

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\xd3\x81\x56\x51\x0b\x3f\x06\x8e\xb2\x51\x9b\xbf\xcc\x74\x1d\xb6\x77\
       \x5f\xb8\xd4\x38\x0e\xad\x92\x54\x72\xbc\x15\x17\xab\x14\xd8"
end

module WellKnown = struct
  type t = {
    timestamp : Google_protobuf_timestamp.Timestamp.t option;
    duration : Google_protobuf_duration.Duration.t option;
    anything : Google_protobuf_struct.Struct.t option;
    wrapped : Google_protobuf_wrappers.StringValue.t option;
    timestamps : Google_protobuf_timestamp.Timestamp.t list;
  }

  let default : t = {
    timestamp = None;
    duration = None;
    anything = None;
    wrapped = None;
    timestamps = [];
  }

  let make ?timestamp ?duration ?anything ?wrapped ?(timestamps = []) () : t =
    { timestamp; duration; anything; wrapped; timestamps }

  let fields =
    Wire.Fields.make "wide.WellKnown" [
      (1, "timestamp");
      (2, "duration");
      (3, "anything");
      (4, "wrapped");
      (5, "timestamps");
    ]

  let read r : t =
    let timestamp = ref Wire.Reader.none in
    let duration = ref Wire.Reader.none in
    let anything = ref Wire.Reader.none in
    let wrapped = ref Wire.Reader.none in
    let timestamps = ref [] in
    while Wire.Reader.next r fields do
      match Wire.Reader.tag r with
      | 10 -> timestamp := Wire.Reader.occurrence r !timestamp
      | 18 -> duration := Wire.Reader.occurrence r !duration
      | 26 -> anything := Wire.Reader.occurrence r !anything
      | 34 -> wrapped := Wire.Reader.occurrence r !wrapped
      | 42 -> timestamps := Wire.Reader.message r Google_protobuf_timestamp.Timestamp.codec.read :: !timestamps
      | _ -> Wire.Reader.skip r
    done;
    {
      timestamp = Wire.Reader.merged_option r Google_protobuf_timestamp.Timestamp.codec.read !timestamp;
      duration = Wire.Reader.merged_option r Google_protobuf_duration.Duration.codec.read !duration;
      anything = Wire.Reader.merged_option r Google_protobuf_struct.Struct.codec.read !anything;
      wrapped = Wire.Reader.merged_option r Google_protobuf_wrappers.StringValue.codec.read !wrapped;
      timestamps = Stdlib.List.rev !timestamps;
    }

  let write w (m : t) =
    Wire.Writer.delimited_list w 5 Google_protobuf_timestamp.Timestamp.codec.write m.timestamps;
    Wire.Writer.delimited_option w 4 Google_protobuf_wrappers.StringValue.codec.write m.wrapped;
    Wire.Writer.delimited_option w 3 Google_protobuf_struct.Struct.codec.write m.anything;
    Wire.Writer.delimited_option w 2 Google_protobuf_duration.Duration.codec.write m.duration;
    Wire.Writer.delimited_option w 1 Google_protobuf_timestamp.Timestamp.codec.write m.timestamp

  let equal (a : t) (b : t) =
    Stdlib.Option.equal Google_protobuf_timestamp.Timestamp.codec.equal a.timestamp b.timestamp
    && Stdlib.Option.equal Google_protobuf_duration.Duration.codec.equal a.duration b.duration
    && Stdlib.Option.equal Google_protobuf_struct.Struct.codec.equal a.anything b.anything
    && Stdlib.Option.equal Google_protobuf_wrappers.StringValue.codec.equal a.wrapped b.wrapped
    && Stdlib.List.equal Google_protobuf_timestamp.Timestamp.codec.equal a.timestamps b.timestamps

  let pp ppf (m : t) =
    Wire.Print.record ppf [
      Wire.Print.field "timestamp" (Wire.Print.option Google_protobuf_timestamp.Timestamp.codec.pp) m.timestamp;
      Wire.Print.field "duration" (Wire.Print.option Google_protobuf_duration.Duration.codec.pp) m.duration;
      Wire.Print.field "anything" (Wire.Print.option Google_protobuf_struct.Struct.codec.pp) m.anything;
      Wire.Print.field "wrapped" (Wire.Print.option Google_protobuf_wrappers.StringValue.codec.pp) m.wrapped;
      Wire.Print.field "timestamps" (Wire.Print.list Google_protobuf_timestamp.Timestamp.codec.pp) m.timestamps;
    ]

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 205

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\x28\x0e\x6b\xb5\xae\x12\xab\x8e\x60\x6f\x15\xe4\xad\x3d\x97\xf3\xe4\
       \xf0\xcf\xf7\x0d\x9c\xda\x37\x28\x84\x35\x40\x4f\xd4\xbc\x2a"
end

module Empty = struct
  type t = unit

  let default = ()
  let make () = default

  let fields =
    Wire.Fields.make "wide.Empty" [  ]

  let read r : t =
    while Wire.Reader.next r fields do
      Wire.Reader.skip r
    done

  let write _ () =
    ()

  let equal () () =
    true

  let pp ppf () =
    Stdlib.Format.pp_print_string ppf "()"

  let codec = Wire.Codec.make ~fields ~read ~write ~equal ~pp
  let encode message = Wire.Codec.encode codec message
  let decode bytes = Wire.Codec.decode codec bytes
  let type_id = 206

  let t =
    Wire.Message.make ~type_id ~schema codec ~fingerprint:
      "\xd4\x21\xdc\x98\xe9\x42\x36\xcf\x5f\x9b\x5e\xd6\x6c\x4f\xc5\x2c\x8d\
       \x36\x22\x8e\xd8\xa0\x8f\x64\xcc\x7f\xbc\x2a\x57\xcf\x7a\xf2"
end
