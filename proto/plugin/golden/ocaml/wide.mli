(** Made by protoc-gen-mycelium of [wide.proto]: do not edit.

    A message is a module with a record [t], [make], [default], [encode],
    [decode], [equal] and [pp]; that of a message type has its [type_id] and [t],
    the value that clients take.  {!Mycelium_wire.Generated} says more. *)

val schema_digest : string
(** 32 bytes, which name the message types of all files that protoc was given
    together. *)

val schema : Mycelium_wire.Schema.t
(** The same with what it is the digest of. *)

(** Every scalar, with implicit presence.

    [wide.Scalars], type id 200. *)
module Scalars : sig
  type t = {
    a_double : float;
    a_float : float;  (** [float], 32 bits *)
    an_int32 : int;  (** [int32] *)
    an_int64 : int64;
    a_uint32 : int;  (** [uint32] *)
    a_uint64 : int64;  (** [uint64] *)
    a_sint32 : int;  (** [sint32] *)
    a_sint64 : int64;  (** [sint64] *)
    a_fixed32 : int;  (** [fixed32] *)
    a_fixed64 : int64;  (** [fixed64] *)
    a_sfixed32 : int;  (** [sfixed32] *)
    a_sfixed64 : int64;  (** [sfixed64] *)
    a_bool : bool;
    a_string : string;
    some_bytes : string;  (** [bytes] *)
    color : Shapes.Color.t;
  }

  val make :
      ?a_double:float ->
      ?a_float:float ->
      ?an_int32:int ->
      ?an_int64:int64 ->
      ?a_uint32:int ->
      ?a_uint64:int64 ->
      ?a_sint32:int ->
      ?a_sint64:int64 ->
      ?a_fixed32:int ->
      ?a_fixed64:int64 ->
      ?a_sfixed32:int ->
      ?a_sfixed64:int64 ->
      ?a_bool:bool ->
      ?a_string:string ->
      ?some_bytes:string ->
      ?color:Shapes.Color.t ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** The same with explicit presence.

    [wide.Optionals], type id 201. *)
module Optionals : sig
  type t = {
    a_double : float option;
    a_float : float option;  (** [float], 32 bits *)
    an_int32 : int option;  (** [int32] *)
    an_int64 : int64 option;
    a_uint32 : int option;  (** [uint32] *)
    a_uint64 : int64 option;  (** [uint64] *)
    a_sint32 : int option;  (** [sint32] *)
    a_sint64 : int64 option;  (** [sint64] *)
    a_fixed32 : int option;  (** [fixed32] *)
    a_fixed64 : int64 option;  (** [fixed64] *)
    a_sfixed32 : int option;  (** [sfixed32] *)
    a_sfixed64 : int64 option;  (** [sfixed64] *)
    a_bool : bool option;
    a_string : string option;
    some_bytes : string option;  (** [bytes] *)
    color : Shapes.Color.t option;
  }

  val make :
      ?a_double:float ->
      ?a_float:float ->
      ?an_int32:int ->
      ?an_int64:int64 ->
      ?a_uint32:int ->
      ?a_uint64:int64 ->
      ?a_sint32:int ->
      ?a_sint64:int64 ->
      ?a_fixed32:int ->
      ?a_fixed64:int64 ->
      ?a_sfixed32:int ->
      ?a_sfixed64:int64 ->
      ?a_bool:bool ->
      ?a_string:string ->
      ?some_bytes:string ->
      ?color:Shapes.Color.t ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** [wide.Lists], type id 202. *)
module Lists : sig
  type t = {
    doubles : float list;
    floats : float list;  (** [float], 32 bits *)
    int32s : int list;  (** [int32] *)
    int64s : int64 list;
    uint32s : int list;  (** [uint32] *)
    uint64s : int64 list;  (** [uint64] *)
    sint32s : int list;  (** [sint32] *)
    sint64s : int64 list;  (** [sint64] *)
    fixed32s : int list;  (** [fixed32] *)
    fixed64s : int64 list;  (** [fixed64] *)
    sfixed32s : int list;  (** [sfixed32] *)
    sfixed64s : int64 list;  (** [sfixed64] *)
    bools : bool list;
    strings : string list;
    byte_strings : string list;  (** [bytes] *)
    colors : Shapes.Color.t list;
    points : Shapes.Point.t list;
    unpacked_int32s : int list;  (** [int32] *)
    unpacked_doubles : float list;
    unpacked_colors : Shapes.Color.t list;
  }

  val make :
      ?doubles:float list ->
      ?floats:float list ->
      ?int32s:int list ->
      ?int64s:int64 list ->
      ?uint32s:int list ->
      ?uint64s:int64 list ->
      ?sint32s:int list ->
      ?sint64s:int64 list ->
      ?fixed32s:int list ->
      ?fixed64s:int64 list ->
      ?sfixed32s:int list ->
      ?sfixed64s:int64 list ->
      ?bools:bool list ->
      ?strings:string list ->
      ?byte_strings:string list ->
      ?colors:Shapes.Color.t list ->
      ?points:Shapes.Point.t list ->
      ?unpacked_int32s:int list ->
      ?unpacked_doubles:float list ->
      ?unpacked_colors:Shapes.Color.t list ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** [wide.Maps], type id 203. *)
module Maps : sig
  type t = {
    string_to_string : (string * string) list;  (** [map<string, string>] *)
    int32_to_double : (int * float) list;  (** [map<int32, double>] *)
    int64_to_bytes : (int64 * string) list;  (** [map<int64, bytes>] *)
    uint32_to_bool : (int * bool) list;  (** [map<uint32, bool>] *)
    uint64_to_uint64 : (int64 * int64) list;  (** [map<uint64, uint64>] *)
    sint32_to_sint64 : (int * int64) list;  (** [map<sint32, sint64>] *)
    sint64_to_float : (int64 * float) list;  (** [map<sint64, float>] *)
    fixed32_to_int32 : (int * int) list;  (** [map<fixed32, int32>] *)
    sfixed64_to_fixed64 : (int64 * int64) list;
        (** [map<sfixed64, fixed64>] *)
    bool_to_color : (bool * Shapes.Color.t) list;
        (** [map<bool, shapes.Color>] *)
    string_to_point : (string * Shapes.Point.t) list;
        (** [map<string, shapes.Point>] *)
    string_to_maps : (string * t) list;  (** [map<string, wide.Maps>] *)
  }

  val make :
      ?string_to_string:(string * string) list ->
      ?int32_to_double:(int * float) list ->
      ?int64_to_bytes:(int64 * string) list ->
      ?uint32_to_bool:(int * bool) list ->
      ?uint64_to_uint64:(int64 * int64) list ->
      ?sint32_to_sint64:(int * int64) list ->
      ?sint64_to_float:(int64 * float) list ->
      ?fixed32_to_int32:(int * int) list ->
      ?sfixed64_to_fixed64:(int64 * int64) list ->
      ?bool_to_color:(bool * Shapes.Color.t) list ->
      ?string_to_point:(string * Shapes.Point.t) list ->
      ?string_to_maps:(string * t) list ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** Oneofs, nesting, recursion, names that languages have reserved.

    [wide.Mixture], type id 204. *)
module rec Mixture : sig
  (** [wide.Mixture.Inner]. *)
  module Inner : sig
    (** [wide.Mixture.Inner.Mood]. *)
    module Mood : sig
      type t =
        | MOOD_UNSPECIFIED  (** 0 *)
        | MOOD_GOOD  (** 1 *)
        | Unrecognized of int

      include Mycelium_wire.Generated.Enum with type t := t
    end

    type t = { mood : Mood.t; outer : Mixture.t option }

    val make : ?mood:Mood.t -> ?outer:Mixture.t -> unit -> t
    (** What is left out has its default. *)

    include Mycelium_wire.Generated.Message with type t := t
  end

  type choice =
    | Text of string
    | Number of int64
    | Inner of Inner.t
    | Color of Shapes.Color.t
    | Raw of string  (** [bytes] *)
    | Flag of bool
    | Lasting of Google_protobuf_duration.Duration.t

  type other_choice =
    | Left of float
    | Right of float

  type t = {
    choice : choice option;
    other_choice : other_choice option;
    single : Inner.t option;
    several : Inner.t list;
    tree : Shapes.Tree.t option;
    by_number : (int * Inner.t) list;  (** [map<int32, wide.Mixture.Inner>] *)
    class_ : string;
        (** Reserved words of C++, Python and OCaml.

            [class] in the .proto file *)
    type_ : int;  (** [type] in the .proto file, [int32] *)
    val_ : bool;  (** [val] in the .proto file *)
    from : string;
    none : int;  (** [int32] *)
    method_ : string;  (** [method] in the .proto file *)
    self : int;  (** [int32] *)
    end_ : string;  (** [end] in the .proto file, [bytes] *)
    t : int;  (** [int32] *)
    encode : int;  (** [int32] *)
    to_bytes : int;  (** [int32] *)
    camelCase : int;  (** [int32] *)
    list : int;  (** [int32] *)
    type_id : int;  (** [int32] *)
    two_byte_tag : int;
        (** Two bytes and more of tag.

            [int32] *)
    five_byte_tag : int;  (** [int32] *)
  }

  val make :
      ?choice:choice ->
      ?other_choice:other_choice ->
      ?single:Inner.t ->
      ?several:Inner.t list ->
      ?tree:Shapes.Tree.t ->
      ?by_number:(int * Inner.t) list ->
      ?class_:string ->
      ?type_:int ->
      ?val_:bool ->
      ?from:string ->
      ?none:int ->
      ?method_:string ->
      ?self:int ->
      ?end_:string ->
      ?t:int ->
      ?encode:int ->
      ?to_bytes:int ->
      ?camelCase:int ->
      ?list:int ->
      ?type_id:int ->
      ?two_byte_tag:int ->
      ?five_byte_tag:int ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** [wide.WellKnown], type id 205. *)
module WellKnown : sig
  type t = {
    timestamp : Google_protobuf_timestamp.Timestamp.t option;
    duration : Google_protobuf_duration.Duration.t option;
    anything : Google_protobuf_struct.Struct.t option;
    wrapped : Google_protobuf_wrappers.StringValue.t option;
    timestamps : Google_protobuf_timestamp.Timestamp.t list;
  }

  val make :
      ?timestamp:Google_protobuf_timestamp.Timestamp.t ->
      ?duration:Google_protobuf_duration.Duration.t ->
      ?anything:Google_protobuf_struct.Struct.t ->
      ?wrapped:Google_protobuf_wrappers.StringValue.t ->
      ?timestamps:Google_protobuf_timestamp.Timestamp.t list ->
      unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end

(** [wide.Empty], type id 206. *)
module Empty : sig
  type t = unit

  val make : unit -> t
  (** What is left out has its default. *)

  include Mycelium_wire.Generated.Message_type with type t := t
end
