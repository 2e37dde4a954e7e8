exception Refused of string

type 'a t = {
  wire_type : int;
  default : 'a;
  is_default : 'a -> bool;
  read : Reader.t -> 'a;
  write : Writer.t -> 'a -> unit;
  compare : 'a -> 'a -> int;
  equal : 'a -> 'a -> bool;
  pp : Format.formatter -> 'a -> unit;
}

let wire_type_varint = 0
let wire_type_fixed64 = 1
let wire_type_delimited = 2
let wire_type_fixed32 = 5

(* Integers of 32 bits *)

let int32_min = -0x80000000
let int32_max = 0x7fffffff
let uint32_max = 0xffffffff

let checked low high write w value =
  if low <= value && value <= high then write w value
  else raise (Refused (Printf.sprintf "%d, allowed %d to %d" value low high))

let bits_more = Sys.int_size - 32
let sign_extended value = (value lsl bits_more) asr bits_more
let zero_extended value = value land uint32_max

let of_int32 ~wire_type ~low ~high ~read ~write =
  {
    wire_type;
    default = 0;
    is_default = Int.equal 0;
    read;
    write = checked low high write;
    compare = Int.compare;
    equal = Int.equal;
    pp = Format.pp_print_int;
  }

let signed_32 = of_int32 ~low:int32_min ~high:int32_max
let unsigned_32 = of_int32 ~low:0 ~high:uint32_max

(* A negative number is written with 64 bits, like an int64. *)
let write_int w value =
  if value >= 0 then Writer.varint w value
  else Writer.varint64 w (Int64.of_int value)

let read_fixed_int r = Int32.to_int (Reader.fixed32 r)
let write_fixed_int w value = Writer.fixed32 w (Int32.of_int value)

let int32 =
  signed_32 ~wire_type:wire_type_varint
    ~read:(fun r -> sign_extended (Reader.varint r))
    ~write:write_int

let uint32 =
  unsigned_32 ~wire_type:wire_type_varint
    ~read:(fun r -> zero_extended (Reader.varint r))
    ~write:Writer.varint

let sint32 =
  signed_32 ~wire_type:wire_type_varint
    ~read:(fun r ->
      let zigzag = zero_extended (Reader.varint r) in
      (zigzag lsr 1) lxor -(zigzag land 1))
    ~write:(fun w value ->
      Writer.varint w ((value lsl 1) lxor (value asr (Sys.int_size - 1))))

let fixed32 =
  unsigned_32 ~wire_type:wire_type_fixed32
    ~read:(fun r -> zero_extended (read_fixed_int r))
    ~write:write_fixed_int

let sfixed32 =
  signed_32 ~wire_type:wire_type_fixed32 ~read:read_fixed_int
    ~write:write_fixed_int

(* Integers of 64 bits *)

let of_int64 ~compare ~format ~wire_type ~read ~write =
  {
    wire_type;
    default = 0L;
    is_default = Int64.equal 0L;
    read;
    write;
    compare;
    equal = Int64.equal;
    pp = (fun ppf -> Format.fprintf ppf format);
  }

let signed_64 = of_int64 ~compare:Int64.compare ~format:"%LdL"
let unsigned_64 = of_int64 ~compare:Int64.unsigned_compare ~format:"%LuL"

let int64 =
  signed_64 ~wire_type:wire_type_varint ~read:Reader.varint64
    ~write:Writer.varint64

let uint64 =
  unsigned_64 ~wire_type:wire_type_varint ~read:Reader.varint64
    ~write:Writer.varint64

let sint64 =
  signed_64 ~wire_type:wire_type_varint
    ~read:(fun r ->
      let zigzag = Reader.varint64 r in
      Int64.logxor
        (Int64.shift_right_logical zigzag 1)
        (Int64.neg (Int64.logand zigzag 1L)))
    ~write:(fun w value ->
      Writer.varint64 w
        (Int64.logxor (Int64.shift_left value 1) (Int64.shift_right value 63)))

let fixed64 =
  unsigned_64 ~wire_type:wire_type_fixed64 ~read:Reader.fixed64
    ~write:Writer.fixed64

let sfixed64 =
  signed_64 ~wire_type:wire_type_fixed64 ~read:Reader.fixed64
    ~write:Writer.fixed64

(* Floats.  The bits of a NaN are kept: the processor's own conversion would set
   the highest of its fraction. *)

let float32_fraction_bits = 23
let fraction_bits_more = 52 - float32_fraction_bits
let float32_fraction = (1 lsl float32_fraction_bits) - 1
let float32_quiet = 1 lsl (float32_fraction_bits - 1)

let widened_nan bits =
  let bits = Int64.of_int32 bits in
  let sign = Int64.logand bits Int64.min_int in
  let fraction = Int64.logand bits (Int64.of_int float32_fraction) in
  let exponent = Int64.bits_of_float infinity in
  Int64.float_of_bits
    (Int64.logor sign
       (Int64.logor exponent (Int64.shift_left fraction fraction_bits_more)))

let narrowed_nan value =
  let bits = Int64.bits_of_float value in
  let high = Int64.to_int32 (Int64.shift_right bits 32) in
  let sign = Int32.logand high Int32.min_int in
  let fraction =
    Int64.to_int (Int64.shift_right bits fraction_bits_more)
    land float32_fraction
  in
  (* Without a fraction it would be an infinity. *)
  let fraction = if fraction = 0 then float32_quiet else fraction in
  let exponent = Int32.bits_of_float infinity in
  Int32.logor sign (Int32.logor exponent (Int32.of_int fraction))

let read_float r =
  let bits = Reader.fixed32 r in
  let value = Int32.float_of_bits bits in
  if Float.is_nan value then widened_nan bits else value

let narrowed value =
  let bits = Int32.bits_of_float value in
  if Float.is_nan value then narrowed_nan value else bits

let of_float ~wire_type ~is_default ~read ~write =
  {
    wire_type;
    default = 0.;
    is_default;
    read;
    write;
    compare = Float.compare;
    equal = Float.equal;
    pp = Print.float;
  }

let double =
  of_float ~wire_type:wire_type_fixed64
    ~is_default:(fun value -> Int64.equal (Int64.bits_of_float value) 0L)
    ~read:(fun r -> Int64.float_of_bits (Reader.fixed64 r))
    ~write:(fun w value -> Writer.fixed64 w (Int64.bits_of_float value))

let float =
  of_float ~wire_type:wire_type_fixed32
    ~is_default:(fun value -> Int32.equal (Int32.bits_of_float value) 0l)
    ~read:read_float
    ~write:(fun w value -> Writer.fixed32 w (narrowed value))

(* The others *)

let bool =
  {
    wire_type = wire_type_varint;
    default = false;
    is_default = not;
    read = (fun r -> not (Int64.equal (Reader.varint64 r) 0L));
    write = (fun w value -> Writer.varint w (Bool.to_int value));
    compare = Bool.compare;
    equal = Bool.equal;
    pp = Format.pp_print_bool;
  }

let of_string ~read ~write ~pp =
  {
    wire_type = wire_type_delimited;
    default = "";
    is_default = String.equal "";
    read;
    write;
    compare = String.compare;
    equal = String.equal;
    pp;
  }

let write_bytes w value =
  Writer.bytes w value;
  Writer.varint w (String.length value)

let write_string w value =
  let invalid = Utf8.first_invalid value 0 (String.length value) in
  if invalid < 0 then write_bytes w value
  else
    raise
      (Refused
         (Printf.sprintf "invalid UTF-8 at byte %d, allowed UTF-8" invalid))

let string =
  of_string ~read:Reader.string ~write:write_string ~pp:Print.text

let bytes = of_string ~read:Reader.bytes ~write:write_bytes ~pp:Print.bytes

let enum ~of_int ~to_int ~pp =
  let compare a b = Int.compare (to_int a) (to_int b) in
  {
    wire_type = wire_type_varint;
    default = of_int 0;
    is_default = (fun value -> to_int value = 0);
    read = (fun r -> of_int (int32.read r));
    write = (fun w value -> int32.write w (to_int value));
    compare;
    equal = (fun a b -> to_int a = to_int b);
    pp;
  }

(* Fields *)

let naming fields number write w value =
  try write w value
  with Refused why -> invalid_arg (Fields.path fields number ^ ": " ^ why)

let write scalar w fields number value =
  naming fields number scalar.write w value;
  Writer.tag w number ~wire_type:scalar.wire_type

let write_implicit scalar w fields number value =
  if not (scalar.is_default value) then write scalar w fields number value

let write_option scalar w fields number = function
  | None -> ()
  | Some value -> write scalar w fields number value

let write_list scalar w fields number values =
  List.iter (write scalar w fields number) (List.rev values)

let write_packed scalar w fields number values =
  let write_values w values = List.iter (scalar.write w) (List.rev values) in
  let write_field w values = Writer.delimited w number write_values values in
  match values with
  | [] -> ()
  | _ :: _ -> naming fields number write_field w values
