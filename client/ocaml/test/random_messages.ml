(* Random messages of the wide schema. *)

open QCheck.Gen

let int64 =
  oneof
    [
      oneofl [ 0L; 1L; -1L; 127L; 128L; Int64.max_int; Int64.min_int ];
      map2
        (fun bits value -> Int64.shift_right_logical value bits)
        (0 -- 63) ui64;
    ]

let int32 = map (fun value -> Int32.to_int (Int64.to_int32 value)) int64
let uint32 = map (fun value -> value land 0xffffffff) int32
let double = map Int64.float_of_bits int64
let float = map (fun value -> Int32.float_of_bits (Int32.of_int value)) int32
let bytes = string_size (0 -- 20)

let text =
  let character =
    oneofl [ "a"; "\xc3\xbc"; "\xe2\x82\xac"; "\xf0\x9f\x98\x80" ]
  in
  map (String.concat "") (list_size (0 -- 12) character)

let few gen = list_size (0 -- 4) gen
let color = map Shapes.Color.of_int (oneof [ 0 -- 4; return (-5); int32 ])

let scalars =
  double >>= fun a_double ->
  float >>= fun a_float ->
  int32 >>= fun an_int32 ->
  int64 >>= fun an_int64 ->
  uint32 >>= fun a_uint32 ->
  int64 >>= fun a_uint64 ->
  int32 >>= fun a_sint32 ->
  int64 >>= fun a_sint64 ->
  uint32 >>= fun a_fixed32 ->
  int64 >>= fun a_fixed64 ->
  int32 >>= fun a_sfixed32 ->
  int64 >>= fun a_sfixed64 ->
  bool >>= fun a_bool ->
  text >>= fun a_string ->
  bytes >>= fun some_bytes ->
  color >|= fun color ->
  {
    Wide.Scalars.a_double;
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

let optionals =
  opt double >>= fun a_double ->
  opt float >>= fun a_float ->
  opt int32 >>= fun an_int32 ->
  opt int64 >>= fun an_int64 ->
  opt uint32 >>= fun a_uint32 ->
  opt int64 >>= fun a_uint64 ->
  opt int32 >>= fun a_sint32 ->
  opt int64 >>= fun a_sint64 ->
  opt uint32 >>= fun a_fixed32 ->
  opt int64 >>= fun a_fixed64 ->
  opt int32 >>= fun a_sfixed32 ->
  opt int64 >>= fun a_sfixed64 ->
  opt bool >>= fun a_bool ->
  opt text >>= fun a_string ->
  opt bytes >>= fun some_bytes ->
  opt color >|= fun color ->
  {
    Wide.Optionals.a_double;
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

let point = map2 (fun x y -> { Shapes.Point.x; y }) double double

let lists =
  few double >>= fun doubles ->
  few float >>= fun floats ->
  few int32 >>= fun int32s ->
  few int64 >>= fun int64s ->
  few uint32 >>= fun uint32s ->
  few int64 >>= fun uint64s ->
  few int32 >>= fun sint32s ->
  few int64 >>= fun sint64s ->
  few uint32 >>= fun fixed32s ->
  few int64 >>= fun fixed64s ->
  few int32 >>= fun sfixed32s ->
  few int64 >>= fun sfixed64s ->
  few bool >>= fun bools ->
  few text >>= fun strings ->
  few bytes >>= fun byte_strings ->
  few color >>= fun colors ->
  few point >>= fun points ->
  few int32 >>= fun unpacked_int32s ->
  few double >>= fun unpacked_doubles ->
  few color >|= fun unpacked_colors ->
  {
    Wide.Lists.doubles;
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

let rec maps depth =
  let inner =
    if depth = 0 then return [] else few (pair text (maps (depth - 1)))
  in
  few (pair text text) >>= fun string_to_string ->
  few (pair int32 double) >>= fun int32_to_double ->
  few (pair int64 bytes) >>= fun int64_to_bytes ->
  few (pair uint32 bool) >>= fun uint32_to_bool ->
  few (pair int64 int64) >>= fun uint64_to_uint64 ->
  few (pair int32 int64) >>= fun sint32_to_sint64 ->
  few (pair int64 float) >>= fun sint64_to_float ->
  few (pair uint32 int32) >>= fun fixed32_to_int32 ->
  few (pair int64 int64) >>= fun sfixed64_to_fixed64 ->
  few (pair bool color) >>= fun bool_to_color ->
  few (pair text point) >>= fun string_to_point ->
  inner >|= fun string_to_maps ->
  {
    Wide.Maps.string_to_string;
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

let duration =
  map2
    (fun seconds nanos -> { Google_protobuf_duration.Duration.seconds; nanos })
    int64 int32

let rec tree depth =
  let children = if depth = 0 then return [] else few (tree (depth - 1)) in
  map2 (fun label children -> { Shapes.Tree.label; children }) text children

(* Some, if there is depth left. *)
let below depth gen =
  if depth = 0 then return None else opt (gen (depth - 1))

let rec mixture depth =
  opt (choice depth) >>= fun choice ->
  opt (oneof [ map left double; map right double ]) >>= fun other_choice ->
  below depth inner >>= fun single ->
  (if depth = 0 then return [] else few (inner (depth - 1))) >>= fun several ->
  below depth tree >>= fun tree ->
  (if depth = 0 then return [] else few (pair int32 (inner (depth - 1))))
  >>= fun by_number ->
  text >>= fun class_ ->
  int32 >>= fun type_ ->
  bytes >>= fun end_ ->
  int32 >>= fun t ->
  int32 >>= fun none ->
  int32 >>= fun five_byte_tag ->
  int32 >|= fun two_byte_tag ->
  Wide.Mixture.make ?choice ?other_choice ?single ~several ?tree ~by_number
    ~class_ ~type_ ~end_ ~t ~none ~two_byte_tag ~five_byte_tag ()

and left value = Wide.Mixture.Left value
and right value = Wide.Mixture.Right value

and choice depth =
  let open Wide.Mixture in
  let values =
    [
      map (fun value -> Text value) text;
      map (fun value -> Number value) int64;
      map (fun value -> Color value) color;
      map (fun value -> Raw value) bytes;
      map (fun value -> Flag value) bool;
      map (fun value -> Lasting value) duration;
    ]
  in
  let inner () = map (fun value -> Inner value) (inner (depth - 1)) in
  oneof (if depth = 0 then values else inner () :: values)

and inner depth =
  map2
    (fun mood outer -> { Wide.Mixture.Inner.mood; outer })
    (map Wide.Mixture.Inner.Mood.of_int (0 -- 2))
    (below depth mixture)

let timestamp =
  map2
    (fun seconds nanos ->
      { Google_protobuf_timestamp.Timestamp.seconds; nanos })
    int64 int32

let rec value depth =
  let open Google_protobuf_struct in
  let kind =
    oneof
      ([
         return (Value.Null_value NullValue.NULL_VALUE);
         map (fun value -> Value.Number_value value) double;
         map (fun value -> Value.String_value value) text;
         map (fun value -> Value.Bool_value value) bool;
       ]
      @
      if depth = 0 then []
      else
        [
          map (fun value -> Value.Struct_value value) (structure (depth - 1));
          map
            (fun values -> Value.List_value { values })
            (few (value (depth - 1)));
        ])
  in
  map (fun kind -> { Value.kind }) (opt kind)

and structure depth =
  map
    (fun fields -> { Google_protobuf_struct.Struct.fields })
    (few (pair text (value depth)))

let well_known =
  opt timestamp >>= fun timestamp' ->
  opt duration >>= fun duration ->
  opt (structure 2) >>= fun anything ->
  opt text >>= fun wrapped ->
  few timestamp >|= fun timestamps ->
  {
    Wide.WellKnown.timestamp = timestamp';
    duration;
    anything;
    wrapped =
      Option.map
        (fun value -> { Google_protobuf_wrappers.StringValue.value })
        wrapped;
    timestamps;
  }
